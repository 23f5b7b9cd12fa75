//! Attempt limits over real processes of `login`.
#![cfg(test)]

use std::{collections::BTreeMap, time::Duration};

use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_session::AddUser as _;
use latchkey_store::{Aws, DynamoUsers};
use latchkey_testkit::{
    dynamodb,
    event::post_json,
    fixtures::{operation, session, user},
};
use latchkey_tests::{
    repository::functions,
    sandbox,
    stack::{PASSWORD, Settings},
};
use latchkey_token::Timestamp;
use local::{sandbox::Sandbox, template::Function};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const PROCESSES: usize = 50;
const GUESSES_EACH: usize = 20;
/// No interval ends during a test.
const ACCOUNT_LIMIT: &str = "10/86400";
const ADDRESS_LIMIT: &str = "30/86400";
const HOME: &str = "192.0.2.1";

/// Accounts in a new DynamoDB, and what a process of `login` needs.
struct Login {
    function: Function,
    endpoint: String,
    address_limit: &'static str,
}

impl Login {
    async fn new(address_limit: &'static str) -> Self {
        let endpoint = dynamodb().await;
        let users = DynamoUsers::connect(&Aws::emulator(&endpoint), "UsersTable".to_owned()).await;
        let hasher = Hasher::new(HashParams::new(7_168, 5).unwrap()).unwrap();
        let password =
            PasswordPolicy::new(8).accept(&SecretString::from(PASSWORD), &["x"]).unwrap();
        for name in ["alice", "bob"] {
            let mut account = user(name);
            account.password_hash = Some(hasher.hash(&password).unwrap());
            let mut started = session(&account, Timestamp::now());
            started.session.client.address = HOME.to_owned();
            account.sessions.insert(started.id, started.session);
            users.add_user(&account, &operation()).await.unwrap();
        }
        let function = functions().remove("login").unwrap().1;
        Self { function, endpoint, address_limit }
    }

    fn process(&self) -> Sandbox {
        sandbox::start(&self.function, &self.endpoint, &|name| {
            let value = match name {
                "LOGIN_LIMIT_ADDRESS" => self.address_limit,
                "LOGIN_LIMIT_ACCOUNT" => ACCOUNT_LIMIT,
                "ARGON2_MEMORY_KIB" => "7168",
                "ARGON2_ITERATIONS" => "5",
                _ => return None,
            };
            Some(value.to_owned())
        })
    }

    /// The number of answers by status of guesses by many processes at once.
    async fn guess(
        &self,
        attempt: fn(usize) -> (String, String),
        first: usize,
    ) -> BTreeMap<u64, usize> {
        let mut processes = JoinSet::new();
        for process in 0..PROCESSES {
            let mut sandbox = self.process();
            processes.spawn(async move {
                let mut statuses = Vec::new();
                for guess in 0..GUESSES_EACH {
                    let (address, name) = attempt(first + process * GUESSES_EACH + guess);
                    let answer = log_in(&mut sandbox, &address, &name, "wrong password").await;
                    statuses.push(answer["statusCode"].as_u64().unwrap());
                }
                sandbox.stop().await;
                statuses
            });
        }
        let mut counts = BTreeMap::new();
        for status in processes.join_all().await.into_iter().flatten() {
            *counts.entry(status).or_default() += 1;
        }
        counts
    }
}

async fn log_in(sandbox: &mut Sandbox, address: &str, name: &str, password: &str) -> Value {
    let body = json!({ "username": name, "password": password });
    let mut event = post_json("/login", &body);
    event["requestContext"]["http"]["sourceIp"] = address.into();
    let answer = sandbox.invoke(event.to_string().into(), Duration::from_mins(1)).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

fn address(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_logs_in_while_many_addresses_guess_the_password() {
    let login = Login::new("off").await;
    let mut owner = login.process();
    let (guesses, owners, others) = tokio::join!(
        login.guess(|number| (address(number), "alice".to_owned()), 0),
        async {
            let mut statuses = Vec::new();
            for _ in 0..5 {
                let answer = log_in(&mut owner, HOME, "alice", PASSWORD).await;
                statuses.push(answer["statusCode"].as_u64().unwrap());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            statuses
        },
        async {
            let answer = log_in(&mut login.process(), "203.0.113.9", "bob", PASSWORD).await;
            answer["statusCode"].as_u64().unwrap()
        }
    );
    assert_eq!(owners, [200; 5], "{guesses:?}");
    assert_eq!(others, 200, "{guesses:?}");
    // The owner's first logins may be charged to the account too.
    let hashed = guesses[&401];
    assert!((5..=10).contains(&hashed), "{guesses:?}");
    assert_eq!(guesses[&429], PROCESSES * GUESSES_EACH - hashed, "{guesses:?}");
    let answer = log_in(&mut owner, "203.0.113.10", "alice", PASSWORD).await;
    assert_eq!(answer["statusCode"], 429, "an address without a session: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_guesses_are_hashed_exactly_as_often_as_the_account_allows() {
    let login = Login::new("off").await;
    let guesses = login.guess(|number| (address(number), "alice".to_owned()), 0).await;
    assert_eq!(guesses, BTreeMap::from([(401, 10), (429, 990)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_gets_its_limit_over_a_thousand_names_also_when_all_processes_restart() {
    let login = Login::new(ADDRESS_LIMIT).await;
    let attempt = |number: usize| ("198.51.100.7".to_owned(), format!("user{number}"));
    let before = login.guess(attempt, 0).await;
    assert_eq!(before, BTreeMap::from([(401, 30), (429, 970)]));
    let after = login.guess(attempt, 1_000).await;
    assert_eq!(after, BTreeMap::from([(429, 1_000)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_attempt_is_429_with_the_seconds_to_wait() {
    let stack = Settings::default()
        .cheap_hashes()
        .variable("LOGIN_LIMIT_ACCOUNT", "2/600")
        .variable("SIGNUP_LIMIT_ADDRESS", "1/600")
        .start();
    assert_eq!(stack.sign_up("alice").await.status, 201);
    let refused = stack.sign_up("bob").await;
    assert_eq!((refused.status, refused.text("error")), (429, "rate_limited"));
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((590..=600).contains(&seconds), "{seconds}");

    let token = stack.tokens_of("alice").await.access;
    let wrong = json!({ "username": "alice", "password": "wrong password" });
    assert_eq!(stack.post("/login", &wrong).await.status, 401);
    // Both addresses are the same here, so the owner's bucket decides next.
    for status in [401, 401, 429] {
        assert_eq!(stack.post("/login", &wrong).await.status, status);
    }
    let flask = stack.post("/auth", &wrong).await;
    assert_eq!((flask.status, &flask.body["description"]), (429, &json!("Too many attempts")));
    let change =
        json!({ "current_password": "wrong password", "new_password": "another horse battery" });
    let change = stack.send_json((Method::POST, "/password"), &token, &change).await;
    assert_eq!((change.status, change.text("msg")), (429, "Too many attempts"));
    let delete = json!({ "password": PASSWORD });
    let delete = stack.send_json((Method::DELETE, "/me"), &token, &delete).await;
    assert_eq!(delete.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_deployment_takes_no_sign_ups() {
    let stack = Settings::default().variable("SIGNUP_MODE", "closed").start();
    let answer = stack.sign_up("alice").await;
    assert_eq!((answer.status, answer.text("error")), (403, "signup_closed"));
    assert_eq!(answer.text("msg"), "Sign-up is closed");
}
