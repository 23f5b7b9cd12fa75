//! Ten thousand generated requests and a thousand generated events, over the real binaries: none of
//! them makes a 5xx, kills a function, or keeps the next good request from its answer.
#![cfg(test)]

mod noise;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    sync::Arc,
    time::Duration,
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
use noise::{Dice, bodies::any_json, events::event_like, requests::Noise, stock::Stock};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
};

/// How many requests each configuration gets.
const REQUESTS: usize = 5_000;
/// How many events the functions get, all together.
const EVENTS: usize = 1_000;
/// How many requests are under way at once.
const AT_ONCE: usize = 16;
/// How many users the requests are made for.
const USERS: usize = 8;

const EVERY_PLACE: &str = "headers,cookies,query_string,json";

/// Each configuration runs some dozens of processes.
static ONE_STACK_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_requests_in_the_default_configuration_make_no_5xx_and_kill_nothing() {
    let _turn = ONE_STACK_AT_A_TIME.lock().await;
    Siege::begin(Settings::default(), 0x6465_6661_756c_7400, false).await.endure().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_requests_with_tokens_in_every_place_make_no_5xx_and_kill_nothing() {
    let _turn = ONE_STACK_AT_A_TIME.lock().await;
    let settings = Settings::default()
        .variable("JWT_TOKEN_LOCATION", EVERY_PLACE)
        .variable("SIGNING_KEYS", JWK_SET);
    Siege::begin(settings, 0x706c_6163_6573_0000, true).await.endure().await;
}

/// A stack and its clients.
struct Siege {
    api: Arc<Stack>,
    seed: u64,
    /// Whether cookies are a place of tokens and everybody knows the private key.
    is_open: bool,
    stock: Stock,
    /// The tokens of a user whom the requests do not know.
    good: Tokens,
    /// Every function's process that was ever seen.
    functions: HashSet<u32>,
}

impl Siege {
    async fn begin(settings: Settings, seed: u64, is_open: bool) -> Self {
        let api = Arc::new(settings.start());
        assert_eq!(api.sign_up("good").await.status, 201);
        let good = api.tokens_of("good").await;
        let mut stock = Stock {
            bad: bad_tokens().into_iter().map(|(_, token, _)| token).collect(),
            ..Stock::default()
        };
        for number in 0..USERS {
            let username = format!("user{number}");
            assert_eq!(api.sign_up(&username).await.status, 201);
            let tokens = api.tokens_of(&username).await;
            stock.usernames.push(username);
            stock.access.push(tokens.access);
            stock.refresh.push(tokens.refresh);
        }
        Self { api, seed, is_open, stock, good, functions: HashSet::new() }
    }

    async fn endure(mut self) {
        let mut dice = Dice::new(self.seed);
        for hundred in 0..REQUESTS / 100 {
            let place = format!("seed {:#x}, hundred {hundred}", self.seed);
            self.renew(hundred, &mut dice).await;
            let noises = (0..100).map(|_| Noise::random(&mut dice, &self.stock)).collect();
            for (noise, outcome) in self.send_all(noises).await {
                let is_answered = matches!(outcome, Ok(status) if status < 500);
                assert!(is_answered, "{place}: {outcome:?} to\n{noise:?}");
            }
            self.assert_good_requests_succeed(&place, hundred).await;
            self.assert_no_function_has_ended(&place);
        }
        assert!(!self.api.log().contains("panicked at"), "a function panicked");
    }

    /// Sends some requests at once, and returns each one's status.
    async fn send_all(&self, noises: Vec<Noise>) -> Vec<(Noise, Result<u16, reqwest::Error>)> {
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let mut sent = JoinSet::new();
        for noise in noises {
            let (api, slots) = (Arc::clone(&self.api), Arc::clone(&slots));
            sent.spawn(async move {
                let _slot = slots.acquire().await.unwrap();
                let outcome = match noise.on(&api).send().await {
                    Ok(answer) => {
                        let status = answer.status().as_u16();
                        answer.bytes().await.map(|_| status)
                    }
                    Err(error) => Err(error),
                };
                (noise, outcome)
            });
        }
        sent.join_all().await
    }

    /// Logs one of the users in again, because the requests log users out.
    async fn renew(&mut self, hundred: usize, dice: &mut Dice) {
        let index = hundred % USERS;
        let username = &self.stock.usernames[index];
        let tokens = self.api.tokens_of(username).await;
        if self.is_open {
            let cookies = json!({ "username": username, "password": PASSWORD, "cookies": true });
            let answer = self.api.post("/login", &cookies).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            self.stock.cookies = set_cookies(&answer);
            self.stock.csrf = ["csrf_access_token", "csrf_refresh_token"]
                .map(|member| answer.text(member).to_owned())
                .to_vec();
            self.stock.bad = forged(&claims_of(&tokens.access), dice);
        }
        self.stock.access[index] = tokens.access;
        self.stock.refresh[index] = tokens.refresh;
    }

    async fn assert_good_requests_succeed(&mut self, place: &str, hundred: usize) {
        for path in ["/protected", "/workitems", "/me"] {
            let answer = self.api.get(path, &self.good.access).await;
            assert_eq!(answer.status, 200, "{place}: {path}: {answer:?}");
        }
        let refreshed = self.api.refresh(&self.good.refresh).await;
        assert_eq!(refreshed.status, 200, "{place}: {refreshed:?}");
        self.good = Tokens::of(&refreshed);
        if hundred % 10 == 9 {
            let logged_in = self.api.log_in("good").await;
            assert_eq!(logged_in.status, 200, "{place}: {logged_in:?}");
        }
    }

    /// Functions may come, but none may go.
    fn assert_no_function_has_ended(&mut self, place: &str) {
        let running: HashSet<_> =
            self.api.functions().into_iter().filter(|process| is_running(*process)).collect();
        let ended: Vec<_> = self.functions.difference(&running).collect();
        assert!(ended.is_empty(), "{place}: {ended:?} ended");
        self.functions = running;
    }
}

/// The cookies that an answer sets: a name, `=` and a value.
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

/// Tokens that the right key has signed although no function issued them: some with a known defect, and some
/// with claims and headers of any kind.
fn forged(claims: &Value, dice: &mut Dice) -> Vec<String> {
    let listed = bad_tokens_like(&header(), claims).into_iter().map(|(_, token, _)| token);
    let mut forged: Vec<_> = listed.collect();
    for name in ["username", "roles", "csrf", "auth_time", "jti", "sid", "sub", "exp", "x"] {
        for _ in 0..4 {
            forged.push(sign(&header(), &with(claims.clone(), name, any_json(dice, 2))));
            forged.push(sign(&header(), &with(claims.clone(), name, dice.text().into())));
        }
    }
    for name in ["typ", "alg", "kid", "x", "crit"] {
        forged.push(sign(&with(header(), name, any_json(dice, 2)), claims));
    }
    forged
}

/// The events of `events/` by the name of the function that they are for.
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

/// Whether it is an answer that the gateway understands, and none of a fault.
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
async fn a_thousand_events_of_odd_shapes_are_answered_and_kill_nothing() {
    const SEED: u64 = 0x6576_656e_7473_0000;

    let _turn = ONE_STACK_AT_A_TIME.lock().await;
    let (template, endpoint, events) = (template(), dynamodb().await, events());
    let mut dice = Dice::new(SEED);
    let now = latchkey_token::Timestamp::now().unix();
    let genuine = [("iat", now), ("nbf", now), ("exp", now + 900), ("auth_time", now)]
        .into_iter()
        .fold(claims(), |claims, (name, moment)| with(claims, name, moment.into()));
    let token = sign(&header(), &genuine);
    let stock = Stock {
        usernames: vec!["alice".to_owned()],
        access: vec![token.clone()],
        refresh: vec![token],
        bad: forged(&genuine, &mut dice),
        ..Stock::default()
    };
    // The gateway does not know `admin`.
    let functions: Vec<_> = template.functions.values().filter(|f| f.binary != "admin").collect();
    let each = EVENTS.div_ceil(functions.len());
    for function in functions {
        let right = &events[&function.binary];
        let given = |name: &str| (name == "JWT_TOKEN_LOCATION").then(|| EVERY_PLACE.to_owned());
        let mut sandbox = sandbox::start(function, &endpoint, &given);
        let first = sandbox.invoke("null".into(), Duration::from_secs(20)).await.unwrap();
        assert!(is_well_formed(&serde_json::from_slice(&first).unwrap()));
        let process = sandbox.process_id();
        for number in 0..each {
            let event = event_like(dice.one_of(right), &mut dice, &stock);
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
