//! All settings but those of keys and token locations.

use std::{fmt::Display, time::Duration};

use hex::FromHexError;
use latchkey_guard::RevocationCheck;
use latchkey_http::{HttpSettings, TrustedEdge};
use latchkey_session::{AttemptLimit, RotationPolicy, SessionLifetimes, SessionPolicy};
use latchkey_token::TokenProfile;

use crate::{
    GuardSettings,
    environment::{ConfigError, Environment},
    variables::{self as var, Variable},
};

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// The name of the users table.
    pub fn users_table(&self) -> Result<String, ConfigError> {
        self.text(&var::USERS_TABLE)
    }

    /// The name of the work items table.
    pub fn work_items_table(&self) -> Result<String, ConfigError> {
        self.text(&var::WORK_ITEMS_TABLE)
    }

    /// The issuer: the `iss` claim of tokens.
    pub fn issuer(&self) -> Result<String, ConfigError> {
        self.text(&var::JWT_ISSUER)
    }

    /// Issuers, audiences, lifetimes and leeway of tokens.
    pub fn tokens(&self) -> Result<TokenProfile, ConfigError> {
        let issuer = self.issuer()?;
        let profile = TokenProfile {
            audience: self.optional(&var::JWT_AUDIENCE).unwrap_or_else(|| issuer.clone()),
            issuer,
            other_issuers: self.list(&var::JWT_DECODE_ISSUER)?,
            other_audiences: self.list(&var::JWT_DECODE_AUDIENCE)?,
            access_lifetime: self.seconds(&var::JWT_ACCESS_TOKEN_EXPIRES)?,
            refresh_lifetime: self.seconds(&var::JWT_REFRESH_TOKEN_EXPIRES)?,
            leeway: self.seconds(&var::JWT_DECODE_LEEWAY)?,
        };
        if profile.reserves(&profile.audience) {
            return Err(var::JWT_AUDIENCE.invalid());
        }
        if profile.other_audiences.iter().any(|audience| profile.reserves(audience)) {
            return Err(var::JWT_DECODE_AUDIENCE.invalid());
        }
        Ok(profile)
    }

    /// Lifetimes of sessions, and their limit per user.
    pub fn sessions(&self) -> Result<SessionPolicy, ConfigError> {
        let idle = self.seconds(&var::JWT_REFRESH_TOKEN_EXPIRES)?;
        let absolute = self.seconds(&var::SESSION_LIFETIME)?;
        let limit = self.number(&var::SESSION_LIMIT)?;
        Ok(SessionPolicy { lifetimes: SessionLifetimes { idle, absolute }, limit })
    }

    /// The lifetimes of sessions and the grace period of refresh tokens.
    pub fn rotation(&self) -> Result<RotationPolicy, ConfigError> {
        let lifetimes = self.sessions()?.lifetimes;
        Ok(RotationPolicy { lifetimes, grace: self.seconds(&var::REFRESH_GRACE)? })
    }

    /// The minimum length of a new password in characters.
    pub fn password_min_chars(&self) -> Result<usize, ConfigError> {
        self.number(&var::PASSWORD_MIN_LENGTH)
    }

    /// The cost of password hashes: calls `make` with the memory in KiB and the iterations.
    pub fn hashing<T, E: Display>(
        &self,
        make: impl FnOnce(u32, u32) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let memory_kib = self.number(&var::ARGON2_MEMORY_KIB)?;
        let iterations = self.number(&var::ARGON2_ITERATIONS)?;
        make(memory_kib, iterations).map_err(|error| {
            let reason = format!("and ARGON2_ITERATIONS are out of bounds: {error}");
            var::ARGON2_MEMORY_KIB.refused(&reason)
        })
    }

    /// The name of the limits table.
    pub fn limits_table(&self) -> Result<String, ConfigError> {
        self.text(&var::LIMITS_TABLE)
    }

    /// The limits table, and the limits of password checks per address and per account; `None` is
    /// off.
    pub fn login_limits(
        &self,
    ) -> Result<(String, Option<AttemptLimit>, Option<AttemptLimit>), ConfigError> {
        let table = self.limits_table()?;
        let address = self.attempt_limit(&var::LOGIN_LIMIT_ADDRESS)?;
        Ok((table, address, self.attempt_limit(&var::LOGIN_LIMIT_ACCOUNT)?))
    }

    /// The limits table, and the limit of sign-ups per address; `None` is off.
    pub fn signup_limit(&self) -> Result<(String, Option<AttemptLimit>), ConfigError> {
        let table = self.limits_table()?;
        Ok((table, self.attempt_limit(&var::SIGNUP_LIMIT_ADDRESS)?))
    }

    fn attempt_limit(&self, variable: &Variable) -> Result<Option<AttemptLimit>, ConfigError> {
        match self.text(variable)?.as_str() {
            "off" => Ok(None),
            text => text.parse().map(Some).map_err(|_| variable.invalid()),
        }
    }

    /// Whether anyone may sign up.
    pub fn signup_is_open(&self) -> Result<bool, ConfigError> {
        match self.text(&var::SIGNUP_MODE)?.as_str() {
            "open" => Ok(true),
            "closed" => Ok(false),
            _ => Err(var::SIGNUP_MODE.invalid()),
        }
    }

    /// The time limit of an AWS call including its retries.
    pub fn call_timeout(&self) -> Result<Duration, ConfigError> {
        self.number(&var::AWS_CALL_TIMEOUT_MS).map(Duration::from_millis)
    }

    /// Whether `POST /auth`, the login of Flask-JWT, is enabled.
    pub fn flask_jwt_login(&self) -> Result<bool, ConfigError> {
        match self.text(&var::FLASK_JWT_LOGIN)?.as_str() {
            "enabled" => Ok(true),
            "disabled" => Ok(false),
            _ => Err(var::FLASK_JWT_LOGIN.invalid()),
        }
    }

    /// The settings of the guard.
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
        match self.text(&var::JWT_REVOCATION_CHECK)?.as_str() {
            "strict" => Ok(RevocationCheck::Strict),
            "off" => Ok(RevocationCheck::Off),
            text => {
                let seconds = text.strip_prefix("cached:").and_then(|seconds| seconds.parse().ok());
                // The maximum is that of the gateway's cache for authorizers: 1 h.
                let seconds = seconds.filter(|seconds| (1..=3600).contains(seconds));
                let check =
                    seconds.map(|seconds| RevocationCheck::Cached(Duration::from_secs(seconds)));
                check.ok_or_else(|| var::JWT_REVOCATION_CHECK.invalid())
            }
        }
    }

    /// The base path, the member of error messages, and the edge.
    pub fn http(&self) -> Result<HttpSettings, ConfigError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment = |segment: &str| !segment.is_empty() && segment.bytes().all(is_plain);
        let is_path =
            |path: &str| path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment));
        let base_path = self.checked(&var::BASE_PATH, is_path)?;
        let is_unused = |key: &str| !["error", "request_id", "reasons"].contains(&key);
        let message_key = self.checked(&var::JWT_ERROR_MESSAGE_KEY, is_unused)?;
        Ok(HttpSettings { message_key, base_path, edge: self.edge()? })
    }

    /// The trusted edge; `None` without one.
    pub fn edge(&self) -> Result<Option<TrustedEdge>, ConfigError> {
        let hashes = self.list(&var::EDGE_SECRET_SHA256)?;
        let Some(edge) = self.optional(&var::TRUSTED_EDGE) else {
            let is_alone = !hashes.is_empty();
            let refused = || var::EDGE_SECRET_SHA256.refused("is set without TRUSTED_EDGE");
            return if is_alone { Err(refused()) } else { Ok(None) };
        };
        let required = edge.strip_suffix(",required");
        let address_header = required.unwrap_or(&edge).parse();
        let secret_hashes: Result<Vec<_>, _> = hashes.iter().map(|hash| sha256(hash)).collect();
        Ok(Some(TrustedEdge {
            address_header: address_header.map_err(|_| var::TRUSTED_EDGE.invalid())?,
            secret_hashes: secret_hashes
                .ok()
                .filter(|hashes| (1..=2).contains(&hashes.len()))
                .ok_or_else(|| var::EDGE_SECRET_SHA256.invalid())?,
            is_required: required.is_some(),
        }))
    }
}

fn sha256(digits: &str) -> Result<[u8; 32], FromHexError> {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).map(|()| hash)
}
