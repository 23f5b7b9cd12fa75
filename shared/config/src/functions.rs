//! One struct a function: everything that it reads from its environment.
//! Longer than the rest because there is one for each function.

use std::time::Duration;

use latchkey_http::{GuardSettings, HttpSettings, LogSettings, TokenLocations};
use latchkey_keys::KeyPolicy;
use latchkey_password::{HashParams, PasswordPolicy};
use latchkey_session::{RotationPolicy, SessionPolicy};
use latchkey_store::KeySource;
use latchkey_token::TokenProfile;
use tracing::Level;

use crate::{
    environment::{ConfigError, Environment, Variables, optional, required},
    groups::{
        flask_jwt_login, guard_settings, hash_params, issuer, password_policy, rotation_policy,
        session_policy, token_profile, users_table,
    },
    keys::{
        flask_secret, key_policy, kms_key, legacy_table, max_age, ring_algorithm,
        signing_key_source, verifying_key_source,
    },
    places::{http_settings, token_locations},
    variables::variables_of,
};

/// Adds `from_env`, which reads the process's environment, to a configuration that has `read`; and
/// `check`, which reads the configuration of a function that is named.
macro_rules! functions {
    ($($function:literal => $config:ident),* $(,)?) => {
        $(impl $config {
            /// Reads the configuration from the environment.
            ///
            /// # Errors
            /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
            pub fn from_env() -> Result<Self, ConfigError> {
                Environment::check_text(&variables_of($function))?;
                Self::read(&Environment)
            }
        })*

        /// Reads the configuration of `function`, without starting it. A function that is not ours
        /// has none.
        ///
        /// # Errors
        /// What stops the function.
        pub fn check(function: &str, variables: &impl Variables) -> Result<(), ConfigError> {
            match function {
                $($function => $config::read(variables).map(drop),)*
                _ => Ok(()),
            }
        }
    };
}

functions! {
    "account" => AccountConfig,
    "admin" => AdminConfig,
    "authorizer" => AuthorizerConfig,
    "discovery" => DiscoveryConfig,
    "login" => LoginConfig,
    "logout" => LogoutConfig,
    "password" => PasswordConfig,
    "protected" => ProtectedConfig,
    "refresh" => RefreshConfig,
    "signup" => SignupConfig,
    "workitems" => WorkItemsConfig,
}

/// `signup`.
#[derive(Clone, Debug)]
pub struct SignupConfig {
    /// The users table. Read from `USERS_TABLE`.
    pub users_table: String,
    /// What new passwords have to be. Read from `PASSWORD_MIN_LENGTH` (8 to 64, default 8) and
    /// `JWT_ISSUER`.
    pub passwords: PasswordPolicy,
    /// How hard password hashes are. Read from `ARGON2_MEMORY_KIB` (default 19456) and
    /// `ARGON2_ITERATIONS` (default 2).
    pub hashing: HashParams,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl SignupConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            users_table: users_table(variables)?,
            passwords: password_policy(variables)?,
            hashing: hash_params(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `login`.
#[derive(Clone, Debug)]
pub struct LoginConfig {
    /// The users table. Read from `USERS_TABLE`.
    pub users_table: String,
    /// Where the signing keys are. Read from `KEYS_TABLE` with `KMS_KEY_ARN` and
    /// `SIGNING_ALGORITHM`, from `SIGNING_KEYS_SECRET`, `SIGNING_KEYS`, `JWT_SECRET_KEY` or
    /// `JWT_PRIVATE_KEY`, `JWT_ALGORITHM` and `KEYS_MAX_AGE`.
    pub keys: KeySource,
    /// Which tokens are issued. Read from `JWT_ISSUER`, `JWT_AUDIENCE`,
    /// `JWT_DECODE_ISSUER`, `JWT_DECODE_AUDIENCE`, `JWT_ACCESS_TOKEN_EXPIRES`,
    /// `JWT_REFRESH_TOKEN_EXPIRES` and `JWT_DECODE_LEEWAY`.
    pub tokens: TokenProfile,
    /// How long sessions live and how many. Read from `JWT_REFRESH_TOKEN_EXPIRES`,
    /// `SESSION_LIFETIME` and `SESSION_LIMIT`.
    pub sessions: SessionPolicy,
    /// How hard password hashes are. Read from `ARGON2_MEMORY_KIB` and `ARGON2_ITERATIONS`.
    pub hashing: HashParams,
    /// Where tokens may be in requests. Read from `JWT_TOKEN_LOCATION` and the variables of headers,
    /// URL parameters, JSON members and cookies.
    pub locations: TokenLocations,
    /// Whether there is Flask-JWT's login, `POST /auth`. Read from `FLASK_JWT_LOGIN` (`enabled`, the
    /// default, or `disabled`).
    pub flask_jwt: bool,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl LoginConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            users_table: users_table(variables)?,
            keys: signing_key_source(variables, Some(ring_algorithm(variables)?))?,
            tokens: token_profile(variables)?,
            sessions: session_policy(variables)?,
            hashing: hash_params(variables)?,
            locations: token_locations(variables)?,
            flask_jwt: flask_jwt_login(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `refresh`.
#[derive(Clone, Debug)]
pub struct RefreshConfig {
    /// The users table. Read from `USERS_TABLE`.
    pub users_table: String,
    /// Where the signing keys are; read as [`LoginConfig::keys`], and a Flask service's from
    /// `FLASK_KEYS_SECRET`.
    pub keys: KeySource,
    /// The table of a Flask service's identities. Read from `LEGACY_TABLE`; `FLASK_KEYS_SECRET`
    /// needs it.
    pub legacy_table: Option<String>,
    /// Which tokens are taken and issued; read as [`LoginConfig::tokens`].
    pub tokens: TokenProfile,
    /// How long sessions live and how many, for those who come with a Flask service's token; read
    /// as [`LoginConfig::sessions`].
    pub sessions: SessionPolicy,
    /// What refresh tokens are worth. Read from `JWT_REFRESH_TOKEN_EXPIRES`, `SESSION_LIFETIME`
    /// and `REFRESH_GRACE` (0 to 300 seconds, default 30).
    pub rotation: RotationPolicy,
    /// Where tokens may be in requests. Read from `JWT_TOKEN_LOCATION` and the variables of headers,
    /// URL parameters, JSON members and cookies.
    pub locations: TokenLocations,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl RefreshConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        let keys = flask_secret(variables, signing_key_source(variables, None)?)?;
        Ok(Self {
            users_table: users_table(variables)?,
            legacy_table: legacy_table(variables, &keys)?,
            keys,
            tokens: token_profile(variables)?,
            sessions: session_policy(variables)?,
            rotation: rotation_policy(variables)?,
            locations: token_locations(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `logout`.
#[derive(Clone, Debug)]
pub struct LogoutConfig {
    /// The users table. Read from `USERS_TABLE`.
    pub users_table: String,
    /// Where the keys are; read from `KEYS_TABLE` or `JWT_PUBLIC_KEY`, or as [`LoginConfig::keys`].
    pub keys: KeySource,
    /// Which tokens are taken; read as [`LoginConfig::tokens`].
    pub tokens: TokenProfile,
    /// Where tokens may be in requests. Read from `JWT_TOKEN_LOCATION` and the variables of headers,
    /// URL parameters, JSON members and cookies.
    pub locations: TokenLocations,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl LogoutConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            users_table: users_table(variables)?,
            keys: verifying_key_source(variables)?,
            tokens: token_profile(variables)?,
            locations: token_locations(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `account`.
#[derive(Clone, Debug)]
pub struct AccountConfig {
    /// The users table. Read from `USERS_TABLE`.
    pub users_table: String,
    /// Where the keys are; read from `KEYS_TABLE` or `JWT_PUBLIC_KEY`, or as [`LoginConfig::keys`].
    pub keys: KeySource,
    /// Which tokens are taken; read as [`LoginConfig::tokens`].
    pub tokens: TokenProfile,
    /// The legacy table; read as [`RefreshConfig::legacy_table`].
    pub legacy_table: Option<String>,
    /// How hard password hashes are; read as [`SignupConfig::hashing`].
    pub hashing: HashParams,
    /// Where tokens may be in requests. Read from `JWT_TOKEN_LOCATION` and the variables of headers,
    /// URL parameters, JSON members and cookies.
    pub locations: TokenLocations,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl AccountConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        let keys = flask_secret(variables, verifying_key_source(variables)?)?;
        Ok(Self {
            users_table: users_table(variables)?,
            legacy_table: legacy_table(variables, &keys)?,
            keys,
            tokens: token_profile(variables)?,
            hashing: hash_params(variables)?,
            locations: token_locations(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `password`.
#[derive(Clone, Debug)]
pub struct PasswordConfig {
    /// The users table. Read from `USERS_TABLE`.
    pub users_table: String,
    /// The legacy table; read as [`RefreshConfig::legacy_table`].
    pub legacy_table: Option<String>,
    /// Where the signing keys are; read as [`RefreshConfig::keys`].
    pub keys: KeySource,
    /// Which tokens are taken and issued; read as [`LoginConfig::tokens`].
    pub tokens: TokenProfile,
    /// How long the new session lives; read as [`LoginConfig::sessions`].
    pub sessions: SessionPolicy,
    /// What new passwords have to be; read as [`SignupConfig::passwords`].
    pub passwords: PasswordPolicy,
    /// How hard password hashes are; read as [`SignupConfig::hashing`].
    pub hashing: HashParams,
    /// Where tokens may be in requests; read as [`LoginConfig::locations`].
    pub locations: TokenLocations,
    /// How requests are read and errors are written; read as [`SignupConfig::http`].
    pub http: HttpSettings,
}

impl PasswordConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        let keys = flask_secret(variables, signing_key_source(variables, None)?)?;
        Ok(Self {
            users_table: users_table(variables)?,
            legacy_table: legacy_table(variables, &keys)?,
            keys,
            tokens: token_profile(variables)?,
            sessions: session_policy(variables)?,
            passwords: password_policy(variables)?,
            hashing: hash_params(variables)?,
            locations: token_locations(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `protected`.
#[derive(Clone, Debug)]
pub struct ProtectedConfig {
    /// Who is let through. Read from `USERS_TABLE`, the variables of keys and tokens that
    /// [`LogoutConfig`] names, `FLASK_KEYS_SECRET`, `LEGACY_TABLE`, and `JWT_REVOCATION_CHECK`
    /// (`strict`, `cached:<seconds>` or `off`).
    pub guard: GuardSettings,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl ProtectedConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self { guard: guard_settings(variables)?, http: http_settings(variables)? })
    }
}

/// `authorizer`.
#[derive(Clone, Debug)]
pub struct AuthorizerConfig {
    /// Who is let through; read as [`ProtectedConfig::guard`].
    pub guard: GuardSettings,
}

impl AuthorizerConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self { guard: guard_settings(variables)? })
    }
}

/// `workitems`.
#[derive(Clone, Debug)]
pub struct WorkItemsConfig {
    /// The table of the items. Read from `WORK_ITEMS_TABLE`.
    pub work_items_table: String,
    /// Who is let through where no gateway asked the authorizer; read as
    /// [`ProtectedConfig::guard`].
    pub guard: GuardSettings,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl WorkItemsConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            work_items_table: required(variables, "WORK_ITEMS_TABLE")?,
            guard: guard_settings(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `discovery`.
#[derive(Clone, Debug)]
pub struct DiscoveryConfig {
    /// The issuer that the metadata names. Read from `JWT_ISSUER`.
    pub issuer: String,
    /// Where the keys are whose public halves are served; read as [`LogoutConfig::keys`].
    pub keys: KeySource,
    /// How it speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
    pub http: HttpSettings,
}

impl DiscoveryConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            issuer: issuer(variables)?,
            keys: verifying_key_source(variables)?,
            http: http_settings(variables)?,
        })
    }
}

/// `admin`.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// The table of the key ring. Read from `KEYS_TABLE`.
    pub keys_table: String,
    /// The KMS key that seals private halves. Read from `KMS_KEY_ARN`.
    pub kms_key: String,
    /// How keys are made and changed. Read from `SIGNING_ALGORITHM`, `KEY_ROTATION_DAYS`,
    /// `JWT_ACCESS_TOKEN_EXPIRES`, `JWT_REFRESH_TOKEN_EXPIRES` and `JWT_DECODE_LEEWAY`.
    pub policy: KeyPolicy,
    /// The age at which the other functions' cached keys are stale. Read from `KEYS_MAX_AGE`.
    pub max_age: Duration,
}

impl AdminConfig {
    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing, malformed or contradicts another.
    pub fn read(variables: &impl Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            keys_table: required(variables, "KEYS_TABLE")?,
            kms_key: kms_key(variables)?,
            policy: key_policy(variables)?,
            max_age: max_age(variables)?,
        })
    }
}

/// How a function logs. Read from `AWS_LAMBDA_LOG_FORMAT` (`JSON` or text) and
/// `AWS_LAMBDA_LOG_LEVEL` (default `INFO`), which Lambda sets from the function's logging
/// configuration.
pub fn log_settings() -> LogSettings {
    read_log_settings(&Environment)
}

fn read_log_settings(variables: &impl Variables) -> LogSettings {
    LogSettings {
        json: optional(variables, "AWS_LAMBDA_LOG_FORMAT")
            .is_some_and(|format| format.eq_ignore_ascii_case("json")),
        level: optional(variables, "AWS_LAMBDA_LOG_LEVEL")
            .and_then(|level| level.parse().ok())
            .unwrap_or(Level::INFO),
    }
}
