//! What holds for every text, every grant and every change of a token.
//! Longer than the rest because what generates tokens serves all of it.
#![cfg(test)]

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_testkit::{
    fixtures::{ISSUER, NOW, issuer, token_profile, verifier},
    forge::{base64url, claims, header, refresh_claims_for, refresh_header, sign_texts},
};
use latchkey_token::{
    AccessClaims, AdditionalClaims, AdditionalError, Algorithm, Generation, Grant, Issuer, KeySet,
    PresentedToken, SessionId, SigningKey, Timestamp, TokenError, TokenId, UserId, Verifier,
};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

/// The claims that an application cannot set.
const RESERVED: [&str; 15] = [
    "iss",
    "aud",
    "sub",
    "username",
    "sid",
    "gen",
    "jti",
    "iat",
    "nbf",
    "exp",
    "auth_time",
    "type",
    "fresh",
    "roles",
    "csrf",
];

/// The headers that an application cannot set.
const RESERVED_HEADERS: [&str; 14] = [
    "alg", "kid", "typ", "crit", "cty", "b64", "zip", "enc", "jku", "jwk", "x5c", "x5t",
    "x5t#S256", "x5u",
];

/// Asks for everything that can be asked of a text: whatever the answers are, there are some.
fn ask(verifier: &Verifier, text: &str, now: Timestamp) -> [Result<(), TokenError>; 3] {
    let token = PresentedToken::parse(text);
    [
        token.and_then(|token| verifier.access(token, now).map(|_| ())),
        token.and_then(|token| verifier.refresh(token, now).map(|_| ())),
        token.and_then(|token| verifier.session(token, now).map(|_| ())),
    ]
}

fn moments() -> impl Strategy<Value = Timestamp> {
    let seconds = prop_oneof![
        4 => Just(NOW.unix()),
        2 => (NOW.unix() - 1_000)..(NOW.unix() + 1_000),
        1 => any::<u64>(),
    ];
    seconds.prop_map(Timestamp::from_unix)
}

/// Any JSON. Numbers with a fraction are eighths, which decimals write exactly.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,4}|.{0,3}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A flag, a number or a word.
fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z]{0,8}".prop_map(Value::from),
    ]
}

/// Members of a genuine object, each kept, left out or replaced, and some more.
fn nearly(genuine: &Value) -> impl Strategy<Value = Map<String, Value>> + use<> {
    let members = genuine.as_object().unwrap().clone();
    let values: Vec<_> = members
        .values()
        .map(|value| {
            prop_oneof![
                9 => Just(Some(value.clone())),
                1 => Just(None::<Value>),
                1 => json().prop_map(Some),
            ]
        })
        .collect();
    let names: Vec<_> = members.into_iter().map(|(name, _)| name).collect();
    let more = prop::collection::btree_map("[a-z]{1,8}|x5t#S256|crit|csrf|gen", json(), 0..3);
    (values, more).prop_map(move |(values, more)| {
        let kept = names.iter().cloned().zip(values);
        let kept = kept.filter_map(|(name, value)| Some((name, value?)));
        kept.chain(more).collect::<Map<_, _>>()
    })
}

/// A header and claims, nearly those of an access or of a refresh token.
fn near_tokens() -> impl Strategy<Value = (Map<String, Value>, Map<String, Value>)> {
    let (user, session) = (user(), session());
    let refresh = refresh_claims_for(&user, &session, 3);
    prop_oneof![
        (nearly(&header()), nearly(&claims())),
        (nearly(&refresh_header()), nearly(&refresh)),
        (nearly(&header()), nearly(&refresh)),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_the_verifier_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        now in moments(),
    ) {
        let answers = ask(&verifier(), &String::from_utf8_lossy(&bytes), now);
        prop_assert!(answers.iter().all(Result::is_err));
    }

    #[test]
    fn no_text_of_a_tokens_shape_makes_the_verifier_panic(
        text in r"[A-Za-z0-9_=-]{0,60}(\.[A-Za-z0-9_-]{0,120}){1,4}[.=]?",
        now in moments(),
    ) {
        prop_assert!(ask(&verifier(), &text, now).iter().all(Result::is_err));
    }

    #[test]
    fn no_unsigned_json_makes_the_verifier_panic(
        (header, payload) in near_tokens(),
        signature in prop::collection::vec(any::<u8>(), 1..80),
        now in moments(),
    ) {
        let (header, payload) = (Value::Object(header), Value::Object(payload));
        let [header, payload] = [header, payload].map(|part| base64url(part.to_string()));
        let text = format!("{header}.{payload}.{}", base64url(signature));
        prop_assert!(ask(&verifier(), &text, now).iter().all(Result::is_err));
    }

    #[test]
    fn no_json_that_is_signed_with_the_right_key_makes_the_verifier_panic(
        header in prop_oneof![json(), nearly(&header()).prop_map(Value::Object)],
        payload in json(),
        now in moments(),
    ) {
        let text = sign_texts(&header.to_string(), &payload.to_string());
        prop_assert!(ask(&verifier(), &text, now).iter().all(Result::is_err));
    }

    #[test]
    fn no_claims_that_are_signed_with_the_right_key_are_of_both_types(
        (header, claims) in near_tokens(),
        now in moments(),
    ) {
        let texts = [header, claims].map(|members| Value::Object(members).to_string());
        let [access, refresh, session] = ask(&verifier(), &sign_texts(&texts[0], &texts[1]), now);
        prop_assert!(access.is_err() || refresh.is_err());
        // A refresh token without its generation still names a session.
        prop_assert!(session.is_ok() || (access.is_err() && refresh.is_err()));
    }
}

fn user() -> UserId {
    UserId::parse("user-1").unwrap()
}

fn session() -> SessionId {
    SessionId::parse("session-1").unwrap()
}

/// What a token is made from, but for its identifiers.
#[derive(Clone, Debug)]
struct Given {
    username: String,
    roles: Vec<String>,
    additional: AdditionalClaims,
    now: Timestamp,
    since_password: Duration,
    session_left: Duration,
    fresh: bool,
    for_cookies: bool,
}

impl Given {
    fn grant<'a>(&'a self, user: &'a UserId, session: &'a SessionId) -> Grant<'a> {
        Grant {
            user,
            username: &self.username,
            session,
            session_expires_at: self.now + self.session_left,
            roles: &self.roles,
            auth_time: self.auth_time(),
            claims: Some(&self.additional),
            for_cookies: self.for_cookies,
        }
    }

    fn auth_time(&self) -> Timestamp {
        Timestamp::from_unix(self.now.unix() - self.since_password.as_secs())
    }

    fn ends_after(&self, lifetime: Duration) -> Timestamp {
        self.now + lifetime.min(self.session_left)
    }
}

fn additional() -> impl Strategy<Value = AdditionalClaims> {
    let names = "[a-zA-Z_]{1,12}|.{0,8}|https://example\\.com/[a-z]{1,8}";
    prop::collection::btree_map(names, json(), 0..5)
        .prop_filter_map("reserved, or too much", |members| {
            AdditionalClaims::new(members.into_iter().collect()).ok()
        })
}

fn given() -> impl Strategy<Value = Given> {
    let texts = (
        prop_oneof!["[a-z]{1,12}", ".{0,128}"],
        prop::collection::vec(prop_oneof!["[a-z]{1,8}", ".{0,12}"], 0..4),
        additional(),
    );
    let times = (
        400_000_000..40_000_000_000_u64,
        (0..400_000_000_u64).prop_map(Duration::from_secs),
        prop_oneof![1..900_u64, 1..9_000_000_u64].prop_map(Duration::from_secs),
    );
    (texts, times, any::<[bool; 2]>()).prop_map(|(texts, times, [fresh, for_cookies])| {
        let (username, roles, additional) = texts;
        let (now, since_password, session_left) = times;
        let now = Timestamp::from_unix(now);
        Given { username, roles, additional, now, since_password, session_left, fresh, for_cookies }
    })
}

fn read_access(text: &str, now: Timestamp) -> AccessClaims {
    verifier().access(PresentedToken::parse(text).unwrap(), now).unwrap()
}

proptest! {
    #[test]
    fn an_access_token_is_read_as_it_was_issued_and_issued_again_as_it_was_read(given in given()) {
        let (user, session) = (user(), session());
        let issued =
            issuer().access_token(&given.grant(&user, &session), given.fresh, given.now).unwrap();
        let read = read_access(issued.text.expose_secret(), given.now);
        prop_assert_eq!(&read, &AccessClaims {
            user,
            username: given.username.clone(),
            session,
            token: read.token.clone(),
            auth_time: given.auth_time(),
            expires_at: given.ends_after(token_profile().access_lifetime),
            fresh: given.fresh,
            roles: given.roles.clone(),
            csrf: issued.csrf.clone(),
            claims: given.additional.clone(),
        });
        prop_assert_eq!(issued.csrf.is_some(), given.for_cookies);
        prop_assert_eq!(issued.expires_at, read.expires_at);

        let grant = Grant {
            user: &read.user,
            username: &read.username,
            session: &read.session,
            session_expires_at: read.expires_at,
            roles: &read.roles,
            auth_time: read.auth_time,
            claims: Some(&read.claims),
            for_cookies: read.csrf.is_some(),
        };
        let again = issuer().access_token(&grant, read.fresh, given.now).unwrap();
        let reread = read_access(again.text.expose_secret(), given.now);
        // Two tokens are never one.
        prop_assert_ne!(&reread.token, &read.token);
        let unique = AccessClaims { token: read.token.clone(), csrf: read.csrf.clone(), ..reread };
        prop_assert_eq!(unique, read);
    }

    #[test]
    fn a_refresh_token_is_read_as_it_was_issued_and_issued_again_as_it_was_read(
        given in given(),
        number in any::<u64>(),
    ) {
        let (user, session) = (user(), session());
        let token = TokenId::generate().unwrap();
        let generation = Generation { number, token, began_at: given.now };
        let issued = issuer().refresh_token(&given.grant(&user, &session), &generation).unwrap();
        let read = |text: &str| {
            verifier().refresh(PresentedToken::parse(text).unwrap(), given.now).unwrap()
        };
        let claims = read(issued.text.expose_secret());
        prop_assert_eq!((&claims.user, &claims.session), (&user, &session));
        prop_assert_eq!(&claims.username, &given.username);
        prop_assert_eq!((claims.generation, &claims.token), (number, &generation.token));
        prop_assert_eq!(claims.auth_time, given.auth_time());
        prop_assert_eq!(claims.expires_at, given.ends_after(token_profile().refresh_lifetime));
        prop_assert_eq!(&claims.csrf, &issued.csrf);

        let of_read = Generation {
            number: claims.generation,
            token: claims.token.clone(),
            began_at: given.now,
        };
        let again = issuer().refresh_token(&given.grant(&user, &session), &of_read).unwrap();
        prop_assert_eq!(read(again.text.expose_secret()), claims);
    }

    #[test]
    fn a_reserved_claim_or_header_cannot_be_set_whatever_its_value(
        members in prop::collection::btree_map("[a-z]{1,6}", json(), 0..3),
        value in json(),
    ) {
        let with = |name: &str| {
            let own = [(name.to_owned(), value.clone())];
            members.clone().into_iter().chain(own).collect::<Map<_, _>>()
        };
        for name in RESERVED {
            let refused = AdditionalClaims::new(with(name));
            let is_told = matches!(refused, Err(AdditionalError::Reserved(_)));
            prop_assert!(is_told, "{}: {:?}", name, refused);
        }
        for name in RESERVED_HEADERS {
            let refused = issuer().with_headers(with(name)).map(|_| ());
            let is_told = matches!(refused, Err(AdditionalError::Reserved(_)));
            prop_assert!(is_told, "{}: {:?}", name, refused);
        }
    }

    #[test]
    fn a_name_that_only_looks_reserved_overrides_nothing(
        values in prop::collection::vec(scalars(), RESERVED.len()),
    ) {
        let lookalikes =
            |name: &str| [name.to_uppercase(), format!(" {name}"), format!("{name}\0")];
        let members = RESERVED
            .into_iter()
            .zip(values)
            .flat_map(|(name, value)| lookalikes(name).map(|name| (name, value.clone())));
        let additional = AdditionalClaims::new(members.collect()).unwrap();
        let (user, session, roles) = (user(), session(), ["admin".to_owned()]);
        let grant = Grant {
            user: &user,
            username: "Alice",
            session: &session,
            session_expires_at: NOW + Duration::from_mins(1),
            roles: &roles,
            auth_time: NOW,
            claims: Some(&additional),
            for_cookies: false,
        };
        let issued = issuer().access_token(&grant, true, NOW).unwrap();
        let read = read_access(issued.text.expose_secret(), NOW);
        prop_assert_eq!((&read.user, &read.session, read.fresh), (&user, &session, true));
        prop_assert_eq!((read.username.as_str(), &read.roles[..]), ("Alice", &roles[..]));
        prop_assert_eq!((read.expires_at, read.csrf), (NOW + Duration::from_mins(1), None));
        prop_assert_eq!(read.claims, additional);

        let payload = issued.text.expose_secret().split('.').nth(1).unwrap();
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        prop_assert_eq!(payload["iss"].as_str(), Some(ISSUER));
        prop_assert_eq!(payload["exp"].as_u64(), Some(NOW.unix() + 60));
    }
}

/// One algorithm of each kind.
const KINDS: [Algorithm; 6] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::Hs256,
];

#[test]
fn any_one_bit_of_a_token_changed_is_refused_whatever_the_algorithm() {
    let (user, session, none) = (user(), session(), AdditionalClaims::default());
    let grant = Grant {
        user: &user,
        username: "alice",
        session: &session,
        session_expires_at: NOW + Duration::from_hours(1),
        roles: &[],
        auth_time: NOW,
        claims: Some(&none),
        for_cookies: false,
    };
    for algorithm in KINDS {
        let ring = KeySet::parse(&SigningKey::generate_jwk_set(algorithm).unwrap()).unwrap();
        let verifier = Verifier::new(ring.verifying_keys(), token_profile());
        let issuer = Issuer::new(ring.into_signing_key(), token_profile());
        let token = issuer.access_token(&grant, true, NOW).unwrap();
        let token = token.text.expose_secret();
        // The one that is remembered as genuine vouches for none of the others.
        let [access, refresh, session] = ask(&verifier, token, NOW);
        assert!(access.is_ok() && refresh.is_err() && session.is_ok());

        let mut flips = 0;
        for bit in 0..token.len() * 8 {
            let mut bytes = token.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // A header's value or a member of JSON cannot hold the others.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            flips += 1;
            let answers = ask(&verifier, &changed, NOW);
            assert!(answers.iter().all(Result::is_err), "{algorithm:?}: bit {bit} of {token}");
        }
        assert_eq!(flips, token.len() * 7, "all but the highest bit of each byte");
        assert!(ask(&verifier, token, NOW)[0].is_ok());
    }
}
