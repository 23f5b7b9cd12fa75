//! Properties of all texts, grants and changes of a token.

use std::time::Duration;

use latchkey_token::{
    AccessClaims, AdditionalClaims, AdditionalError, Algorithm, Generation, Grant, KeySet,
    PresentedToken, SigningKey, Subject, Timestamp, TokenError, TokenId, Verifier,
};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use crate::{
    fixtures::{
        ISSUER, NOW, access, access_at, alice, base64url, grant, header, issuer, issuer_of, part,
        session, sign_texts, token_profile, user, verifier,
    },
    strategies::{json, mutated, mutated_tokens, scalars, timestamps, token_inputs},
};

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

/// Verifies a text as an access token, as a refresh token, and for its session.
fn verify_all(verifier: Verifier<'_>, text: &str, now: Timestamp) -> [Result<(), TokenError>; 3] {
    let token = PresentedToken::parse(text);
    [
        token.and_then(|token| verifier.access(token, now).map(|_| ())),
        token.and_then(|token| verifier.refresh(token, now).map(|_| ())),
        token.and_then(|token| verifier.session(token, now).map(|_| ())),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_the_verifier_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        now in timestamps(),
    ) {
        let results = verify_all(verifier(), &String::from_utf8_lossy(&bytes), now);
        prop_assert!(results.iter().all(Result::is_err));
    }

    #[test]
    fn no_text_like_a_token_makes_the_verifier_panic(
        text in r"[A-Za-z0-9_=-]{0,60}(\.[A-Za-z0-9_-]{0,120}){1,4}[.=]?",
        now in timestamps(),
    ) {
        prop_assert!(verify_all(verifier(), &text, now).iter().all(Result::is_err));
    }

    #[test]
    fn no_unsigned_json_makes_the_verifier_panic(
        (header, payload) in mutated_tokens(),
        signature in prop::collection::vec(any::<u8>(), 1..80),
        now in timestamps(),
    ) {
        let (header, payload) = (Value::Object(header), Value::Object(payload));
        let [header, payload] = [header, payload].map(|part| base64url(part.to_string()));
        let text = format!("{header}.{payload}.{}", base64url(signature));
        prop_assert!(verify_all(verifier(), &text, now).iter().all(Result::is_err));
    }

    #[test]
    fn no_signed_json_makes_the_verifier_panic(
        header in prop_oneof![json(), mutated(&header()).prop_map(Value::Object)],
        payload in json(),
        now in timestamps(),
    ) {
        let text = sign_texts(&header.to_string(), &payload.to_string());
        prop_assert!(verify_all(verifier(), &text, now).iter().all(Result::is_err));
    }

    #[test]
    fn no_signed_claims_are_valid_for_both_types(
        (header, claims) in mutated_tokens(),
        now in timestamps(),
    ) {
        let texts = [header, claims].map(|members| Value::Object(members).to_string());
        let [access, refresh, session] = verify_all(verifier(), &sign_texts(&texts[0], &texts[1]), now);
        prop_assert!(access.is_err() || refresh.is_err());
        // A refresh token without its generation still names a session.
        prop_assert!(session.is_ok() || (access.is_err() && refresh.is_err()));
    }
}

proptest! {
    #[test]
    fn the_claims_of_an_access_token_round_trip(input in token_inputs()) {
        let (user, session) = (user(), session());
        let issued =
            issuer().access_token(&input.grant(&user, &session), input.fresh, input.now).unwrap();
        let read = access_at(issued.text.expose_secret(), input.now).unwrap();
        prop_assert_eq!(&read, &AccessClaims {
            subject: Subject::User { id: user.clone(), username: input.username.clone() },
            session: Some(session.clone()),
            token: read.token.clone(),
            auth_time: input.auth_time(),
            expires_at: input.ends_after(token_profile().access_lifetime),
            fresh: input.fresh,
            roles: input.roles.clone(),
            csrf: issued.csrf.clone(),
            claims: input.additional.clone(),
        });
        prop_assert_eq!(issued.csrf.is_some(), input.for_cookies);
        prop_assert_eq!(issued.expires_at, read.expires_at);

        let grant = Grant {
            user: &user,
            username: &input.username,
            session: &session,
            session_expires_at: read.expires_at,
            roles: &read.roles,
            auth_time: read.auth_time,
            claims: Some(&read.claims),
            for_cookies: read.csrf.is_some(),
        };
        let again = issuer().access_token(&grant, read.fresh, input.now).unwrap();
        let reread = access_at(again.text.expose_secret(), input.now).unwrap();
        prop_assert_ne!(&reread.token, &read.token);
        let unique = AccessClaims { token: read.token.clone(), csrf: read.csrf.clone(), ..reread };
        prop_assert_eq!(unique, read);
    }

    #[test]
    fn the_claims_of_a_refresh_token_round_trip(
        input in token_inputs(),
        number in any::<u64>(),
    ) {
        let (user, session) = (user(), session());
        let token = TokenId::generate().unwrap();
        let generation = Generation { number, token, began_at: input.now };
        let issued = issuer().refresh_token(&input.grant(&user, &session), &generation).unwrap();
        let read = |text: &str| {
            verifier().refresh(PresentedToken::parse(text).unwrap(), input.now).unwrap()
        };
        let claims = read(issued.text.expose_secret());
        let subject = Subject::User { id: user.clone(), username: input.username.clone() };
        prop_assert_eq!((&claims.subject, &claims.session), (&subject, &Some(session.clone())));
        prop_assert_eq!(claims.generation, number);
        prop_assert_eq!(&claims.token, &Some(generation.token.clone()));
        prop_assert_eq!(claims.auth_time, input.auth_time());
        prop_assert_eq!(claims.expires_at, input.ends_after(token_profile().refresh_lifetime));
        prop_assert_eq!(&claims.csrf, &issued.csrf);

        let of_read = Generation {
            number: claims.generation,
            token: claims.token.clone().unwrap(),
            began_at: input.now,
        };
        let again = issuer().refresh_token(&input.grant(&user, &session), &of_read).unwrap();
        prop_assert_eq!(read(again.text.expose_secret()), claims);
    }

    #[test]
    fn a_reserved_claim_or_header_cannot_be_set(
        members in prop::collection::btree_map("[a-z]{1,6}", json(), 0..3),
        value in json(),
    ) {
        let with = |name: &str| {
            let own = [(name.to_owned(), value.clone())];
            members.clone().into_iter().chain(own).collect::<Map<_, _>>()
        };
        for name in RESERVED {
            let refused = AdditionalClaims::new(with(name));
            let is_reserved = matches!(refused, Err(AdditionalError::Reserved(_)));
            prop_assert!(is_reserved, "{}: {:?}", name, refused);
        }
        for name in RESERVED_HEADERS {
            let refused = issuer().with_headers(&with(name)).map(|_| ());
            let is_reserved = matches!(refused, Err(AdditionalError::Reserved(_)));
            prop_assert!(is_reserved, "{}: {:?}", name, refused);
        }
    }

    #[test]
    fn names_similar_to_reserved_claims_override_nothing(
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
            session_expires_at: NOW + Duration::from_mins(1),
            roles: &roles,
            claims: Some(&additional),
            ..grant(&user, &session)
        };
        let issued = issuer().access_token(&grant, true, NOW).unwrap();
        let read = access(issued.text.expose_secret()).unwrap();
        prop_assert_eq!((read.subject, read.session), (alice(), Some(session)));
        prop_assert_eq!((read.fresh, &read.roles[..]), (true, &roles[..]));
        prop_assert_eq!((read.expires_at, read.csrf), (NOW + Duration::from_mins(1), None));
        prop_assert_eq!(read.claims, additional);

        let payload = part(issued.text.expose_secret(), 1);
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
fn a_token_with_a_flipped_bit_is_refused_for_every_algorithm() {
    let (user, session, no_claims) = (user(), session(), AdditionalClaims::default());
    let grant = Grant { claims: Some(&no_claims), ..grant(&user, &session) };
    for algorithm in KINDS {
        let keys = KeySet::parse(&SigningKey::generate_jwk_set(algorithm).unwrap()).unwrap();
        let profile = token_profile();
        let verifier = Verifier::new(&keys, &profile);
        let token = issuer_of(&keys).access_token(&grant, true, NOW).unwrap();
        let token = token.text.expose_secret();
        // The verifier caches this token.
        let [access, refresh, session] = verify_all(verifier, token, NOW);
        assert!(access.is_ok() && refresh.is_err() && session.is_ok());

        let mut flips = 0;
        for bit in 0..token.len() * 8 {
            let mut bytes = token.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // The verifier gets only UTF-8 texts.
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            flips += 1;
            let results = verify_all(verifier, &changed, NOW);
            assert!(results.iter().all(Result::is_err), "{algorithm:?}: bit {bit} of {token}");
        }
        assert_eq!(flips, token.len() * 7, "all but the highest bit of each byte");
        assert!(verify_all(verifier, token, NOW)[0].is_ok());
    }
}
