//! The settings of each function. A system test compares them with the function's `main.rs`.

use std::{cell::RefCell, collections::BTreeSet, convert::Infallible};

use crate::{
    environment::{ConfigError, Environment},
    variables::SECTIONS,
};

type Read = fn(&Environment<'_>) -> Result<(), ConfigError>;

const USERS: Read = |env| env.users_table().map(drop);
const LOG: Read = |env| env.log_level().map(drop);
const CALLS: Read = |env| env.call_timeout().map(drop);
const WORK_ITEMS: Read = |env| env.work_items_table().map(drop);
const KEYS: Read = |env| env.verifying_keys().map(drop);
const KEYS_AND_FLASK: Read = |env| env.with_flask(env.verifying_keys()?).map(drop);
const FIRST_SIGNING: Read = |env| env.signing_keys(Some(env.ring_algorithm()?)).map(drop);
const SIGNING_AND_FLASK: Read = |env| env.with_flask(env.signing_keys(None)?).map(drop);
const RING: Read = |env| env.ring().map(drop);
const KEY_POLICY: Read = |env| env.key_policy().map(drop);
const ISSUER: Read = |env| env.issuer().map(drop);
const TOKENS: Read = |env| env.tokens().map(drop);
const SESSIONS: Read = |env| env.sessions().map(drop);
const ROTATION: Read = |env| env.rotation().map(drop);
const PASSWORDS: Read = |env| env.password_min_chars().and(env.issuer()).map(drop);
const HASHING: Read = |env| env.hashing(|_, _| Ok::<_, Infallible>(()));
const LIMITS: Read = |env| env.limits_table().map(drop);
const LOGIN_LIMITS: Read = |env| env.login_limits().map(drop);
const SIGNUP: Read = |env| env.signup_limit().and(env.signup_is_open()).map(drop);
const LOCATIONS: Read = |env| env.locations().map(drop);
const FLASK_JWT: Read = |env| env.flask_jwt_login().map(drop);
const EDGE: Read = |env| env.edge().map(drop);
const GUARD: Read = |env| env.guard().map(drop);
const HTTP: Read = |env| env.http().map(drop);

/// Each function, and the groups of settings that it reads.
pub const FUNCTIONS: [(&str, &[Read]); 11] = [
    (
        "account",
        &[LOG, CALLS, USERS, KEYS_AND_FLASK, TOKENS, HASHING, LOGIN_LIMITS, LOCATIONS, HTTP],
    ),
    ("admin", &[LOG, RING, KEY_POLICY, USERS, LIMITS, WORK_ITEMS]),
    ("authorizer", &[LOG, CALLS, GUARD, EDGE]),
    ("discovery", &[LOG, CALLS, ISSUER, KEYS, HTTP]),
    (
        "login",
        &[
            LOG,
            CALLS,
            USERS,
            FIRST_SIGNING,
            TOKENS,
            SESSIONS,
            HASHING,
            LOGIN_LIMITS,
            LOCATIONS,
            FLASK_JWT,
            HTTP,
        ],
    ),
    ("logout", &[LOG, CALLS, USERS, KEYS, TOKENS, LOCATIONS, HTTP]),
    (
        "password",
        &[
            LOG,
            CALLS,
            USERS,
            SIGNING_AND_FLASK,
            TOKENS,
            SESSIONS,
            PASSWORDS,
            HASHING,
            LOGIN_LIMITS,
            LOCATIONS,
            HTTP,
        ],
    ),
    ("protected", &[LOG, CALLS, GUARD, HTTP]),
    (
        "refresh",
        &[LOG, CALLS, USERS, SIGNING_AND_FLASK, TOKENS, SESSIONS, ROTATION, LOCATIONS, HTTP],
    ),
    ("signup", &[LOG, CALLS, USERS, PASSWORDS, HASHING, SIGNUP, HTTP]),
    ("workitems", &[LOG, CALLS, WORK_ITEMS, GUARD, HTTP]),
];

/// The groups of a function; empty for a name that is not in [`FUNCTIONS`].
fn groups(function: &str) -> &'static [Read] {
    FUNCTIONS.into_iter().find(|(name, _)| *name == function).map_or(&[], |(_, groups)| groups)
}

/// Checks the settings of a function without starting it.
///
/// # Errors
/// The error that prevents the function's start.
pub fn check(function: &str, environment: &Environment<'_>) -> Result<(), ConfigError> {
    groups(function).iter().try_for_each(|read| read(environment))
}

/// The names of the variables that a function reads.
pub fn variables_of(function: &str) -> BTreeSet<&'static str> {
    let names = RefCell::new(BTreeSet::new());
    let variables = || SECTIONS.iter().flat_map(|(_, variables)| *variables);
    let required = || variables().filter(|variable| variable.default.is_none());
    let environment = Environment::new(|name| {
        names.borrow_mut().insert(name);
        required().any(|variable| variable.name == name).then(|| "x".to_owned())
    });
    // Reads all groups, because every required variable has a value.
    let _ = check(function, &environment);
    drop(environment);
    names.into_inner()
}
