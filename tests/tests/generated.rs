//! Fuzz tests with the real binaries: 10,000 requests and 1,000 events cause no 5xx, kill no function,
//! and do not affect valid requests.
#![cfg(test)]

mod fuzz;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    sync::Arc,
    time::Duration,
};

use fuzz::{
    Random, bodies::any_json, corpus::Corpus, events::mutated_event, requests::FuzzRequest,
};
use latchkey_testkit::{
    dynamodb,
    fixtures::JWK_SET,
    forge::{bad_tokens, bad_tokens_like, claims, header, sign, with},
    template,
};
use latchkey_tests::{
    process::is_running,
    sandbox,
    stack::{Answer, PASSWORD, Settings, Stack, Tokens, claims_of, workspace},
};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
};

/// Number of requests per configuration.
const REQUESTS: usize = 5_000;
/// Number of events for all functions together.
const EVENTS: usize = 1_000;
/// Number of concurrent requests.
const CONCURRENCY: usize = 16;
/// Number of users in the corpus.
const USERS: usize = 8;

const ALL_LOCATIONS: &str = "headers,cookies,query_string,json";

/// Serialises the tests, because each starts dozens of processes.
static ONE_STACK_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_with_default_settings_cause_no_5xx_and_no_crash() {
    let _turn = ONE_STACK_AT_A_TIME.lock().await;
    FuzzRun::start(Settings::default(), 0x6465_6661_756c_7400, false).await.run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_with_all_token_locations_cause_no_5xx_and_no_crash() {
    let _turn = ONE_STACK_AT_A_TIME.lock().await;
    let settings = Settings::default()
        .variable("JWT_TOKEN_LOCATION", ALL_LOCATIONS)
        .variable("SIGNING_KEYS", JWK_SET);
    FuzzRun::start(settings, 0x706c_6163_6573_0000, true).await.run().await;
}

/// A fuzz run against a stack.
struct FuzzRun {
    stack: Arc<Stack>,
    seed: u64,
    /// Whether the stack accepts cookies and has the tests' private key.
    has_cookies: bool,
    corpus: Corpus,
    /// The tokens of a user who is not in the corpus.
    good: Tokens,
    /// All function processes so far.
    functions: HashSet<u32>,
}

impl FuzzRun {
    async fn start(settings: Settings, seed: u64, has_cookies: bool) -> Self {
        let stack = Arc::new(settings.start());
        assert_eq!(stack.sign_up("good").await.status, 201);
        let good = stack.tokens_of("good").await;
        let mut corpus = Corpus {
            bad: bad_tokens().into_iter().map(|(_, token, _)| token).collect(),
            ..Corpus::default()
        };
        for number in 0..USERS {
            let username = format!("user{number}");
            assert_eq!(stack.sign_up(&username).await.status, 201);
            let tokens = stack.tokens_of(&username).await;
            corpus.usernames.push(username);
            corpus.access.push(tokens.access);
            corpus.refresh.push(tokens.refresh);
        }
        Self { stack, seed, has_cookies, corpus, good, functions: HashSet::new() }
    }

    async fn run(mut self) {
        let mut random = Random::new(self.seed);
        for hundred in 0..REQUESTS / 100 {
            let place = format!("seed {:#x}, hundred {hundred}", self.seed);
            self.log_in_again(hundred, &mut random).await;
            let requests =
                (0..100).map(|_| FuzzRequest::generate(&mut random, &self.corpus)).collect();
            for (request, outcome) in self.send_all(requests).await {
                let is_answered = matches!(outcome, Ok(status) if status < 500);
                assert!(is_answered, "{place}: {outcome:?} to\n{request:?}");
            }
            self.assert_good_requests_succeed(&place, hundred).await;
            self.assert_no_function_has_ended(&place);
        }
        assert!(!self.stack.log().contains("panicked at"), "a function panicked");
    }

    /// Sends requests concurrently. Returns the status of each.
    async fn send_all(
        &self,
        requests: Vec<FuzzRequest>,
    ) -> Vec<(FuzzRequest, Result<u16, reqwest::Error>)> {
        let slots = Arc::new(Semaphore::new(CONCURRENCY));
        let mut sent = JoinSet::new();
        for request in requests {
            let (stack, slots) = (Arc::clone(&self.stack), Arc::clone(&slots));
            sent.spawn(async move {
                let _slot = slots.acquire().await.unwrap();
                let outcome = match request.on(&stack).send().await {
                    Ok(answer) => {
                        let status = answer.status().as_u16();
                        answer.bytes().await.map(|_| status)
                    }
                    Err(error) => Err(error),
                };
                (request, outcome)
            });
        }
        sent.join_all().await
    }

    /// Logs one user of the corpus in, because the requests log users out.
    async fn log_in_again(&mut self, hundred: usize, random: &mut Random) {
        let index = hundred % USERS;
        let username = &self.corpus.usernames[index];
        let tokens = self.stack.tokens_of(username).await;
        if self.has_cookies {
            let cookies = json!({ "username": username, "password": PASSWORD, "cookies": true });
            let answer = self.stack.post("/login", &cookies).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            self.corpus.cookies = set_cookies(&answer);
            self.corpus.csrf = ["csrf_access_token", "csrf_refresh_token"]
                .map(|member| answer.text(member).to_owned())
                .to_vec();
            self.corpus.bad = forged(&claims_of(&tokens.access), random);
        }
        self.corpus.access[index] = tokens.access;
        self.corpus.refresh[index] = tokens.refresh;
    }

    async fn assert_good_requests_succeed(&mut self, place: &str, hundred: usize) {
        for path in ["/protected", "/workitems", "/me"] {
            let answer = self.stack.get(path, &self.good.access).await;
            assert_eq!(answer.status, 200, "{place}: {path}: {answer:?}");
        }
        let refreshed = self.stack.refresh(&self.good.refresh).await;
        assert_eq!(refreshed.status, 200, "{place}: {refreshed:?}");
        self.good = Tokens::of(&refreshed);
        if hundred % 10 == 9 {
            let logged_in = self.stack.log_in("good").await;
            assert_eq!(logged_in.status, 200, "{place}: {logged_in:?}");
        }
    }

    /// New functions may start, but none may end.
    fn assert_no_function_has_ended(&mut self, place: &str) {
        let running: HashSet<_> =
            self.stack.functions().into_iter().filter(|process| is_running(*process)).collect();
        let ended: Vec<_> = self.functions.difference(&running).collect();
        assert!(ended.is_empty(), "{place}: {ended:?} ended");
        self.functions = running;
    }
}

/// The cookies that an answer sets, as `name=value`.
fn set_cookies(answer: &Answer) -> Vec<String> {
    let cookies: Vec<_> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    assert!(cookies.len() >= 2, "{answer:?}");
    cookies
}

/// Tokens signed with the right key: with known defects, and with random claims and headers.
fn forged(claims: &Value, random: &mut Random) -> Vec<String> {
    let listed = bad_tokens_like(&header(), claims).into_iter().map(|(_, token, _)| token);
    let mut forged: Vec<_> = listed.collect();
    for name in ["username", "roles", "csrf", "auth_time", "jti", "sid", "sub", "exp", "x"] {
        for _ in 0..4 {
            forged.push(sign(&header(), &with(claims.clone(), name, any_json(random, 2))));
            forged.push(sign(&header(), &with(claims.clone(), name, random.text().into())));
        }
    }
    for name in ["typ", "alg", "kid", "x", "crit"] {
        forged.push(sign(&with(header(), name, any_json(random, 2)), claims));
    }
    forged
}

/// The sample events by function name.
fn events() -> BTreeMap<String, Vec<Value>> {
    let mut events = BTreeMap::<_, Vec<_>>::new();
    for file in fs::read_dir(workspace().join("events")).unwrap() {
        let path = file.unwrap().path();
        let event = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let function = path.file_stem().unwrap().to_str().unwrap().split('-').next().unwrap();
        events.entry(function.to_owned()).or_default().push(event);
    }
    events
}

/// Whether the gateway can parse the answer, and it is not a 5xx.
fn is_well_formed(answer: &Value) -> bool {
    if answer.get("policyDocument").is_some() {
        let effect = answer.pointer("/policyDocument/Statement/0/Effect").and_then(Value::as_str);
        return matches!(effect, Some("Allow" | "Deny")) && answer["principalId"].is_string();
    }
    if let Some(is_authorized) = answer.get("isAuthorized") {
        return is_authorized.is_boolean() && answer["context"].is_object();
    }
    let status = answer["statusCode"].as_u64();
    let is_status = status.is_some_and(|status| (200..500).contains(&status));
    let headers = answer["headers"].as_object();
    let headers = headers.is_some_and(|headers| headers.values().all(Value::is_string));
    is_status && headers && answer["body"].is_string() && answer["isBase64Encoded"] == false
}

#[tokio::test(flavor = "multi_thread")]
async fn random_events_are_answered_and_cause_no_crash() {
    const SEED: u64 = 0x6576_656e_7473_0000;

    let _turn = ONE_STACK_AT_A_TIME.lock().await;
    let (template, endpoint, events) = (template(), dynamodb().await, events());
    let mut random = Random::new(SEED);
    let now = latchkey_token::Timestamp::now().unix();
    let genuine = [("iat", now), ("nbf", now), ("exp", now + 900), ("auth_time", now)]
        .into_iter()
        .fold(claims(), |claims, (name, moment)| with(claims, name, moment.into()));
    let token = sign(&header(), &genuine);
    let corpus = Corpus {
        usernames: vec!["alice".to_owned()],
        access: vec![token.clone()],
        refresh: vec![token],
        bad: forged(&genuine, &mut random),
        ..Corpus::default()
    };
    // The gateway does not invoke `admin`.
    let functions: Vec<_> = template.functions.values().filter(|f| f.binary != "admin").collect();
    let each = EVENTS.div_ceil(functions.len());
    for function in functions {
        let valid = &events[&function.binary];
        let given = |name: &str| (name == "JWT_TOKEN_LOCATION").then(|| ALL_LOCATIONS.to_owned());
        let mut sandbox = sandbox::start(function, &endpoint, &given);
        let first = sandbox.invoke("null".into(), Duration::from_secs(20)).await.unwrap();
        assert!(is_well_formed(&serde_json::from_slice(&first).unwrap()));
        let process = sandbox.process_id();
        for number in 0..each {
            let event = mutated_event(random.one_of(valid), &mut random, &corpus);
            let place = format!("seed {SEED:#x}, {} {number}: {event:.2000}", function.binary);
            let outcome = sandbox.invoke(event.into(), Duration::from_secs(20)).await;
            let answer = outcome.unwrap_or_else(|error| panic!("{place}: {error}"));
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert!(is_well_formed(&answer), "{place}: {answer}");
            assert_eq!(sandbox.process_id(), process, "{place}");
            assert!(sandbox.is_alive(), "{place}");
        }
        sandbox.stop().await;
    }
}
