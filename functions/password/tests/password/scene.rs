//! A user with three sessions, and `POST /password` over an in-memory store.

use lambda_http::Request;
use latchkey_guard::{TokenLocation, TokenLocations, TokenReader};
use latchkey_http::{GatewayAnswer, answer};
use latchkey_password::{
    HashParams, Hasher, Password as PresentedPassword, PasswordPolicy, Verdict,
};
use latchkey_session::{AddUser as _, ChangeAccount, ReadUser, Session, UpdateUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_header, with_token},
    fixtures::{NOW, SESSION_POLICY, operation, reader_with, session, unlimited, user},
    flask::keys as flask_keys,
    forge::{claims_for, header, sign},
};
use latchkey_token::SessionId;
use password::Password;
use secrecy::SecretString;
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const NEW: &str = "another horse battery";

/// A user with three sessions. The first one sends the requests.
pub(crate) struct Scene {
    pub(crate) users: MemoryUsers,
    pub(crate) alice: User,
    pub(crate) sessions: [SessionId; 3],
    pub(crate) token: String,
}

fn hasher() -> Hasher {
    Hasher::new(HashParams::default()).unwrap()
}

fn policy() -> PasswordPolicy {
    PasswordPolicy::new(8)
}

pub(crate) fn hash(password: &str) -> SecretString {
    hasher().hash(&policy().accept(&SecretString::from(password), &["alice"]).unwrap()).unwrap()
}

pub(crate) fn verdict(password: &str, stored: &User) -> Verdict {
    let password = PresentedPassword::parse(&SecretString::from(password)).unwrap();
    hasher().verify(&password, stored.password_hash.as_ref().unwrap()).unwrap()
}

pub(crate) async fn scene(change: impl FnOnce(&mut User)) -> Scene {
    let mut alice = user("Alice");
    alice.password_hash = Some(hash(PASSWORD));
    let sessions = [0, 1, 2].map(|_| {
        let started = session(&alice, NOW);
        alice.sessions.insert(started.id.clone(), started.session);
        started.id
    });
    let token = sign(&header(), &claims_for(&alice.id, &sessions[0]));
    change(&mut alice);
    let users = store_of(&alice).await;
    Scene { users, alice, sessions, token }
}

async fn store_of(user: &User) -> MemoryUsers {
    let users = MemoryUsers::default();
    users.add_user(user, &operation()).await.unwrap();
    users
}

/// Calls the function over `users`.
pub(crate) async fn call<U>(users: U, event: &Value) -> GatewayAnswer
where
    U: ReadUser + UpdateUser + ChangeAccount,
{
    let keys = flask_keys(&json!({ "minted_by": "flask" }));
    let locations = TokenLocations {
        order: vec![TokenLocation::Headers, TokenLocation::Cookies],
        ..TokenLocations::default()
    };
    let password = Password {
        users,
        reader: TokenReader { locations, ..reader_with(keys) },
        limits: unlimited(),
        passwords: policy(),
        hasher: hasher(),
        sessions: SESSION_POLICY,
    };
    let handle = async |request: &Request| password.handle(request, NOW).await;
    answer(&event.to_string(), &handle).await
}

pub(crate) fn with_body(body: &Value) -> Value {
    post("/password", body)
}

pub(crate) fn post(path: &str, body: &Value) -> Value {
    let event = request("POST", path);
    let mut event = with_header(event, "content-type", "application/json");
    event["body"] = body.to_string().into();
    event
}

pub(crate) fn change(current: &str, new: &str) -> Value {
    with_body(&json!({ "current_password": current, "new_password": new }))
}

pub(crate) fn body(answer: &GatewayAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// The status and the error code of a refusal.
pub(crate) fn refusal(answer: &GatewayAnswer) -> (u16, String) {
    (answer.status_code, body(answer)["error"].as_str().unwrap().to_owned())
}

impl Scene {
    /// Calls the function with the token of the first session.
    pub(crate) async fn call(&self, event: Value) -> GatewayAnswer {
        call(self.users.clone(), &with_token(event, &self.token)).await
    }

    pub(crate) async fn stored(&self) -> User {
        self.users.find_user(&self.alice.username).await.unwrap().unwrap()
    }

    pub(crate) async fn assert_unchanged(&self) {
        let stored = self.stored().await;
        assert_eq!((stored.credentials_version, &stored.sessions), (0, &self.alice.sessions));
    }

    /// The session that sends the requests.
    pub(crate) fn calling_session(&mut self) -> &mut Session {
        self.alice.sessions.get_mut(&self.sessions[0]).unwrap()
    }

    /// A new store with the account as it is in this scene.
    pub(crate) async fn new_store(&self) -> MemoryUsers {
        store_of(&self.alice).await
    }
}
