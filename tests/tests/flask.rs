//! Flask-JWT-Extended's behaviour in 107 cases, asked of the whole system over the real binaries.
//!
//! Each case says what is asked and, where it is not what we answer, what Flask-JWT-Extended 4.7.4
//! with its defaults answers (measured; where it leaves the matter to the application, that is
//! said). What every case demands besides is in [`Api::ask`]: no answer is a 5xx, every body is
//! JSON, every 401 has a challenge, no error tells a secret.
//!
//! The difference that recurs: a bad token is 401 `invalid_token` here and 422 there.
//!
//! | cases | about |
//! |---|---|
//! | 1–20 | login and sign-up |
//! | 21–31 | the `Authorization` header |
//! | 32–48 | structure, algorithm, signature, keys |
//! | 49–65 | times and other claims |
//! | 66–70 | type and freshness |
//! | 71–83 | refresh, logout, revocation |
//! | 84–93 | cookies and CSRF |
//! | 94–101 | several locations, optional routes, other methods |
//! | 102–107 | isolation, roles, cold starts, configuration, error codes |
//!
//! Longer than the rest because it is the list of 107 cases.
#![cfg(test)]

use std::{
    collections::{BTreeSet, HashSet},
    fmt, io, iter,
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_session::{
    AccountChange, AccountStatus, AddUser as _, ReadUser as _, RemoveUser as _, User, Username,
};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_testkit::{
    dynamodb,
    fixtures::{ISSUER, JWK_SET, operation},
    forge::{
        base64url, header, public_key_as_secret, refresh_header, sign, sign_texts,
        sign_with_foreign_key, sign_with_hmac, with_signature,
    },
    proxy::Fault,
};
use latchkey_tests::{
    process::wait_for_end,
    stack::{Answer, PASSWORD, Settings, Stack, Tokens, claims_of, signal_to},
};
use latchkey_token::{Algorithm, SigningKey, Timestamp};
use reqwest::{Method, Request, RequestBuilder, header::HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

const NEW_PASSWORD: &str = "another horse battery";
/// Long enough for every HMAC.
const SECRET: &str = "a secret of sixty-four bytes or more, so that it fits every HMAC!";

/// One of the cases.
#[derive(Clone, Copy)]
struct Case {
    number: u8,
    what: &'static str,
    flask: &'static str,
}

/// A case by its number: what is asked, and what Flask-JWT-Extended answers.
const fn case(number: u8, what: &'static str, flask: &'static str) -> Case {
    Case { number, what, flask }
}

/// It answers what we answer.
const SAME: &str = "the same";
/// It has no say in this.
const UP_TO_THE_APPLICATION: &str = "up to the application";

/// What a failed assertion shows.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, what, flask } = self;
        write!(f, "case {number}, {what} (Flask-JWT-Extended: {flask})")
    }
}

impl Case {
    /// Our answer: the status, and the code of a refusal. The gateway's own refusals have a
    /// `message` in place of the code.
    #[track_caller]
    fn gets(self, answer: &Answer, status: u16, code: &str) {
        let told = [answer.text("error"), answer.text("message")].concat();
        assert_eq!((answer.status, told.as_str()), (status, code), "{self}: {answer:?}");
    }

    /// A bad token on `GET /protected`.
    async fn refuses(self, api: &Api, token: &str) {
        self.refuses_on(api, "/protected", token).await;
    }

    async fn refuses_on(self, api: &Api, path: &str, token: &str) {
        let answer = api.get(path, token).await;
        self.gets(&answer, 401, "invalid_token");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{self}: {answer:?}");
    }
}

/// The system, each answer of which is held against the rules that all cases share.
struct Api {
    stack: Stack,
}

impl Api {
    fn start(settings: Settings) -> Self {
        Self { stack: settings.start() }
    }

    /// A system with one user, who has logged in.
    async fn with_alice(settings: Settings) -> (Self, Tokens) {
        let api = Self::start(settings);
        let tokens = api.tokens_of_new("alice").await;
        (api, tokens)
    }

    /// Sends a request; whatever it is, the answer is no 5xx.
    async fn ask(&self, request: RequestBuilder) -> Answer {
        let answer = self.ask_broken(request).await;
        assert!(answer.status < 500, "{answer:?}");
        answer
    }

    /// The same where a part of the system is down.
    async fn ask_broken(&self, request: RequestBuilder) -> Answer {
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

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stack.request(method, path)
    }

    /// `GET path` without a token.
    async fn open(&self, path: &str) -> Answer {
        self.ask(self.request(Method::GET, path)).await
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(self.request(Method::GET, path).bearer_auth(token)).await
    }

    async fn delete(&self, path: &str, token: &str) -> Answer {
        self.ask(self.request(Method::DELETE, path).bearer_auth(token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(self.request(Method::POST, path).json(body)).await
    }

    async fn post_text(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", content_type);
        self.ask(request.body(body.to_vec())).await
    }

    /// `GET /protected` with this value of `Authorization`.
    async fn authorization(&self, value: &str) -> Answer {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.ask(self.request(Method::GET, "/protected").header("authorization", value)).await
    }

    async fn sign_up(&self, username: &str) -> Answer {
        self.post("/signup", &credentials(username, PASSWORD)).await
    }

    async fn log_in(&self, username: &str) -> Answer {
        self.post("/login", &credentials(username, PASSWORD)).await
    }

    async fn tokens_of(&self, username: &str) -> Tokens {
        Tokens::of(&self.log_in(username).await)
    }

    async fn tokens_of_new(&self, username: &str) -> Tokens {
        assert_eq!(self.sign_up(username).await.status, 201);
        self.tokens_of(username).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.ask(self.request(Method::POST, "/refresh").bearer_auth(token)).await
    }

    async fn log_out(&self, token: &str) -> Answer {
        self.ask(self.request(Method::POST, "/logout").bearer_auth(token)).await
    }
}

/// Neither what we keep secret nor what the client sent for a credential.
#[track_caller]
fn assert_tells_no_secret(answer: &Answer, sent: &Request) {
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

fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

/// A system whose private key the tests know: they sign what nobody should.
fn with_known_key() -> Settings {
    Settings::default().variable("SIGNING_KEYS", JWK_SET).variable("JWT_ISSUER", ISSUER)
}

/// An object with other members put over its own. `null` is a value like any other.
fn but(object: &Value, changes: Value) -> Value {
    let mut value = object.clone();
    let Value::Object(changes) = changes else { panic!("no object") };
    value.as_object_mut().unwrap().extend(changes);
    value
}

fn without(object: &Value, member: &str) -> Value {
    let mut changed = object.clone();
    changed.as_object_mut().unwrap().remove(member);
    changed
}

fn members(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn header_of(token: &str) -> Value {
    let text = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// A token that was valid for 15 minutes until this long ago.
fn ended(claims: &Value, seconds_ago: u64) -> String {
    let exp = Timestamp::now().unix() - seconds_ago;
    sign(&header(), &but(claims, json!({ "iat": exp - 900, "nbf": exp - 900, "exp": exp })))
}

/// Waits until a token has expired.
async fn end_of(token: &str) {
    let exp = claims_of(token)["exp"].as_u64().unwrap();
    while Timestamp::now().unix() < exp {
        sleep(Duration::from_millis(20)).await;
    }
}

/// The users of a system, as an operator sees them.
struct Table {
    endpoint: String,
    users: DynamoUsers,
}

impl Table {
    async fn start() -> Self {
        let endpoint = dynamodb().await;
        let aws = Aws::emulator(&endpoint);
        Self { users: DynamoUsers::connect(&aws, "UsersTable".to_owned()).await, endpoint }
    }

    async fn change(&self, username: &str, change: impl FnOnce(&mut User)) {
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

// 1–20: login and sign-up

#[tokio::test(flavor = "multi_thread")]
async fn login_takes_one_json_object_with_user_name_and_password() {
    let api = Api::start(Settings::default());
    api.sign_up("alice").await;

    let it = case(1, "a good login", "200 without Cache-Control");
    let answer = api.log_in("alice").await;
    it.gets(&answer, 200, "");
    assert_eq!(answer.header("cache-control"), "no-store", "{it}");
    for token in ["access_token", "refresh_token"] {
        assert_eq!(answer.text(token).split('.').count(), 3, "{it}: {token}");
    }

    // One hash is spent in either case, so the time tells nothing either.
    let it = case(2, "a wrong password; an unknown user", UP_TO_THE_APPLICATION);
    let wrong = api.post("/login", &credentials("alice", NEW_PASSWORD)).await;
    let unknown = api.post("/login", &credentials("nobody", NEW_PASSWORD)).await;
    it.gets(&wrong, 401, "invalid_credentials");
    assert_eq!(without(&wrong.body, "request_id"), without(&unknown.body, "request_id"), "{it}");
    assert_eq!(wrong.text("msg"), "Bad username or password", "{it}");

    let it = case(3, "a member that is missing, empty or null", SAME);
    for body in [
        json!({}),
        json!({ "username": "alice" }),
        json!({ "password": PASSWORD }),
        credentials("", PASSWORD),
        credentials("alice", ""),
        json!({ "username": null, "password": PASSWORD }),
    ] {
        it.gets(&api.post("/login", &body).await, 400, "invalid_request");
    }

    let it = case(4, "no body; a form; plain text", "415 in HTML");
    let nothing = api.ask(api.request(Method::POST, "/login")).await;
    it.gets(&nothing, 415, "unsupported_media_type");
    for content_type in ["application/x-www-form-urlencoded", "text/plain"] {
        let answer = api.post_text("/login", content_type, b"username=alice").await;
        it.gets(&answer, 415, "unsupported_media_type");
    }

    let it = case(5, "broken JSON; nothing; two objects; no UTF-8", "400 in HTML");
    let not_utf8 = b"{\"username\":\"alice\",\"password\":\"\xff\"}";
    for body in [&b"{\"username\":"[..], b"", b"{}{}", not_utf8] {
        let answer = api.post_text("/login", "application/json", body).await;
        it.gets(&answer, 400, "invalid_request");
    }

    let it = case(6, "JSON that is no object", "500");
    for body in [json!([]), json!("x"), json!(null), json!(5)] {
        it.gets(&api.post("/login", &body).await, 400, "invalid_request");
    }

    let it = case(7, "a user name or password that is no text", "401, or 500 for list and object");
    for value in [json!(1), json!(["alice"]), json!({ "a": 1 }), json!(true)] {
        for member in ["username", "password"] {
            let body = but(&credentials("alice", PASSWORD), json!({ member: value }));
            it.gets(&api.post("/login", &body).await, 400, "invalid_request");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_a_login_request_may_be() {
    let api = Api::start(Settings::default());
    api.sign_up("alice").await;

    let it = case(8, "a further member", SAME);
    let body = but(&credentials("alice", PASSWORD), json!({ "remember": true }));
    it.gets(&api.post("/login", &body).await, 200, "");

    let it = case(9, "the user name twice", "200, the last one wins");
    let body = format!(r#"{{"username":"mallory","username":"alice","password":"{PASSWORD}"}}"#);
    let answer = api.post_text("/login", "application/json", body.as_bytes()).await;
    it.gets(&answer, 400, "invalid_request");

    let it = case(10, "the media type with a charset; in capitals", SAME);
    let body = credentials("alice", PASSWORD).to_string();
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        it.gets(&api.post_text("/login", content_type, body.as_bytes()).await, 200, "");
    }

    let it = case(11, "a password of 1 MB; a user name of 10 KB", "processed");
    let long = credentials("alice", &"x".repeat(1_000_000));
    it.gets(&api.post("/login", &long).await, 413, "payload_too_large");
    let long = credentials(&"x".repeat(10_000), PASSWORD);
    it.gets(&api.post("/login", &long).await, 400, "invalid_request");

    // The gateway knows routes by method and path together, and so no wrong method. A function
    // that is given one all the same answers 405 with `Allow`.
    let it = case(12, "GET on login; an unknown path", "405 and 404 in HTML");
    it.gets(&api.open("/login").await, 404, "Not Found");
    it.gets(&api.open("/nowhere").await, 404, "Not Found");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_up_makes_one_account_and_gives_no_rights() {
    let api = Arc::new(Api::start(Settings::default()));

    let it = case(13, "sign-up, then login", UP_TO_THE_APPLICATION);
    it.gets(&api.sign_up("Zoë").await, 201, "");
    let zoe = api.tokens_of("Zoë").await;

    // Names are compared as RFC 8265 has it.
    let it = case(14, "the same name in other letters", UP_TO_THE_APPLICATION);
    for name in ["Zoë", "zoë", "ZOË", "Zoe\u{308}", "Ｚｏë"] {
        it.gets(&api.sign_up(name).await, 409, "user_exists");
        let again = api.tokens_of(name).await;
        assert_eq!(claims_of(&again.access)["sub"], claims_of(&zoe.access)["sub"], "{it}: {name}");
    }

    let it = case(15, "20 sign-ups of one name at once", UP_TO_THE_APPLICATION);
    let mut attempts = JoinSet::new();
    for _ in 0..20 {
        let api = Arc::clone(&api);
        attempts.spawn(async move { api.sign_up("bob").await });
    }
    let answers = attempts.join_all().await;
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1, "{it}");
    for answer in &refused {
        it.gets(answer, 409, "user_exists");
    }

    let it = case(16, "sign-up with an id, roles and a hash", UP_TO_THE_APPLICATION);
    let wishes = json!({
        "id": "user-1", "role": "admin", "roles": ["admin"], "is_admin": true,
        "password_hash": "x", "status": "disabled",
    });
    let created = api.post("/signup", &but(&credentials("carol", PASSWORD), wishes)).await;
    it.gets(&created, 201, "");
    assert_ne!(created.body["user"]["id"], "user-1", "{it}");
    let carol = api.tokens_of("carol").await;
    let me = api.get("/me", &carol.access).await;
    assert_eq!(me.body["roles"], json!([]), "{it}");
    let admin = api.get("/protected/admin", &carol.access).await;
    it.gets(&admin, 403, "insufficient_role");

    let it = case(17, "passwords that are short, common or long", UP_TO_THE_APPLICATION);
    for (password, status, code) in [
        ("aB3$", 422, "weak_password"),
        ("password", 422, "weak_password"),
        ("            ", 422, "weak_password"),
        ("", 400, "invalid_request"),
    ] {
        let answer = api.post("/signup", &credentials("dave", password)).await;
        it.gets(&answer, status, code);
    }
    // Longer than bcrypt reads.
    let long = PASSWORD.repeat(4);
    let ending = |end: &str| credentials("dave", &format!("{long}{end}"));
    it.gets(&api.post("/signup", &ending("1")).await, 201, "");
    it.gets(&api.post("/login", &ending("2")).await, 401, "invalid_credentials");
    it.gets(&api.post("/login", &ending("1")).await, 200, "");

    let it = case(18, "what sign-up and GET /me show", UP_TO_THE_APPLICATION);
    let shown = BTreeSet::from(["id", "username", "email", "created_at"]);
    assert_eq!(members(&created.body["user"]), shown, "{it}");
    let shown = BTreeSet::from(["id", "username", "email", "created_at", "roles"]);
    assert_eq!(members(&me.body), shown, "{it}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_and_queries_for_names_get_nowhere() {
    let api = Api::start(Settings::default());
    for name in ["alice", "bob"] {
        api.sign_up(name).await;
    }

    // Nobody is locked out. What all guesses together may cost is bounded on AWS by the gateway's
    // throttling of `POST /login`, which is 429 and which the local gateway does not do.
    let it = case(19, "30 wrong passwords for one account", SAME);
    for number in 0..30 {
        let answer = api.post("/login", &credentials("alice", &format!("guess {number}"))).await;
        it.gets(&answer, 401, "invalid_credentials");
    }
    for name in ["alice", "bob"] {
        it.gets(&api.log_in(name).await, 200, "");
    }

    let it = case(20, "a user name for a database", "401");
    let object = json!({ "username": { "$ne": 1 }, "password": PASSWORD });
    it.gets(&api.post("/login", &object).await, 400, "invalid_request");
    // A name has no spaces; all other characters of ASCII are ordinary ones.
    it.gets(&api.log_in("' or 1=1").await, 400, "invalid_request");
    for name in ["'or'1'='1", r#"{"$ne":1}"#] {
        it.gets(&api.log_in(name).await, 401, "invalid_credentials");
    }
}

// 21–31: the `Authorization` header

#[tokio::test(flavor = "multi_thread")]
async fn the_authorization_header_has_a_scheme_spaces_and_a_token() {
    let (api, tokens) = Api::with_alice(Settings::default()).await;
    let a = &tokens.access;

    let it = case(21, "no header; an empty one; a comma", SAME);
    it.gets(&api.open("/protected").await, 401, "missing_token");
    for value in ["", ","] {
        it.gets(&api.authorization(value).await, 401, "missing_token");
    }

    let it = case(22, "`Bearer` alone; `Bearer a b`", "422");
    for value in ["Bearer", "Bearer a b"] {
        it.gets(&api.authorization(value).await, 401, "invalid_token");
    }

    let it = case(23, "`bearer A`; `BEARER A`", "401: it compares letter by letter");
    for scheme in ["bearer", "BEARER"] {
        it.gets(&api.authorization(&format!("{scheme} {a}")).await, 200, "");
    }

    let it = case(24, "two spaces; a tab; spaces around", "200");
    it.gets(&api.authorization(&format!("Bearer  {a}")).await, 200, "");
    it.gets(&api.authorization(&format!("Bearer\t{a}")).await, 401, "missing_token");
    // Those around a value are not part of it (RFC 9110 §5.5).
    it.gets(&api.authorization(&format!(" Bearer {a} ")).await, 200, "");

    let it = case(25, "`Basic x`; A; `BearerA`; `Bearer:A`; `JWT A`", "401, also for `JWT A`");
    for value in ["Basic x".to_owned(), a.clone(), format!("Bearer{a}"), format!("Bearer:{a}")] {
        it.gets(&api.authorization(&value).await, 401, "missing_token");
    }
    // What clients of Flask-JWT send.
    it.gets(&api.authorization(&format!("JWT {a}")).await, 200, "");

    let it = case(26, "`Basic x, Bearer A`, and in the other order", "200: it searches the list");
    let other_scheme = api.authorization(&format!("Basic x, Bearer {a}")).await;
    it.gets(&other_scheme, 200, "");
    let other_behind = api.authorization(&format!("Bearer {a}, Basic x")).await;
    it.gets(&other_behind, 200, "");

    let it = case(27, "one token in two Authorization headers; in two Bearer values", "422");
    let twice = api.request(Method::GET, "/protected").bearer_auth(a).bearer_auth(a);
    it.gets(&api.ask(twice).await, 200, "");
    let two_values = api.authorization(&format!("Bearer {a}, Bearer {a}")).await;
    it.gets(&two_values, 200, "");
    let two_tokens = api.authorization(&format!("Bearer {a}, Bearer x.y.z")).await;
    it.gets(&two_tokens, 400, "invalid_request");

    let it = case(28, "`, ,Bearer A`", "500");
    it.gets(&api.authorization(&format!(", ,Bearer {a}")).await, 200, "");

    let it = case(29, "`Bearer \"A\"`", "422");
    it.gets(&api.authorization(&format!("Bearer \"{a}\"")).await, 401, "invalid_token");

    let it = case(30, "letters outside ASCII; spaces in the token; 9 KB; 64 KB", "422");
    let spaced = a.replacen('.', ". ", 1);
    for token in ["tökén", &spaced, &"a".repeat(9_000)] {
        it.gets(&api.authorization(&format!("Bearer {token}")).await, 401, "invalid_token");
    }
    // The gateway takes 10 KB of headers.
    let long = api.authorization(&format!("Bearer {}", "a".repeat(64_000))).await;
    it.gets(&long, 431, "Request Header Fields Too Large");

    let it = case(31, "a token in query, cookie or body, which are off", SAME);
    it.gets(&api.open(&format!("/protected?jwt={a}")).await, 401, "missing_token");
    let cookies = format!("access_token_cookie={a}; __Host-access_token={a}");
    let cookie = api.request(Method::GET, "/protected").header("cookie", cookies);
    it.gets(&api.ask(cookie).await, 401, "missing_token");
    let body = api.request(Method::DELETE, "/sessions/none").json(&json!({ "access_token": a }));
    it.gets(&api.ask(body).await, 401, "missing_token");
}

// 32–48: structure, algorithm, signature, keys

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_one_text_of_three_parts() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;
    let (a, claims) = (&tokens.access, claims_of(&tokens.access));

    let it = case(32, "one, two, four and five parts; parts that are empty or junk", "422");
    let (four, five) = (format!("{a}.x"), format!("{a}.x.y"));
    for token in ["abc", "a.b", "a.b.c", "..", &four, &five] {
        it.refuses(&api, token).await;
    }

    let it = case(33, "padding; the other base64 alphabet", "200 for the padding, else 422");
    it.refuses(&api, &format!("{a}=")).await;
    let mut signed = iter::repeat_with(|| sign(&header(), &claims));
    let token = signed.find(|token| token.contains(['-', '_'])).unwrap();
    it.gets(&api.get("/protected", &token).await, 200, "");
    it.refuses(&api, &token.replace('-', "+").replace('_', "/")).await;

    // Two bits of the last character count; the next character differs in another one.
    let it = case(34, "bits at the end of the signature that nobody reads", "422");
    let last = a.chars().next_back().unwrap();
    let next = char::from_u32(u32::from(last) + 1).unwrap();
    it.refuses(&api, &format!("{}{next}", a.strip_suffix(last).unwrap())).await;

    let it = case(35, "signed parts that are no JSON or no object", "422");
    let (good_header, good_claims) = (header().to_string(), claims.to_string());
    for junk in ["x", "", "[]", "null", "\"alice\""] {
        it.refuses(&api, &sign_texts(junk, &good_claims)).await;
        it.refuses(&api, &sign_texts(&good_header, junk)).await;
    }

    let it = case(36, "`alg` twice; `sub` twice", "200, the last one wins");
    let again = |object: &str, member: &str, value: &Value| {
        format!("{},\"{member}\":{value}}}", object.strip_suffix('}').unwrap())
    };
    let twice = again(&good_header, "alg", &json!("ES256"));
    it.refuses(&api, &sign_texts(&twice, &good_claims)).await;
    let twice = again(&good_claims, "sub", &claims["sub"]);
    it.refuses(&api, &sign_texts(&good_header, &twice)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_of_this_token_and_is_there() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;
    let claims = claims_of(&tokens.access);
    let parts: Vec<_> = tokens.access.split('.').collect();

    let it = case(37, "other claims under the old signature", "422");
    let other = base64url(but(&claims, json!({ "username": "bob" })).to_string());
    it.refuses(&api, &format!("{}.{other}.{}", parts[0], parts[2])).await;

    let it = case(38, "no signature; an empty one; another token's", "422");
    let message = format!("{}.{}", parts[0], parts[1]);
    let other = sign(&header(), &but(&claims, json!({ "jti": "token-2" })));
    it.gets(&api.get("/protected", &other).await, 200, "");
    let others = other.rsplit('.').next().unwrap();
    for token in [message.clone(), format!("{message}."), format!("{message}.{others}")] {
        it.refuses(&api, &token).await;
    }

    let it = case(39, "`none` in every spelling, unsigned and signed", "422");
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = but(&header(), json!({ "alg": alg }));
        it.refuses(&api, &with_signature(&header, &claims, b"")).await;
        it.refuses(&api, &sign(&header, &claims)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_has_one_algorithm() {
    let table = dynamodb().await;
    let with_hmac = |algorithm: &str| {
        let settings = Settings::default()
            .variable("JWT_SECRET_KEY", SECRET)
            .variable("JWT_ALGORITHM", algorithm)
            .variable("JWT_ISSUER", ISSUER)
            .option("--dynamodb-endpoint", &table);
        Api::start(settings)
    };

    let it = case(40, "another size of HMAC with the right secret", "422");
    let (ours, stronger) = (with_hmac("HS256"), with_hmac("HS512"));
    let by_ours = ours.tokens_of_new("alice").await.access;
    let by_stronger = stronger.tokens_of("alice").await.access;
    it.gets(&ours.get("/protected", &by_ours).await, 200, "");
    it.gets(&stronger.get("/protected", &by_stronger).await, 200, "");
    it.refuses(&ours, &by_stronger).await;
    it.refuses(&stronger, &by_ours).await;

    let it = case(41, "an HMAC keyed by the public key", "422, or 500 where both are allowed");
    let (api, tokens) = Api::with_alice(with_known_key()).await;
    let claims = claims_of(&tokens.access);
    for secret in public_key_as_secret() {
        let header = but(&header(), json!({ "alg": "HS256" }));
        it.refuses(&api, &sign_with_hmac(&header, &claims, &secret)).await;
    }

    let it = case(42, "another key; an empty secret; well-known secrets", "422");
    it.refuses(&api, &sign_with_foreign_key(&header(), &claims)).await;
    let (header, claims) = (header_of(&by_ours), claims_of(&by_ours));
    let signed_with = |secret: &str| sign_with_hmac(&header, &claims, secret.as_bytes());
    it.gets(&ours.get("/protected", &signed_with(SECRET)).await, 200, "");
    // An HMAC fills its key up with zeros, so that one zero is the empty key.
    for secret in ["\0", "super-secret", "secret", "jose"] {
        it.refuses(&ours, &signed_with(secret)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_says_which_of_our_keys_and_nothing_else() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;
    let claims = claims_of(&tokens.access);
    let signed = |changes: Value| sign(&but(&header(), changes), &claims);
    assert_eq!(api.get("/protected", &signed(json!({}))).await.status, 200);

    let it = case(43, "no `alg`; an empty one; a number; a list; lower case", "422");
    it.refuses(&api, &sign(&without(&header(), "alg"), &claims)).await;
    for alg in [json!(""), json!(256), json!(["ES256"]), json!("es256")] {
        it.refuses(&api, &signed(json!({ "alg": alg }))).await;
    }

    let it = case(44, "a header with a key or where to find one", "ignored: the right key decides");
    let theirs = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    theirs.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys.json", theirs.local_addr().unwrap());
    let key = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" });
    for member in [json!({ "jwk": key }), json!({ "jku": url }), json!({ "x5u": url })] {
        let header = but(&header(), member.clone());
        it.refuses(&api, &sign_with_foreign_key(&header, &claims)).await;
        it.refuses(&api, &signed(member)).await;
    }
    let nobody = theirs.accept().unwrap_err().kind();
    assert_eq!(nobody, io::ErrorKind::WouldBlock, "{it}: nothing was fetched");

    let it = case(45, "a `kid` that is none of ours", "200 for a text, else 422");
    let long = "x".repeat(4_000);
    for kid in ["other", "../../x", "' OR '1'='1", &long] {
        it.refuses(&api, &signed(json!({ "kid": kid }))).await;
    }
    for kid in [json!(7), json!(null)] {
        it.refuses(&api, &signed(json!({ "kid": kid }))).await;
    }
    let longer = signed(json!({ "kid": "x".repeat(10_000) }));
    let answer = api.get("/protected", &longer).await;
    it.gets(&answer, 431, "Request Header Fields Too Large");

    let it = case(46, "`crit`, unknown and empty", "422");
    for crit in [json!(["x"]), json!([])] {
        it.refuses(&api, &signed(json!({ "crit": crit, "x": 1 }))).await;
    }

    let it = case(47, "`b64: false`", "422");
    it.refuses(&api, &signed(json!({ "b64": false }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_without_ending_a_session() {
    let table = dynamodb().await;
    let key_of = |set: &str| -> Value {
        let set: Value = serde_json::from_str(set).unwrap();
        set["keys"][0].clone()
    };
    let made = SigningKey::generate_jwk_set(Algorithm::Es256).unwrap();
    let (old, new) = (key_of(JWK_SET), key_of(made.expose_secret()));
    let with_keys = |keys: &Value| {
        let settings = Settings::default()
            .variable("SIGNING_KEYS", &json!({ "keys": keys }).to_string())
            .variable("JWT_ISSUER", ISSUER)
            .option("--dynamodb-endpoint", &table);
        Api::start(settings)
    };

    let it = case(48, "the tokens of a key that is being replaced", "there is one key only");
    let before = with_keys(&json!([old])).tokens_of_new("alice").await;
    let overlap = with_keys(&json!([new, old]));
    it.gets(&overlap.get("/protected", &before.access).await, 200, "");
    let next = Tokens::of(&overlap.refresh(&before.refresh).await);
    let after = with_keys(&json!([new]));
    it.refuses(&after, &before.access).await;
    it.gets(&after.get("/protected", &next.access).await, 200, "");
}

// 49–65: times and other claims

#[tokio::test(flavor = "multi_thread")]
async fn times_are_whole_numbers_around_now() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;
    let claims = claims_of(&tokens.access);
    let signed = |changes: Value| sign(&header(), &but(&claims, changes));

    let it = case(49, "`exp` a second ago; `exp` now", SAME);
    for seconds_ago in [1, 0] {
        let answer = api.get("/protected", &ended(&claims, seconds_ago)).await;
        it.gets(&answer, 401, "token_expired");
    }

    let it = case(50, "`exp` within the leeway; outside", SAME);
    let settings = with_known_key().variable("JWT_DECODE_LEEWAY", "60");
    let (lenient, tokens) = Api::with_alice(settings).await;
    let lenient_claims = claims_of(&tokens.access);
    for (seconds_ago, status, code) in [(30, 200, ""), (61, 401, "token_expired")] {
        let answer = lenient.get("/protected", &ended(&lenient_claims, seconds_ago)).await;
        it.gets(&answer, status, code);
    }

    let it = case(51, "no `exp`", "200, for ever");
    it.refuses(&api, &sign(&header(), &without(&claims, "exp"))).await;

    let now = Timestamp::now().unix();
    let it = case(52, "an `exp` that is no whole number", "200 for digits in a text and fractions");
    let fraction: f64 = format!("{}.5", now + 600).parse().unwrap();
    for exp in [
        json!(null),
        json!([now + 600]),
        json!("soon"),
        json!((now + 600).to_string()),
        json!(fraction),
        json!(1e308),
        json!(-1),
        json!(true),
    ] {
        it.refuses(&api, &signed(json!({ "exp": exp }))).await;
    }

    let it = case(53, "`nbf` in a minute; `iat` in a minute", "422");
    for claim in ["nbf", "iat"] {
        it.refuses(&api, &signed(json!({ claim: now + 60 }))).await;
    }

    let it = case(54, "an `nbf` or `iat` that is no number", "422");
    for claim in ["nbf", "iat"] {
        for junk in [json!(null), json!("now"), json!([now])] {
            it.refuses(&api, &signed(json!({ claim: junk }))).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_live_as_long_as_is_said() {
    let api = Api::start(with_known_key());
    api.sign_up("alice").await;
    let answer = api.log_in("alice").await;
    let tokens = Tokens::of(&answer);

    let it = case(55, "the lifetimes", SAME);
    for (token, told, seconds) in
        [(&tokens.access, "expires_in", 900), (&tokens.refresh, "refresh_expires_in", 2_592_000)]
    {
        let moment = |claim: &str| claims_of(token)[claim].as_u64().unwrap();
        assert_eq!(moment("exp") - moment("iat"), seconds, "{it}");
        assert_eq!(answer.body[told], seconds, "{it}");
    }

    let it = case(56, "a life that is longer than any of ours", "200");
    let claims = claims_of(&tokens.access);
    let iat = claims["iat"].as_u64().unwrap();
    for seconds in [901, 86_400 * 365] {
        let long = but(&claims, json!({ "exp": iat + seconds }));
        it.refuses(&api, &sign(&header(), &long)).await;
    }

    let it = case(57, "a token before and after its end", SAME);
    let settings = Settings::default().variable("JWT_ACCESS_TOKEN_EXPIRES", "3");
    let (brief, _) = Api::with_alice(settings).await;
    // The function has started when the token is made.
    brief.open("/protected").await;
    let token = brief.tokens_of("alice").await.access;
    it.gets(&brief.get("/protected", &token).await, 200, "");
    end_of(&token).await;
    it.gets(&brief.get("/protected", &token).await, 401, "token_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_a_user_who_is_there() {
    let table = Table::start().await;
    let settings = with_known_key().option("--dynamodb-endpoint", &table.endpoint);
    let (api, tokens) = Api::with_alice(settings).await;
    let claims = claims_of(&tokens.access);

    let it = case(58, "a `sub` that is missing, empty or no text", "200 when empty, else 422");
    it.refuses(&api, &sign(&header(), &without(&claims, "sub"))).await;
    for sub in [json!(5), json!(null), json!([]), json!({}), json!("")] {
        it.refuses(&api, &sign(&header(), &but(&claims, json!({ "sub": sub })))).await;
    }

    let it = case(59, "a user who is deleted; disabled", "401 with the subject in it");
    let body = json!({ "password": PASSWORD });
    let delete = api.request(Method::DELETE, "/me").bearer_auth(&tokens.access).json(&body);
    it.gets(&api.ask(delete).await, 204, "");
    let disabled = api.tokens_of_new("bob").await;
    table.change("bob", |user| user.status = AccountStatus::Disabled).await;
    for token in [&tokens.access, &disabled.access] {
        let answer = api.get("/protected", token).await;
        it.gets(&answer, 401, "token_revoked");
        let subject = claims_of(token)["sub"].as_str().unwrap().to_owned();
        assert!(!answer.body.to_string().contains(&subject), "{it}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audience_issuer_and_identifier_are_exact_texts() {
    let settings = with_known_key()
        .variable("JWT_DECODE_AUDIENCE", "https://api.example.com,https://shop.example.com")
        .variable("JWT_DECODE_ISSUER", "https://old.example.com");
    let (api, tokens) = Api::with_alice(settings).await;
    let claims = claims_of(&tokens.access);
    let signed = |changes: Value| sign(&header(), &but(&claims, changes));

    let it = case(60, "`aud`: others, missing, lists, a number", "a list with ours in it passes");
    for aud in [ISSUER, "https://api.example.com", "https://shop.example.com"] {
        it.gets(&api.get("/protected", &signed(json!({ "aud": aud }))).await, 200, "");
    }
    it.refuses(&api, &sign(&header(), &without(&claims, "aud"))).await;
    for aud in [
        json!("https://other.example.com"),
        json!([ISSUER]),
        json!([ISSUER, "https://other.example.com"]),
        json!([]),
        json!(7),
    ] {
        it.refuses(&api, &signed(json!({ "aud": aud }))).await;
    }

    let it = case(61, "`iss`: another, missing, a number", "422 once an issuer is configured");
    for iss in [ISSUER, "https://old.example.com"] {
        it.gets(&api.get("/protected", &signed(json!({ "iss": iss }))).await, 200, "");
    }
    it.refuses(&api, &sign(&header(), &without(&claims, "iss"))).await;
    for iss in [json!("https://other.example.com"), json!([ISSUER]), json!(7)] {
        it.refuses(&api, &signed(json!({ "iss": iss }))).await;
    }

    let it = case(62, "a `jti` that is missing, empty or no text", "200 when missing or empty");
    it.refuses(&api, &sign(&header(), &without(&claims, "jti"))).await;
    for jti in [json!(null), json!(7), json!("")] {
        it.refuses(&api, &signed(json!({ "jti": jti }))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_differ_are_complete_and_say_no_more_than_they_must() {
    let api = Api::start(with_known_key());
    let account = but(&credentials("alice", PASSWORD), json!({ "email": "alice@example.com" }));
    assert_eq!(api.post("/signup", &account).await.status, 201);
    let first = api.tokens_of("alice").await;

    let it = case(63, "the `jti` of 1,000 tokens", "UUIDs of 122 random bits; 128 here");
    let (mut seen, mut tokens) = (HashSet::new(), first.clone());
    for _ in 0..500 {
        tokens = Tokens::of(&api.refresh(&tokens.refresh).await);
        for token in [&tokens.access, &tokens.refresh] {
            let jti = claims_of(token)["jti"].as_str().unwrap().to_owned();
            assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(&jti).unwrap().len(), 16, "{it}");
            seen.insert(jti);
        }
    }
    assert_eq!(seen.len(), 1_000, "{it}");

    let it = case(64, "a token that says `sub` and nothing else", "200");
    let claims = claims_of(&first.access);
    it.refuses(&api, &sign(&header(), &json!({ "sub": claims["sub"] }))).await;

    // `sub` is no name, so that a name can change. No `csrf` without cookies.
    let it = case(65, "what tokens say", "fresh iat jti type sub nbf csrf exp");
    let said = "iss aud sub username sid jti iat nbf exp auth_time type fresh";
    let mut said: BTreeSet<_> = said.split(' ').collect();
    assert_eq!(members(&claims), said, "{it}");
    said.insert("gen");
    assert_eq!(members(&claims_of(&first.refresh)), said, "{it}");
}

// 66–70: type and freshness

#[tokio::test(flavor = "multi_thread")]
async fn types_are_not_mixed_and_freshness_is_yes_or_no() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;
    let claims = claims_of(&tokens.access);
    let signed = |changes: Value| sign(&header(), &but(&claims, changes));

    let it = case(66, "a refresh token on /me; an access token on /refresh", "422");
    let refresh_token = api.get("/me", &tokens.refresh).await;
    it.gets(&refresh_token, 401, "wrong_token_type");
    assert_eq!(refresh_token.text("msg"), "Only non-refresh tokens are allowed", "{it}");
    let access_token = api.refresh(&tokens.access).await;
    it.gets(&access_token, 401, "wrong_token_type");
    assert_eq!(access_token.text("msg"), "Only refresh tokens are allowed", "{it}");

    let it = case(67, "a type that is missing, unknown or no text", "200: not `refresh`");
    it.refuses_on(&api, "/me", &sign(&header(), &without(&claims, "type"))).await;
    for value in [json!("Refresh"), json!("banana"), json!("password-reset"), json!(null)] {
        it.refuses_on(&api, "/me", &signed(json!({ "type": value }))).await;
    }

    let it = case(68, "a fresh route: after login; after a refresh", SAME);
    it.gets(&api.get("/protected/fresh", &tokens.access).await, 200, "");
    let next = Tokens::of(&api.refresh(&tokens.refresh).await);
    let answer = api.get("/protected/fresh", &next.access).await;
    it.gets(&answer, 401, "fresh_token_required");
    assert_eq!(answer.text("msg"), "Fresh token required", "{it}");

    // Until when a token is fresh is the route's to say, by `auth_time`.
    let it = case(
        69,
        "a `fresh` that is not true or false",
        "200 for a moment to come, 500 for null, a text and a list, else 401",
    );
    it.refuses_on(&api, "/protected/fresh", &sign(&header(), &without(&claims, "fresh"))).await;
    let now = Timestamp::now().unix();
    for fresh in [
        json!(now - 60),
        json!(now + 60),
        json!(0),
        json!(1),
        json!(null),
        json!("true"),
        json!([true]),
    ] {
        it.refuses_on(&api, "/protected/fresh", &signed(json!({ "fresh": fresh }))).await;
    }

    let it = case(70, "a refresh token that calls itself fresh", "422");
    let claims = but(&claims_of(&tokens.refresh), json!({ "fresh": true }));
    let answer = api.get("/protected/fresh", &sign(&refresh_header(), &claims)).await;
    it.gets(&answer, 401, "wrong_token_type");
}

// 71–83: refresh, logout, revocation

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_used_once_and_its_second_use_ends_the_session() {
    let table = Table::start().await;
    let settings = with_known_key().option("--dynamodb-endpoint", &table.endpoint);
    let (api, first) = Api::with_alice(settings.clone()).await;
    let api = Arc::new(api);

    let it = case(71, "a refresh", "200 without a new refresh token");
    let answer = api.refresh(&first.refresh).await;
    it.gets(&answer, 200, "");
    assert_eq!(answer.header("cache-control"), "no-store", "{it}");
    let second = Tokens::of(&answer);
    for (old, new) in [(&first.access, &second.access), (&first.refresh, &second.refresh)] {
        let (old, new) = (claims_of(old), claims_of(new));
        assert_ne!(old["jti"], new["jti"], "{it}");
        assert_eq!((&old["sub"], &old["sid"]), (&new["sub"], &new["sid"]), "{it}");
    }

    let it = case(72, "a refresh token that was used before", "200: it is never used up");
    let strict = Api::start(settings.variable("REFRESH_GRACE", "0"));
    let stolen = strict.tokens_of("alice").await;
    let newest = Tokens::of(&strict.refresh(&stolen.refresh).await);
    it.gets(&strict.refresh(&stolen.refresh).await, 401, "refresh_token_reused");
    it.gets(&strict.refresh(&newest.refresh).await, 401, "token_revoked");
    it.gets(&strict.get("/protected", &newest.access).await, 401, "token_revoked");
    it.gets(&strict.get("/protected", &second.access).await, 200, "");

    // The grace period of 30 seconds, for lost answers and second tabs: all get the same successor.
    let it = case(73, "10 refreshes of one token at once", "200 for all, without a successor");
    let shared = api.tokens_of("alice").await.refresh;
    let mut refreshes = JoinSet::new();
    for _ in 0..10 {
        let (api, token) = (Arc::clone(&api), shared.clone());
        refreshes.spawn(async move { api.refresh(&token).await });
    }
    let mut successors = HashSet::new();
    for answer in refreshes.join_all().await {
        it.gets(&answer, 200, "");
        successors.insert(claims_of(answer.text("refresh_token")).to_string());
    }
    assert_eq!(successors.len(), 1, "{it}");

    let it = case(74, "what a refreshed access token says", "what a loader says anew");
    table.change("alice", |user| user.roles = vec!["editor".to_owned()]).await;
    let third = Tokens::of(&api.refresh(&second.refresh).await);
    let (old, new) = (claims_of(&first.access), claims_of(&third.access));
    assert_eq!((&old["fresh"], &new["fresh"]), (&json!(true), &json!(false)), "{it}");
    assert_eq!(new["roles"], json!(["editor"]), "{it}: read anew");
    assert_eq!(new["auth_time"], old["auth_time"], "{it}: kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_one_session_with_both_its_tokens() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;

    let it = case(75, "an access token after its logout", UP_TO_THE_APPLICATION);
    let answer = api.log_out(&tokens.access).await;
    it.gets(&answer, 200, "");
    assert_eq!(answer.text("msg"), "Logged out", "{it}");
    it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");

    let it = case(76, "the refresh token after that logout", "200 unless it is revoked as well");
    it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");

    let it = case(77, "logout twice; with an expired token; with a refresh token", "varies");
    it.gets(&api.log_out(&tokens.access).await, 200, "");
    it.gets(&api.log_out(&tokens.refresh).await, 200, "");
    let other = api.tokens_of("alice").await;
    let expired = api.log_out(&ended(&claims_of(&other.access), 1)).await;
    it.gets(&expired, 401, "token_expired");
    it.gets(&api.log_out(&other.refresh).await, 200, "");
    it.gets(&api.get("/protected", &other.access).await, 401, "token_revoked");

    let it = case(78, "another session of the same user", UP_TO_THE_APPLICATION);
    let (here, there) = (api.tokens_of("alice").await, api.tokens_of("alice").await);
    it.gets(&api.log_out(&there.access).await, 200, "");
    it.gets(&api.get("/protected", &here.access).await, 200, "");

    // A new session takes the place of all; `DELETE /sessions` ends that too.
    let it = case(79, "a new password; logout everywhere", UP_TO_THE_APPLICATION);
    let there = api.tokens_of("alice").await;
    let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let change = api.request(Method::POST, "/password").bearer_auth(&here.access).json(&body);
    let changed = Tokens::of(&api.ask(change).await);
    for tokens in [&here, &there] {
        it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
        it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
    }
    it.gets(&api.log_in("alice").await, 401, "invalid_credentials");
    let login = api.post("/login", &credentials("alice", NEW_PASSWORD)).await;
    let there = Tokens::of(&login);
    it.gets(&api.delete("/sessions", &changed.access).await, 204, "");
    for tokens in [&changed, &there] {
        it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
        it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
    }
    it.gets(&api.post("/login", &credentials("alice", NEW_PASSWORD)).await, 200, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_stays_revoked_when_its_access_token_has_expired() {
    let settings = Settings::default().variable("JWT_ACCESS_TOKEN_EXPIRES", "2");
    let (api, tokens) = Api::with_alice(settings).await;

    let it = case(80, "a revoked refresh token, an access token's life later", "200 as documented");
    it.gets(&api.log_out(&tokens.refresh).await, 200, "");
    end_of(&tokens.access).await;
    it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_seen_at_once_and_nobody_passes_while_it_cannot_be() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    let api = Api { stack };
    let tokens = api.tokens_of_new("alice").await;

    let it = case(81, "a revoked token on an optional route", SAME);
    let revoked = api.tokens_of("alice").await;
    api.log_out(&revoked.access).await;
    let answer = api.get("/protected/optional", &revoked.access).await;
    it.gets(&answer, 401, "token_revoked");

    let it = case(82, "the store is down", "500 in HTML");
    for (operation, method, path, token) in [
        ("GetItem", Method::GET, "/protected", &tokens.access),
        ("UpdateItem", Method::POST, "/refresh", &tokens.refresh),
    ] {
        proxy.inject(operation, Fault::Error("ThrottlingException"), 10);
        let answer = api.ask_broken(api.request(method, path).bearer_auth(token)).await;
        it.gets(&answer, 503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1", "{it}");
        proxy.heal();
    }

    let it = case(83, "the next request after a logout", UP_TO_THE_APPLICATION);
    for path in ["/protected", "/workitems"] {
        it.gets(&api.get(path, &tokens.access).await, 200, "");
    }
    api.log_out(&tokens.access).await;
    it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
    // Behind the authorizer, where the gateway words the refusal.
    it.gets(&api.get("/workitems", &tokens.access).await, 403, "Forbidden");
}

// 84–93: cookies and CSRF

/// One `Set-Cookie`.
#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    attributes: BTreeSet<String>,
}

impl Cookie {
    fn max_age(&self) -> Option<u64> {
        self.attributes.iter().find_map(|text| text.strip_prefix("max-age=")?.parse().ok())
    }

    /// Its name and attributes but for its life: what a browser knows it by.
    fn place(&self) -> (&str, BTreeSet<&str>) {
        let is_life = |text: &str| text.starts_with("max-age=") || text.starts_with("expires=");
        let attributes = self.attributes.iter().map(String::as_str);
        (self.name.as_str(), attributes.filter(|text| !is_life(text)).collect())
    }
}

/// The cookies that an answer sets, their attributes in lower case.
fn cookies_of(answer: &Answer) -> Vec<Cookie> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines
        .map(|line| {
            let mut parts = line.to_str().unwrap().split(';').map(str::trim);
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let (name, value) = (name.to_owned(), value.to_owned());
            Cookie { name, value, attributes: parts.map(str::to_ascii_lowercase).collect() }
        })
        .collect()
}

/// A page and the browser that it runs in, after a login with cookies.
struct Browser {
    cookies: Vec<Cookie>,
    access_csrf: String,
    refresh_csrf: String,
}

impl Browser {
    async fn log_in(api: &Api, username: &str) -> Self {
        let body = but(&credentials(username, PASSWORD), json!({ "cookies": true }));
        Self::of(&api.post("/login", &body).await)
    }

    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = |member| answer.text(member).to_owned();
        let (access_csrf, refresh_csrf) = (text("csrf_access_token"), text("csrf_refresh_token"));
        Self { cookies: cookies_of(answer), access_csrf, refresh_csrf }
    }

    fn cookie(&self, name: &str) -> &Cookie {
        self.cookies.iter().find(|cookie| cookie.name == name).unwrap()
    }

    /// The `Cookie` header: a browser sends all that it has.
    fn cookie_header(&self) -> String {
        let pairs: Vec<_> =
            self.cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        pairs.join("; ")
    }

    fn request(&self, api: &Api, method: Method, path: &str) -> RequestBuilder {
        api.request(method, path).header("cookie", self.cookie_header())
    }

    /// A request of the page's script, which knows the CSRF values.
    fn request_with(&self, csrf: &str, api: &Api, method: Method, path: &str) -> RequestBuilder {
        self.request(api, method, path).header("x-csrf-token", csrf)
    }
}

fn with_cookies() -> Settings {
    Settings::default().variable("JWT_TOKEN_LOCATION", "headers,cookies")
}

/// The cookies, each token's beside that of its CSRF value.
const COOKIES: [(&str, &str); 2] = [
    ("__Host-access_token", "__Host-csrf_access_token"),
    ("__Host-refresh_token", "__Host-csrf_refresh_token"),
];

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_closed_and_change_nothing_without_their_csrf_value() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let browser = Browser::log_in(&api, "alice").await;

    let it = case(84, "the cookies of a login", "neither Secure nor SameSite, and no `__Host-`");
    assert_eq!(browser.cookies.len(), 4, "{it}");
    let csrf_values = [&browser.access_csrf, &browser.refresh_csrf];
    for (((token, csrf), told), life) in COOKIES.into_iter().zip(csrf_values).zip([900, 2_592_000])
    {
        for (name, is_for_scripts) in [(token, false), (csrf, true)] {
            let cookie = browser.cookie(name);
            let has = |attribute: &str| cookie.attributes.contains(attribute);
            assert!(has("secure") && has("samesite=lax") && has("path=/"), "{it}: {cookie:?}");
            assert_ne!(has("httponly"), is_for_scripts, "{it}: {cookie:?}");
            assert!((1..=life).contains(&cookie.max_age().unwrap()), "{it}: {cookie:?}");
        }
        assert_eq!(&browser.cookie(csrf).value, told, "{it}");
        assert_eq!(claims_of(&browser.cookie(token).value)["csrf"], *told, "{it}");
    }

    let it = case(85, "GET with the cookie alone", SAME);
    it.gets(&api.ask(browser.request(&api, Method::GET, "/me")).await, 200, "");

    let it = case(86, "a change without the right CSRF value", SAME);
    let capitals = browser.access_csrf.to_uppercase();
    let wrong = "CSRF double submit tokens do not match";
    for (method, path) in [(Method::POST, "/password"), (Method::DELETE, "/sessions/none")] {
        let absent = api.ask(browser.request(&api, method.clone(), path)).await;
        it.gets(&absent, 401, "csrf_failed");
        assert_eq!(absent.text("msg"), "Missing CSRF token", "{it}");
        for (value, msg) in [
            ("", "Missing CSRF token"),
            ("wrong", wrong),
            (browser.refresh_csrf.as_str(), wrong),
            (capitals.as_str(), wrong),
        ] {
            let request = browser.request_with(value, &api, method.clone(), path);
            let answer = api.ask(request).await;
            it.gets(&answer, 401, "csrf_failed");
            assert_eq!(answer.text("msg"), msg, "{it}: {value}");
        }
    }
    // No route here takes these.
    for method in [Method::PUT, Method::PATCH] {
        it.gets(&api.ask(browser.request(&api, method, "/me")).await, 404, "Not Found");
    }

    let it = case(87, "a change with it, the header's name in either case", SAME);
    let value = browser.access_csrf.as_str();
    let lower_case = browser.request_with(value, &api, Method::DELETE, "/sessions/none");
    it.gets(&api.ask(lower_case).await, 204, "");
    let client = reqwest::Client::builder().no_proxy().http1_title_case_headers().build().unwrap();
    let title_case = client
        .post(format!("{}/password", api.stack.url))
        .header("cookie", browser.cookie_header())
        .header("x-csrf-token", value)
        .json(&json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD }));
    let changed = api.ask(title_case).await;
    it.gets(&changed, 200, "");
    assert_eq!(changed.body.get("access_token"), None, "{it}: the tokens are in cookies");
    it.gets(&api.ask(browser.request(&api, Method::GET, "/me")).await, 401, "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csrf_value_is_a_header_of_its_own_token() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let browser = Browser::log_in(&api, "alice").await;

    let it = case(88, "the CSRF value in its cookie only", SAME);
    assert!(browser.cookie_header().contains(&browser.access_csrf), "{it}");
    let request = browser.request(&api, Method::DELETE, "/sessions/none");
    it.gets(&api.ask(request).await, 401, "csrf_failed");

    let it = case(89, "a CSRF header outside ASCII", "500");
    let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    let request = browser.request(&api, Method::DELETE, "/sessions/none");
    it.gets(&api.ask(request.header("x-csrf-token", value)).await, 401, "csrf_failed");

    let it = case(90, "a change by header token, cookies sent along", SAME);
    let other = api.tokens_of("alice").await.access;
    let request = browser.request(&api, Method::POST, "/logout").bearer_auth(&other);
    it.gets(&api.ask(request).await, 200, "");
    it.gets(&api.get("/protected", &other).await, 401, "token_revoked");
    it.gets(&api.ask(browser.request(&api, Method::GET, "/me")).await, 200, "");

    let it = case(91, "the CSRF value of the other token", SAME);
    for (value, method, path) in [
        (&browser.access_csrf, Method::POST, "/refresh"),
        (&browser.refresh_csrf, Method::DELETE, "/sessions/none"),
    ] {
        let request = browser.request_with(value, &api, method, path);
        it.gets(&api.ask(request).await, 401, "csrf_failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_renewed_by_refresh_and_cleared_by_logout_and_else_left_alone() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let first = Browser::log_in(&api, "alice").await;
    let refresh = first.request_with(&first.refresh_csrf, &api, Method::POST, "/refresh");
    let browser = Browser::of(&api.ask(refresh).await);
    assert_ne!(browser.cookie_header(), first.cookie_header());

    let it = case(92, "logout, and the cookies sent once more", "without a blocklist they work on");
    let logout = browser.request_with(&browser.access_csrf, &api, Method::POST, "/logout");
    let answer = api.ask(logout).await;
    it.gets(&answer, 200, "");
    let cleared = cookies_of(&answer);
    let places = |cookies: &[Cookie]| {
        let places = cookies.iter().map(|cookie| format!("{:?}", cookie.place()));
        places.collect::<BTreeSet<_>>()
    };
    assert_eq!(places(&cleared), places(&browser.cookies), "{it}");
    let me = api.ask(browser.request(&api, Method::GET, "/me")).await;
    it.gets(&me, 401, "token_revoked");
    let refresh = browser.request_with(&browser.refresh_csrf, &api, Method::POST, "/refresh");
    it.gets(&api.ask(refresh).await, 401, "token_revoked");

    // Nothing is refreshed that did not ask for it.
    let it = case(93, "cookies that nobody asked for", "the documented refresh undoes a logout");
    assert_eq!(cleared.len(), 4, "{it}");
    for cookie in &cleared {
        assert_eq!(cookie.max_age(), Some(0), "{it}: {cookie:?}");
        assert!(!cookie.value.contains('.'), "{it}: {cookie:?}");
    }
    let other = Browser::log_in(&api, "alice").await;
    let me = api.ask(other.request(&api, Method::GET, "/me")).await;
    it.gets(&me, 200, "");
    assert_eq!(cookies_of(&me).len(), 0, "{it}");
}

// 94–101: several locations, optional routes, other methods

#[tokio::test(flavor = "multi_thread")]
async fn locations_are_searched_in_order_and_the_first_token_decides() {
    let all = "headers,cookies,query_string,json";
    let api = Api::start(Settings::default().variable("JWT_TOKEN_LOCATION", all));
    let alice = api.tokens_of_new("alice").await.access;
    api.sign_up("bob").await;
    let browser = Browser::log_in(&api, "bob").await;

    let it = case(94, "a good token in a later location", SAME);
    let not_ours = browser.request(&api, Method::GET, "/me").header("authorization", "Basic x");
    it.gets(&api.ask(not_ours).await, 200, "");
    it.gets(&api.open(&format!("/me?jwt={alice}")).await, 200, "");
    let delete = || api.request(Method::DELETE, "/sessions/none");
    it.gets(&api.ask(delete().json(&json!({ "access_token": alice }))).await, 204, "");
    assert!(!api.stack.log().contains(&alice), "{it}: no token is logged");

    let it = case(95, "a bad token first and a good one later", "422, or 401 when it has expired");
    let cookie_later = browser.request(&api, Method::GET, "/me").bearer_auth("x.y.z");
    it.gets(&api.ask(cookie_later).await, 401, "invalid_token");
    // A browser sends its cookies unasked. Two tokens elsewhere are a mistake (RFC 6750 §2).
    let two = api.get(&format!("/me?jwt={alice}"), "x.y.z").await;
    it.gets(&two, 400, "invalid_request");

    let it = case(96, "the tokens of two users", "the first one's");
    let both = browser.request(&api, Method::GET, "/protected").bearer_auth(&alice);
    let answer = api.ask(both).await;
    it.gets(&answer, 200, "");
    assert_eq!(answer.text("logged_in_as"), "alice", "{it}");
    let bob = api.tokens_of("bob").await.access;
    let two = api.get(&format!("/protected?jwt={bob}"), &alice).await;
    it.gets(&two, 400, "invalid_request");
    assert_eq!(two.text("msg"), "The token must be sent in one place only", "{it}");

    let it = case(97, "a JSON body that is no object, or holds no text", "500 for three, else 4xx");
    for (body, code) in [
        ("[]", "missing_token"),
        ("\"x\"", "missing_token"),
        ("null", "missing_token"),
        (r#"{"access_token":"\ud800"}"#, "missing_token"),
        (r#"{"access_token":5}"#, "invalid_token"),
        (r#"{"access_token":["x"]}"#, "invalid_token"),
    ] {
        let request = delete().header("content-type", "application/json").body(body);
        it.gets(&api.ask(request).await, 401, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn optional_routes_preflights_and_heads() {
    let origin = "https://app.example.com";
    let settings = with_known_key().option("--parameter", &format!("CorsOrigins={origin}"));
    let (api, tokens) = Api::with_alice(settings).await;
    let optional = "/protected/optional";

    let it = case(98, "an optional route: no token, a good one, bad ones", "422 for junk");
    let anonymous = api.open(optional).await;
    it.gets(&anonymous, 200, "");
    assert_eq!(anonymous.body, json!({ "logged_in_as": null }), "{it}");
    let known = api.get(optional, &tokens.access).await;
    assert_eq!(known.body, json!({ "logged_in_as": "alice" }), "{it}");
    let revoked = api.tokens_of("alice").await.access;
    api.log_out(&revoked).await;
    for (token, code) in [
        (ended(&claims_of(&tokens.access), 1), "token_expired"),
        ("x.y.z".to_owned(), "invalid_token"),
        (revoked, "token_revoked"),
    ] {
        it.gets(&api.get(optional, &token).await, 401, code);
    }

    let it = case(99, "an optional route with `Basic x`; with `bearer A`", "anonymous for both");
    for (value, user) in
        [("Basic x".to_owned(), json!(null)), (format!("bearer {}", tokens.access), json!("alice"))]
    {
        let request = api.request(Method::GET, optional).header("authorization", value);
        let answer = api.ask(request).await;
        it.gets(&answer, 200, "");
        assert_eq!(answer.body, json!({ "logged_in_as": user }), "{it}");
    }

    let it = case(100, "a preflight without a token", "200; Flask-CORS adds the headers");
    let preflight = api
        .request(Method::OPTIONS, "/protected")
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = api.ask(preflight).await;
    it.gets(&answer, 204, "");
    assert_eq!(answer.header("access-control-allow-origin"), origin, "{it}");
    assert!(answer.header("access-control-allow-headers").contains("authorization"), "{it}");

    // A route that takes HEAD has to be in the template; none of these does.
    let it = case(101, "HEAD without a token", "401");
    let answer = api.ask(api.request(Method::HEAD, "/protected")).await;
    it.gets(&answer, 404, "");
    assert!(answer.body.is_null(), "{it}");
}

// 102–107: isolation, roles, cold starts, configuration, error codes

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_taken_for_another_or_reaches_what_is_anothers() {
    let api = Arc::new(Api::start(with_known_key()));

    let it = case(102, "1,000 requests at once, good and bad", SAME);
    let mut clients = JoinSet::new();
    for name in ["alice", "bob", "carol", "mallory"] {
        let token = api.tokens_of_new(name).await.access;
        for _ in 0..5 {
            let (api, token) = (Arc::clone(&api), token.clone());
            clients.spawn(async move {
                for _ in 0..25 {
                    let answer = api.get("/protected", &token).await;
                    assert_eq!(answer.body, json!({ "logged_in_as": name }), "{it}");
                    it.refuses(&api, "x.y.z").await;
                }
            });
        }
    }
    clients.join_all().await;

    let it = case(103, "an admin's route without the role; with the role in a body", SAME);
    let wish = json!({ "roles": ["admin"], "role": "admin" });
    let body = but(&credentials("mallory", PASSWORD), wish.clone());
    let mallory = Tokens::of(&api.post("/login", &body).await).access;
    let admin = || api.request(Method::GET, "/protected/admin");
    for request in [admin().bearer_auth(&mallory), admin().bearer_auth(&mallory).json(&wish)] {
        it.gets(&api.ask(request).await, 403, "insufficient_role");
    }
    let promoted = but(&claims_of(&mallory), json!({ "roles": ["admin"] }));
    let promoted = sign(&header(), &promoted);
    it.gets(&api.get("/protected/admin", &promoted).await, 200, "");

    // Deleting what is not there, to this user, is as good as done: 204 tells nothing.
    let it = case(104, "another user's item; another user's session", UP_TO_THE_APPLICATION);
    let alice = api.tokens_of("alice").await.access;
    let add = api.request(Method::POST, "/workitems").bearer_auth(&alice);
    let added = api.ask(add.json(&json!({ "title": "Mow the lawn" }))).await;
    it.gets(&added, 201, "");
    let item = format!("/workitems/{}", added.text("id"));
    let session = format!("/sessions/{}", claims_of(&alice)["sid"].as_str().unwrap());
    for path in [&item, &session] {
        it.gets(&api.delete(path, &mallory).await, 204, "");
    }
    let theirs = api.get("/workitems", &mallory).await;
    assert_eq!(theirs.body, json!({ "workitems": [] }), "{it}");
    let own = api.get("/workitems", &alice).await;
    assert_eq!(own.body, json!({ "workitems": [added.body] }), "{it}");

    let it = case(105, "a token of one instance, taken to another", "fails with a random secret");
    let functions = api.stack.functions();
    for function in &functions {
        signal_to(*function, "KILL");
    }
    wait_for_end(&functions).await;
    it.gets(&api.get("/protected", &alice).await, 200, "");
}

#[test]
fn without_a_good_key_nothing_is_signed() {
    let it = case(106, "a secret that is short or well-known", "it signs");
    for secret in ["hush-hush", "super-secret"] {
        let said = Settings::default().variable("JWT_SECRET_KEY", secret).refused();
        let bytes = secret.len();
        let sentence =
            format!("JWT_SECRET_KEY: HS256 needs a secret of at least 32 bytes, got {bytes}\n");
        assert_eq!(said, sentence, "{it}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_a_code_of_its_own() {
    let settings = with_known_key().variable("JWT_TOKEN_LOCATION", "headers,cookies");
    let (api, tokens) = Api::with_alice(settings).await;
    let browser = Browser::log_in(&api, "alice").await;
    let stale = Tokens::of(&api.refresh(&tokens.refresh).await).access;
    let revoked = api.tokens_of("alice").await.access;
    api.log_out(&revoked).await;

    let it = case(107, "the codes that programs go by", "sentences only");
    let change = browser.request(&api, Method::DELETE, "/sessions/none");
    for (code, answer) in [
        ("missing_token", api.open("/protected").await),
        ("invalid_token", api.get("/protected", "x.y.z").await),
        ("token_expired", api.get("/protected", &ended(&claims_of(&tokens.access), 1)).await),
        ("token_revoked", api.get("/protected", &revoked).await),
        ("wrong_token_type", api.get("/protected", &tokens.refresh).await),
        ("fresh_token_required", api.get("/protected/fresh", &stale).await),
        ("csrf_failed", api.ask(change).await),
    ] {
        it.gets(&answer, 401, code);
        assert_eq!(members(&answer.body), BTreeSet::from(["error", "msg", "request_id"]), "{it}");
    }
}

#[test]
fn all_107_cases_are_here_in_their_order() {
    let source = include_str!("flask.rs");
    let numbers: Vec<u8> = source
        .split("case(")
        .filter_map(|text| text.split(',').next()?.trim().parse().ok())
        .collect();
    assert_eq!(numbers, (1..=107).collect::<Vec<_>>());
}
