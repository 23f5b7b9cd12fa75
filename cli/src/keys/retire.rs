//! `latchkey keys retire`.

use std::io::{self, BufRead, IsTerminal as _, Write};

use auth_token::{KeyState, PublishedKey, Timestamp};

use super::{Ring, list};
use crate::{age, failure::Failure, stack::Stack, terminal};

/// Somebody who can be asked, which only [`Question::of_terminal`] finds.
pub(super) struct Question(());

impl Question {
    /// Fails where nobody sees the question or nobody types the answer.
    pub(super) fn of_terminal() -> Result<Self, Failure> {
        let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
        if is_there { Ok(Self(())) } else { Err(Failure::NobodyToAsk) }
    }
}

/// Removes the key whose id is `id`, or begins so; asks before, unless nobody is to be asked.
/// Returns the key's whole id and what is left.
pub(super) async fn retire(
    stack: &Stack,
    id: &str,
    question: Option<Question>,
    now: Timestamp,
) -> Result<(String, Ring), Failure> {
    let before = stack.list().await?;
    let key = before.find(id)?;
    let kid = key.jwk.kid.clone();
    if let Some(Question(())) = question {
        terminal::say(&consequences(&before, key, now));
        confirm(&kid, &mut io::stdin().lock(), &mut io::stderr())?;
    }
    let after = stack.retire(&kid).await?;
    if after.keys.iter().any(|key| key.jwk.kid == kid) {
        return Err(Failure::StillThere(kid));
    }
    Ok((kid, after))
}

/// What happens when the key is retired.
fn consequences(ring: &Ring, key: &PublishedKey, now: Timestamp) -> String {
    let (kid, algorithm) = (terminal::safe(&key.jwk.kid), terminal::safe(&key.jwk.alg));
    let (state, bound) = (key.state, ring.max_age);
    let mut text = format!(
        "The key {kid} ({algorithm}) is the {state} one. {}\n\
         - Our functions refuse every token of it within {bound} s.\n\
         - API Gateway's own JWT authorizer keeps keys for two hours, and clients of the JWKS for \
         five minutes: there its tokens are accepted for that much longer.\n",
        role(ring, key, now)
    );
    if state != KeyState::Next {
        text.push_str("- Users whose refresh token it has signed must log in again.\n");
    }
    if !ring.agree {
        text.push_str("- A rotation that is under way is cancelled.\n");
    }
    text.push_str("- It cannot be undone.\n");
    text
}

/// What the key does until then, and who does it afterwards.
fn role(ring: &Ring, key: &PublishedKey, now: Timestamp) -> String {
    let rest = match (key.state, ring.next(), key.until) {
        (KeyState::Current, Some(next), _) => {
            return format!(
                "It signs every new token; from then on {} does.",
                terminal::safe(next)
            );
        }
        (KeyState::Previous, _, Some(until)) => {
            let end = age::relative(until, now);
            return format!("It signs no more; the last of its tokens expires {end}.");
        }
        (KeyState::Current, None, _) => {
            "It signs every new token; from then on a new key does, which no verifier has seen yet."
        }
        (KeyState::Next, ..) => "It has not signed any token yet; a new one takes its place.",
        (KeyState::Previous, _, None) => "It signs no more.",
    };
    rest.to_owned()
}

/// Asks for the whole id, so that nothing is retired by a key pressed too fast.
fn confirm(kid: &str, input: &mut impl BufRead, output: &mut impl Write) -> Result<(), Failure> {
    let asked = output.write_all(b"Type the key's id to retire it: ").and_then(|()| output.flush());
    asked.map_err(Failure::Output)?;
    let mut answer = String::new();
    input.read_line(&mut answer).map_err(Failure::Input)?;
    if answer.trim() == kid { Ok(()) } else { Err(Failure::NotConfirmed) }
}

pub(super) fn text(kid: &str, left: &Ring, now: Timestamp) -> String {
    let (kid, bound) = (terminal::safe(kid), left.max_age);
    let table = list::text(left, now);
    format!("{kid} is retired: every token of it is refused within {bound} s.\n\n{table}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ring::support::{SINCE, ring};

    const NOW: Timestamp = Timestamp::from_unix(SINCE + 86_400);
    const RING: [(&str, &str); 3] =
        [("key-a", "current"), ("key-b", "next"), ("key-c", "previous")];

    fn answered(answer: &str) -> Result<(), Failure> {
        let mut question = Vec::new();
        let outcome = confirm("key-a", &mut answer.as_bytes(), &mut question);
        assert_eq!(question, b"Type the key's id to retire it: ");
        outcome
    }

    #[test]
    fn only_the_whole_id_confirms() {
        for answer in ["key-a\n", "key-a", " key-a \r\n"] {
            assert!(answered(answer).is_ok(), "{answer:?}");
        }
        for answer in ["", "\n", "y\n", "yes\n", "key\n", "key-b\n", "KEY-A\n", "key-a key-a\n"] {
            assert!(matches!(answered(answer), Err(Failure::NotConfirmed)), "{answer:?}");
        }
    }

    #[test]
    fn it_is_said_what_the_key_does_and_what_becomes_of_it() {
        let ring = ring(&RING, true);
        let told = |kid| consequences(&ring, ring.find(kid).unwrap(), NOW);
        assert!(told("key-a").contains("(EdDSA) is the current one. It signs every new token"));
        assert!(told("key-a").contains("from then on key-b does"));
        assert!(told("key-b").contains("is the next one. It has not signed any token yet"));
        assert!(told("key-c").contains("the last of its tokens expires in 29 d."));
        for kid in ["key-a", "key-b", "key-c"] {
            let told = told(kid);
            for consequence in ["within 120 s", "two hours", "five minutes", "cannot be undone"] {
                assert!(told.contains(consequence), "{told}");
            }
            assert_eq!(told.contains("log in again"), kid != "key-b", "{told}");
            assert!(!told.contains("rotation"), "{told}");
        }
    }

    #[test]
    fn it_is_said_that_a_rotation_under_way_is_cancelled() {
        let ring = ring(&RING, false);
        let told = consequences(&ring, ring.find("key-c").unwrap(), NOW);
        assert!(told.contains("- A rotation that is under way is cancelled.\n"), "{told}");
    }

    #[test]
    fn a_current_key_without_a_next_one_is_replaced_by_one_that_nobody_has_seen() {
        let ring = ring(&[("key-a", "current")], true);
        let told = consequences(&ring, ring.find("key-a").unwrap(), NOW);
        assert!(told.contains("a new key does, which no verifier has seen yet"), "{told}");
    }

    #[test]
    fn what_is_left_is_shown() {
        let text = text("key-c", &ring(&[RING[0], RING[1]], true), NOW);
        assert!(text.starts_with("key-c is retired: every token of it is refused within 120 s.\n"));
        assert!(text.contains("key-a") && text.contains("key-b"), "{text}");
    }
}
