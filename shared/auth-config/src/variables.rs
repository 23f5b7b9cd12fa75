//! Which variables a function reads.

/// Variables that a template of ours does not set, because on AWS keys come from a secret.
pub const ON_A_LAPTOP: [&str; 3] = ["SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_ALGORITHM"];

/// The variables that a function reads; none for a function that is not ours.
pub fn variables_of(function: &str) -> Vec<&'static str> {
    const USERS: [&str; 1] = ["USERS_TABLE"];
    const KEYS: [&str; 4] =
        ["SIGNING_KEYS_SECRET", "SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_ALGORITHM"];
    const ISSUER: [&str; 1] = ["JWT_ISSUER"];
    const TOKENS: [&str; 4] = [
        "JWT_AUDIENCE",
        "JWT_ACCESS_TOKEN_EXPIRES",
        "JWT_REFRESH_TOKEN_EXPIRES",
        "JWT_DECODE_LEEWAY",
    ];
    const PASSWORDS: [&str; 1] = ["PASSWORD_MIN_LENGTH"];
    const HASHING: [&str; 2] = ["ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS"];
    let tokens = || [&USERS[..], &KEYS, &ISSUER, &TOKENS].concat();
    let guard = || [tokens(), vec!["JWT_REVOCATION_CHECK"]].concat();
    match function {
        "account" => [&tokens()[..], &PASSWORDS, &HASHING].concat(),
        "authorizer" | "protected" => guard(),
        "discovery" => [&KEYS[..], &ISSUER].concat(),
        "login" => [&tokens()[..], &["SESSION_LIFETIME", "SESSION_LIMIT"], &HASHING].concat(),
        "logout" => tokens(),
        "refresh" => [&tokens()[..], &["SESSION_LIFETIME", "REFRESH_GRACE"]].concat(),
        "signup" => [&USERS[..], &PASSWORDS, &HASHING].concat(),
        "workitems" => [guard(), vec!["WORK_ITEMS_TABLE"]].concat(),
        _ => Vec::new(),
    }
}
