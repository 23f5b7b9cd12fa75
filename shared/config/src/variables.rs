//! Every variable, described once: the readers, their errors and `docs/configuration.md` use it.

use Values::{Must, Number};

use crate::ConfigError;

/// A variable of the environment.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is not set: an empty text for nothing, `None` where it must be set.
    pub default: Option<&'static str>,
    /// Which values it takes.
    pub values: Values,
    /// What it is for, as Markdown for a page in `docs`.
    pub meaning: &'static str,
}

/// The values that a variable takes.
#[derive(Debug)]
pub enum Values {
    /// Whole numbers from the first to the second.
    Number(u64, u64),
    /// What the words after "must" say; any text without words.
    Must(&'static str),
}

impl Variable {
    pub(crate) fn refused(&self, reason: &str) -> ConfigError {
        ConfigError(format!("{} {reason}", self.name))
    }

    /// The error for a value that the variable does not take.
    pub(crate) fn invalid(&self) -> ConfigError {
        self.refused(&match self.values {
            Number(least, most) => format!("must be a whole number from {least} to {most}"),
            Must(words) => format!("must {words}"),
        })
    }
}

/// `SECTIONS`, and a static for each variable; the comment is the meaning.
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
const COOKIE_NAME: Values = Must("be the name of a cookie");
const HEADER_NAME: Values = Must("be the name of a header");
const PATH: Values = Must("be a path, such as /refresh");
const PEM: Values = Must("be a key in PEM");
const AUDIENCE: Values = Must("not be an issuer followed by #, which marks tokens of other kinds");
const ARN: Values = Must("be an ARN");

variables! {
    "Tables":

    /// the DynamoDB table of users and their sessions; the template makes it
    USERS_TABLE: REQUIRED, ANY;
    /// the DynamoDB table of the sample back end; the template makes it
    WORK_ITEMS_TABLE: REQUIRED, ANY;
    /// how long a call of AWS may take with its retries, in milliseconds; half of it is for one attempt. The default leaves a function time to answer 503 within 2 s
    AWS_CALL_TIMEOUT_MS: Some("1500"), Number(100, 60_000);

    "Keys":

    /// the DynamoDB table of the key ring; the template makes it
    KEYS_TABLE: REQUIRED, ANY;
    /// with `KEYS_TABLE`, the KMS key that encrypts the private halves of the ring; the template
    /// makes it
    KMS_KEY_ARN: REQUIRED, ARN;
    /// a Secrets Manager secret with a private JWK set, in place of the ring, for
    /// [a secret that is shared with another service](operations.md#sharing-a-secret-with-another-service)
    SIGNING_KEYS_SECRET: NONE, ARN;
    /// seconds after which cached keys are stale. From half of them on, a request fetches the keys
    /// first, and waits half a second at most while it has usable ones; after a failed fetch there
    /// is no other for ten seconds, or for half of `KEYS_MAX_AGE` if that is less. Cached keys serve
    /// for an hour during an outage. An unknown `kid` has the keys fetched at once, but not within
    /// 30 s of a fetch that did not find one. Static keys are never fetched
    KEYS_MAX_AGE: Some("120"), Number(1, 3600);
    /// what new keys are for; the parameter allows `ES256`, `EdDSA` and `RS256`;
    /// [a change takes two rotations](operations.md#another-algorithm)
    SIGNING_ALGORITHM: Some("ES256"), Must(
        "be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512"
    );
    /// days that a key signs
    KEY_ROTATION_DAYS: Some("30"), Number(9, 1000);
    /// a Secrets Manager secret with
    /// [the marked keys of a Flask service](migrating-from-flask.md#moving-tokens), whose old tokens
    /// go on working; goes with `KEYS_TABLE` and `SIGNING_KEYS_SECRET`. Until it was read once,
    /// tokens without a `kid` get 503
    FLASK_KEYS_SECRET: NONE, ARN;
    /// the DynamoDB table that says
    /// [whose a Flask service's tokens are](migrating-from-flask.md#moving-tokens);
    /// `FLASK_KEYS_SECRET` needs it. The template makes it with `FlaskKeysSecretArn`, `make dev`
    /// always
    LEGACY_TABLE: NONE, ANY;
    /// the private JWK set itself; the first key signs, all verify; keys that only verify, and keys
    /// of a Flask service, may follow
    SIGNING_KEYS: NONE, Must("be a JWK set");
    /// one secret that is shared with another service, of at least 32, 48 or 64 bytes for HS256,
    /// HS384 or HS512; every verifier can sign
    JWT_SECRET_KEY: NONE, ANY;
    /// one private key: PKCS#8, PKCS#1 for RSA, SEC1 for elliptic curves; its `kid` is the
    /// thumbprint of RFC 7638
    JWT_PRIVATE_KEY: NONE, PEM;
    /// one public key (`SubjectPublicKeyInfo`), where nothing is signed
    JWT_PUBLIC_KEY: NONE, PEM;
    /// the algorithm that the signing key must be for. Without it, a key of a JWK set says its own,
    /// `JWT_SECRET_KEY` is for HS256, and a key in PEM for ES256. With `KEYS_TABLE` it is ignored:
    /// each key of the ring says its own
    JWT_ALGORITHM: NONE, Must(
        "be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512, HS256, HS384, \
         HS512"
    );

    "Tokens":

    /// the `iss` claim, put in and demanded byte for byte; a change ends all sessions. No new
    /// password may be mostly a label of its host
    JWT_ISSUER: REQUIRED, ANY;
    /// the `aud` claim, put in and demanded byte for byte; without it, the issuer
    JWT_AUDIENCE: NONE, AUDIENCE;
    /// further issuers whose tokens are accepted
    JWT_DECODE_ISSUER: NONE, LIST;
    /// a list of further audiences whose tokens are accepted
    JWT_DECODE_AUDIENCE: NONE, AUDIENCE;
    /// how long an access token lives, and the longest life that is accepted
    JWT_ACCESS_TOKEN_EXPIRES: Some("900"), Number(1, 86_400);
    /// how long a session may be idle, which is how long a refresh token lives
    JWT_REFRESH_TOKEN_EXPIRES: Some("2592000"), Number(1, 34_560_000);
    /// how far the clocks of issuer and verifier may lie apart
    JWT_DECODE_LEEWAY: Some("0"), Number(0, 300);

    "Sessions":

    /// the longest a session lives, however often it is refreshed
    SESSION_LIFETIME: Some("7776000"), Number(1, 34_560_000);
    /// sessions of one user at once; a login over it ends the least recently used
    SESSION_LIMIT: Some("20"), Number(1, 100);
    /// how long the refresh token before the newest gets the current pair again
    REFRESH_GRACE: Some("30"), Number(0, 300);
    /// [how soon a logout is noticed](../README.md#sessions)
    JWT_REVOCATION_CHECK: Some("strict"), Must(
        "be strict, off, or cached:<seconds> with 1 to 3600"
    );

    "Passwords":

    /// characters of a new password; NIST SP 800-63B-4 asks for 15 where a password is the only
    /// factor. [The other rules](passwords.md#the-rules) have no options
    PASSWORD_MIN_LENGTH: Some("8"), Number(8, 64);
    /// KiB of memory of a password hash; with the iterations at least one of OWASP's pairs: 47104
    /// and 1, 19456 and 2, 12288 and 3, 9216 and 4, 7168 and 5; times the iterations 1048576 at most
    ARGON2_MEMORY_KIB: Some("19456"), Must("be a whole number from 7168 to 131072");
    /// how often a hash passes over its memory
    ARGON2_ITERATIONS: Some("2"), Must("be a whole number from 1 to 16");

    "Where tokens are looked for":

    /// the places, in the order in which they are searched; only a token that is not there moves
    /// the search on
    JWT_TOKEN_LOCATION: Some("headers"), Must(
        "be a list of headers, cookies, query_string, json and websocket_protocol"
    );
    /// the header
    JWT_HEADER_NAME: Some("Authorization"), HEADER_NAME;
    /// the scheme before the token, in any case; `none` for the token alone. It is the `token_type`
    /// of answers, `Bearer` with `none`. In `Authorization`, access tokens may come as `JWT <token>`
    /// too
    JWT_HEADER_TYPE: Some("Bearer"), Must("be one word, or none");
    /// the query parameter
    JWT_QUERY_STRING_NAME: Some("jwt"), ANY;
    /// what stands before the token in it
    JWT_QUERY_STRING_VALUE_PREFIX: NONE, ANY;
    /// the member of a JSON body that is an access token
    JWT_JSON_KEY: Some("access_token"), ANY;
    /// the member of a JSON body that is a refresh token
    JWT_REFRESH_JSON_KEY: Some("refresh_token"), ANY;

    "Cookies":

    /// the cookie of the access token
    JWT_ACCESS_COOKIE_NAME: Some("__Host-access_token"), COOKIE_NAME;
    /// the cookie of the refresh token
    JWT_REFRESH_COOKIE_NAME: Some("__Host-refresh_token"), COOKIE_NAME;
    /// the path of the access token's cookie
    JWT_ACCESS_COOKIE_PATH: Some("/"), PATH;
    /// the path of the refresh token's cookie; `/logout` must lie below it if a refresh cookie is to
    /// log out
    JWT_REFRESH_COOKIE_PATH: Some("/"), PATH;
    /// the domain of all four cookies; without it they go back to this host alone
    JWT_COOKIE_DOMAIN: NONE, Must("be a domain, such as example.com");
    /// over HTTPS only
    JWT_COOKIE_SECURE: Some("true"), SWITCH;
    /// whether requests from other sites carry them; `None` needs `JWT_COOKIE_SECURE`
    JWT_COOKIE_SAMESITE: Some("Lax"), Must("be Strict, Lax or None");
    /// `false`: they live as long as their token; `true`: they go when the browser is closed
    JWT_SESSION_COOKIE: Some("false"), SWITCH;
    /// set the CSRF values as readable cookies too; the body of the answer has them in any case
    JWT_CSRF_IN_COOKIES: Some("true"), SWITCH;
    /// the cookie of the access token's CSRF value
    JWT_ACCESS_CSRF_COOKIE_NAME: Some("__Host-csrf_access_token"), COOKIE_NAME;
    /// the cookie of the refresh token's CSRF value
    JWT_REFRESH_CSRF_COOKIE_NAME: Some("__Host-csrf_refresh_token"), COOKIE_NAME;
    /// the path of the cookie of the access token's CSRF value
    JWT_ACCESS_CSRF_COOKIE_PATH: Some("/"), PATH;
    /// the path of the cookie of the refresh token's CSRF value
    JWT_REFRESH_CSRF_COOKIE_PATH: Some("/"), PATH;
    /// the header that repeats the access token's CSRF value
    JWT_ACCESS_CSRF_HEADER_NAME: Some("X-CSRF-TOKEN"), HEADER_NAME;
    /// the header that repeats the refresh token's CSRF value
    JWT_REFRESH_CSRF_HEADER_NAME: Some("X-CSRF-TOKEN"), HEADER_NAME;
    /// further origins whose pages may ask for cookies and send requests with them; the API's own
    /// always may
    ALLOWED_ORIGINS: NONE, Must(
        "be a list of origins as browsers send them: scheme://host or scheme://host:port in lower \
         case, without a path, a final slash and the scheme's own port, such as \
         https://app.example.com or capacitor://localhost"
    );

    "Paths and answers":

    /// what an API mapping of a custom domain puts before our paths; requests without it are taken
    /// too
    BASE_PATH: NONE, Must("be a path of letters, digits, - . _ ~, such as /auth");
    /// whether there is Flask-JWT's login, `POST /auth`; disabled, it answers 404 `not_found`
    FLASK_JWT_LOGIN: Some("enabled"), Must("be enabled or disabled");
    /// the member of an error's body that is the sentence
    JWT_ERROR_MESSAGE_KEY: Some("msg"), Must("not be error, request_id or reasons");
}
