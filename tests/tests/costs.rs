//! DynamoDB calls and units of each operation, which do not reveal whether a user exists.
#![cfg(test)]

use std::{collections::BTreeMap, fs, time::Duration};

use latchkey_testkit::{
    dynamodb,
    proxy::{Call, DynamoProxy},
};
use latchkey_tests::stack::{Answer, PASSWORD, Settings, Tokens, workspace};
use reqwest::Method;
use serde_json::json;

const USERS: &str = "UsersTable";
const WORK_ITEMS: &str = "WorkItemsTable";

fn read() -> Call {
    let (operation, table) = ("GetItem".to_owned(), USERS.to_owned());
    Call { operation, table, is_consistent: true, units: 1.0 }
}

fn write_to(table: &str, operation: &str) -> Call {
    let (operation, table) = (operation.to_owned(), table.to_owned());
    Call { operation, table, is_consistent: false, units: 1.0 }
}

fn write(operation: &str) -> Call {
    write_to(USERS, operation)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_makes_the_documented_calls() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    assert_eq!(stack.sign_up("alice").await.status, 201);
    assert_eq!(proxy.take_request_calls(), [write("PutItem")], "sign-up");

    let Tokens { access: token, refresh } = stack.tokens_of("alice").await;
    assert_eq!(proxy.take_request_calls(), [read(), write("UpdateItem")], "login");

    assert_eq!(stack.get("/protected", &token).await.status, 200);
    assert_eq!(proxy.take_request_calls(), [read()], "guarded request");

    let (refreshed, calls) = proxy.calls_of(stack.refresh(&refresh)).await;
    assert_eq!((refreshed.status, calls), (200, vec![write("UpdateItem")]), "refresh");
    let (repeated, calls) = proxy.calls_of(stack.refresh(&refresh)).await;
    // The engine reports no units for a failed condition, which costs as much as a write.
    assert_eq!((repeated.status, calls.len()), (200, 1), "the same pair: {calls:?}");

    let add = stack.request(Method::POST, "/workitems").bearer_auth(&token);
    assert_eq!(stack.send(add.json(&json!({ "title": "x" }))).await.status, 201);
    assert_eq!(
        proxy.take_request_calls(),
        [read(), write_to(WORK_ITEMS, "PutItem")],
        "authorizer and item"
    );

    for _ in 0..2 {
        let (answer, calls) = proxy.calls_of(stack.log_out(&token)).await;
        assert_eq!((answer.status, calls), (200, vec![write("UpdateItem")]), "logout");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_limits_cost_the_documented_writes() {
    let (stack, proxy) = Settings::default()
        .variable("LOGIN_LIMIT_ADDRESS", "30/2")
        .variable("LOGIN_LIMIT_ACCOUNT", "2/600")
        .variable("SIGNUP_LIMIT_ADDRESS", "20/180")
        .start_behind_proxy()
        .await;
    let count = |answer: Answer, status: u16| {
        assert_eq!(answer.status, status, "{answer:?}");
        let calls = proxy.take_request_calls();
        let of = |operation| calls.iter().filter(|call| call.operation == operation).count();
        (of("GetItem"), of("UpdateItem") + of("PutItem"))
    };
    assert_eq!(count(stack.sign_up("alice").await, 201), (0, 2), "sign-up");
    assert_eq!(count(stack.log_in("alice").await, 200), (1, 3), "quiet buckets");
    let wrong = json!({ "username": "alice", "password": "wrong horse battery" });
    let guess = async || stack.post("/login", &wrong).await;
    let (_, writes) = count(guess().await, 401);
    // The address is quiet again after two seconds.
    assert!((3..=4).contains(&writes), "buckets in use: {writes}");
    let (_, writes) = count(guess().await, 401);
    assert!((3..=4).contains(&writes), "the bucket of account and address: {writes}");
    count(guess().await, 401);
    count(guess().await, 429);
    assert_eq!(count(guess().await, 429), (1, 0), "a remembered refusal");
    let unknown = json!({ "username": "unknown", "password": "wrong horse battery" });
    let (reads, writes) = count(stack.post("/login", &unknown).await, 401);
    assert!(reads == 1 && (2..=3).contains(&writes), "an unknown name: {writes}");
}

/// The user agent of a browser.
const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                          (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// The read and write units of one operation.
async fn units_of(proxy: &DynamoProxy, request: impl Future<Output = Answer>) -> [f64; 2] {
    let (answer, calls) = proxy.calls_of(request).await;
    assert!(answer.status < 300, "{answer:?}");
    let (reads, writes): (Vec<_>, Vec<_>) =
        calls.iter().partition(|call| call.operation == "GetItem");
    [reads, writes].map(|calls| calls.iter().fold(0.0, |sum, call| sum + call.units))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_has_the_units_by_number_of_sessions() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    let log_in = async |name: &str| {
        let body = json!({ "username": name, "password": PASSWORD });
        let request = stack.request(Method::POST, "/login").header("user-agent", USER_AGENT);
        stack.send(request.json(&body)).await
    };
    let counts = [1, 3, 10, 20];
    let mut measured: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut record = |operation, [reads, writes]: [f64; 2]| {
        measured.entry(operation).or_default().push(format!("{reads} / {writes}"));
    };
    for count in counts {
        let name = format!("user{count}@example.com");
        let email = json!({ "username": name, "password": PASSWORD, "email": name });
        assert_eq!(stack.post("/signup", &email).await.status, 201);
        let mut tokens = Vec::new();
        for session in 1..=count {
            let (answer, calls) = proxy.calls_of(log_in(&name)).await;
            tokens.push(Tokens::of(&answer));
            if session == count {
                record("login", [calls[0].units, calls[1].units]);
            }
        }
        let own = tokens.pop().unwrap();
        record("guarded request", units_of(&proxy, stack.get("/protected", &own.access)).await);
        record("refresh", units_of(&proxy, stack.refresh(&own.refresh)).await);
        record("`GET /me`, `GET /sessions`", units_of(&proxy, stack.get("/me", &own.access)).await);
        record("logout", units_of(&proxy, stack.log_out(&own.access)).await);
        let again = Tokens::of(&log_in(&name).await);
        let change = json!({ "current_password": PASSWORD, "new_password": "another horse" });
        let changed = stack.send_json((Method::POST, "/password"), &again.access, &change);
        record("`POST /password`", units_of(&proxy, changed).await);
    }
    let page = fs::read_to_string(workspace().join("docs/performance.md")).unwrap();
    let rows = measured
        .into_iter()
        .map(|(operation, units)| format!("| {operation} | {} |", units.join(" | ")));
    let missing: Vec<_> = rows.filter(|row| !page.contains(row)).collect();
    assert!(missing.is_empty(), "docs/performance.md should say:\n{}", missing.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_request_without_revocation_check_makes_no_call() {
    let proxy = DynamoProxy::start(&dynamodb().await).await;
    let stack = Settings::default()
        .option("--dynamodb-endpoint", &proxy.endpoint)
        .variable("JWT_REVOCATION_CHECK", "off")
        .start();
    let token = stack.sign_up_and_log_in("alice").await;
    proxy.take_request_calls();
    assert_eq!(stack.get("/protected", &token).await.status, 200);
    assert_eq!(proxy.take_request_calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_an_unknown_user_makes_the_same_calls_and_one_hash() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    stack.sign_up("alice").await;
    let attempt = async |username: &str| {
        let body = json!({ "username": username, "password": "wrong horse battery" });
        stack.post("/login", &body).await
    };
    attempt("alice").await;
    let functions = stack.functions();
    proxy.take_request_calls();

    // The minimum of several, because other load increases the cost.
    let mut least = [Duration::MAX; 2];
    for _ in 0..5 {
        for (username, least) in ["alice", "unknown"].into_iter().zip(&mut least) {
            let before = total_cpu(&functions);
            let answer = attempt(username).await;
            assert_eq!((answer.status, answer.text("error")), (401, "invalid_credentials"));
            *least = total_cpu(&functions).saturating_sub(before).min(*least);
            let calls: Vec<_> =
                proxy.take_request_calls().into_iter().map(|call| call.operation).collect();
            assert_eq!(calls, ["GetItem"], "{username}");
        }
    }
    assert_eq!(stack.functions(), functions, "same processes");
    // Without a hash a login costs a fiftieth. Unit tests check that there is exactly one hash.
    let [known, unknown] = least;
    assert!(unknown * 5 > known && known * 5 > unknown, "{least:?}");
}

fn total_cpu(processes: &[u32]) -> Duration {
    let nanos =
        processes.iter().filter_map(|id| latchkey_tests::process::cpu_nanos(*id).ok()).sum();
    Duration::from_nanos(nanos)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_users_does_not_change_the_calls() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    for number in 0..10 {
        stack.sign_up(&format!("user{number}")).await;
    }
    let token = stack.log_in("user3").await.text("access_token").to_owned();
    proxy.take_request_calls();
    stack.get("/protected", &token).await;
    stack.post("/login", &json!({ "username": "user9", "password": PASSWORD })).await;
    assert_eq!(proxy.take_request_calls(), [read(), read(), write("UpdateItem")]);
}
