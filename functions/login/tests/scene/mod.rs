//! A store with the user alice, and calls of the function.

use lambda_http::Request;
use latchkey_guard::TokenLocations;
use latchkey_http::{GatewayAnswer, answer};
use latchkey_keys::KeyCache;
use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_session::{AddUser as _, ReadUser, UpdateUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::fixtures::{
    SESSION_POLICY, key_set, operation, token_profile, unlimited, user,
};
use latchkey_token::Timestamp;
use login::Login;
use secrecy::SecretString;
use serde_json::Value;

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) fn hasher() -> Hasher {
    Hasher::new(HashParams::default()).unwrap()
}

pub(crate) fn hash(text: &str) -> SecretString {
    let policy = PasswordPolicy::new(8);
    hasher().hash(&policy.accept(&SecretString::from(text), &["x"]).unwrap()).unwrap()
}

pub(crate) async fn users_with(change: impl FnOnce(&mut User)) -> MemoryUsers {
    let users = MemoryUsers::default();
    let mut alice = user("Alice");
    alice.password_hash = Some(hash(PASSWORD));
    change(&mut alice);
    users.add_user(&alice, &operation()).await.unwrap();
    users
}

pub(crate) async fn call<U: ReadUser + UpdateUser>(
    users: U,
    event: &Value,
    now: Timestamp,
) -> GatewayAnswer {
    call_with(users, TokenLocations::default(), event, now).await
}

pub(crate) async fn call_with<U: ReadUser + UpdateUser>(
    users: U,
    locations: TokenLocations,
    event: &Value,
    now: Timestamp,
) -> GatewayAnswer {
    call_signing_with(KeyCache::of_static(key_set()), users, locations, event, now).await
}

pub(crate) async fn call_signing_with<U: ReadUser + UpdateUser>(
    keys: KeyCache,
    users: U,
    locations: TokenLocations,
    event: &Value,
    now: Timestamp,
) -> GatewayAnswer {
    let login = Login {
        users,
        limits: unlimited(),
        hasher: hasher(),
        keys,
        profile: token_profile(),
        sessions: SESSION_POLICY,
        locations,
        flask_jwt: true,
    };
    let handle = async |request: &Request| login.handle(request, now).await;
    answer(&event.to_string(), &handle).await
}

pub(crate) fn body(answer: &GatewayAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}
