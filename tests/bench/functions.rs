//! The measured functions with their events.

use std::{cell::RefCell, collections::BTreeMap, env, error::Error, path::PathBuf, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_keys::{KeyRing, ReadRing as _, open_current};
use latchkey_store::{Aws, DynamoKeyRing, KmsKey};
use latchkey_testkit::{dynamodb, fixtures::token_profile, template};
use latchkey_tests::stack::NO_LIMITS;
use latchkey_token::{Grant, Issuer, KeySet, SessionId, Timestamp, UserId};
use local::{
    environment::Environments,
    log::{FunctionLog, Printing},
    sandbox::{FunctionCommand, Sandbox},
    stack::{LocalStack, StackSettings},
    template::Template,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// One function with its command and its events.
#[derive(Debug)]
pub(crate) struct BenchFunction {
    pub(crate) name: &'static str,
    pub(crate) command: FunctionCommand,
    pub(crate) events: Events,
    /// Number of warm requests per round.
    pub(crate) requests: usize,
}

/// The events of a function.
#[derive(Debug)]
pub(crate) enum Events {
    /// These events, in rotation.
    InTurn(Vec<String>),
    /// A refresh with the token of the last answer.
    Refreshes(RefCell<String>),
}

impl Events {
    /// The event with that number.
    pub(crate) fn event(&self, turn: usize) -> String {
        match self {
            Self::InTurn(events) => events.get(turn % events.len()).cloned().unwrap_or_default(),
            Self::Refreshes(token) => event("POST /refresh", None, Some(&token.borrow())),
        }
    }

    /// Stores the token of an answer for the next event.
    pub(crate) fn update(&self, answer: &Value) -> Result<(), Box<dyn Error>> {
        if let Self::Refreshes(token) = self {
            *token.borrow_mut() = token_of(answer, "refresh_token")?;
        }
        Ok(())
    }
}

/// All measured functions, the baseline first, and the stack that they use.
#[derive(Debug)]
pub(crate) struct BenchFunctions {
    pub(crate) all: Vec<BenchFunction>,
    /// The other functions of the template but `admin`, of which only cold starts are measured.
    pub(crate) others: Vec<BenchFunction>,
    /// The emulator that the functions call.
    _stack: LocalStack,
}

impl BenchFunctions {
    /// Starts a DynamoDB, signs two users up and logs one in.
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let (template, dynamodb) = (template(), dynamodb().await);
        let binaries = env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let settings = StackSettings {
            template: &template,
            binaries: &binaries,
            dynamodb_url: &dynamodb,
            endpoint_folder: None,
            state: None,
            given: &|_| None,
            requests_per_sandbox: None,
        };
        let stack = LocalStack::start(&settings).await?;
        stack.make_ring().await?;
        let keys = signing_keys(&template, &dynamodb, &stack.aws_url).await?;
        let environments = Environments { given: &|_| None, aws_url: &stack.aws_url };

        let command = |binary: &str, changed: &[(&str, &str)]| {
            let function = template.functions.values().find(|function| function.binary == binary);
            let mut variables =
                function.map_or_else(BTreeMap::new, |function| environments.of(function));
            variables.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.clone());
            variables.insert("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned());
            variables.insert("LOG_LEVEL".to_owned(), "ERROR".to_owned());
            for (name, value) in NO_LIMITS.iter().chain(changed) {
                variables.insert((*name).to_owned(), (*value).to_owned());
            }
            let memory = function.map_or(256, |function| function.memory);
            FunctionCommand {
                name: binary.to_owned(),
                binary: binaries.join(binary),
                memory,
                variables,
                // Log lines would hide the results.
                log: FunctionLog { printing: Printing::Nothing, ..FunctionLog::default() },
            }
        };

        let credentials =
            |username| json!({ "username": username, "password": "measured twice, cut once" });
        // `caller` keeps its session; `visitor` logs in repeatedly, which ends its older sessions.
        let [caller, visitor] = [credentials("caller"), credentials("visitor")];
        for user in [&caller, &visitor] {
            answer(&command("signup", &[]), &event("POST /signup", Some(user), None)).await?;
        }
        let caller_event = event("POST /login", Some(&caller), None);
        let tokens = answer(&command("login", &[]), &caller_event).await?;
        let token = &token_of(&tokens, "access_token")?;
        let newest = token_of(&tokens, "refresh_token")?;

        let stateless = [("JWT_REVOCATION_CHECK", "off")];
        let few_sessions = [("SESSION_LIMIT", "3")];
        let login_event = event("POST /login", Some(&visitor), None);
        let authorize = || Events::InTurn(vec![authorizer_event(token)]);
        let call = |route| Events::InTurn(vec![event(route, None, Some(token))]);
        let others = other_tokens(&keys, token)?;
        let authorize_new = others.iter().map(|token| authorizer_event(token)).collect();
        let authorize_new = Events::InTurn(authorize_new);
        let call_new = others.iter().map(|token| event("GET /protected", None, Some(token)));
        let call_new = Events::InTurn(call_new.collect());
        let entry =
            |name, command, events, requests| BenchFunction { name, command, events, requests };
        let all = vec![
            entry("floor", command("floor", &[]), call("GET /protected"), 200),
            entry("authorizer, off", command("authorizer", &stateless), authorize(), 200),
            entry("… a new token", command("authorizer", &stateless), authorize_new, 200),
            entry("authorizer", command("authorizer", &[]), authorize(), 200),
            entry("protected", command("protected", &[]), call("GET /protected"), 200),
            entry("… a new token", command("protected", &[]), call_new, 200),
            entry("account, GET /me", command("account", &[]), call("GET /me"), 200),
            entry("refresh", command("refresh", &[]), Events::Refreshes(newest.into()), 200),
            entry("login", command("login", &few_sessions), Events::InTurn(vec![login_event]), 5),
        ];
        let wrong = json!({ "current_password": "wrong password", "new_password": "x" });
        let change = event("POST /password", Some(&wrong), Some(token));
        let in_turn = |event| Events::InTurn(vec![event]);
        let signup = in_turn(event("POST /signup", Some(&caller), None));
        let others = vec![
            entry("signup", command("signup", &[]), signup, 1),
            entry("password", command("password", &[]), in_turn(change), 1),
            entry("workitems", command("workitems", &[]), call("GET /workitems"), 1),
            entry("discovery", command("discovery", &[]), call("GET /.well-known/jwks.json"), 1),
            // Last, because it ends the session of the token.
            entry("logout", command("logout", &[]), call("POST /logout"), 1),
        ];
        Ok(Self { all, others, _stack: stack })
    }
}

/// The functions' signing keys.
async fn signing_keys(
    template: &Template,
    dynamodb: &str,
    aws_url: &str,
) -> Result<KeySet, Box<dyn Error>> {
    let login = template.functions.get("LoginFunction").ok_or("no login")?;
    let variable = |name| login.variables.get(name).cloned().unwrap_or_default();
    let table = DynamoKeyRing::connect(&Aws::emulator(dynamodb), variable("KEYS_TABLE")).await;
    let kms = KmsKey::connect(&Aws::emulator(aws_url), variable("KMS_KEY_ARN")).await;
    let item = table.read_ring().await?.ok_or("no key ring")?;
    Ok(open_current(&KeyRing::parse(&item)?, &kms).await?)
}

/// More tokens of one session than a verifier caches.
fn other_tokens(keys: &KeySet, token: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap_or_default())?;
    let claims: Value = serde_json::from_slice(&payload)?;
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let (key, profile) = (keys.signing().ok_or("no signing key")?, token_profile());
    let issuer = Issuer::new(key, &profile);
    let user = UserId::parse(text("sub")).ok_or("no sub")?;
    let session = SessionId::parse(text("sid")).ok_or("no sid")?;
    let now = Timestamp::from_unix(claims["iat"].as_u64().unwrap_or_default());
    let grant = Grant {
        user: &user,
        username: text("username"),
        session: &session,
        session_expires_at: now + Duration::from_hours(1),
        roles: &[],
        auth_time: now,
        claims: None,
        for_cookies: false,
    };
    (0..200)
        .map(|_| Ok(issuer.access_token(&grant, true, now)?.text.expose_secret().to_owned()))
        .collect()
}

fn token_of(answer: &Value, member: &str) -> Result<String, Box<dyn Error>> {
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())?;
    Ok(body[member].as_str().ok_or("no token")?.to_owned())
}

async fn answer(command: &FunctionCommand, event: &str) -> Result<Value, Box<dyn Error>> {
    let mut sandbox = Sandbox::start(command)?;
    let answer = sandbox.invoke(event.to_owned().into(), Duration::from_secs(10)).await?;
    sandbox.stop().await;
    Ok(serde_json::from_slice(&answer)?)
}

fn request_context(route: &str) -> Value {
    let (method, path) = route.split_once(' ').unwrap_or_default();
    json!({
        "accountId": "123456789012",
        "apiId": "bench",
        "domainName": "bench.example.com",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "bench",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": route,
        "stage": "$default",
        "time": "10/Mar/2026:05:16:23 +0000",
        "timeEpoch": 1_773_119_783_000_u64,
    })
}

fn headers(token: Option<&str>) -> Value {
    let mut headers = json!({
        "accept": "*/*",
        "content-type": "application/json",
        "host": "bench.example.com",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    });
    if let Some(token) = token {
        headers["authorization"] = format!("Bearer {token}").into();
    }
    headers
}

fn event(route: &str, body: Option<&Value>, token: Option<&str>) -> String {
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": route.split_once(' ').unwrap_or_default().1,
        "rawQueryString": "",
        "headers": headers(token),
        "requestContext": request_context(route),
        "isBase64Encoded": false,
    });
    if let Some(body) = body {
        event["body"] = body.to_string().into();
    }
    event.to_string()
}

/// A login with a wrong password.
pub(crate) fn wrong_login(username: &str) -> String {
    let body = json!({ "username": username, "password": "measured once, cut twice" });
    event("POST /login", Some(&body), None)
}

fn authorizer_event(token: &str) -> String {
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:123456789012:bench/$default/GET/workitems",
        "identitySource": [format!("Bearer {token}")],
        "routeKey": "GET /workitems",
        "rawPath": "/workitems",
        "rawQueryString": "",
        "headers": headers(Some(token)),
        "requestContext": request_context("GET /workitems"),
    })
    .to_string()
}
