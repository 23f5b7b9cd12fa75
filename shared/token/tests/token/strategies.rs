//! Strategies of the property tests.

use std::time::Duration;

use latchkey_token::{AdditionalClaims, Grant, SessionId, Timestamp, UserId};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::fixtures::{NOW, claims, header, refresh_claims, refresh_header};

pub(crate) fn timestamps() -> impl Strategy<Value = Timestamp> {
    let seconds = prop_oneof![
        4 => Just(NOW.unix()),
        2 => (NOW.unix() - 1_000)..(NOW.unix() + 1_000),
        1 => any::<u64>(),
    ];
    seconds.prop_map(Timestamp::from_unix)
}

/// Any JSON. Fractions are eighths, which decimals represent exactly.
pub(crate) fn json() -> impl Strategy<Value = Value> {
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
pub(crate) fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z]{0,8}".prop_map(Value::from),
    ]
}

/// The members of a valid object, each unchanged, removed or replaced, and additional ones.
pub(crate) fn mutated(valid: &Value) -> impl Strategy<Value = Map<String, Value>> + use<> {
    let members = valid.as_object().unwrap().clone();
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
        let present = names.iter().cloned().zip(values);
        let present = present.filter_map(|(name, value)| Some((name, value?)));
        present.chain(more).collect::<Map<_, _>>()
    })
}

/// A header and claims that are mutated from those of a valid token.
pub(crate) fn mutated_tokens() -> impl Strategy<Value = (Map<String, Value>, Map<String, Value>)> {
    let refresh = refresh_claims(3);
    prop_oneof![
        (mutated(&header()), mutated(&claims())),
        (mutated(&refresh_header()), mutated(&refresh)),
        (mutated(&header()), mutated(&refresh)),
    ]
}

/// The input of a token, without its identifiers.
#[derive(Clone, Debug)]
pub(crate) struct TokenInput {
    pub(crate) username: String,
    pub(crate) roles: Vec<String>,
    pub(crate) additional: AdditionalClaims,
    pub(crate) now: Timestamp,
    since_password: Duration,
    session_left: Duration,
    pub(crate) fresh: bool,
    pub(crate) for_cookies: bool,
}

impl TokenInput {
    pub(crate) fn grant<'a>(&'a self, user: &'a UserId, session: &'a SessionId) -> Grant<'a> {
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

    pub(crate) fn auth_time(&self) -> Timestamp {
        Timestamp::from_unix(self.now.unix() - self.since_password.as_secs())
    }

    pub(crate) fn ends_after(&self, lifetime: Duration) -> Timestamp {
        self.now + lifetime.min(self.session_left)
    }
}

fn additional() -> impl Strategy<Value = AdditionalClaims> {
    let names = "[a-zA-Z_]{1,12}|.{0,8}|https://example\\.com/[a-z]{1,8}";
    prop::collection::btree_map(names, json(), 0..5)
        .prop_filter_map("reserved or too large", |members| {
            AdditionalClaims::new(members.into_iter().collect()).ok()
        })
}

pub(crate) fn token_inputs() -> impl Strategy<Value = TokenInput> {
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
        TokenInput {
            username,
            roles,
            additional,
            now,
            since_password,
            session_left,
            fresh,
            for_cookies,
        }
    })
}
