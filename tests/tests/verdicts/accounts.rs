//! Users, their sessions, and the rows of the legacy table.

use latchkey_session::{AccountStatus, AddUser, LegacyUser, Session, User};
use latchkey_testkit::{
    fixtures::{self, JWK_SET, operation},
    forge::base64url,
};
use latchkey_token::{KeySet, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use serde_json::{Value, json};

/// The user of most tokens.
pub(crate) const ALICE: &str = "user-alice-00000000000";
/// Another active user.
pub(crate) const CAROL: &str = "user-carol-00000000000";
/// A user whose account is disabled.
pub(crate) const BOB: &str = "user-bob-0000000000000";
/// The current owner of the name `erin`.
pub(crate) const NEW_ERIN: &str = "user-erin-new-00000000";
/// The previous owner, who migrated and deleted the account.
pub(crate) const OLD_ERIN: &str = "user-erin-old-00000000";
/// A migrated user who has changed the password.
pub(crate) const FRANK: &str = "user-frank-00000000000";
/// A migrated user who has deleted the account.
pub(crate) const DAVE: &str = "user-dave-000000000000";

/// A session of alice that ends after all tokens.
pub(crate) const LIVE: &str = "session-live-000000000";
/// A session of alice that ends before its tokens.
pub(crate) const SHORT: &str = "session-short-00000000";
/// An expired session that is still in alice's item.
pub(crate) const EXPIRED: &str = "session-expired-000000";
/// An ended session.
pub(crate) const ENDED: &str = "session-ended-00000000";
/// The live session of every other user.
pub(crate) const OTHERS: &str = "session-others-0000000";

/// Lifetime of [`SHORT`] in seconds.
pub(crate) const SHORT_SECONDS: u64 = 450;
const DAY: u64 = 86_400;

/// The secret of the service that used Flask-JWT-Extended.
pub(crate) const EXTENDED_SECRET: &[u8] = b"an-old-flask-secret";
/// The secret of the service that used Flask-JWT.
pub(crate) const FLASK_JWT_SECRET: &[u8] = b"an-older-flask-secret";
/// The secret of a service whose tokens have an audience.
pub(crate) const AUDIENCE_SECRET: &[u8] = b"the-secret-of-a-flask-api";
/// The audience of that service.
pub(crate) const FLASK_AUDIENCE: &str = "flask-api";

/// The signing key and the keys of three Flask services.
pub(crate) fn key_set() -> String {
    let mut set: Value = serde_json::from_str(JWK_SET).unwrap();
    for (kid, secret, mark) in [
        ("extended", EXTENDED_SECRET, json!({ "minted_by": "flask" })),
        ("flask-jwt", FLASK_JWT_SECRET, json!({ "minted_by": "flask-jwt" })),
        ("api", AUDIENCE_SECRET, json!({ "minted_by": "flask", "aud": FLASK_AUDIENCE })),
    ] {
        let mut key = json!({ "kty": "oct", "alg": "HS256", "kid": kid, "k": base64url(secret) });
        key.as_object_mut().unwrap().extend(mark.as_object().unwrap().clone());
        set["keys"].as_array_mut().unwrap().push(key);
    }
    set.to_string()
}

/// The parsed keys.
pub(crate) fn keys() -> KeySet {
    KeySet::parse(&SecretString::from(key_set())).unwrap()
}

fn user(id: &str, name: &str) -> User {
    User { id: UserId::parse(id).unwrap(), ..fixtures::user(name) }
}

fn with_session(mut user: User, id: &str, begin: u64, end: u64) -> User {
    let started = fixtures::session(&user, Timestamp::from_unix(begin)).session;
    let session = Session { expires_at: Timestamp::from_unix(end), ..started };
    user.sessions.insert(SessionId::parse(id).unwrap(), session);
    user
}

/// Adds all users; their sessions began at `base`.
pub(crate) async fn add_users(users: &impl AddUser, base: u64) {
    let end = base + 30 * DAY;
    let mut alice = user(ALICE, "Alice");
    for (id, begin, end) in [
        (LIVE, base, end),
        (SHORT, base, base + SHORT_SECONDS),
        (EXPIRED, base - 2 * DAY, base - DAY),
    ] {
        alice = with_session(alice, id, begin, end);
    }
    let other = |id, name| with_session(user(id, name), OTHERS, base, end);
    let bob = User { status: AccountStatus::Disabled, ..other(BOB, "bob") };
    let frank = User { credentials_version: 1, ..other(FRANK, "frank") };
    for user in [alice, bob, frank, other(CAROL, "carol"), other(NEW_ERIN, "erin")] {
        users.add_user(&user, &operation()).await.unwrap();
    }
}

/// The rows of the legacy table: identities with their accounts.
pub(crate) fn legacy_users() -> Vec<(&'static str, LegacyUser)> {
    let rows = [
        ("alice", ALICE, "Alice"),
        ("1", ALICE, "Alice"),
        ("bob", BOB, "bob"),
        ("dave", DAVE, "dave"),
        ("erin", OLD_ERIN, "erin"),
        ("frank", FRANK, "frank"),
    ];
    let row = |(identity, id, name)| {
        let user = user(id, name);
        (identity, LegacyUser { id: user.id, username: user.username })
    };
    rows.map(row).into()
}
