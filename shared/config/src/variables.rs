//! Which variables a function reads.

const USERS: [&str; 1] = ["USERS_TABLE"];
const SECRET: [&str; 1] = ["SIGNING_KEYS_SECRET"];
const TABLE: [&str; 1] = ["KEYS_TABLE"];
const MAX_AGE: [&str; 1] = ["KEYS_MAX_AGE"];
const FLASK: [&str; 2] = ["FLASK_KEYS_SECRET", "LEGACY_TABLE"];
const KMS_KEY: [&str; 1] = ["KMS_KEY_ARN"];
/// Static keys, in place of the key ring.
const STATIC_KEYS: [&str; 4] =
    ["SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY", "JWT_ALGORITHM"];
const PUBLIC_KEY: [&str; 1] = ["JWT_PUBLIC_KEY"];
const ISSUER: [&str; 1] = ["JWT_ISSUER"];
const TOKENS: [&str; 4] =
    ["JWT_AUDIENCE", "JWT_ACCESS_TOKEN_EXPIRES", "JWT_REFRESH_TOKEN_EXPIRES", "JWT_DECODE_LEEWAY"];
const OTHER_PARTIES: [&str; 2] = ["JWT_DECODE_ISSUER", "JWT_DECODE_AUDIENCE"];
const PLACES: [&str; 2] = ["JWT_TOKEN_LOCATION", "ALLOWED_ORIGINS"];
/// What a place is like in detail.
const DETAILS_OF_PLACES: [&str; 21] = [
    "JWT_HEADER_NAME",
    "JWT_HEADER_TYPE",
    "JWT_QUERY_STRING_NAME",
    "JWT_QUERY_STRING_VALUE_PREFIX",
    "JWT_JSON_KEY",
    "JWT_REFRESH_JSON_KEY",
    "JWT_ACCESS_COOKIE_NAME",
    "JWT_ACCESS_COOKIE_PATH",
    "JWT_ACCESS_CSRF_COOKIE_NAME",
    "JWT_ACCESS_CSRF_COOKIE_PATH",
    "JWT_ACCESS_CSRF_HEADER_NAME",
    "JWT_REFRESH_COOKIE_NAME",
    "JWT_REFRESH_COOKIE_PATH",
    "JWT_REFRESH_CSRF_COOKIE_NAME",
    "JWT_REFRESH_CSRF_COOKIE_PATH",
    "JWT_REFRESH_CSRF_HEADER_NAME",
    "JWT_COOKIE_DOMAIN",
    "JWT_COOKIE_SECURE",
    "JWT_COOKIE_SAMESITE",
    "JWT_SESSION_COOKIE",
    "JWT_CSRF_IN_COOKIES",
];
const ERRORS: [&str; 1] = ["JWT_ERROR_MESSAGE_KEY"];
const BASE_PATH: [&str; 1] = ["BASE_PATH"];
const PASSWORDS: [&str; 1] = ["PASSWORD_MIN_LENGTH"];
const HASHING: [&str; 2] = ["ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS"];
const FLASK_JWT: [&str; 1] = ["FLASK_JWT_LOGIN"];
const SESSIONS: [&str; 2] = ["SESSION_LIFETIME", "SESSION_LIMIT"];
const REVOCATION: [&str; 1] = ["JWT_REVOCATION_CHECK"];
const RING_ALGORITHM: [&str; 1] = ["SIGNING_ALGORITHM"];
/// When the ring's keys change.
const ROTATION: [&str; 4] = [
    "KEY_ROTATION_DAYS",
    "JWT_ACCESS_TOKEN_EXPIRES",
    "JWT_REFRESH_TOKEN_EXPIRES",
    "JWT_DECODE_LEEWAY",
];

/// Whether our template leaves a variable at its default: static keys, and what few need to change.
/// An operator who needs it adds it to the function's environment.
pub fn is_left_to_its_default(variable: &str) -> bool {
    let groups =
        [&SECRET[..], &STATIC_KEYS, &PUBLIC_KEY, &OTHER_PARTIES, &DETAILS_OF_PLACES, &ERRORS];
    groups.into_iter().any(|group| group.contains(&variable))
}

/// The variables that a function reads; none for a function that is not ours.
pub fn variables_of(function: &str) -> Vec<&'static str> {
    let private = || [&SECRET[..], &STATIC_KEYS, &TABLE, &MAX_AGE].concat();
    let public = || [&private()[..], &PUBLIC_KEY].concat();
    let places = || [&PLACES[..], &DETAILS_OF_PLACES].concat();
    let tokens = || [&USERS[..], &ISSUER, &TOKENS, &OTHER_PARTIES, &places()].concat();
    let signs = || [&private()[..], &KMS_KEY, &tokens()].concat();
    let verifies = || [&public()[..], &tokens()].concat();
    let guards = || [&verifies()[..], &FLASK, &REVOCATION].concat();
    let answers = match function {
        "account" => [&verifies()[..], &FLASK, &HASHING].concat(),
        "admin" => {
            return [&TABLE[..], &KMS_KEY, &MAX_AGE, &RING_ALGORITHM, &ROTATION].concat();
        }
        "authorizer" => return [&guards()[..], &ERRORS].concat(),
        "discovery" => [&public()[..], &ISSUER].concat(),
        "login" => [&signs()[..], &RING_ALGORITHM, &SESSIONS, &HASHING, &FLASK_JWT].concat(),
        "logout" => verifies(),
        "password" => [&signs()[..], &FLASK, &SESSIONS, &PASSWORDS, &HASHING].concat(),
        "protected" => guards(),
        "refresh" => [&signs()[..], &FLASK, &SESSIONS, &["REFRESH_GRACE"]].concat(),
        "signup" => [&USERS[..], &ISSUER, &PASSWORDS, &HASHING].concat(),
        "workitems" => [&guards()[..], &["WORK_ITEMS_TABLE"]].concat(),
        _ => return Vec::new(),
    };
    [&answers[..], &ERRORS, &BASE_PATH].concat()
}
