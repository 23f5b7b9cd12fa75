//! The settings of everything but keys and the places of tokens.

use std::{fmt::Display, time::Duration};

use latchkey_guard::RevocationCheck;
use latchkey_http::{HttpSettings, LogSettings};
use latchkey_session::{RotationPolicy, SessionLifetimes, SessionPolicy};
use latchkey_token::TokenProfile;
use tracing::Level;

use crate::{
    GuardSettings,
    environment::{ConfigError, Environment},
    variables::{
        ARGON2_ITERATIONS, ARGON2_MEMORY_KIB, BASE_PATH, FLASK_JWT_LOGIN, JWT_ACCESS_TOKEN_EXPIRES,
        JWT_AUDIENCE, JWT_DECODE_AUDIENCE, JWT_DECODE_ISSUER, JWT_DECODE_LEEWAY,
        JWT_ERROR_MESSAGE_KEY, JWT_ISSUER, JWT_REFRESH_TOKEN_EXPIRES, JWT_REVOCATION_CHECK,
        PASSWORD_MIN_LENGTH, REFRESH_GRACE, SESSION_LIFETIME, SESSION_LIMIT, USERS_TABLE,
        WORK_ITEMS_TABLE,
    },
};

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// The users table.
    pub fn users_table(&self) -> Result<String, ConfigError> {
        self.text(&USERS_TABLE)
    }

    /// The table of the sample back end.
    pub fn work_items_table(&self) -> Result<String, ConfigError> {
        self.text(&WORK_ITEMS_TABLE)
    }

    /// The `iss` claim.
    pub fn issuer(&self) -> Result<String, ConfigError> {
        self.text(&JWT_ISSUER)
    }

    /// Which tokens are issued and taken.
    pub fn tokens(&self) -> Result<TokenProfile, ConfigError> {
        let issuer = self.issuer()?;
        let profile = TokenProfile {
            audience: self.optional(&JWT_AUDIENCE).unwrap_or_else(|| issuer.clone()),
            issuer,
            other_issuers: self.list(&JWT_DECODE_ISSUER)?,
            other_audiences: self.list(&JWT_DECODE_AUDIENCE)?,
            access_lifetime: self.seconds(&JWT_ACCESS_TOKEN_EXPIRES)?,
            refresh_lifetime: self.seconds(&JWT_REFRESH_TOKEN_EXPIRES)?,
            leeway: self.seconds(&JWT_DECODE_LEEWAY)?,
        };
        if profile.reserves(&profile.audience) {
            return Err(JWT_AUDIENCE.invalid());
        }
        if profile.other_audiences.iter().any(|audience| profile.reserves(audience)) {
            return Err(JWT_DECODE_AUDIENCE.invalid());
        }
        Ok(profile)
    }

    /// How long after it was signed a token may be taken: the longest lifetime, and the leeway.
    pub(crate) fn token_lifetime(&self) -> Result<Duration, ConfigError> {
        let access = self.seconds(&JWT_ACCESS_TOKEN_EXPIRES)?;
        let refresh = self.seconds(&JWT_REFRESH_TOKEN_EXPIRES)?;
        Ok(access.max(refresh) + self.seconds(&JWT_DECODE_LEEWAY)?)
    }

    /// How long sessions live and how many.
    pub fn sessions(&self) -> Result<SessionPolicy, ConfigError> {
        Ok(SessionPolicy {
            lifetimes: self.session_lifetimes()?,
            limit: self.number(&SESSION_LIMIT)?,
        })
    }

    /// What refresh tokens are worth.
    pub fn rotation(&self) -> Result<RotationPolicy, ConfigError> {
        Ok(RotationPolicy {
            lifetimes: self.session_lifetimes()?,
            grace: self.seconds(&REFRESH_GRACE)?,
        })
    }

    fn session_lifetimes(&self) -> Result<SessionLifetimes, ConfigError> {
        Ok(SessionLifetimes {
            idle: self.seconds(&JWT_REFRESH_TOKEN_EXPIRES)?,
            absolute: self.seconds(&SESSION_LIFETIME)?,
        })
    }

    /// The fewest characters of a new password.
    pub fn password_min_chars(&self) -> Result<usize, ConfigError> {
        self.number(&PASSWORD_MIN_LENGTH)
    }

    /// What `make` makes of the KiB of memory and the iterations of a password hash.
    pub fn hashing<T, E: Display>(
        &self,
        make: impl FnOnce(u32, u32) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let memory_kib = self.number(&ARGON2_MEMORY_KIB)?;
        make(memory_kib, self.number(&ARGON2_ITERATIONS)?).map_err(|error| {
            let both = format!("and {} are out of bounds: {error}", ARGON2_ITERATIONS.name);
            ARGON2_MEMORY_KIB.refused(&both)
        })
    }

    /// Whether there is Flask-JWT's login.
    pub fn flask_jwt_login(&self) -> Result<bool, ConfigError> {
        match self.text(&FLASK_JWT_LOGIN)?.as_str() {
            "enabled" => Ok(true),
            "disabled" => Ok(false),
            _ => Err(FLASK_JWT_LOGIN.invalid()),
        }
    }

    /// What a guard needs.
    pub fn guard(&self) -> Result<GuardSettings, ConfigError> {
        let (keys, legacy_table) = self.with_flask(self.verifying_keys()?)?;
        Ok(GuardSettings {
            users_table: self.users_table()?,
            keys,
            legacy_table,
            tokens: self.tokens()?,
            locations: self.locations()?,
            revocation: self.revocation()?,
        })
    }

    fn revocation(&self) -> Result<RevocationCheck, ConfigError> {
        let text = self.text(&JWT_REVOCATION_CHECK)?;
        let check = match text.split_once(':') {
            None if text == "strict" => Some(RevocationCheck::Strict),
            None if text == "off" => Some(RevocationCheck::Off),
            // The gateway keeps an authorizer's decision for an hour at most.
            Some(("cached", seconds)) => {
                let seconds = seconds.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
                seconds.map(|seconds| RevocationCheck::Cached(Duration::from_secs(seconds)))
            }
            _ => None,
        };
        check.ok_or_else(|| JWT_REVOCATION_CHECK.invalid())
    }

    /// How a function speaks HTTP.
    pub fn http(&self) -> Result<HttpSettings, ConfigError> {
        let is_segment = |segment: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !segment.is_empty() && segment.bytes().all(is_plain)
        };
        let base_path = self.checked(&BASE_PATH, |path| {
            path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment))
        })?;
        let message_key = self.checked(&JWT_ERROR_MESSAGE_KEY, |key| {
            !["error", "request_id", "reasons"].contains(&key)
        })?;
        Ok(HttpSettings { message_key, base_path })
    }
}

/// How a function logs, which Lambda sets from the function's logging configuration.
pub fn log_settings() -> LogSettings {
    let environment = Environment::unchecked();
    let format = environment.lookup("AWS_LAMBDA_LOG_FORMAT");
    let level = environment.lookup("AWS_LAMBDA_LOG_LEVEL");
    LogSettings {
        json: format.is_some_and(|format| format.eq_ignore_ascii_case("json")),
        level: level.and_then(|level| level.parse().ok()).unwrap_or(Level::INFO),
    }
}
