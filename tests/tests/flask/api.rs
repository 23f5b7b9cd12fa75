//! The system, and a case that is asked of it.

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

/// Long enough for every HMAC.
pub(crate) const SECRET: &str = "a secret of sixty-four bytes or more, so that it fits every HMAC!";

/// One of the cases.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) flask: &'static str,
}

/// A case: what is asked, and what Flask-JWT-Extended answers.
pub(crate) const fn case(what: &'static str, flask: &'static str) -> Case {
    Case { what, flask }
}

/// It answers what we answer.
pub(crate) const SAME: &str = "the same";

/// It has no say in this.
pub(crate) const UP_TO_THE_APPLICATION: &str = "up to the application";

/// What a failed assertion shows.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, flask } = self;
        write!(f, "{what} (Flask-JWT-Extended: {flask})")
    }
}

impl Case {
    /// Our answer: the status, and the code of a refusal. The gateway's own refusals have a
    /// `message` in place of the code.
    #[track_caller]
    pub(crate) fn gets(self, answer: &Answer, status: u16, code: &str) {
        let told = [answer.text("error"), answer.text("message")].concat();
        assert_eq!((answer.status, told.as_str()), (status, code), "{self}: {answer:?}");
    }

    /// A bad token on `GET /protected`.
    pub(crate) async fn refuses(self, api: &Api, token: &str) {
        self.refuses_on(api, "/protected", token).await;
    }

    pub(crate) async fn refuses_on(self, api: &Api, path: &str, token: &str) {
        let answer = api.get(path, token).await;
        self.gets(&answer, 401, "invalid_token");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{self}: {answer:?}");
    }
}

/// The system, each answer of which is held against the rules that all cases share.
pub(crate) struct Api {
    pub(crate) stack: Stack,
}

impl Api {
    pub(crate) fn start(settings: Settings) -> Self {
        Self { stack: settings.start() }
    }

    /// A system with one user, who has logged in.
    pub(crate) async fn with_alice(settings: Settings) -> (Self, Tokens) {
        let api = Self::start(settings);
        let tokens = api.tokens_of_new("alice").await;
        (api, tokens)
    }

    /// Sends a request; whatever it is, the answer is no 5xx.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Answer {
        let answer = self.ask_broken(request).await;
        assert!(answer.status < 500, "{answer:?}");
        answer
    }

    /// The same where a part of the system is down.
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
            assert_tells_no_secret(&answer, &sent);
        }
        answer
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stack.request(method, path)
    }

    /// `GET path` without a token.
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

    /// `GET /protected` with this value of `Authorization`.
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

    pub(crate) async fn tokens_of_new(&self, username: &str) -> Tokens {
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

/// Neither what we keep secret nor what the client sent for a credential.
#[track_caller]
pub(crate) fn assert_tells_no_secret(answer: &Answer, sent: &Request) {
    let told = answer.body.to_string();
    for ours in
        [PASSWORD, NEW_PASSWORD, SECRET, "argon2", "\"d\"", "panicked", "stack backtrace", ".rs:"]
    {
        assert!(!told.contains(ours), "{ours:?} in {answer:?}");
    }
    let headers = sent.headers().values().filter_map(|value| value.to_str().ok());
    let theirs =
        headers.chain(sent.url().query()).flat_map(|text| text.split([' ', ';', '=', ',']));
    for credential in theirs.filter(|text| text.len() > 30) {
        assert!(!told.contains(credential), "{credential:?} in {answer:?}");
    }
}

pub(crate) fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

/// A system whose private key the tests know: they sign forged tokens.
pub(crate) fn with_known_key() -> Settings {
    Settings::default().variable("SIGNING_KEYS", JWK_SET).variable("JWT_ISSUER", ISSUER)
}

/// An object with other members put over its own. `null` is a value like any other.
pub(crate) fn but(object: &Value, changes: Value) -> Value {
    let mut value = object.clone();
    let Value::Object(changes) = changes else { panic!("no object") };
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

/// A token that was valid for 15 minutes until this long ago.
pub(crate) fn ended(claims: &Value, seconds_ago: u64) -> String {
    let exp = Timestamp::now().unix() - seconds_ago;
    sign(&header(), &but(claims, json!({ "iat": exp - 900, "nbf": exp - 900, "exp": exp })))
}

/// Waits until a token has expired.
pub(crate) async fn end_of(token: &str) {
    let exp = claims_of(token)["exp"].as_u64().unwrap();
    while Timestamp::now().unix() < exp {
        sleep(Duration::from_millis(20)).await;
    }
}

/// The users of a system, as an operator sees them.
pub(crate) struct Table {
    pub(crate) endpoint: String,
    pub(crate) users: DynamoUsers,
}

impl Table {
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
