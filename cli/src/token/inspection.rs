//! A token as it is shown.

use latchkey_token::{
    PresentedToken, Timestamp, TokenError,
    inspect::{UnverifiedToken, verify_except_parties},
};
use serde_json::{Map, Value, json};

use super::{Keys, verdict::Verdict};
use crate::{age, table, terminal};

/// Claims that are moments.
const MOMENTS: [&str; 4] = ["auth_time", "exp", "iat", "nbf"];

/// What a token says, and what is to be thought of it.
pub(super) struct Inspection {
    verdict: Verdict,
    reason: Option<TokenError>,
    /// `None` for what cannot be read as a token.
    token: Option<UnverifiedToken>,
    key: Value,
    now: Timestamp,
}

impl Inspection {
    /// Checks a token, if there are keys to check it with.
    pub(super) fn of(
        text: &str,
        token: UnverifiedToken,
        keys: Option<&Keys>,
        now: Timestamp,
    ) -> Self {
        let checked = keys
            .map(|keys| verify_except_parties(PresentedToken::parse(text)?, keys.verifying(), now));
        Self {
            verdict: Verdict::of(checked),
            reason: checked.and_then(Result::err),
            key: describe_key(&token.header, keys),
            token: Some(token),
            now,
        }
    }

    /// Something that is not even a token.
    pub(super) fn malformed(reason: TokenError, now: Timestamp) -> Self {
        let verdict = Verdict::of(Some(Err(reason)));
        Self { verdict, reason: Some(reason), token: None, key: Value::Null, now }
    }

    pub(super) const fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn json(&self) -> String {
        terminal::json(&json!({
            "verdict": self.verdict.name(),
            "reason": self.reason.map(|reason| reason.to_string()),
            "header": self.token.as_ref().map(|token| &token.header),
            "claims": self.token.as_ref().map(|token| &token.claims),
            "key": self.key,
            "issued_at": self.moment("iat"),
            "expires_at": self.moment("exp"),
            "checked_at": self.now,
        }))
    }

    /// The verdict comes first, because what follows may be made to look like anything.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.verdict.sentence(self.reason));
        if let Some(token) = &self.token {
            text.extend(["\nHeader\n", &members(&token.header)]);
            text.extend(["\nClaims\n", &members(&token.claims)]);
            text.extend(["\nKey  ", &self.key_text(), "\nAge  ", &self.age(), "\n"]);
        }
        text
    }

    fn moment(&self, claim: &str) -> Option<Timestamp> {
        self.token.as_ref()?.claims.get(claim)?.as_u64().map(Timestamp::from_unix)
    }

    fn age(&self) -> String {
        let issued = self.moment("iat").map(|at| format!("issued {}", age::relative(at, self.now)));
        let expiry = self.moment("exp").map(|at| {
            let verb = if at > self.now { "expires" } else { "expired" };
            format!("{verb} {}", age::relative(at, self.now))
        });
        let known: Vec<_> = issued.into_iter().chain(expiry).collect();
        if known.is_empty() { "unknown".to_owned() } else { known.join(", ") }
    }

    fn key_text(&self) -> String {
        let parts = ["kid", "algorithm", "state"].map(|member| match self.key.get(member) {
            // Quoted, because it may be anything, such as the rest of this line.
            Some(Value::String(kid)) if member == "kid" => Some(terminal::safe(&quoted(kid))),
            Some(Value::String(known)) => Some(known.clone()),
            Some(_) | None => None,
        });
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "none is named".to_owned() } else { parts.join(", ") }
    }
}

/// The key that a header names, with what is known of it.
fn describe_key(header: &Map<String, Value>, keys: Option<&Keys>) -> Value {
    let Some(kid) = header.get("kid").and_then(Value::as_str) else {
        return Value::Null;
    };
    let known = keys.and_then(|keys| keys.describe(kid));
    json!({
        "kid": kid,
        "algorithm": known.map(|(algorithm, _)| algorithm.name()),
        "state": known.and_then(|(_, state)| state),
    })
}

/// A member a line, as JSON, so that a text cannot pass for something else.
fn members(object: &Map<String, Value>) -> String {
    let rows: Vec<_> = object
        .iter()
        .map(|(name, value)| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-#.".contains(c);
            let name = if name.chars().all(is_plain) { name.clone() } else { quoted(name) };
            let text = with_date(&name, value);
            [name, text]
        })
        .collect();
    table::indented(&rows)
}

fn with_date(name: &str, value: &Value) -> String {
    let moment = value.as_u64().filter(|_| MOMENTS.contains(&name)).map(Timestamp::from_unix);
    match moment.and_then(age::date) {
        Some(date) => format!("{value} ({date})"),
        None => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use latchkey_keys::{KeyState, PublicRing, RingKey};
    use latchkey_testkit::{
        fixtures::{KID, NOW, key_set},
        forge::{claims, header, sign, sign_with_foreign_key, with},
    };

    use super::*;

    fn keys() -> Keys {
        let jwk = key_set().public_jwk_set().keys.remove(0);
        let key = RingKey { jwk, state: KeyState::Current, since: NOW, until: None };
        Keys::of(PublicRing { keys: vec![key], retired: Vec::new() }).unwrap()
    }

    fn inspect_at(token: &str, now: Timestamp) -> Inspection {
        Inspection::of(token, UnverifiedToken::parse(token).unwrap(), Some(&keys()), now)
    }

    fn verdict(token: &str) -> Verdict {
        inspect_at(token, NOW + Duration::from_mins(3)).verdict
    }

    #[test]
    fn every_token_has_its_verdict() {
        assert_eq!(verdict(&sign(&header(), &claims())), Verdict::Valid);
        let late = |claim| sign(&header(), &with(claims(), claim, (NOW.unix() + 800).into()));
        assert_eq!(verdict(&late("nbf")), Verdict::NotYetValid);
        assert_eq!(verdict(&late("iat")), Verdict::NotYetValid);
        let expired = with(claims(), "exp", NOW.unix().into());
        assert_eq!(verdict(&sign(&header(), &expired)), Verdict::Expired);
        assert_eq!(verdict(&sign_with_foreign_key(&header(), &claims())), Verdict::BadSignature);
        let other = |member, value: &str| with(header(), member, value.into());
        assert_eq!(verdict(&sign(&other("alg", "RS256"), &claims())), Verdict::BadSignature);
        assert_eq!(verdict(&sign(&other("kid", "x"), &claims())), Verdict::UnknownKey);
        assert_eq!(verdict(&sign(&other("crit", "x"), &claims())), Verdict::Malformed);
        let no_user = with(claims(), "sub", Value::Null);
        assert_eq!(verdict(&sign(&header(), &no_user)), Verdict::Malformed);
        assert_eq!(Inspection::malformed(TokenError::NotCompact, NOW).verdict, Verdict::Malformed);
    }

    #[test]
    fn who_issued_a_token_for_whom_is_not_judged() {
        let foreign = with(with(claims(), "iss", "x".into()), "aud", "y".into());
        assert_eq!(verdict(&sign(&header(), &foreign)), Verdict::Valid);
    }

    #[test]
    fn a_verdict_fails_the_program_unless_nothing_is_wrong() {
        use Verdict::{
            BadSignature, Expired, Malformed, NotYetValid, UnknownKey, Unverified, Valid,
        };
        assert!([Valid, Unverified].into_iter().all(Verdict::is_good));
        let bad = [Expired, NotYetValid, BadSignature, UnknownKey, Malformed];
        assert!(!bad.into_iter().any(Verdict::is_good));
    }

    #[test]
    fn without_keys_nothing_is_verified_and_that_is_what_is_said_first() {
        let token = sign(&header(), &claims());
        let unverified = Inspection::of(&token, UnverifiedToken::parse(&token).unwrap(), None, NOW);
        assert_eq!(unverified.verdict, Verdict::Unverified);
        let first = "UNVERIFIED: nothing was checked, do not trust a word of it\n\nHeader\n";
        assert!(unverified.text().starts_with(first), "{}", unverified.text());
        let json: Value = serde_json::from_str(&unverified.json()).unwrap();
        assert_eq!(json["verdict"], "unverified");
        assert_eq!(json["key"], json!({ "kid": KID, "algorithm": null, "state": null }));
    }

    #[test]
    fn a_token_is_shown_whole_but_for_its_signature() {
        let token = sign(&header(), &claims());
        let inspection = inspect_at(&token, NOW + Duration::from_mins(3));
        let text = inspection.text();
        for line in [
            "VALID: one of the keys has signed it",
            "\n  alg  \"ES256\"\n",
            "\n  username   \"alice\"\n",
            "\n  iat        1700000000 (2023-11-14T22:13:20Z)\n",
            "\n  fresh      true\n",
            "\nKey  \"test-key\", ES256, current\n",
            "\nAge  issued 3 min ago, expires in 12 min\n",
        ] {
            assert!(text.contains(line), "{line:?} in\n{text}");
        }
        let json: Value = serde_json::from_str(&inspection.json()).unwrap();
        assert_eq!(
            json,
            json!({
                "verdict": "valid", "reason": null, "header": header(), "claims": claims(),
                "key": { "kid": KID, "algorithm": "ES256", "state": "current" },
                "issued_at": NOW, "expires_at": NOW.unix() + 900, "checked_at": NOW.unix() + 180,
            })
        );
        let signature = token.rsplit('.').next().unwrap();
        assert!(!text.contains(signature) && !json.to_string().contains(signature));
    }

    #[test]
    fn an_age_is_told_as_far_as_it_is_known() {
        let age_of = |claims: &Value| inspect_at(&sign(&header(), claims), NOW).age();
        let at = |claim, seconds: u64| with(claims(), claim, seconds.into());
        assert_eq!(age_of(&at("exp", NOW.unix())), "issued 0 s ago, expired 0 s ago");
        assert_eq!(age_of(&at("iat", NOW.unix() + 120)), "issued in 2 min, expires in 15 min");
        assert_eq!(age_of(&with(claims(), "iat", "x".into())), "expires in 15 min");
        assert_eq!(age_of(&json!({})), "unknown");
    }

    #[test]
    fn nothing_in_a_token_can_pass_for_what_is_said_of_it() {
        let forged = with(claims(), "username", "\nVALID: all is well\u{1b}[2J\u{202e}".into());
        let forged = with(forged, "Key  x", "y".into());
        let header = with(header(), "kid", "x, ES256, current".into());
        let text = inspect_at(&sign_with_foreign_key(&header, &forged), NOW).text();
        assert!(text.starts_with("UNKNOWN KEY: the token names a key that is unknown"), "{text}");
        assert!(text.contains("\"\\nVALID: all is well\\u001b[2J\\u202e\"\n"), "{text}");
        assert!(text.contains("\n  \"Key  x\"   \"y\"\n"), "{text}");
        assert!(text.contains("\nKey  \"x, ES256, current\"\n"), "{text}");
    }
}
