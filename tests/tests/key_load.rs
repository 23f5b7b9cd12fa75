//! Rotations refuse no token: under load, across a restart, and when `admin` is killed.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use latchkey_keys::{KeyCommand, KeyState};
use latchkey_testkit::fixtures::ISSUER;
use latchkey_tests::{
    keys::{Operator, kid_in, kid_of, kids, kill, settings},
    stack::{Answer, PASSWORD, Stack, Tokens},
};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::{
    sync::Mutex as AsyncMutex,
    task::JoinSet,
    time::{Instant, interval, sleep, sleep_until},
};

const SECONDS: usize = 60;
const PER_SECOND: usize = 50;
/// The rotations, in seconds after the start.
const ROTATIONS: [u64; 3] = [10, 25, 40];
/// Each logs in five times, which is below the session limit.
const USERS: usize = 24;
/// Each refreshes its own session once a second.
const CLIENTS: usize = 8;

/// A stack under load and its recorded answers.
struct Load {
    stack: Stack,
    clients: Vec<AsyncMutex<Tokens>>,
    /// Every access token so far; all are valid until the end.
    access: Mutex<Vec<String>>,
    /// Successes by route and by the key of the presented or issued token.
    successes: Mutex<BTreeMap<(&'static str, String), usize>>,
    failures: Mutex<Vec<String>>,
}

impl Load {
    async fn on(stack: Stack) -> Self {
        for number in 0..USERS {
            assert_eq!(stack.sign_up(&format!("user{number}")).await.status, 201);
        }
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            clients.push(stack.tokens_of(&format!("user{number}")).await);
        }
        Self {
            access: Mutex::new(clients.iter().map(|tokens| tokens.access.clone()).collect()),
            clients: clients.into_iter().map(AsyncMutex::new).collect(),
            stack,
            successes: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// One of 50 requests per second: 2 logins, 8 refreshes, and 40 calls of both kinds of protected
    /// route.
    async fn request(&self, number: usize) {
        let turn = number / 25;
        match number % 25 {
            0 => self.log_in(turn).await,
            place if place % 5 == 0 => self.refresh(turn * 4 + place / 5).await,
            place if place % 2 == 0 => self.call_protected("/workitems", number).await,
            _ => self.call_protected("/protected", number).await,
        }
    }

    async fn log_in(&self, turn: usize) {
        let user = format!("user{}", turn % USERS);
        let body = json!({ "username": user, "password": PASSWORD });
        let request = self.stack.request(Method::POST, "/login").json(&body);
        let answer = self.ask("/login", request).await;
        if let Some(answer) = answer {
            self.take("/login", &Tokens::of(&answer));
        }
    }

    async fn refresh(&self, turn: usize) {
        let mut tokens = self.clients[turn % CLIENTS].lock().await;
        let presented = tokens.refresh.clone();
        let request = self.stack.request(Method::POST, "/refresh").bearer_auth(&presented);
        let answer = self.ask("/refresh", request).await;
        if let Some(answer) = answer {
            *tokens = Tokens::of(&answer);
            self.take("/refresh", &tokens);
        }
    }

    fn take(&self, route: &'static str, tokens: &Tokens) {
        self.count(route, &tokens.access);
        self.access.lock().unwrap().push(tokens.access.clone());
    }

    async fn call_protected(&self, route: &'static str, number: usize) {
        let token = {
            let access = self.access.lock().unwrap();
            // Half of the calls use the newest token, the others any.
            let newest = access.len() - 1;
            let place = if number % 4 < 2 { newest } else { number * 7_919 % access.len() };
            access[place].clone()
        };
        let request = self.stack.request(Method::GET, route).bearer_auth(&token);
        if self.ask(route, request).await.is_some() {
            self.count(route, &token);
        }
    }

    fn count(&self, route: &'static str, token: &str) {
        *self.successes.lock().unwrap().entry((route, kid_of(token))).or_default() += 1;
    }

    /// The answer, if it is a success.
    async fn ask(&self, route: &str, request: RequestBuilder) -> Option<Answer> {
        let answer = self.stack.send(request).await;
        if answer.status == 200 {
            return Some(answer);
        }
        self.failures.lock().unwrap().push(format!("{route}: {answer:?}"));
        None
    }

    /// The successes by route and key.
    fn table(&self) -> String {
        let mut table = format!("{:<12} {:<44} {:>6}\n", "route", "key", "count");
        for ((route, kid), count) in &*self.successes.lock().unwrap() {
            writeln!(table, "{route:<12} {kid:<44} {count:>6}").unwrap();
        }
        table
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "prints the measurement")]
async fn three_rotations_under_load_refuse_no_token() {
    // Mixes cold and warm functions.
    let stack = settings("5").option("--requests-per-sandbox", "40").start();
    let operator = Operator::of(&stack);
    operator.run(&KeyCommand::Rotate { force: false }).await.unwrap();
    let load = Arc::new(Load::on(stack).await);

    let begun = Instant::now();
    let rotations = tokio::spawn(async move {
        for second in ROTATIONS {
            sleep_until(begun + Duration::from_secs(second)).await;
            operator.force_rotation().await.unwrap();
        }
        operator.list().await
    });
    // At a constant rate, even if earlier requests have no answer yet.
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(PER_SECOND).unwrap());
    let mut requests = JoinSet::new();
    for number in 0..SECONDS * PER_SECOND {
        ticks.tick().await;
        let load = Arc::clone(&load);
        requests.spawn(async move { load.request(number).await });
    }
    requests.join_all().await;
    let ring = rotations.await.unwrap();

    println!("{}", load.table());
    let failures = load.failures.lock().unwrap();
    assert!(failures.is_empty(), "{} failures: {failures:#?}", failures.len());
    let successes = load.successes.lock().unwrap();
    assert_eq!(successes.values().sum::<usize>(), SECONDS * PER_SECOND);
    let kids_of = |route: &'static str| {
        let kids = successes.keys().filter(move |(other, _)| *other == route);
        kids.map(|(_, kid)| kid.as_str()).collect::<BTreeSet<_>>()
    };
    for route in ["/login", "/refresh", "/protected", "/workitems"] {
        assert!(kids_of(route).len() >= 3, "{route}: {:?}", kids_of(route));
        assert!(kids_of(route).iter().all(|kid| kids(&ring).contains(kid)), "{route}");
    }
}

/// Logs in until the key `kid` signs, because functions cache the previous key.
async fn tokens_by(stack: &Stack, username: &str, kid: &str) -> Tokens {
    let begun = Instant::now();
    loop {
        let tokens = stack.tokens_of(username).await;
        if kid_of(&tokens.access) == kid {
            return tokens;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{kid} does not sign");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn assert_accepted(stack: &Stack, tokens: &Tokens) {
    for path in ["/protected", "/workitems", "/me"] {
        let answer = stack.get(path, &tokens.access).await;
        assert_eq!(answer.status, 200, "{path} by {}: {answer:?}", kid_of(&tokens.access));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_stay_valid_over_two_rotations_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    // A fixed issuer, because the default has the port of the stack.
    let settings = settings("1").variable("JWT_ISSUER", ISSUER).variable("SESSION_LIMIT", "100");
    let start = || settings.clone().option("--state", state).start();
    let mut stack = start();
    let operator = Operator::of(&stack);
    let first = operator.list().await;
    assert_eq!(kids(&first).len(), 1, "created at the start");
    let first = operator.run(&KeyCommand::Rotate { force: false }).await.unwrap();
    let early = operator.run(&KeyCommand::Rotate { force: false }).await.unwrap_err();
    assert!(early["errorMessage"].as_str().unwrap().contains("--force"), "{early}");
    for user in ["alice", "bob"] {
        assert_eq!(stack.sign_up(user).await.status, 201);
    }
    let mut issued = vec![stack.tokens_of("alice").await];

    let is_over = AtomicBool::new(false);
    let rotations = async {
        for _ in 0..2 {
            let ring = operator.force_rotation().await.unwrap();
            issued.push(tokens_by(&stack, "alice", kid_in(&ring, KeyState::Current)).await);
            for tokens in &issued {
                assert_accepted(&stack, tokens).await;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let client = async {
        let mut tokens = stack.tokens_of("bob").await;
        while !is_over.load(Ordering::Relaxed) {
            tokens = Tokens::of(&stack.refresh(&tokens.refresh).await);
            assert_accepted(&stack, &tokens).await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::join!(rotations, client);
    let (listed, item) = (operator.list().await, operator.item().await);
    let expected = [kid_in(&first, KeyState::Next), kid_in(&first, KeyState::Current)];
    assert_eq!(kids(&listed)[2..], expected);

    let endpoint = folder.path().join("aws-endpoint");
    assert_eq!(fs::read_to_string(&endpoint).unwrap().trim_end(), stack.aws);
    let mode = fs::metadata(folder.path().join("kms-key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    stack.stop("INT");
    assert!(!endpoint.exists());

    let stack = start();
    let operator = Operator::of(&stack);
    assert_eq!(operator.list().await, listed, "no rotation at the start");
    assert_eq!(operator.item().await, item);
    for tokens in &issued {
        assert_accepted(&stack, tokens).await;
        let renewed = Tokens::of(&stack.refresh(&tokens.refresh).await);
        assert_eq!(kid_of(&renewed.access), kid_in(&listed, KeyState::Current));
        assert_accepted(&stack, &renewed).await;
    }
}

/// Delays of the kills: spread over a rotation and deterministic.
fn kill_delays() -> impl Iterator<Item = Duration> {
    (0_u64..).map(|number| Duration::from_micros(number * 7_919 % 60_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ring_stays_valid_when_admin_is_killed_during_rotations() {
    const TIMES: usize = 30;
    let stack = settings("1").variable("SESSION_LIMIT", "100").start();
    let operator = Operator::of(&stack);
    operator.run(&KeyCommand::Rotate { force: false }).await.unwrap();
    assert_eq!(stack.sign_up("alice").await.status, 201);
    let mut logins = vec![stack.tokens_of("alice").await];
    let mut interrupted = 0;
    for after in kill_delays().take(TIMES) {
        let (rotated, killed) = tokio::join!(operator.force_rotation(), async {
            sleep(after).await;
            kill(&stack, &["admin"]).await
        });
        // The rotation may have finished before the kill.
        interrupted += usize::from(killed > 0 && rotated.is_err());
        logins.push(stack.tokens_of("alice").await);
        assert_accepted(&stack, &logins[logins.len() - 1]).await;
    }
    assert!(interrupted >= 3, "only {interrupted} of {TIMES} rotations were interrupted");

    let ring = operator.force_rotation().await.unwrap();
    logins.push(tokens_by(&stack, "alice", kid_in(&ring, KeyState::Current)).await);
    let signed: BTreeSet<_> = logins.iter().map(|tokens| kid_of(&tokens.access)).collect();
    assert!(signed.len() > TIMES / 10, "{signed:?}");
    assert!(signed.iter().all(|kid| kids(&ring).contains(&kid.as_str())), "{signed:?}: {ring:?}");
    for tokens in &logins {
        assert_accepted(&stack, tokens).await;
    }
}
