//! Tokens of three Flask services, with their expected validity.

use latchkey_testkit::{
    flask::{extended_claims, flask_jwt_claims, header},
    forge::{sign_with_hmac, with, with_signature},
};
use serde_json::{Value, json};

use crate::{
    accounts::{ALICE, AUDIENCE_SECRET, EXTENDED_SECRET, FLASK_AUDIENCE, FLASK_JWT_SECRET},
    tokens::{Access, CSRF, INVALID, TokenRow, Validity, WRONG_TYPE},
};

/// Lifetime of legacy tokens in seconds, which no setting limits.
const LIFE: u64 = 7 * 86_400;

fn at(claims: Value, base: u64) -> Value {
    let claims = with(claims, "exp", (base + LIFE).into());
    ["iat", "nbf"].into_iter().fold(claims, |claims, name| with(claims, name, base.into()))
}

/// The claims of an access token of Flask-JWT-Extended for alice.
fn extended(base: u64) -> Value {
    with(at(extended_claims(), base), "csrf", CSRF.into())
}

/// The claims of a token of Flask-JWT for user 1.
fn flask_jwt(base: u64) -> Value {
    at(flask_jwt_claims(), base)
}

struct LegacyList {
    rows: Vec<TokenRow>,
    base: u64,
}

impl LegacyList {
    /// Adds a genuine token, valid from `from` seconds after its issue.
    fn genuine(&mut self, name: &str, (claims, secret): (&Value, &[u8]), from: u64, then: Access) {
        let text = sign_with_hmac(&header(), claims, secret);
        self.add(name, text, from, claims, then);
    }

    fn add(&mut self, name: &str, text: String, from: u64, claims: &Value, then: Access) {
        let until = claims["exp"].as_u64().unwrap();
        self.push(name, text, Validity::Genuine { from: self.base + from, until, then }, claims);
    }

    fn push(&mut self, name: &str, text: String, validity: Validity, claims: &Value) {
        let csrf = claims.get("csrf").map(|_| CSRF);
        let (name, user) = (format!("legacy: {name}"), ALICE.to_owned());
        self.rows.push(TokenRow { name, text, validity, user, csrf, is_legacy: true });
    }

    fn extended(&mut self, name: &str, change: (&str, Value), then: Access) {
        let claims = with(extended(self.base), change.0, change.1);
        self.genuine(name, (&claims, EXTENDED_SECRET), 0, then);
    }

    fn refused(&mut self, name: &str, text: String, code: &'static str) {
        let validity = Validity::Refused { code, until: self.base + LIFE };
        self.push(name, text, validity, &Value::Null);
    }

    fn invalid(&mut self, name: &str, claims: &Value, secret: &[u8]) {
        self.refused(name, sign_with_hmac(&header(), claims, secret), INVALID);
    }
}

/// All legacy tokens, issued at `base`.
pub(crate) fn legacy_tokens(base: u64) -> Vec<TokenRow> {
    let mut rows = LegacyList { rows: Vec::new(), base };
    accounts(&mut rows, base);
    claims(&mut rows, base);
    signatures(&mut rows, base);
    rows.rows
}

fn accounts(rows: &mut LegacyList, base: u64) {
    let mut add = |identity: &str, name: &str, then| {
        rows.extended(name, ("sub", identity.into()), then);
    };
    add("alice", "a migrated user", Access::Opens);
    add("Alice", "the user name", Access::Revoked);
    add("ALICE", "the identity in capitals", Access::Revoked);
    add("alice ", "the identity with a space", Access::Revoked);
    add("carol", "a user who was not migrated", Access::Revoked);
    add("zoe", "an unknown user", Access::Revoked);
    add("dave", "a deleted account", Access::Revoked);
    add("erin", "a deleted account whose name has a new owner", Access::Revoked);
    add("frank", "a user with a changed password", Access::Revoked);
    add("bob", "a disabled account", Access::Revoked);
    rows.genuine("Flask-JWT", (&flask_jwt(base), FLASK_JWT_SECRET), 0, Access::Opens);
    let text = with(flask_jwt(base), "identity", "1".into());
    rows.genuine("Flask-JWT, a string", (&text, FLASK_JWT_SECRET), 0, Access::Opens);
    let unknown = with(flask_jwt(base), "identity", json!(2));
    rows.genuine("Flask-JWT, not migrated", (&unknown, FLASK_JWT_SECRET), 0, Access::Revoked);
    rows.extended("an identity that is a number", ("sub", json!(1)), Access::Opens);
}

fn claims(rows: &mut LegacyList, base: u64) {
    rows.extended("not fresh", ("fresh", false.into()), Access::Opens);
    rows.extended("no CSRF value", ("csrf", Value::Null), Access::Opens);
    rows.extended("no nbf", ("nbf", Value::Null), Access::Opens);
    let later = with(extended(base), "nbf", (base + 100).into());
    rows.genuine("not before a later moment", (&later, EXTENDED_SECRET), 100, Access::Opens);
    let later = with(extended(base), "iat", (base + 100).into());
    rows.genuine("issued at a later moment", (&later, EXTENDED_SECRET), 100, Access::Opens);
    for audience in [json!(FLASK_AUDIENCE), json!(["other", FLASK_AUDIENCE])] {
        let claims = with(extended(base), "aud", audience.clone());
        let name = format!("the audience {audience}");
        rows.genuine(&name, (&claims, AUDIENCE_SECRET), 0, Access::Opens);
    }
    for audience in [json!("other"), json!(["other"]), json!([]), Value::Null] {
        let claims = with(extended(base), "aud", audience.clone());
        rows.invalid(&format!("the audience {audience}"), &claims, AUDIENCE_SECRET);
    }
    for (name, value) in [
        ("exp", Value::Null),
        ("exp", json!("9999999999")),
        ("iat", Value::Null),
        ("iat", json!("0")),
        ("nbf", json!("0")),
        ("type", Value::Null),
        ("type", json!("id")),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!({ "id": 1 })),
        ("sub", json!(true)),
    ] {
        let claims = with(extended(base), name, value.clone());
        rows.invalid(&format!("{name} {value}"), &claims, EXTENDED_SECRET);
    }
    for name in ["exp", "iat", "identity"] {
        let claims = with(flask_jwt(base), name, Value::Null);
        rows.invalid(&format!("Flask-JWT, no {name}"), &claims, FLASK_JWT_SECRET);
    }
    let refresh = with(extended(base), "type", "refresh".into());
    let refresh = sign_with_hmac(&header(), &refresh, EXTENDED_SECRET);
    rows.refused("a refresh token", refresh, WRONG_TYPE);
}

fn signatures(rows: &mut LegacyList, base: u64) {
    let claims = extended(base);
    let untyped = sign_with_hmac(&with(header(), "typ", Value::Null), &claims, EXTENDED_SECRET);
    rows.add("no typ", untyped, 0, &claims, Access::Opens);
    rows.invalid("another secret", &claims, b"another-flask-secret");
    rows.invalid("an empty secret", &claims, b"");
    rows.invalid("a claim set of Flask-JWT", &flask_jwt(base), EXTENDED_SECRET);
    for (name, value) in [
        ("alg", json!("HS512")),
        ("alg", json!("none")),
        ("kid", json!("extended")),
        ("kid", json!("test-key")),
        ("typ", json!("at+jwt")),
        ("crit", json!([])),
    ] {
        let header = with(header(), name, value.clone());
        let text = sign_with_hmac(&header, &claims, EXTENDED_SECRET);
        rows.refused(&format!("header {name} {value}"), text, INVALID);
    }
    let none = with(header(), "alg", "none".into());
    rows.refused("alg none, unsigned", with_signature(&none, &claims, b""), INVALID);
}
