//! What people are told of keys.

use latchkey_keys::{KeyReport, KeyState, MIN_PUBLIC_TIME, RingKey};
use latchkey_token::Timestamp;

use crate::{age, table, terminal};

/// Who accepts a retired key's tokens for longer than our functions.
const LONGER: &str = "Its tokens are accepted longer on routes behind the authorizer (as long as \
                      its answers are cached, AuthorizerCacheSeconds), by clients of the JWKS \
                      (five minutes) and by API Gateway's JWT authorizer (two hours).";

pub(super) fn table(report: &KeyReport, now: Timestamp) -> String {
    let header = ["KEY", "ALGORITHM", "STATE", "SINCE", "UNTIL"].map(str::to_owned);
    let row = |key: &RingKey| {
        let until = key.until.map_or_else(|| "-".to_owned(), |until| age::relative(until, now));
        let since = age::relative(key.since, now);
        [key.jwk.kid.clone(), key.jwk.alg.clone(), key.state.to_string(), since, until]
    };
    let rows = report.keys.keys.iter().map(row);
    let retired = report.keys.retired.iter().map(|key| {
        let since = age::relative(key.at, now);
        [key.kid.clone(), "-".to_owned(), "retired".to_owned(), since, "-".to_owned()]
    });
    table::columns(&std::iter::once(header).chain(rows).chain(retired).collect::<Vec<_>>())
}

pub(super) fn rotation(before: &KeyReport, after: &KeyReport) -> String {
    let name =
        |report: &KeyReport, state| terminal::safe(report.keys.kid(state).unwrap_or("no key"));
    let (from, to) = (name(before, KeyState::Current), name(after, KeyState::Current));
    let next = name(after, KeyState::Next);
    let bound = after.max_age;
    if from == to {
        let wait = age::text(MIN_PUBLIC_TIME);
        return format!(
            "{next} is published. {to} goes on signing.\nRotate again in {wait} to have {next} \
             sign.\n"
        );
    }
    format!("{from} → {to}\nFunctions sign with it within {bound} s. {next} is published.\n")
}

/// What happens when the key is retired.
pub(super) fn consequences(report: &KeyReport, key: &RingKey, now: Timestamp) -> String {
    let (kid, algorithm) = (terminal::safe(&key.jwk.kid), terminal::safe(&key.jwk.alg));
    let (state, bound) = (key.state, report.max_age);
    let mut text = format!(
        "{kid} ({algorithm}) is the {state} key. {}\n\
         - Our functions refuse every token of it within {bound} s.\n\
         - {LONGER}\n",
        role(report, key, now)
    );
    if state != KeyState::Next {
        text.push_str("- Users whose refresh token it has signed must log in again.\n");
    }
    text.push_str("- It cannot be undone.\n");
    text
}

fn role(report: &KeyReport, key: &RingKey, now: Timestamp) -> String {
    match (key.state, report.keys.kid(KeyState::Next), key.until) {
        (KeyState::Current, Some(next), _) => {
            format!("It signs every new token; from then on {} does.", terminal::safe(next))
        }
        (KeyState::Current, None, _) => "It signs every new token; from then on a new key does, \
                                         which no verifier has cached yet."
            .to_owned(),
        (KeyState::Next, ..) => {
            "It has not signed any token yet; a new key takes its place.".to_owned()
        }
        (KeyState::Previous, _, Some(until)) => {
            let ends = if until > now { "ends" } else { "ended" };
            format!("It no longer signs; verifying with it {ends} {}.", age::relative(until, now))
        }
        (KeyState::Previous, _, None) => "It no longer signs.".to_owned(),
    }
}

pub(super) fn retired(kid: &str, left: &KeyReport, now: Timestamp) -> String {
    let (kid, bound) = (terminal::safe(kid), left.max_age);
    let table = table(left, now);
    format!(
        "{kid} is retired: our functions refuse every token of it within {bound} s.\n\
         {LONGER}\n\n{table}"
    )
}

pub(super) const fn reset_consequences(discard: bool) -> &'static str {
    if discard {
        "A new key signs at once. Every old key is retired: all users must log in again.\n\
         It cannot be undone.\n"
    } else {
        "A new key signs at once, before verifiers elsewhere have cached it. The key that signed \
         until now goes on verifying; its private half is deleted.\nIt cannot be undone.\n"
    }
}

/// Reports for tests.
#[cfg(test)]
pub(crate) mod support {
    use latchkey_keys::KeyReport;
    use serde_json::json;

    /// When the keys of [`report`] got their states.
    pub(crate) const SINCE: u64 = 1_700_000_000;

    /// A report of these keys, as their ids and states.
    pub(crate) fn report(keys: &[(&str, &str)]) -> KeyReport {
        let key = |(kid, state): &(&str, &str)| {
            let mut key = json!({
                "kty": "OKP", "crv": "Ed25519", "x": "AA", "alg": "EdDSA", "use": "sig",
                "kid": kid, "state": state, "since": SINCE,
            });
            if *state == "previous" {
                key["until"] = json!(SINCE + 30 * 86_400);
            }
            key
        };
        let keys: Vec<_> = keys.iter().map(key).collect();
        serde_json::from_value(json!({ "keys": keys, "max_age": 120 })).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use latchkey_keys::RetiredKey;

    use super::{
        support::{SINCE, report},
        *,
    };

    const NOW: Timestamp = Timestamp::from_unix(SINCE + 3 * 86_400);
    const RING: [(&str, &str); 3] =
        [("key-a", "current"), ("key-b", "next"), ("key-c", "previous")];

    #[test]
    fn the_keys_are_a_table() {
        let mut report = report(&RING);
        let at = Timestamp::from_unix(SINCE + 86_400);
        report.keys.retired.push(RetiredKey { kid: "key-d".to_owned(), at });
        let expected = "\
KEY    ALGORITHM  STATE     SINCE    UNTIL
key-a  EdDSA      current   3 d ago  -
key-b  EdDSA      next      3 d ago  -
key-c  EdDSA      previous  3 d ago  in 27 d
key-d  -          retired   2 d ago  -
";
        assert_eq!(table(&report, NOW), expected);
    }

    #[test]
    fn a_rotation_publishes_a_key_or_has_one_sign() {
        let alone = report(&[("a", "current")]);
        let published = report(&[("a", "current"), ("b", "next")]);
        let rotated = report(&[("b", "current"), ("c", "next"), ("a", "previous")]);
        let expected = "b is published. a goes on signing.\nRotate again in 2 h to have b sign.\n";
        assert_eq!(rotation(&alone, &published), expected);
        let expected = "a → b\nFunctions sign with it within 120 s. c is published.\n";
        assert_eq!(rotation(&published, &rotated), expected);
    }

    #[test]
    fn it_is_said_what_the_key_does_and_what_follows() {
        let report = report(&RING);
        let told = |kid| consequences(&report, report.keys.find(kid).unwrap(), NOW);
        assert!(told("key-a").contains("(EdDSA) is the current key. It signs every new token"));
        assert!(told("key-a").contains("from then on key-b does"));
        assert!(told("key-b").contains("is the next key. It has not signed any token yet"));
        assert!(told("key-c").contains("It no longer signs; verifying with it ends in 27 d."));
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
        }
    }

    #[test]
    fn a_current_key_that_stands_alone_is_replaced_by_a_new_one() {
        let report = report(&[("key-a", "current")]);
        let told = consequences(&report, report.keys.find("key-a").unwrap(), NOW);
        assert!(told.contains("a new key does, which no verifier has cached yet"), "{told}");
    }

    #[test]
    fn what_is_left_after_a_retirement_is_shown() {
        let text = retired("key-c", &report(&RING[..2]), NOW);
        let first = "key-c is retired: our functions refuse every token of it within 120 s.\n";
        assert!(text.starts_with(first) && text.contains(LONGER), "{text}");
        assert!(text.contains("key-a") && text.contains("key-b"), "{text}");
    }
}
