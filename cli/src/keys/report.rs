//! Text output about keys.

use latchkey_keys::{KeyReport, KeyState, MIN_PUBLIC_TIME, RingKey};
use latchkey_token::Timestamp;

use crate::{format, output::safe};

/// The verifiers that accept a retired key longer than our functions.
const OTHER_VERIFIERS: &str = "Others accept them longer: routes behind the authorizer by AuthorizerCacheSeconds, clients of \
     the JWKS by five minutes, API Gateway's JWT authorizer by two hours.";

pub(super) fn table(report: &KeyReport, now: Timestamp) -> String {
    let header = ["KEY", "ALGORITHM", "STATE", "SINCE", "UNTIL"].map(str::to_owned);
    let row = |key: &RingKey| {
        let until = key.until.map_or_else(|| "-".to_owned(), |until| format::relative(until, now));
        let since = format::relative(key.since, now);
        [key.jwk.kid.clone(), key.jwk.alg.clone(), key.state.to_string(), since, until]
    };
    let rows = report.keys.keys.iter().map(row);
    let retired = report.keys.retired.iter().map(|key| {
        let since = format::relative(key.at, now);
        [key.kid.clone(), "-".to_owned(), "retired".to_owned(), since, "-".to_owned()]
    });
    format::columns(&std::iter::once(header).chain(rows).chain(retired).collect::<Vec<_>>())
}

pub(super) fn rotation(before: &KeyReport, after: &KeyReport) -> String {
    let name = |report: &KeyReport, state| safe(report.keys.kid(state).unwrap_or("no key"));
    let (from, to) = (name(before, KeyState::Current), name(after, KeyState::Current));
    let next = name(after, KeyState::Next);
    let bound = after.max_age;
    if from == to {
        let wait = format::duration(MIN_PUBLIC_TIME);
        return format!(
            "{next} is published. {to} still signs.\nRotate again in {wait} to make {next} sign.\n"
        );
    }
    format!("{from} → {to}\nFunctions sign with {to} within {bound} s. {next} is published.\n")
}

/// What the retirement of a key causes.
pub(super) fn consequences(report: &KeyReport, key: &RingKey, now: Timestamp) -> String {
    let (kid, algorithm) = (safe(&key.jwk.kid), safe(&key.jwk.alg));
    let (state, bound) = (key.state, report.max_age);
    let mut text = format!(
        "{kid} ({algorithm}) is the {state} key. {}\n\
         - Our functions refuse its tokens within {bound} s.\n\
         - {OTHER_VERIFIERS}\n",
        role(report, key, now)
    );
    if state != KeyState::Next {
        text.push_str("- Users whose refresh token it signed must log in again.\n");
    }
    text.push_str("- This cannot be undone.\n");
    text
}

fn role(report: &KeyReport, key: &RingKey, now: Timestamp) -> String {
    match (key.state, report.keys.kid(KeyState::Next), key.until) {
        (KeyState::Current, Some(next), _) => {
            format!("It signs every new token; {} takes over.", safe(next))
        }
        (KeyState::Current, None, _) => {
            "It signs every new token; a new key takes over, which no verifier has cached yet."
                .to_owned()
        }
        (KeyState::Next, ..) => {
            "It has not signed any token yet; a new key replaces it.".to_owned()
        }
        (KeyState::Previous, _, Some(until)) => {
            let stops = if until > now { "stops" } else { "stopped" };
            let until = format::relative(until, now);
            format!("It no longer signs; it {stops} verifying {until}.")
        }
        (KeyState::Previous, _, None) => "It no longer signs.".to_owned(),
    }
}

pub(super) fn retired(kid: &str, max_age: u64, table: &str) -> String {
    let kid = safe(kid);
    format!(
        "{kid} is retired: our functions refuse its tokens within {max_age} s.\n\
         {OTHER_VERIFIERS}\n\n{table}"
    )
}

pub(super) const fn reset_consequences(discard: bool) -> &'static str {
    if discard {
        "A new key signs at once. Every old key is retired: all users must log in again.\n\
         This cannot be undone.\n"
    } else {
        "A new key signs at once, before verifiers elsewhere have cached it. The current key \
         still verifies; its private half is deleted.\nThis cannot be undone.\n"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SINCE: u64 = 1_700_000_000;
    const NOW: Timestamp = Timestamp::from_unix(SINCE + 3 * 86_400);

    /// The text about retiring `kid`, for a ring of keys with ids and states.
    fn text_for(keys: &[(&str, &str)], kid: &str) -> String {
        let key = |(kid, state): &(&str, &str)| {
            let until = (*state == "previous").then_some(SINCE + 30 * 86_400);
            json!({
                "kty": "OKP", "crv": "Ed25519", "x": "AA", "alg": "EdDSA", "use": "sig",
                "kid": kid, "state": state, "since": SINCE, "until": until,
            })
        };
        let keys: Vec<Value> = keys.iter().map(key).collect();
        let report: KeyReport =
            serde_json::from_value(json!({ "keys": keys, "max_age": 120 })).unwrap();
        consequences(&report, report.keys.find(kid).unwrap(), NOW)
    }

    #[test]
    fn the_text_states_the_role_of_the_key_and_the_consequences() {
        let ring = [("key-a", "current"), ("key-b", "next"), ("key-c", "previous")];
        assert!(
            text_for(&ring, "key-a").contains("(EdDSA) is the current key. It signs every new")
        );
        assert!(text_for(&ring, "key-a").contains("key-b takes over"));
        assert!(
            text_for(&ring, "key-b").contains("is the next key. It has not signed any token yet")
        );
        assert!(text_for(&ring, "key-c").contains("it stops verifying in 27 d."));
        for (kid, _) in ring {
            let text = text_for(&ring, kid);
            for consequence in [
                "Our functions refuse its tokens within 120 s.",
                "AuthorizerCacheSeconds",
                "five minutes",
                "two hours",
                "cannot be undone",
            ] {
                assert!(text.contains(consequence), "{text}");
            }
            assert_eq!(text.contains("log in again"), kid != "key-b", "{text}");
        }
        let alone = text_for(&[("key-a", "current")], "key-a");
        assert!(
            alone.contains("a new key takes over, which no verifier has cached yet"),
            "{alone}"
        );
    }
}
