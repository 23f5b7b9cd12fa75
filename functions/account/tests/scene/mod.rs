//! A user with three sessions, and the routes of the function over an in-memory store.

use account::Account;
use lambda_http::Request;
use latchkey_http::{GatewayAnswer, answer};
use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_session::{AddUser as _, ReadUser, RemoveUser, UpdateUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_header, with_token},
    fixtures::{NOW, operation, reader_with, session, unlimited, user},
    forge::{claims_for, header, sign},
};
use latchkey_token::SessionId;
use secrecy::SecretString;
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A user with three sessions. The first one sends the requests.
pub(crate) struct Scene {
    pub(crate) users: MemoryUsers,
    pub(crate) alice: User,
    pub(crate) sessions: [SessionId; 3],
    pub(crate) token: String,
}

pub(crate) fn hasher() -> Hasher {
    Hasher::new(HashParams::default()).unwrap()
}

pub(crate) async fn scene(change: impl FnOnce(&mut User)) -> Scene {
    let users = MemoryUsers::default();
    let policy = PasswordPolicy::new(8);
    let mut alice = user("Alice");
    let password = policy.accept(&SecretString::from(PASSWORD), &["alice"]).unwrap();
    alice.password_hash = Some(hasher().hash(&password).unwrap());
    let sessions = [0, 1, 2].map(|_| {
        let started = session(&alice, NOW);
        alice.sessions.insert(started.id.clone(), started.session);
        started.id
    });
    change(&mut alice);
    users.add_user(&alice, &operation()).await.unwrap();
    let token = sign(&header(), &claims_for(&alice.id, &sessions[0]));
    Scene { users, alice, sessions, token }
}

/// Calls the function over `users`.
pub(crate) async fn call<U>(users: U, event: &Value) -> GatewayAnswer
where
    U: ReadUser + UpdateUser + RemoveUser,
{
    let flask = latchkey_testkit::flask::keys(&json!({ "minted_by": "flask" }));
    let reader = reader_with(flask);
    let account = Account { users, reader, limits: unlimited(), hasher: hasher() };
    let handle = async |request: &Request| account.handle(request, NOW).await;
    answer(&event.to_string(), &handle).await
}

/// A request with a JSON body.
pub(crate) fn with_body(method: &str, path: &str, body: &Value) -> Value {
    let mut event = with_header(request(method, path), "content-type", "application/json");
    event["body"] = body.to_string().into();
    event
}

pub(crate) fn body(answer: &GatewayAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// The status and the error code of a refusal.
pub(crate) fn refusal(answer: &GatewayAnswer) -> (u16, String) {
    (answer.status_code, body(answer)["error"].as_str().unwrap().to_owned())
}

#[track_caller]
pub(crate) fn assert_empty(answer: &GatewayAnswer) {
    assert_eq!((answer.status_code, answer.body.as_str()), (204, ""), "{answer:?}");
}

impl Scene {
    /// Calls the function with the token of the first session.
    pub(crate) async fn call(&self, event: Value) -> GatewayAnswer {
        call(self.users.clone(), &with_token(event, &self.token)).await
    }

    pub(crate) async fn stored(&self) -> Option<User> {
        self.users.find_user(&self.alice.username).await.unwrap()
    }

    /// The ids of the stored sessions.
    pub(crate) async fn left(&self) -> Vec<SessionId> {
        self.stored().await.unwrap().sessions.into_keys().collect()
    }
}
