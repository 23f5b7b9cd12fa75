//! Tokens of Latchkey, with their expected validity.

use latchkey_testkit::{
    fixtures::ISSUER,
    forge::{
        self, REQUIRED_CLAIMS, claims_for, header, public_key_as_secret, refresh_claims_for,
        refresh_header, sign, sign_texts, sign_with_hmac, with, with_signature,
    },
};
use latchkey_token::{SessionId, UserId};
use serde_json::{Value, json};

use crate::accounts::{ALICE, BOB, CAROL, ENDED, EXPIRED, LIVE, OTHERS, SHORT, SHORT_SECONDS};
use crate::signatures::{signatures, texts, twins};

/// The verdict on an accepted token.
pub(crate) const OPENS: &str = "opens";
pub(crate) const INVALID: &str = "invalid_token";
pub(crate) const EXPIRED_TOKEN: &str = "token_expired";
pub(crate) const REVOKED: &str = "token_revoked";
pub(crate) const WRONG_TYPE: &str = "wrong_token_type";

/// Lifetime of access tokens in seconds, which is also the maximum.
const LIFE: u64 = 900;

/// The CSRF value of a token that has one.
pub(crate) const CSRF: &str = "the-csrf-value";

/// The validity of a token without its session.
#[derive(Clone, Debug)]
pub(crate) enum Validity {
    /// It is always refused with `code`, also after its expiry at `until`.
    Refused { code: &'static str, until: u64 },
    /// It is genuine. Between `from` and `until` account and session decide.
    Genuine { from: u64, until: u64, then: Access },
}

/// The verdict of account and session on a genuine token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The session ends after the token.
    Opens,
    /// The session ends at that time, without leeway.
    OpensUntil(u64),
    /// The session has ended, or the account is another one or disabled.
    Revoked,
    /// The `username` claim is not a valid user name.
    InvalidName,
}

/// A token with its expectations.
#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) validity: Validity,
    /// The id of its user.
    pub(crate) user: String,
    /// Its `csrf` claim.
    pub(crate) csrf: Option<&'static str>,
    /// Whether it is from a Flask service.
    pub(crate) is_legacy: bool,
}

/// Collects the rows of the table.
#[derive(Debug)]
pub(crate) struct TokenList {
    rows: Vec<TokenRow>,
    /// The expiry of always refused tokens.
    until: u64,
}

impl TokenList {
    fn issued_at(base: u64) -> Self {
        Self { rows: Vec::new(), until: base + LIFE }
    }

    fn refused(&mut self, name: &str, text: String, code: &'static str) {
        let validity = Validity::Refused { code, until: self.until };
        self.push(name, text, validity, &Value::Null);
    }

    pub(crate) fn invalid(&mut self, name: &str, text: String) {
        self.refused(name, text, INVALID);
    }

    /// Adds a genuine token; the claims have its bounds.
    fn genuine(&mut self, name: &str, text: String, claims: &Value, then: Access) {
        let moment = |name: &str| claims[name].as_u64().unwrap();
        let (from, until) = (moment("iat").max(moment("nbf")), moment("exp"));
        self.push(name, text, Validity::Genuine { from, until, then }, claims);
    }

    fn push(&mut self, name: &str, text: String, validity: Validity, claims: &Value) {
        let csrf = claims.get("csrf").map(|_| CSRF);
        let user = claims["sub"].as_str().unwrap_or_default().to_owned();
        let name = name.to_owned();
        self.rows.push(TokenRow { name, text, validity, user, csrf, is_legacy: false });
    }

    fn signed(&mut self, name: &str, claims: &Value, then: Access) {
        self.genuine(name, sign(&header(), claims), claims, then);
    }
}

/// The claims of an access token, issued at `base`.
fn claims_of(user: &str, session: &str, base: u64) -> Value {
    let user = UserId::parse(user).unwrap();
    let claims = claims_for(&user, &SessionId::parse(session).unwrap());
    at(claims, base, base + LIFE)
}

fn at(claims: Value, base: u64, exp: u64) -> Value {
    let claims = with(claims, "exp", exp.into());
    ["iat", "nbf", "auth_time"]
        .into_iter()
        .fold(claims, |claims, name| with(claims, name, base.into()))
}

pub(crate) fn alice(base: u64) -> Value {
    claims_of(ALICE, LIVE, base)
}

/// A second valid token of alice, with a CSRF value, for requests with two tokens.
pub(crate) fn second_token(base: u64) -> String {
    let claims = with(alice(base), "jti", "token-another".into());
    sign(&header(), &with(claims, "csrf", CSRF.into()))
}

/// All tokens of Latchkey, issued at `base`.
pub(crate) fn own_tokens(base: u64) -> Vec<TokenRow> {
    let mut list = TokenList::issued_at(base);
    good(&mut list, base);
    sessions(&mut list, base);
    types(&mut list, base);
    headers(&mut list, base);
    signatures(&mut list, base);
    texts(&mut list, base);
    claims(&mut list, base);
    list.rows
}

fn good(list: &mut TokenList, base: u64) {
    let change = |name: &str, value: Value| with(alice(base), name, value);
    list.signed("fresh", &alice(base), Access::Opens);
    list.signed("not fresh", &change("fresh", false.into()), Access::Opens);
    list.signed("roles", &change("roles", json!(["billing admin", "ä"])), Access::Opens);
    list.signed("an empty list of roles", &change("roles", json!([])), Access::Opens);
    list.signed("a CSRF value", &change("csrf", CSRF.into()), Access::Opens);
    let own = with(change("plan", json!({ "a": [1, null] })), "csrf", CSRF.into());
    list.signed("additional claims", &own, Access::Opens);
    list.signed("the name in capitals", &change("username", "ALICE".into()), Access::Opens);
    list.signed("a short life", &change("exp", (base + 60).into()), Access::Opens);
    list.signed("not before a later moment", &change("nbf", (base + 100).into()), Access::Opens);
    let later = with(change("iat", (base + 100).into()), "exp", (base + 1_000).into());
    list.signed("issued at a later moment", &later, Access::Opens);
    list.signed("an old login", &change("auth_time", 0.into()), Access::Opens);
    let long = with(header(), "typ", "application/at+jwt".into());
    list.genuine("the long typ", sign(&long, &alice(base)), &alice(base), Access::Opens);
    let own = with(header(), "app", json!({ "crit": ["x"] }));
    list.genuine(
        "an additional header member",
        sign(&own, &alice(base)),
        &alice(base),
        Access::Opens,
    );
    let spaced = serde_json::to_string_pretty(&alice(base)).unwrap();
    let text = sign_texts(r#"{ "typ":"at+jwt", "kid":"test\u002dkey", "alg":"ES256" }"#, &spaced);
    list.genuine("other spellings of the JSON", text, &alice(base), Access::Opens);
    let (one, twin) = twins(&sign(&header(), &alice(base)));
    list.genuine("an ECDSA signature with s", one, &alice(base), Access::Opens);
    list.genuine("its twin with n - s", twin, &alice(base), Access::Opens);
    list.genuine("8,192 bytes", of_length(8_192, base), &alice(base), Access::Opens);
    list.invalid("8,193 bytes", of_length(8_193, base));
}

fn sessions(list: &mut TokenList, base: u64) {
    let mut add = |name: &str, user, session, username: &str, then| {
        let claims = claims_of(user, session, base);
        list.signed(name, &with(claims, "username", username.into()), then);
    };
    add(
        "a session that ends first",
        ALICE,
        SHORT,
        "alice",
        Access::OpensUntil(base + SHORT_SECONDS),
    );
    add("an ended session", ALICE, ENDED, "alice", Access::Revoked);
    add("an expired session", ALICE, EXPIRED, "alice", Access::Revoked);
    add("another user's session", ALICE, OTHERS, "alice", Access::Revoked);
    add("another user's id", CAROL, LIVE, "alice", Access::Revoked);
    add("another user's name", ALICE, LIVE, "carol", Access::Revoked);
    add("an unknown name", ALICE, LIVE, "zoe", Access::Revoked);
    add("a disabled account", BOB, OTHERS, "bob", Access::Revoked);
    add("a name of two words", ALICE, LIVE, "a b", Access::InvalidName);
    add("an empty name", ALICE, LIVE, "", Access::InvalidName);
    add("a name of 129 characters", ALICE, LIVE, &"x".repeat(129), Access::InvalidName);
    let claims = with(claims_of(BOB, OTHERS, base), "csrf", CSRF.into());
    list.signed(
        "a disabled account, for a cookie",
        &with(claims, "username", "bob".into()),
        Access::Revoked,
    );
}

fn types(list: &mut TokenList, base: u64) {
    let session = SessionId::parse(LIVE).unwrap();
    let refresh = refresh_claims_for(&UserId::parse(ALICE).unwrap(), &session, 0);
    let refresh = at(refresh, base, base + 30 * 86_400);
    let mut other = |name: &str, claims: &Value| {
        list.refused(name, sign(&refresh_header(), claims), WRONG_TYPE);
    };
    other("a refresh token", &refresh);
    other("a refresh token that has expired", &at(refresh.clone(), base - 9_000, base - 8_000));
    let foreign = with(refresh.clone(), "iss", "https://other.example.com".into());
    other("a refresh token of another issuer", &foreign);
    let audience: Value = format!("{ISSUER}#refresh").into();
    let access = with(alice(base), "aud", audience);
    list.invalid("an access token for refresh", sign(&header(), &access));
    list.invalid("an access token with typ rt+jwt", sign(&refresh_header(), &alice(base)));
    list.invalid("a refresh token with typ at+jwt", sign(&header(), &refresh));
    let id = with(alice(base), "type", "id".into());
    list.invalid("an unknown type", sign(&header(), &id));
}

fn headers(list: &mut TokenList, base: u64) {
    let claims = alice(base);
    for alg in ["none", "nOnE", ""] {
        let header = with(header(), "alg", alg.into());
        list.invalid(&format!("alg {alg:?}, unsigned"), with_signature(&header, &claims, b""));
        list.invalid(&format!("alg {alg:?}, signed"), sign(&header, &claims));
    }
    let hs256 = with(header(), "alg", "HS256".into());
    for (form, secret) in public_key_as_secret().iter().enumerate() {
        let text = sign_with_hmac(&hs256, &claims, secret);
        list.invalid(&format!("HS256 with the public key, form {form}"), text);
    }
    for (name, value) in [
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
        ("alg", json!("es256")),
        ("alg", json!(["ES256"])),
        ("kid", json!("other-key")),
        ("kid", json!("TEST-KEY")),
        ("kid", json!("../../dev/null")),
        ("kid", json!(7)),
        ("kid", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("id+jwt")),
        ("typ", json!(["at+jwt"])),
        ("typ", Value::Null),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("jwk", json!({ "kty": "EC" })),
        ("jku", json!("https://auth.example.com/.well-known/jwks.json")),
        ("x5u", json!("https://auth.example.com/")),
        ("x5c", json!(["x"])),
    ] {
        let text = sign(&with(header(), name, value.clone()), &claims);
        list.invalid(&format!("header {name} {value}"), text);
    }
    let claims = claims.to_string();
    for (name, header) in [
        ("twice", r#"{"alg":"ES256","kid":"test-key","typ":"at+jwt","alg":"ES256"}"#),
        ("twice, escaped", r#"{"alg":"ES256","\u0061lg":"none","kid":"test-key","typ":"at+jwt"}"#),
        ("a list", r#"[{"alg":"ES256","kid":"test-key","typ":"at+jwt"}]"#),
        ("null", "null"),
        ("empty", ""),
        ("two objects", r#"{"alg":"ES256","kid":"test-key","typ":"at+jwt"}{}"#),
    ] {
        list.invalid(&format!("header: {name}"), sign_texts(header, &claims));
    }
}

fn claims(list: &mut TokenList, base: u64) {
    let genuine = alice(base);
    for name in REQUIRED_CLAIMS {
        let text = sign(&header(), &with(genuine.clone(), name, Value::Null));
        list.invalid(&format!("no {name}"), text);
    }
    for (name, value) in [
        ("iss", json!("https://other.example.com")),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", json!([ISSUER])),
        ("aud", json!("https://other.example.com")),
        ("aud", json!([ISSUER])),
        ("aud", json!(ISSUER.to_uppercase())),
        ("sub", json!("")),
        ("sub", json!(5)),
        ("sid", json!("a b")),
        ("jti", json!(["x"])),
        ("roles", json!("admin")),
        ("roles", json!([1])),
        ("fresh", json!("true")),
        ("type", json!("refresh")),
        ("exp", json!((base + LIFE).to_string())),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(base + LIFE + 1)),
        ("exp", json!(u64::MAX)),
        ("nbf", json!("0")),
        ("iat", json!(true)),
    ] {
        let text = sign(&header(), &with(genuine.clone(), name, value.clone()));
        list.invalid(&format!("{name} {value}"), text);
    }
    let text = genuine.to_string();
    for (name, payload) in [
        ("a claim twice", format!("{},\"sub\":\"{ALICE}\"}}", text.trim_end_matches('}'))),
        ("a list", format!("[{text}]")),
        ("null", "null".to_owned()),
        ("two objects", format!("{text}{{}}")),
        ("a byte order mark", format!("\u{feff}{text}")),
    ] {
        list.invalid(&format!("claims: {name}"), sign_texts(&header().to_string(), &payload));
    }
}

/// A genuine token with a length in bytes.
fn of_length(bytes: usize, base: u64) -> String {
    let length = |json: &Value| (json.to_string().len() * 4).div_ceil(3);
    for odd in 0..4 {
        let header = with(header(), "app", "x".repeat(odd).into());
        for pad in 5_000..6_200 {
            let claims = with(alice(base), "pad", "x".repeat(pad).into());
            if length(&header) + length(&claims) + 2 + 86 == bytes {
                return sign(&header, &claims);
            }
        }
    }
    panic!("no token has {bytes} bytes");
}

/// Tokens of alice with every defect of the forge, issued at `base`.
pub(crate) fn forged(base: u64) -> Vec<TokenRow> {
    let mut list = TokenList::issued_at(base);
    for (name, text, code) in forge::bad_tokens_like(&header(), &alice(base)) {
        if code == INVALID {
            list.refused(&format!("forged: {name}"), text, code);
        }
    }
    list.rows
}

/// Every token that differs from a valid one in one character.
pub(crate) fn damaged(base: u64) -> Vec<TokenRow> {
    let mut list = TokenList::issued_at(base);
    let genuine = sign(&header(), &alice(base));
    for (position, character) in genuine.char_indices() {
        for other in ["A", ""] {
            if !other.starts_with(character) {
                let (before, after) = genuine.split_at(position);
                let text = format!("{before}{other}{}", &after[1..]);
                list.invalid(&format!("{other:?} at {position}"), text);
            }
        }
    }
    list.rows
}
