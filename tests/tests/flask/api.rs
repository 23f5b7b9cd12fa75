//! Cases of the compatibility tests, and the API that they call.

use std::{collections::BTreeSet, fmt, time::Duration};

use latchkey_session::{
    AccountChange, AddUser as _, ReadUser as _, RemoveUser as _, User, Username,
};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_testkit::{
    dynamodb,
    fixtures::{ISSUER, JWK_SET, operation},
    forge::{header, sign},
};
use latchkey_tests::stack::{Answer, PASSWORD, Settings, Stack, Tokens, claims_of};
use latchkey_token::Timestamp;
use reqwest::{Method, Request, RequestBuilder, header::HeaderValue};
use serde_json::{Value, json};
use tokio::time::sleep;

pub(crate) const NEW_PASSWORD: &str = "another horse battery";

/// Long enough for every HMAC algorithm.
pub(crate) const SECRET: &str = "a secret of sixty-four bytes or more, so that it fits every HMAC!";

/// A case: a request and the answer of Flask-JWT-Extended.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) request: &'static str,
    pub(crate) flask: &'static str,
}

/// Describes a case.
pub(crate) const fn case(request: &'static str, flask: &'static str) -> Case {
    Case { request, flask }
}

/// Flask-JWT-Extended gives the same answer.
pub(crate) const SAME: &str = "the same";

/// The application decides, not Flask-JWT-Extended.
pub(crate) const UP_TO_THE_APPLICATION: &str = "up to the application";

/// The prefix of assertion messages.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, flask } = self;
        write!(f, "{request} (Flask-JWT-Extended: {flask})")
    }
}

impl Case {
    /// Asserts status and error code of the answer. Errors of the gateway have a `message` instead of a
    /// code.
    #[track_caller]
    pub(crate) fn expects(self, answer: &Answer, status: u16, code: &str) {
        let error = [answer.text("error"), answer.text("message")].concat();
        assert_eq!((answer.status, error.as_str()), (status, code), "{self}: {answer:?}");
    }

    /// Asserts that `GET /protected` refuses the token.
    pub(crate) async fn refuses(self, api: &Api, token: &str) {
        self.refuses_on(api, "/protected", token).await;
    }

    pub(crate) async fn refuses_on(self, api: &Api, path: &str, token: &str) {
        let answer = api.get(path, token).await;
        self.expects(&answer, 401, "invalid_token");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{self}: {answer:?}");
    }
}

/// A running stack. Every answer is checked against the rules of all cases.
pub(crate) struct Api {
    pub(crate) stack: Stack,
}

impl Api {
    pub(crate) fn start(settings: Settings) -> Self {
        Self { stack: settings.start() }
    }

    /// Starts a stack with one logged-in user.
    pub(crate) async fn with_alice(settings: Settings) -> (Self, Tokens) {
        let api = Self::start(settings);
        let tokens = api.sign_up_and_log_in("alice").await;
        (api, tokens)
    }

    /// Sends a request. The answer must not be a 5xx.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Answer {
        let answer = self.ask_broken(request).await;
        assert!(answer.status < 500, "{answer:?}");
        answer
    }

    /// Sends a request during an outage, when a 5xx is allowed.
    pub(crate) async fn ask_broken(&self, request: RequestBuilder) -> Answer {
        let sent = request.try_clone().unwrap().build().unwrap();
        let answer = self.stack.send(request).await;
        if answer.status != 204 && sent.method() != Method::HEAD {
            assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
            assert!(answer.body.is_object(), "{answer:?}");
        }
        if answer.status == 401 {
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
        }
        if answer.status >= 400 {
            assert_no_secret(&answer, &sent);
        }
        answer
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stack.request(method, path)
    }

    /// Sends `GET path` without a token.
    pub(crate) async fn open(&self, path: &str) -> Answer {
        self.ask(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.ask(self.request(Method::DELETE, path).bearer_auth(token)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn post_text(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", content_type);
        self.ask(request.body(body.to_vec())).await
    }

    /// Sends `GET /protected` with a value of `Authorization`.
    pub(crate) async fn authorization(&self, value: &str) -> Answer {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.ask(self.request(Method::GET, "/protected").header("authorization", value)).await
    }

    pub(crate) async fn sign_up(&self, username: &str) -> Answer {
        self.post("/signup", &credentials(username, PASSWORD)).await
    }

    pub(crate) async fn log_in(&self, username: &str) -> Answer {
        self.post("/login", &credentials(username, PASSWORD)).await
    }

    pub(crate) async fn tokens_of(&self, username: &str) -> Tokens {
        Tokens::of(&self.log_in(username).await)
    }

    pub(crate) async fn sign_up_and_log_in(&self, username: &str) -> Tokens {
        assert_eq!(self.sign_up(username).await.status, 201);
        self.tokens_of(username).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.ask(self.request(Method::POST, "/refresh").bearer_auth(token)).await
    }

    pub(crate) async fn log_out(&self, token: &str) -> Answer {
        self.ask(self.request(Method::POST, "/logout").bearer_auth(token)).await
    }
}

/// The answer has neither a secret of the system nor a credential of the request.
#[track_caller]
pub(crate) fn assert_no_secret(answer: &Answer, sent: &Request) {
    let body = answer.body.to_string();
    for secret in
        [PASSWORD, NEW_PASSWORD, SECRET, "argon2", "\"d\"", "panicked", "stack backtrace", ".rs:"]
    {
        assert!(!body.contains(secret), "{secret:?} in {answer:?}");
    }
    let headers = sent.headers().values().filter_map(|value| value.to_str().ok());
    let credentials =
        headers.chain(sent.url().query()).flat_map(|text| text.split([' ', ';', '=', ',']));
    for credential in credentials.filter(|text| text.len() > 30) {
        assert!(!body.contains(credential), "{credential:?} in {answer:?}");
    }
}

pub(crate) fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

/// Settings with the tests' private key, which also signs forged tokens.
pub(crate) fn with_known_key() -> Settings {
    Settings::default().variable("SIGNING_KEYS", JWK_SET).variable("JWT_ISSUER", ISSUER)
}

/// An object with overridden members. `null` is a value.
pub(crate) fn with_changes(object: &Value, changes: Value) -> Value {
    let mut value = object.clone();
    let Value::Object(changes) = changes else { panic!("not an object") };
    value.as_object_mut().unwrap().extend(changes);
    value
}

pub(crate) fn without(object: &Value, member: &str) -> Value {
    let mut changed = object.clone();
    changed.as_object_mut().unwrap().remove(member);
    changed
}

pub(crate) fn members(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A token with a lifetime of 15 minutes that expired `seconds_ago`.
pub(crate) fn expired(claims: &Value, seconds_ago: u64) -> String {
    let exp = Timestamp::now().unix() - seconds_ago;
    sign(
        &header(),
        &with_changes(claims, json!({ "iat": exp - 900, "nbf": exp - 900, "exp": exp })),
    )
}

/// Waits until a token has expired.
pub(crate) async fn wait_for_expiry(token: &str) {
    let exp = claims_of(token)["exp"].as_u64().unwrap();
    while Timestamp::now().unix() < exp {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Operator access to the users table.
pub(crate) struct UsersTable {
    pub(crate) endpoint: String,
    pub(crate) users: DynamoUsers,
}

impl UsersTable {
    pub(crate) async fn start() -> Self {
        let endpoint = dynamodb().await;
        let aws = Aws::emulator(&endpoint);
        Self { users: DynamoUsers::connect(&aws, "UsersTable".to_owned()).await, endpoint }
    }

    pub(crate) async fn change(&self, username: &str, change: impl FnOnce(&mut User)) {
        let name = Username::parse(username).unwrap();
        let user = self.users.find_user(&name).await.unwrap().unwrap();
        let session = user.sessions.keys().next().unwrap();
        let operation = operation();
        let as_read = AccountChange { user: &user, session: Some(session), operation: &operation };
        self.users.remove_user(&as_read).await.unwrap();
        let mut changed = user.clone();
        change(&mut changed);
        self.users.add_user(&changed, &operation).await.unwrap();
    }
}
