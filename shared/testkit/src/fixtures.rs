//! Keys, profiles, users and sessions for tests.

use std::{sync::LazyLock, time::Duration};

use latchkey_guard::{TokenLocations, TokenReader};
use latchkey_http::AttemptLimits;
use latchkey_keys::{KeyCache, KeyPolicy};
use latchkey_session::{
    Client, RotationPolicy, SessionLifetimes, SessionPolicy, StartedSession, User, Username,
};
use latchkey_store::{KeyLocation, KeySource, MemoryLimits, RingSigning, RingVerifying};
use latchkey_token::{
    Algorithm, Grant, Issuer, KeySet, OperationId, SessionId, Timestamp, TokenProfile, UserId,
    Verifier,
};
use secrecy::SecretString;

/// The issuer of tokens in tests.
pub const ISSUER: &str = "https://auth.example.com";
/// The current time in tests.
pub const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
/// PUBLIC TEST KEY: a private JWK set for tests only.
pub const JWK_SET: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"test-key","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}"#;
/// The `kid` of the key in [`JWK_SET`].
pub const KID: &str = "test-key";

/// The keys of [`JWK_SET`].
pub fn key_set() -> KeySet {
    KeySet::parse(&SecretString::from(JWK_SET)).unwrap()
}

/// ES256 keys that sign for 30 days and then verify for 30 days.
pub const KEY_POLICY: KeyPolicy = KeyPolicy {
    algorithm: Algorithm::Es256,
    period: Duration::from_hours(30 * 24),
    retention: Duration::from_hours(30 * 24),
};

/// The ARN of the KMS key that encrypts private keys in tests.
pub const KMS_KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/test";

/// The key ring, for a function that signs and creates the first ring.
pub fn signing_ring() -> KeySource<RingSigning> {
    let access = RingSigning { kms_key: KMS_KEY.to_owned(), first: Some(Algorithm::Es256) };
    key_source(KeyLocation::Ring { table: "KeysTable".to_owned(), access })
}

/// The key ring, for a function that only verifies.
pub fn verifying_ring() -> KeySource<RingVerifying> {
    key_source(KeyLocation::Ring { table: "KeysTable".to_owned(), access: RingVerifying })
}

fn key_source<A>(location: KeyLocation<A>) -> KeySource<A> {
    KeySource { location, flask_secret: None, max_age: Duration::from_mins(2) }
}

/// Attempt limits that are off.
pub fn unlimited() -> AttemptLimits<MemoryLimits> {
    AttemptLimits::new(MemoryLimits::default(), None, None)
}

/// Access tokens of 15 minutes, refresh tokens of 30 days, no leeway.
pub fn token_profile() -> TokenProfile {
    TokenProfile::new(ISSUER)
}

static KEYS: LazyLock<KeySet> = LazyLock::new(key_set);
static PROFILE: LazyLock<TokenProfile> = LazyLock::new(token_profile);

/// A verifier for [`key_set`] and [`token_profile`].
pub fn verifier() -> Verifier<'static> {
    Verifier::new(&KEYS, &PROFILE)
}

/// An issuer with [`key_set`] and [`token_profile`].
pub fn issuer() -> Issuer<'static> {
    Issuer::new(KEYS.signing().unwrap(), &PROFILE)
}

/// A reader of the tokens of `keys` and [`token_profile`] in the default locations.
pub fn reader_with(keys: KeySet) -> TokenReader {
    TokenReader {
        keys: KeyCache::of_static(keys),
        profile: token_profile(),
        locations: TokenLocations::default(),
    }
}

/// A reader of the tokens of [`key_set`].
pub fn reader() -> TokenReader {
    reader_with(key_set())
}

/// The grant for a user's session at [`NOW`], with the user name `alice`.
pub fn grant<'a>(user: &'a UserId, session: &'a SessionId) -> Grant<'a> {
    Grant {
        user,
        username: "alice",
        session,
        session_expires_at: NOW + token_profile().refresh_lifetime,
        roles: &[],
        auth_time: NOW,
        claims: None,
        for_cookies: false,
    }
}

/// A new active user without sessions.
pub fn user(name: &str) -> User {
    let (id, username) = (UserId::generate().unwrap(), Username::parse(name).unwrap());
    let mut user = User::new(id, username, None, NOW);
    user.password_hash = Some(SecretString::from("$argon2id$not-a-hash"));
    user
}

/// Sessions of 30 days idle and 90 days absolute lifetime, at most three per user.
pub const SESSION_POLICY: SessionPolicy = SessionPolicy { lifetimes: SESSION_LIFETIMES, limit: 3 };

/// The lifetimes of [`SESSION_POLICY`] and a grace period of 30 s.
pub const ROTATION_POLICY: RotationPolicy =
    RotationPolicy { lifetimes: SESSION_LIFETIMES, grace: Duration::from_secs(30) };

const SESSION_LIFETIMES: SessionLifetimes = SessionLifetimes {
    idle: Duration::from_hours(30 * 24),
    absolute: Duration::from_hours(90 * 24),
};

/// A new session of `user` that starts at `now`. It is not stored.
pub fn session(user: &User, now: Timestamp) -> StartedSession {
    SESSION_POLICY.start(
        &user.sessions,
        SessionId::generate().unwrap(),
        operation(),
        Client::new("192.0.2.1", "test"),
        now,
    )
}

/// A random operation id.
pub fn operation() -> OperationId {
    OperationId::generate().unwrap()
}
