//! Which variables a function reads.

const USERS: [&str; 1] = ["USERS_TABLE"];
const SECRET: [&str; 1] = ["SIGNING_KEYS_SECRET"];
/// Keys that are at hand; on AWS they come from the secret.
const KEYS_AT_HAND: [&str; 4] =
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
const PASSWORDS: [&str; 1] = ["PASSWORD_MIN_LENGTH"];
const HASHING: [&str; 2] = ["ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS"];
const SESSIONS: [&str; 2] = ["SESSION_LIFETIME", "SESSION_LIMIT"];
const REVOCATION: [&str; 1] = ["JWT_REVOCATION_CHECK"];

/// Whether our template leaves a variable at its default: keys that are at hand, and what few need
/// to change. Whoever does adds it to the functions' environment.
pub fn is_left_to_its_default(variable: &str) -> bool {
    [&KEYS_AT_HAND[..], &PUBLIC_KEY, &OTHER_PARTIES, &DETAILS_OF_PLACES, &ERRORS]
        .iter()
        .any(|group| group.contains(&variable))
}

/// The variables that a function reads; none for a function that is not ours.
pub fn variables_of(function: &str) -> Vec<&'static str> {
    let keys = || [&SECRET[..], &KEYS_AT_HAND].concat();
    let places = || [&PLACES[..], &DETAILS_OF_PLACES].concat();
    let signs = || [&USERS[..], &keys(), &ISSUER, &TOKENS, &OTHER_PARTIES, &places()].concat();
    let verifies = || [&signs()[..], &PUBLIC_KEY].concat();
    let guards = || [&verifies()[..], &REVOCATION].concat();
    let answers = match function {
        "account" => [&verifies()[..], &PASSWORDS, &HASHING].concat(),
        "authorizer" => return guards(),
        "discovery" => [&keys()[..], &PUBLIC_KEY, &ISSUER].concat(),
        "login" => [&signs()[..], &SESSIONS, &HASHING].concat(),
        "logout" => verifies(),
        "protected" => guards(),
        "refresh" => [&signs()[..], &SESSIONS, &["REFRESH_GRACE"]].concat(),
        "signup" => [&USERS[..], &PASSWORDS, &HASHING].concat(),
        "workitems" => [&guards()[..], &["WORK_ITEMS_TABLE"]].concat(),
        _ => return Vec::new(),
    };
    [&answers[..], &ERRORS].concat()
}
