//! Describes each variable once, for its readers, their errors and `docs/configuration.md`.

use Values::{Must, Number};

use crate::ConfigError;

/// An environment variable.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: &'static str,
    /// The default: an empty string for none, `None` if the variable is required.
    pub default: Option<&'static str>,
    /// The valid values.
    pub values: Values,
    /// The meaning, as Markdown for a page in `docs`.
    pub meaning: &'static str,
}

/// The valid values of a variable.
#[derive(Debug)]
pub enum Values {
    /// Whole numbers between two bounds, both included.
    Number(u64, u64),
    /// The words that follow "must" in the error; empty if any text is valid.
    Must(&'static str),
}

impl Variable {
    pub(crate) fn refused(&self, reason: &str) -> ConfigError {
        ConfigError(format!("{} {reason}", self.name))
    }

    /// The error for an invalid value.
    pub(crate) fn invalid(&self) -> ConfigError {
        self.refused(&match self.values {
            Number(least, most) => format!("must be a whole number from {least} to {most}"),
            Must(words) => format!("must {words}"),
        })
    }
}

/// Makes a static of each variable, with the comment as its meaning, and `SECTIONS`.
macro_rules! variables {
    ($($title:literal: $($(#[doc = $line:literal])+ $name:ident: $default:expr, $values:expr;)+)+) => {
        $($(
            $(#[doc = $line])+
            pub(crate) static $name: Variable = Variable {
                name: stringify!($name),
                default: $default,
                values: $values,
                meaning: concat!($($line),+),
            };
        )+)+

        /// The variables, by the sections of `docs/configuration.md`.
        pub static SECTIONS: &[(&str, &[&Variable])] = &[$(($title, &[$(&$name),+])),+];
    };
}

const REQUIRED: Option<&str> = None;
const NONE: Option<&str> = Some("");
const ANY: Values = Must("");
const LIST: Values = Must("be a list");
const SWITCH: Values = Must("be true or false");
const COOKIE_NAME: Values = Must("be a cookie name");
const HEADER_NAME: Values = Must("be a header name");
const PATH: Values = Must("be a path, such as /refresh");
const LIMIT: Values = Must("be off, or burst/seconds from 1/1 to 10000/86400");
const PEM: Values = Must("be a key in PEM");
const AUDIENCE: Values = Must("not be an issuer followed by #, which marks tokens of other kinds");
const ARN: Values = Must("be an ARN");

variables! {
    "Tables":

    /// table of users and sessions
    USERS_TABLE: REQUIRED, ANY;
    /// table of the sample back end
    WORK_ITEMS_TABLE: REQUIRED, ANY;
    /// milliseconds for an AWS call with its retries; one attempt gets half; functions time out
    /// after 2 s
    AWS_CALL_TIMEOUT_MS: Some("1500"), Number(100, 60_000);

    "Keys":

    /// table of the key ring
    KEYS_TABLE: REQUIRED, ANY;
    /// KMS key that encrypts the private keys of the ring; required with `KEYS_TABLE`
    KMS_KEY_ARN: REQUIRED, ARN;
    /// Secrets Manager secret with a private JWK set,
    /// [shared with another service](operations.md#sharing-a-secret-with-another-service)
    SIGNING_KEYS_SECRET: NONE, ARN;
    /// seconds until cached keys are stale, and until a retired key is refused
    KEYS_MAX_AGE: Some("120"), Number(1, 3600);
    /// algorithm of new keys in the ring;
    /// [a change takes two rotations](operations.md#another-algorithm)
    SIGNING_ALGORITHM: Some("ES256"), Must(
        "be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512"
    );
    /// days that a key signs
    KEY_ROTATION_DAYS: Some("30"), Number(9, 1000);
    /// Secrets Manager secret with [a Flask service's keys](migrating-from-flask.md#moving-tokens);
    /// only with `KEYS_TABLE` or `SIGNING_KEYS_SECRET`
    FLASK_KEYS_SECRET: NONE, ARN;
    /// table of Flask identities; required with `FLASK_KEYS_SECRET`
    LEGACY_TABLE: NONE, ANY;
    /// private JWK set: the first key signs, all verify; it may hold public and Flask keys too
    SIGNING_KEYS: NONE, Must("be a JWK set");
    /// secret shared with another service, which can sign too; at least 32, 48 or 64 bytes for HS256,
    /// HS384 or HS512
    JWT_SECRET_KEY: NONE, ANY;
    /// private key: PKCS#8, PKCS#1 (RSA) or SEC1 (EC); its `kid` is its thumbprint (RFC 7638)
    JWT_PRIVATE_KEY: NONE, PEM;
    /// public key (`SubjectPublicKeyInfo`), for functions that only verify
    JWT_PUBLIC_KEY: NONE, PEM;
    /// algorithm of static keys; default: a JWK's `alg`, HS256 for `JWT_SECRET_KEY`, ES256 for PEM
    JWT_ALGORITHM: NONE, Must(
        "be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512, HS256, HS384, \
         HS512"
    );

    "Tokens":

    /// `iss` of tokens, compared byte for byte; a change ends all sessions
    JWT_ISSUER: REQUIRED, ANY;
    /// `aud` of tokens, compared byte for byte; default: the issuer
    JWT_AUDIENCE: NONE, AUDIENCE;
    /// other accepted issuers
    JWT_DECODE_ISSUER: NONE, LIST;
    /// other accepted audiences, as a list
    JWT_DECODE_AUDIENCE: NONE, AUDIENCE;
    /// lifetime of an access token, and the longest accepted one, in seconds
    JWT_ACCESS_TOKEN_EXPIRES: Some("900"), Number(1, 86_400);
    /// lifetime of a refresh token: how long a session may be idle, in seconds
    JWT_REFRESH_TOKEN_EXPIRES: Some("2592000"), Number(1, 34_560_000);
    /// tolerated clock difference, in seconds, for `exp`, `nbf` and `iat`
    JWT_DECODE_LEEWAY: Some("0"), Number(0, 300);

    "Sessions":

    /// longest lifetime of a session, in seconds
    SESSION_LIFETIME: Some("7776000"), Number(1, 34_560_000);
    /// sessions of one user; a login over the limit ends the least recently used one
    SESSION_LIMIT: Some("20"), Number(1, 100);
    /// [grace period](api.md#sessions) of the previous refresh token, in seconds
    REFRESH_GRACE: Some("30"), Number(0, 300);
    /// [how soon a logout takes effect](api.md#sessions)
    JWT_REVOCATION_CHECK: Some("strict"), Must(
        "be strict, off, or cached:<seconds> with 1 to 3600"
    );

    "Passwords":

    /// fewest characters of a new password; [NIST asks for 15](passwords.md#the-rules)
    PASSWORD_MIN_LENGTH: Some("8"), Number(8, 64);
    /// memory of a hash in KiB; with the iterations at least one of 47104/1, 19456/2, 12288/3,
    /// 9216/4, 7168/5 (OWASP); the product is 1048576 at most
    ARGON2_MEMORY_KIB: Some("19456"), Must("be a whole number from 7168 to 131072");
    /// passes of a hash over its memory
    ARGON2_ITERATIONS: Some("2"), Must("be a whole number from 1 to 16");

    "Attempt limits":

    /// table of attempt limits
    LIMITS_TABLE: REQUIRED, ANY;
    /// [password checks](api.md#attempt-limits) per client address
    LOGIN_LIMIT_ADDRESS: Some("30/2"), LIMIT;
    /// password checks per account
    LOGIN_LIMIT_ACCOUNT: Some("10/90"), LIMIT;
    /// sign-ups per client address
    SIGNUP_LIMIT_ADDRESS: Some("20/180"), LIMIT;
    /// `closed`: `POST /signup` answers 403 `signup_closed`
    SIGNUP_MODE: Some("open"), Must("be open or closed");

    "Edge":

    /// header in which [a trusted edge](protection.md#an-edge-in-front) sends the client's address, such as
    /// `X-Client-IP`; `X-Client-IP,required` also refuses other requests
    TRUSTED_EDGE: NONE, Must("be a header name, or a header name and ,required");
    /// SHA-256 of the edge's secret in hexadecimal, or two of them with a comma, for a rotation;
    /// required with `TRUSTED_EDGE`
    EDGE_SECRET_SHA256: NONE, Must("be one or two SHA-256 hashes of 64 hexadecimal digits");

    "Token locations":

    /// locations, in search order
    JWT_TOKEN_LOCATION: Some("headers"), Must(
        "be a list of headers, cookies, query_string, json and websocket_protocol"
    );
    /// header of the token
    JWT_HEADER_NAME: Some("Authorization"), HEADER_NAME;
    /// scheme before the token, in any case, and `token_type` of answers; `none`: the token alone
    JWT_HEADER_TYPE: Some("Bearer"), Must("be one word, or none");
    /// query parameter of the token
    JWT_QUERY_STRING_NAME: Some("jwt"), ANY;
    /// prefix of the token in the query parameter
    JWT_QUERY_STRING_VALUE_PREFIX: NONE, ANY;
    /// body member of an access token
    JWT_JSON_KEY: Some("access_token"), ANY;
    /// body member of a refresh token, which `POST /refresh` always accepts
    JWT_REFRESH_JSON_KEY: Some("refresh_token"), ANY;

    "Cookies":

    /// cookie of the access token
    JWT_ACCESS_COOKIE_NAME: Some("__Host-access_token"), COOKIE_NAME;
    /// cookie of the refresh token
    JWT_REFRESH_COOKIE_NAME: Some("__Host-refresh_token"), COOKIE_NAME;
    /// path of the access cookie
    JWT_ACCESS_COOKIE_PATH: Some("/"), PATH;
    /// path of the refresh cookie; a logout by it needs a path that covers `/logout`
    JWT_REFRESH_COOKIE_PATH: Some("/"), PATH;
    /// domain of all four cookies; without it, this host only
    JWT_COOKIE_DOMAIN: NONE, Must("be a domain, such as example.com");
    /// `Secure`: HTTPS only
    JWT_COOKIE_SECURE: Some("true"), SWITCH;
    /// `SameSite`; `None` needs `JWT_COOKIE_SECURE`
    JWT_COOKIE_SAMESITE: Some("Lax"), Must("be Strict, Lax or None");
    /// `true`: cookies end with the browser; `false`: with their token
    JWT_SESSION_COOKIE: Some("false"), SWITCH;
    /// also set the CSRF values as cookies; the body always has them
    JWT_CSRF_IN_COOKIES: Some("true"), SWITCH;
    /// cookie of the access token's CSRF value
    JWT_ACCESS_CSRF_COOKIE_NAME: Some("__Host-csrf_access_token"), COOKIE_NAME;
    /// cookie of the refresh token's CSRF value
    JWT_REFRESH_CSRF_COOKIE_NAME: Some("__Host-csrf_refresh_token"), COOKIE_NAME;
    /// path of the access token's CSRF cookie
    JWT_ACCESS_CSRF_COOKIE_PATH: Some("/"), PATH;
    /// path of the refresh token's CSRF cookie
    JWT_REFRESH_CSRF_COOKIE_PATH: Some("/"), PATH;
    /// header that repeats the access token's CSRF value
    JWT_ACCESS_CSRF_HEADER_NAME: Some("X-CSRF-TOKEN"), HEADER_NAME;
    /// header that repeats the refresh token's CSRF value
    JWT_REFRESH_CSRF_HEADER_NAME: Some("X-CSRF-TOKEN"), HEADER_NAME;
    /// other origins whose pages may use cookies; the API's own origin always may
    ALLOWED_ORIGINS: NONE, Must(
        "be a list of origins, such as https://app.example.com or capacitor://localhost: lower \
         case, no path, no final slash, no default port"
    );

    "Logging":

    /// lowest level of log lines; audit events are written at every level
    LOG_LEVEL: Some("INFO"), Must("be DEBUG, INFO, WARN or ERROR");

    "Paths and answers":

    /// base path of a custom domain's API mapping; requests without it are accepted too
    BASE_PATH: NONE, Must("be a path of letters, digits, - . _ ~, such as /auth");
    /// Flask-JWT's login, `POST /auth`; `disabled`: 404 `not_found`
    FLASK_JWT_LOGIN: Some("enabled"), Must("be enabled or disabled");
    /// member of an error's body that holds the sentence
    JWT_ERROR_MESSAGE_KEY: Some("msg"), Must("not be error, request_id or reasons");
}
