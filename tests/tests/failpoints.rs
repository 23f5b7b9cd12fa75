//! Injects every fault into every DynamoDB call of every route: success or 503, and no partial change.
#![cfg(test)]

use std::time::Duration;

use latchkey_testkit::proxy::{DynamoProxy, Fault};
use latchkey_tests::stack::{Answer, PASSWORD, Settings, Stack, Tokens};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

/// A request with one user's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RouteCall {
    SignUp,
    LogIn,
    Refresh,
    ReplayRefresh,
    LogOut,
    ShowMe,
    DeleteMe,
    ChangePassword,
    ListSessions,
    EndSession,
    EndSessions,
    EndOtherSessions,
    Protected,
    ListWorkItems,
    AddWorkItem,
    RemoveWorkItem,
}

const ROUTE_CALLS: [RouteCall; 16] = [
    RouteCall::SignUp,
    RouteCall::LogIn,
    RouteCall::Refresh,
    RouteCall::ReplayRefresh,
    RouteCall::LogOut,
    RouteCall::ShowMe,
    RouteCall::DeleteMe,
    RouteCall::ChangePassword,
    RouteCall::ListSessions,
    RouteCall::EndSession,
    RouteCall::EndSessions,
    RouteCall::EndOtherSessions,
    RouteCall::Protected,
    RouteCall::ListWorkItems,
    RouteCall::AddWorkItem,
    RouteCall::RemoveWorkItem,
];

const FAULTS: [Fault; 6] = [
    Fault::Error("InternalServerError"),
    Fault::Error("ThrottlingException"),
    Fault::Error("ProvisionedThroughputExceededException"),
    Fault::Hang,
    Fault::DropRequest,
    Fault::DropReply,
];

const NEW_PASSWORD: &str = "another horse battery";

/// Number of faults that covers all retries of a request.
const PERSISTENT: usize = 100;

/// A user of the sweep with two sessions.
struct SweepUser<'a> {
    stack: &'a Stack,
    name: String,
    /// The first pair of the session; a replay of its refresh token ends the session.
    first: Tokens,
    tokens: Tokens,
    other: Tokens,
}

impl<'a> SweepUser<'a> {
    async fn new(stack: &'a Stack, number: usize) -> Self {
        let name = format!("user{number}");
        let signed_up = stack.sign_up(&name).await.status;
        assert!([201, 409].contains(&signed_up), "{signed_up}");
        let first = Tokens::of(&stack.log_in(&name).await);
        let next = Tokens::of(&stack.refresh(&first.refresh).await);
        let tokens = Tokens::of(&stack.refresh(&next.refresh).await);
        let other = Tokens::of(&stack.log_in(&name).await);
        Self { stack, name, first, tokens, other }
    }

    async fn call(&self, call: RouteCall) -> Answer {
        let (stack, access) = (self.stack, self.tokens.access.as_str());
        let sid = latchkey_tests::stack::claims_of(&self.other.access)["sid"].clone();
        match call {
            RouteCall::SignUp => stack.sign_up(&format!("{}-new", self.name)).await,
            RouteCall::LogIn => stack.log_in(&self.name).await,
            RouteCall::Refresh => stack.refresh(&self.tokens.refresh).await,
            RouteCall::ReplayRefresh => stack.refresh(&self.first.refresh).await,
            RouteCall::LogOut => stack.log_out(access).await,
            RouteCall::ShowMe => stack.get("/me", access).await,
            RouteCall::DeleteMe => {
                let body = json!({ "password": PASSWORD });
                stack.send_json((Method::DELETE, "/me"), access, &body).await
            }
            RouteCall::ChangePassword => {
                let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
                stack.send_json((Method::POST, "/password"), access, &body).await
            }
            RouteCall::ListSessions => stack.get("/sessions", access).await,
            RouteCall::EndSession => {
                stack.delete(&format!("/sessions/{}", sid.as_str().unwrap()), access).await
            }
            RouteCall::EndSessions => stack.delete("/sessions", access).await,
            RouteCall::EndOtherSessions => stack.delete("/sessions?keep=current", access).await,
            RouteCall::Protected => stack.get("/protected", access).await,
            RouteCall::ListWorkItems => stack.get("/workitems", access).await,
            RouteCall::AddWorkItem => {
                let body = json!({ "title": "x" });
                stack.send_json((Method::POST, "/workitems"), access, &body).await
            }
            RouteCall::RemoveWorkItem => stack.delete("/workitems/x", access).await,
        }
    }
}

const fn is_behind_authorizer(call: RouteCall) -> bool {
    matches!(call, RouteCall::ListWorkItems | RouteCall::AddWorkItem | RouteCall::RemoveWorkItem)
}

/// Calls that cannot be repeated, because they end the session.
const NOT_REPEATABLE: [RouteCall; 4] = [
    RouteCall::ChangePassword,
    RouteCall::DeleteMe,
    RouteCall::EndSessions,
    RouteCall::ReplayRefresh,
];

/// The status of the call without faults.
const fn expected(call: RouteCall) -> u16 {
    match call {
        RouteCall::SignUp | RouteCall::AddWorkItem => 201,
        RouteCall::DeleteMe
        | RouteCall::EndSession
        | RouteCall::EndSessions
        | RouteCall::EndOtherSessions
        | RouteCall::RemoveWorkItem => 204,
        RouteCall::ReplayRefresh => 401,
        RouteCall::LogIn
        | RouteCall::ChangePassword
        | RouteCall::Refresh
        | RouteCall::LogOut
        | RouteCall::ShowMe
        | RouteCall::ListSessions
        | RouteCall::Protected
        | RouteCall::ListWorkItems => 200,
    }
}

/// A transient fault has no effect. A persistent one may cause a 503, after which a repeated request
/// succeeds.
async fn assert_recovers(
    user: &SweepUser<'_>,
    call: RouteCall,
    answer: &Answer,
    is_persistent: bool,
) {
    let status = answer.status;
    let is_unavailable = status == 503 && answer.header("retry-after") == "1";
    let is_gateway_error = status == 500 && is_behind_authorizer(call);
    let is_success = status == expected(call);
    let may_fail = is_persistent && (is_unavailable || is_gateway_error);
    assert!(is_success || may_fail, "{call:?}: {answer:?}");
    if !is_success {
        let again = user.call(call).await;
        // The write was made although its reply was lost, so it cannot be repeated.
        let is_done_already = if call == RouteCall::SignUp {
            again.status == 409
        } else {
            NOT_REPEATABLE.contains(&call) && again.status == 401
        };
        assert!(again.status == expected(call) || is_done_already, "{call:?}: {again:?}");
    }
    assert_consistent(user, call).await;
}

/// The account has the state after the call, without partial changes.
async fn assert_consistent(user: &SweepUser<'_>, call: RouteCall) {
    let stack = user.stack;
    if call == RouteCall::SignUp {
        let name = format!("{}-new", user.name);
        let tokens = Tokens::of(&stack.log_in(&name).await);
        assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
    }
    let is_gone = call == RouteCall::DeleteMe;
    let is_ended = [
        RouteCall::LogOut,
        RouteCall::EndSessions,
        RouteCall::ReplayRefresh,
        RouteCall::ChangePassword,
    ]
    .contains(&call);
    let is_other_ended = [
        RouteCall::EndSession,
        RouteCall::EndSessions,
        RouteCall::EndOtherSessions,
        RouteCall::ChangePassword,
    ]
    .contains(&call);
    for (tokens, is_over) in
        [(&user.tokens, is_gone || is_ended), (&user.other, is_gone || is_other_ended)]
    {
        let expected = if is_over { 401 } else { 200 };
        let called = stack.get("/protected", &tokens.access).await;
        assert_eq!(called.status, expected, "{call:?}");
        let refreshed = stack.refresh(&tokens.refresh).await;
        assert_eq!(refreshed.status, expected, "{call:?}");
    }
    let password = if call == RouteCall::ChangePassword { NEW_PASSWORD } else { PASSWORD };
    let body = json!({ "username": user.name, "password": password });
    let status = stack.post("/login", &body).await.status;
    assert_eq!(status, if is_gone { 401 } else { 200 }, "{call:?}");
}

/// The number of DynamoDB calls that a request makes.
async fn calls_of(user: &SweepUser<'_>, proxy: &DynamoProxy, call: RouteCall) -> usize {
    let (answer, calls) = proxy.calls_of(user.call(call)).await;
    assert_eq!(answer.status, expected(call), "{call:?}: {answer:?}");
    calls.len()
}

/// Injects every fault into every DynamoDB call of `calls`. Returns the number of users.
async fn sweep(calls: &[RouteCall]) -> usize {
    let settings = Settings::default().cheap_hashes().call_timeout(2_000);
    let (stack, proxy) = settings.start_behind_proxy().await;
    let mut number = 0;
    for call in calls {
        number += 1;
        let made = calls_of(&SweepUser::new(&stack, number).await, &proxy, *call).await;
        let functions = stack.functions();
        assert!((1..=2).contains(&made), "{call:?} makes {made} calls");
        for first in 1..=made {
            for (fault, times) in
                FAULTS.iter().flat_map(|fault| [(*fault, 1), (*fault, PERSISTENT)])
            {
                number += 1;
                let user = SweepUser::new(&stack, number).await;
                proxy.inject_from(first, fault, times);
                let answer = user.call(*call).await;
                proxy.heal();
                assert_recovers(&user, *call, &answer, times == PERSISTENT).await;
            }
        }
        let alive = stack.functions();
        assert!(functions.iter().all(|process| alive.contains(process)), "{call:?}");
    }
    number
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_call_is_a_success_or_a_503_without_partial_changes() {
    // In parallel, because the sweeps mostly wait.
    let mut sweeps = JoinSet::new();
    for calls in ROUTE_CALLS.chunks(4) {
        sweeps.spawn(sweep(calls));
    }
    let swept: usize = sweeps.join_all().await.into_iter().sum();
    assert!(swept > 250, "{swept} faults");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_a_slow_store_until_its_deadline() {
    let (stack, proxy) = Settings::default().option("--timeout", "2").start_behind_proxy().await;
    let user = SweepUser::new(&stack, 0).await;
    proxy.inject("GetItem", Fault::Delay(Duration::from_millis(300)), 1);
    assert_eq!(user.call(RouteCall::Protected).await.status, 200);
    // The function has cached its keys, so all later calls are those of the request.
    assert_eq!(stack.post("/password", &json!({})).await.status, 401);
    // Each call is in time, but both together exceed the deadline.
    for operation in ["GetItem", "UpdateItem"] {
        proxy.inject(operation, Fault::Hang, 1);
        proxy.inject(operation, Fault::Delay(Duration::from_millis(600)), 1);
    }
    let late = user.call(RouteCall::ChangePassword).await;
    assert_eq!((late.status, late.header("retry-after")), (503, "1"), "{late:?}");
    proxy.heal();
    assert_eq!(user.call(RouteCall::Protected).await.status, 200);
}
