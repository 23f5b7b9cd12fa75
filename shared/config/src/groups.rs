//! Settings that several functions share.

use std::time::Duration;

use latchkey_http::{GuardSettings, RevocationCheck};
use latchkey_password::{HashParams, PasswordPolicy};
use latchkey_session::{RotationPolicy, SessionLifetimes, SessionPolicy};
use latchkey_token::TokenProfile;

use crate::{
    environment::{ConfigError, Variables, list, number, optional, required},
    keys::{flask_secret, legacy_table, verifying_key_source},
    places::{error_settings, token_locations},
};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

const DEFAULT_ACCESS_SECONDS: u64 = 15 * MINUTE;
const DEFAULT_REFRESH_SECONDS: u64 = 30 * DAY;
const DEFAULT_SESSION_SECONDS: u64 = 90 * DAY;
/// No token lives for ever.
const MAX_ACCESS_SECONDS: u64 = DAY;
const MAX_SESSION_SECONDS: u64 = 400 * DAY;
/// "Usually no more than a few minutes" (RFC 7519 §4.1.4).
const MAX_LEEWAY_SECONDS: u64 = 5 * MINUTE;

const DEFAULT_SESSION_LIMIT: usize = 20;
/// An item of DynamoDB's ends at 400 KB; this many sessions take a tenth of it.
const MAX_SESSION_LIMIT: usize = 100;

const DEFAULT_GRACE_SECONDS: u64 = 30;
/// Whoever holds a stolen token is not noticed in this time.
const MAX_GRACE_SECONDS: u64 = 5 * MINUTE;

/// The gateway keeps an authorizer's decision as long at most.
const MAX_REVOCATION_DELAY_SECONDS: u64 = 60 * MINUTE;

const DEFAULT_PASSWORD_CHARS: usize = 8;
const MAX_MIN_PASSWORD_CHARS: usize = 64;

/// The users table. Read from `USERS_TABLE`.
pub(crate) fn users_table(variables: &impl Variables) -> Result<String, ConfigError> {
    required(variables, "USERS_TABLE")
}

/// Which tokens are ours. Read from `JWT_ISSUER`, `JWT_AUDIENCE` (default: the issuer),
/// `JWT_DECODE_ISSUER` and `JWT_DECODE_AUDIENCE` (lists of further ones), `JWT_ACCESS_TOKEN_EXPIRES`,
/// `JWT_REFRESH_TOKEN_EXPIRES` and `JWT_DECODE_LEEWAY` (seconds).
pub(crate) fn token_profile(variables: &impl Variables) -> Result<TokenProfile, ConfigError> {
    let issuer = issuer(variables)?;
    let audience = optional(variables, "JWT_AUDIENCE").unwrap_or_else(|| issuer.clone());
    let profile = TokenProfile {
        issuer,
        audience,
        other_issuers: list(variables, "JWT_DECODE_ISSUER"),
        other_audiences: list(variables, "JWT_DECODE_AUDIENCE"),
        access_lifetime: access_lifetime(variables)?,
        refresh_lifetime: refresh_lifetime(variables)?,
        leeway: leeway(variables)?,
    };
    let is_reserved = |audience: &String| profile.reserves(audience);
    let variable = match () {
        () if is_reserved(&profile.audience) => "JWT_AUDIENCE",
        () if profile.other_audiences.iter().any(is_reserved) => "JWT_DECODE_AUDIENCE",
        () => return Ok(profile),
    };
    let reason = "must not be an issuer followed by #, which marks tokens of other kinds";
    Err(ConfigError::Invalid { variable, reason: reason.to_owned() })
}

/// How long after it was signed a token may be taken: the longest lifetime, and the leeway.
pub(crate) fn token_lifetime(variables: &impl Variables) -> Result<Duration, ConfigError> {
    let longest = access_lifetime(variables)?.max(refresh_lifetime(variables)?);
    Ok(longest + leeway(variables)?)
}

fn access_lifetime(variables: &impl Variables) -> Result<Duration, ConfigError> {
    let bounds = 1..=MAX_ACCESS_SECONDS;
    number(variables, "JWT_ACCESS_TOKEN_EXPIRES", DEFAULT_ACCESS_SECONDS, bounds)
        .map(Duration::from_secs)
}

fn leeway(variables: &impl Variables) -> Result<Duration, ConfigError> {
    number(variables, "JWT_DECODE_LEEWAY", 0, 0..=MAX_LEEWAY_SECONDS).map(Duration::from_secs)
}

/// The `iss` claim. Read from `JWT_ISSUER`.
pub(crate) fn issuer(variables: &impl Variables) -> Result<String, ConfigError> {
    required(variables, "JWT_ISSUER")
}

fn refresh_lifetime(variables: &impl Variables) -> Result<Duration, ConfigError> {
    let bounds = 1..=MAX_SESSION_SECONDS;
    number(variables, "JWT_REFRESH_TOKEN_EXPIRES", DEFAULT_REFRESH_SECONDS, bounds)
        .map(Duration::from_secs)
}

/// How long sessions live and how many. Read from `JWT_REFRESH_TOKEN_EXPIRES` and
/// `SESSION_LIFETIME` (seconds), and `SESSION_LIMIT`.
pub(crate) fn session_policy(variables: &impl Variables) -> Result<SessionPolicy, ConfigError> {
    Ok(SessionPolicy {
        lifetimes: session_lifetimes(variables)?,
        limit: number(variables, "SESSION_LIMIT", DEFAULT_SESSION_LIMIT, 1..=MAX_SESSION_LIMIT)?,
    })
}

/// What refresh tokens are worth. Read from `JWT_REFRESH_TOKEN_EXPIRES`, `SESSION_LIFETIME` and
/// `REFRESH_GRACE` (seconds).
pub(crate) fn rotation_policy(variables: &impl Variables) -> Result<RotationPolicy, ConfigError> {
    let grace = number(variables, "REFRESH_GRACE", DEFAULT_GRACE_SECONDS, 0..=MAX_GRACE_SECONDS)?;
    Ok(RotationPolicy {
        lifetimes: session_lifetimes(variables)?,
        grace: Duration::from_secs(grace),
    })
}

fn session_lifetimes(variables: &impl Variables) -> Result<SessionLifetimes, ConfigError> {
    let bounds = 1..=MAX_SESSION_SECONDS;
    let absolute = number(variables, "SESSION_LIFETIME", DEFAULT_SESSION_SECONDS, bounds)?;
    Ok(SessionLifetimes {
        idle: refresh_lifetime(variables)?,
        absolute: Duration::from_secs(absolute),
    })
}

/// What new passwords have to be. Read from `PASSWORD_MIN_LENGTH` (characters) and `JWT_ISSUER`,
/// whose host no password may be.
pub(crate) fn password_policy(variables: &impl Variables) -> Result<PasswordPolicy, ConfigError> {
    let bounds = DEFAULT_PASSWORD_CHARS..=MAX_MIN_PASSWORD_CHARS;
    let min_chars = number(variables, "PASSWORD_MIN_LENGTH", DEFAULT_PASSWORD_CHARS, bounds)?;
    Ok(PasswordPolicy::new(min_chars).with_issuer(&issuer(variables)?))
}

/// How hard password hashes are. Read from `ARGON2_MEMORY_KIB` and `ARGON2_ITERATIONS`.
pub(crate) fn hash_params(variables: &impl Variables) -> Result<HashParams, ConfigError> {
    let default = HashParams::default();
    let any = 0..=u32::MAX;
    let memory = number(variables, "ARGON2_MEMORY_KIB", default.memory_kib(), any.clone())?;
    let iterations = number(variables, "ARGON2_ITERATIONS", default.iterations(), any)?;
    HashParams::new(memory, iterations).map_err(|error| ConfigError::Invalid {
        variable: "ARGON2_MEMORY_KIB",
        reason: format!("and ARGON2_ITERATIONS are out of bounds: {error}"),
    })
}

/// Whether there is Flask-JWT's login. Read from `FLASK_JWT_LOGIN`.
pub(crate) fn flask_jwt_login(variables: &impl Variables) -> Result<bool, ConfigError> {
    const LOGIN: &str = "FLASK_JWT_LOGIN";
    match optional(variables, LOGIN).as_deref() {
        None | Some("enabled") => Ok(true),
        Some("disabled") => Ok(false),
        Some(_) => Err(ConfigError::invalid(LOGIN, "must be enabled or disabled")),
    }
}

/// What a guard needs. Read as [`users_table`], [`verifying_key_source`], [`flask_secret`],
/// [`legacy_table`], [`token_profile`], [`token_locations`] and [`revocation_check`] say.
pub(crate) fn guard_settings(variables: &impl Variables) -> Result<GuardSettings, ConfigError> {
    let keys = flask_secret(variables, verifying_key_source(variables)?)?;
    Ok(GuardSettings {
        users_table: users_table(variables)?,
        legacy_table: legacy_table(variables, &keys)?,
        keys,
        tokens: token_profile(variables)?,
        locations: token_locations(variables)?,
        revocation: revocation_check(variables)?,
        errors: error_settings(variables)?,
    })
}

/// When sessions are looked up. Read from `JWT_REVOCATION_CHECK`: `strict` (the default),
/// `cached:<seconds>` or `off`.
fn revocation_check(variables: &impl Variables) -> Result<RevocationCheck, ConfigError> {
    const REVOCATION: &str = "JWT_REVOCATION_CHECK";
    let Some(text) = optional(variables, REVOCATION) else {
        return Ok(RevocationCheck::Strict);
    };
    let check = match text.split_once(':') {
        None if text == "strict" => Some(RevocationCheck::Strict),
        None if text == "off" => Some(RevocationCheck::Off),
        Some(("cached", seconds)) => seconds
            .parse()
            .ok()
            .filter(|seconds| (1..=MAX_REVOCATION_DELAY_SECONDS).contains(seconds))
            .map(|seconds| RevocationCheck::Cached(Duration::from_secs(seconds))),
        _ => None,
    };
    check.ok_or_else(|| ConfigError::Invalid {
        variable: REVOCATION,
        reason: format!(
            "must be strict, off, or cached:<seconds> with 1 to {MAX_REVOCATION_DELAY_SECONDS}"
        ),
    })
}
