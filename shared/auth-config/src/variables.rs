//! Which variables a function reads.

/// Variables that our template leaves at their defaults: keys that are at hand, because on AWS they
/// come from a secret, and what few need to change. Whoever does adds them to a function's
/// environment.
pub const NOT_IN_THE_TEMPLATE: [&str; 29] = [
    "SIGNING_KEYS",
    "JWT_SECRET_KEY",
    "JWT_PRIVATE_KEY",
    "JWT_PUBLIC_KEY",
    "JWT_ALGORITHM",
    "JWT_DECODE_ISSUER",
    "JWT_DECODE_AUDIENCE",
    "JWT_ERROR_MESSAGE_KEY",
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

/// The variables that a function reads; none for a function that is not ours.
pub fn variables_of(function: &str) -> Vec<&'static str> {
    const USERS: [&str; 1] = ["USERS_TABLE"];
    const SIGNING_KEYS: [&str; 5] = [
        "SIGNING_KEYS_SECRET",
        "SIGNING_KEYS",
        "JWT_SECRET_KEY",
        "JWT_PRIVATE_KEY",
        "JWT_ALGORITHM",
    ];
    const PUBLIC_KEY: [&str; 1] = ["JWT_PUBLIC_KEY"];
    const ISSUER: [&str; 1] = ["JWT_ISSUER"];
    const TOKENS: [&str; 6] = [
        "JWT_AUDIENCE",
        "JWT_DECODE_ISSUER",
        "JWT_DECODE_AUDIENCE",
        "JWT_ACCESS_TOKEN_EXPIRES",
        "JWT_REFRESH_TOKEN_EXPIRES",
        "JWT_DECODE_LEEWAY",
    ];
    const PLACES: [&str; 23] = [
        "JWT_TOKEN_LOCATION",
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
        "ALLOWED_ORIGINS",
    ];
    const ERRORS: [&str; 1] = ["JWT_ERROR_MESSAGE_KEY"];
    const PASSWORDS: [&str; 1] = ["PASSWORD_MIN_LENGTH"];
    const HASHING: [&str; 2] = ["ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS"];
    const SESSIONS: [&str; 2] = ["SESSION_LIFETIME", "SESSION_LIMIT"];
    const REVOCATION: [&str; 1] = ["JWT_REVOCATION_CHECK"];

    let signs = || [&USERS[..], &SIGNING_KEYS, &ISSUER, &TOKENS, &PLACES].concat();
    let verifies = || [signs(), PUBLIC_KEY.to_vec()].concat();
    let guards = || [verifies(), REVOCATION.to_vec()].concat();
    let answers = match function {
        "account" => [&verifies()[..], &PASSWORDS, &HASHING].concat(),
        "authorizer" => return guards(),
        "discovery" => [&SIGNING_KEYS[..], &PUBLIC_KEY, &ISSUER].concat(),
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
