//! `latchkey keys retire`.

use std::io::{self, BufRead, IsTerminal as _, Write};

use auth_token::{KeyState, PublishedKey, RingReport, Timestamp};

use super::{list, ring};
use crate::{Clock, age, failure::Failure, stack::Stack, terminal};

/// Who goes on with the key for a while, after our functions have stopped.
const LONGER: &str = "Its tokens are accepted longer on routes behind the authorizer (as long as \
                      its answers are cached, AuthorizerCacheSeconds), by clients of the JWKS \
                      (five minutes) and by API Gateway's JWT authorizer (two hours).";

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
    now: Clock,
) -> Result<(String, RingReport), Failure> {
    let before = stack.list().await?;
    let key = ring::find(&before.ring, id)?;
    let kid = key.jwk.kid.clone();
    if let Some(Question(())) = question {
        terminal::say(&consequences(&before, key, now()));
        confirm(&kid, &mut io::stdin().lock(), &mut io::stderr())?;
    }
    let after = match stack.retire(&kid).await {
        Ok(after) if after.ring.find(&kid).is_some() => return Err(Failure::StillThere(kid)),
        Ok(after) => after,
        // It may have been done, and the reply lost.
        Err(failure) => match stack.list().await {
            Ok(after) if is_retired(&after, &kid) => after,
            Ok(_) | Err(_) => return Err(failure.into()),
        },
    };
    Ok((kid, after))
}

/// Whether a key that was there is in neither place any more.
fn is_retired(report: &RingReport, kid: &str) -> bool {
    report.agree && report.ring.find(kid).is_none()
}

/// What happens when the key is retired.
fn consequences(report: &RingReport, key: &PublishedKey, now: Timestamp) -> String {
    let (kid, algorithm) = (terminal::safe(&key.jwk.kid), terminal::safe(&key.jwk.alg));
    let (state, bound) = (key.state, report.max_age);
    let verb = if report.agree { "is" } else { "is listed as" };
    let mut text = format!(
        "The key {kid} ({algorithm}) {verb} the {state} one. {}\n\
         - Our functions refuse every token of it within {bound} s.\n\
         - {LONGER}\n",
        role(report, key, now)
    );
    if !report.agree || (state != KeyState::Next && !key.is_over(now)) {
        text.push_str("- Users whose refresh token it has signed must log in again.\n");
    }
    if !report.agree {
        text.push_str("- A rotation that is under way is cancelled.\n");
    }
    text.push_str("- It cannot be undone.\n");
    text
}

/// What the key does until then, and who does it afterwards. Its state tells that only of a ring
/// that the secret holds too.
fn role(report: &RingReport, key: &PublishedKey, now: Timestamp) -> String {
    let signs = report.signing.as_ref().map(|kid| *kid == key.jwk.kid);
    let rest = match (signs, report.agree) {
        (None, _) => "Nobody can tell whether it signs: the secret holds no ring to be read.",
        (Some(true), false) => "It signs every new token.",
        (Some(false), false) => "It signs no token.",
        (Some(true), true) => match ring::next(&report.ring) {
            Some(next) => {
                let next = terminal::safe(next);
                return format!("It signs every new token; from then on {next} does.");
            }
            None => {
                "It signs every new token; from then on a new key does, which no verifier has seen \
                 yet."
            }
        },
        (Some(false), true) => match (key.state, key.until) {
            (KeyState::Next, _) => "It has not signed any token yet; a new one takes its place.",
            (KeyState::Current | KeyState::Previous, Some(until)) => {
                let ends = if key.is_over(now) { "ended" } else { "ends" };
                let end = age::relative(until, now);
                return format!("It signs no more; its time as a verifying key {ends} {end}.");
            }
            (KeyState::Current | KeyState::Previous, None) => "It signs no more.",
        },
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

pub(super) fn text(kid: &str, left: &RingReport, now: Timestamp) -> String {
    let (kid, bound) = (terminal::safe(kid), left.max_age);
    let table = list::text(left, now);
    format!(
        "{kid} is retired: our functions refuse every token of it within {bound} s.\n\
         {LONGER}\n\n{table}"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::keys::ring::support::{SINCE, disagreement, report};

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

    fn told(report: &RingReport, kid: &str) -> String {
        consequences(report, report.ring.find(kid).unwrap(), NOW)
    }

    #[test]
    fn it_is_said_what_the_key_does_and_what_becomes_of_it() {
        let told = |kid| told(&report(&RING, true), kid);
        assert!(told("key-a").contains("(EdDSA) is the current one. It signs every new token"));
        assert!(told("key-a").contains("from then on key-b does"));
        assert!(told("key-b").contains("is the next one. It has not signed any token yet"));
        assert!(told("key-c").contains("its time as a verifying key ends in 29 d."));
        for kid in ["key-a", "key-b", "key-c"] {
            let told = told(kid);
            for consequence in [
                "Our functions refuse every token of it within 120 s.",
                "AuthorizerCacheSeconds",
                "five minutes",
                "two hours",
                "cannot be undone",
            ] {
                assert!(told.contains(consequence), "{told}");
            }
            assert_eq!(told.contains("log in again"), kid != "key-b", "{told}");
            assert!(!told.contains("rotation"), "{told}");
        }
    }

    #[test]
    fn while_a_rotation_is_under_way_the_secret_knows_who_signs() {
        for signing in ["key-a", "key-b", "key-c", "key-d"] {
            let report = disagreement(&RING, Some(signing));
            for (kid, state) in RING {
                let told = told(&report, kid);
                let does =
                    if kid == signing { "It signs every new token." } else { "It signs no token." };
                let first = format!("The key {kid} (EdDSA) is listed as the {state} one. {does}\n");
                assert!(told.starts_with(&first), "{told}");
                assert!(told.contains("log in again"), "it may have signed: {told}");
            }
        }
        let told = told(&disagreement(&RING, None), "key-a");
        assert!(told.contains(" one. Nobody can tell whether it signs: "), "{told}");
    }

    #[test]
    fn a_key_whose_time_is_over_is_nobodys_loss() {
        let report = report(&RING, true);
        let key = report.ring.find("key-c").unwrap();
        let told = consequences(&report, key, key.until.unwrap() + Duration::from_hours(48));
        assert!(told.contains("its time as a verifying key ended 2 d ago."), "{told}");
        assert!(!told.contains("log in again"), "{told}");
    }

    #[test]
    fn it_is_said_that_a_rotation_under_way_is_cancelled() {
        let told = told(&report(&RING, false), "key-c");
        assert!(told.contains("- A rotation that is under way is cancelled.\n"), "{told}");
    }

    #[test]
    fn a_current_key_without_a_next_one_is_replaced_by_one_that_nobody_has_seen() {
        let told = told(&report(&[("key-a", "current")], true), "key-a");
        assert!(told.contains("a new key does, which no verifier has seen yet"), "{told}");
    }

    #[test]
    fn a_key_that_is_in_neither_place_is_retired() {
        assert!(is_retired(&report(&RING[..2], true), "key-c"));
        assert!(!is_retired(&report(&RING, true), "key-c"));
        assert!(!is_retired(&report(&RING[..2], false), "key-c"), "the secret may still have it");
    }

    #[test]
    fn what_is_left_is_shown() {
        let text = text("key-c", &report(&RING[..2], true), NOW);
        let first = "key-c is retired: our functions refuse every token of it within 120 s.\n";
        assert!(text.starts_with(first) && text.contains(LONGER), "{text}");
        assert!(text.contains("key-a") && text.contains("key-b"), "{text}");
    }
}
