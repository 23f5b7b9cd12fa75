//! What is measured: functions, each with the event that it is given.

use std::{cell::RefCell, collections::BTreeMap, env, error::Error, path::PathBuf, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_keys::{KeyRing, ReadRing as _, open_current};
use latchkey_store::{Aws, DynamoKeyRing, KmsKey};
use latchkey_testkit::{dynamodb, fixtures::token_profile, template};
use latchkey_token::{Grant, Issuer, KeySet, SessionId, Timestamp, UserId};
use local::{
    environment::Environments,
    sandbox::{FunctionCommand, Sandbox},
    stack::{LocalStack, StackSettings},
    template::Template,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// One function with its settings and its event.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) command: FunctionCommand,
    pub(crate) events: Events,
    /// How many warm requests make a round.
    pub(crate) requests: usize,
}

/// The events that a function is given.
#[derive(Debug)]
pub(crate) enum Events {
    /// These, in turn.
    InTurn(Vec<String>),
    /// A refresh with the newest token, which each answer replaces.
    Refreshes(RefCell<String>),
}

impl Events {
    /// The event of that turn.
    pub(crate) fn event(&self, turn: usize) -> String {
        match self {
            Self::InTurn(events) => events.get(turn % events.len()).cloned().unwrap_or_default(),
            Self::Refreshes(token) => event("POST /refresh", None, Some(&token.borrow())),
        }
    }

    /// Takes from an answer what the next event needs.
    pub(crate) fn learn(&self, answer: &Value) -> Result<(), Box<dyn Error>> {
        if let Self::Refreshes(token) = self {
            *token.borrow_mut() = token_of(answer, "refresh_token")?;
        }
        Ok(())
    }
}

/// Everything that is measured, the floor first, and what it needs to run.
#[derive(Debug)]
pub(crate) struct Subjects {
    pub(crate) all: Vec<Subject>,
    /// What the functions call.
    _stack: LocalStack,
}

impl Subjects {
    /// Starts a DynamoDB, makes a user, and logs the user in.
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
            // The lines would flood the table.
            variables.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), "ERROR".to_owned());
            for (name, value) in changed {
                variables.insert((*name).to_owned(), (*value).to_owned());
            }
            let memory = function.map_or(256, |function| function.memory);
            FunctionCommand {
                name: binary.to_owned(),
                binary: binaries.join(binary),
                memory,
                variables,
            }
        };

        let credentials =
            |username| json!({ "username": username, "password": "measured twice, cut once" });
        // One user's session is looked up; another logs in again and again, and so ends sessions.
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
        let question = || Events::InTurn(vec![authorizer_event(token)]);
        let call = |route| Events::InTurn(vec![event(route, None, Some(token))]);
        let others = other_tokens(&keys, token)?;
        let new_questions = others.iter().map(|token| authorizer_event(token)).collect();
        let new_questions = Events::InTurn(new_questions);
        let new_calls = others.iter().map(|token| event("GET /protected", None, Some(token)));
        let new_calls = Events::InTurn(new_calls.collect());
        let subject = |name, command, events, requests| Subject { name, command, events, requests };
        let all = vec![
            subject("floor", command("floor", &[]), call("GET /protected"), 200),
            subject("authorizer, off", command("authorizer", &stateless), question(), 200),
            subject("… a new token", command("authorizer", &stateless), new_questions, 200),
            subject("authorizer", command("authorizer", &[]), question(), 200),
            subject("protected", command("protected", &[]), call("GET /protected"), 200),
            subject("… a new token", command("protected", &[]), new_calls, 200),
            subject("account, GET /me", command("account", &[]), call("GET /me"), 200),
            subject("refresh", command("refresh", &[]), Events::Refreshes(newest.into()), 200),
            subject("login", command("login", &few_sessions), Events::InTurn(vec![login_event]), 5),
        ];
        Ok(Self { all, _stack: stack })
    }
}

/// The keys that the functions sign with.
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

/// More tokens of the same session than any verifier remembers.
fn other_tokens(keys: &KeySet, token: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap_or_default())?;
    let claims: Value = serde_json::from_slice(&payload)?;
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let (key, profile) = (keys.signing().ok_or("no key signs")?, token_profile());
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
    Ok(body[member].as_str().ok_or("there is no token")?.to_owned())
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

/// A login with a password that is not the user's.
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
