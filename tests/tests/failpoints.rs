//! Every call that every route makes, failed in every way: success or 503, and nothing half-made.
#![cfg(test)]

use std::time::Duration;

use latchkey_testkit::proxy::{DynamoProxy, Fault};
use latchkey_tests::stack::{Answer, PASSWORD, Settings, Stack, Tokens};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

/// A route that is called with one user's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    SignUp,
    LogIn,
    Refresh,
    RefreshWithStolen,
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

const CALLS: [Call; 16] = [
    Call::SignUp,
    Call::LogIn,
    Call::Refresh,
    Call::RefreshWithStolen,
    Call::LogOut,
    Call::ShowMe,
    Call::DeleteMe,
    Call::ChangePassword,
    Call::ListSessions,
    Call::EndSession,
    Call::EndSessions,
    Call::EndOtherSessions,
    Call::Protected,
    Call::ListWorkItems,
    Call::AddWorkItem,
    Call::RemoveWorkItem,
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

/// More calls than any request makes.
const LASTING: usize = 100;

/// A user of the sweep: who calls, and what is known of the account.
struct Subject<'a> {
    stack: &'a Stack,
    name: String,
    /// The first pair and the pair after one refresh, of which the first refresh token is stolen
    /// goods after a second refresh.
    old: Tokens,
    tokens: Tokens,
    other: Tokens,
}

impl<'a> Subject<'a> {
    async fn new(stack: &'a Stack, number: usize) -> Self {
        let name = format!("user{number}");
        let signed_up = stack.sign_up(&name).await.status;
        assert!([201, 409].contains(&signed_up), "{signed_up}");
        let old = Tokens::of(&stack.log_in(&name).await);
        let next = Tokens::of(&stack.refresh(&old.refresh).await);
        let tokens = Tokens::of(&stack.refresh(&next.refresh).await);
        let other = Tokens::of(&stack.log_in(&name).await);
        Self { stack, name, old, tokens, other }
    }

    async fn call(&self, call: Call) -> Answer {
        let (stack, access) = (self.stack, self.tokens.access.as_str());
        let sid = latchkey_tests::stack::claims_of(&self.other.access)["sid"].clone();
        match call {
            Call::SignUp => stack.sign_up(&format!("{}-new", self.name)).await,
            Call::LogIn => stack.log_in(&self.name).await,
            Call::Refresh => stack.refresh(&self.tokens.refresh).await,
            Call::RefreshWithStolen => stack.refresh(&self.old.refresh).await,
            Call::LogOut => stack.log_out(access).await,
            Call::ShowMe => stack.get("/me", access).await,
            Call::DeleteMe => {
                let body = json!({ "password": PASSWORD });
                stack.send_json((Method::DELETE, "/me"), access, &body).await
            }
            Call::ChangePassword => {
                let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
                stack.send_json((Method::POST, "/password"), access, &body).await
            }
            Call::ListSessions => stack.get("/sessions", access).await,
            Call::EndSession => {
                stack.delete(&format!("/sessions/{}", sid.as_str().unwrap()), access).await
            }
            Call::EndSessions => stack.delete("/sessions", access).await,
            Call::EndOtherSessions => stack.delete("/sessions?keep=current", access).await,
            Call::Protected => stack.get("/protected", access).await,
            Call::ListWorkItems => stack.get("/workitems", access).await,
            Call::AddWorkItem => {
                let body = json!({ "title": "x" });
                stack.send_json((Method::POST, "/workitems"), access, &body).await
            }
            Call::RemoveWorkItem => stack.delete("/workitems/x", access).await,
        }
    }
}

const fn is_behind_authorizer(call: Call) -> bool {
    matches!(call, Call::ListWorkItems | Call::AddWorkItem | Call::RemoveWorkItem)
}

/// Calls after which the token, or the password, is not what it was.
const MADE_ONCE: [Call; 4] =
    [Call::ChangePassword, Call::DeleteMe, Call::EndSessions, Call::RefreshWithStolen];

/// What the call is answered when nothing fails.
const fn expected(call: Call) -> u16 {
    match call {
        Call::SignUp | Call::AddWorkItem => 201,
        Call::DeleteMe
        | Call::EndSession
        | Call::EndSessions
        | Call::EndOtherSessions
        | Call::RemoveWorkItem => 204,
        Call::RefreshWithStolen => 401,
        Call::LogIn
        | Call::ChangePassword
        | Call::Refresh
        | Call::LogOut
        | Call::ShowMe
        | Call::ListSessions
        | Call::Protected
        | Call::ListWorkItems => 200,
    }
}

/// A passing fault goes unnoticed. A lasting one may be answered as unavailable, and the request then
/// succeeds when it is repeated.
async fn assert_sound(subject: &Subject<'_>, call: Call, answer: &Answer, is_lasting: bool) {
    let status = answer.status;
    let is_unavailable = status == 503 && answer.header("retry-after") == "1";
    let is_gateways = status == 500 && is_behind_authorizer(call);
    let is_success = status == expected(call);
    let may_fail = is_lasting && (is_unavailable || is_gateways);
    assert!(is_success || may_fail, "{call:?}: {answer:?}");
    if !is_success {
        let again = subject.call(call).await;
        // Where the write was made and its reply lost for good, it cannot be made again.
        let is_done_already = if call == Call::SignUp {
            again.status == 409
        } else {
            MADE_ONCE.contains(&call) && again.status == 401
        };
        assert!(again.status == expected(call) || is_done_already, "{call:?}: {again:?}");
    }
    assert_whole(subject, call).await;
}

/// The account is either as it was or as it was to become.
async fn assert_whole(subject: &Subject<'_>, call: Call) {
    let stack = subject.stack;
    if call == Call::SignUp {
        let name = format!("{}-new", subject.name);
        let tokens = Tokens::of(&stack.log_in(&name).await);
        assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
    }
    let is_gone = call == Call::DeleteMe;
    let is_ended = [Call::LogOut, Call::EndSessions, Call::RefreshWithStolen, Call::ChangePassword]
        .contains(&call);
    let is_other_ended =
        [Call::EndSession, Call::EndSessions, Call::EndOtherSessions, Call::ChangePassword]
            .contains(&call);
    for (tokens, is_over) in
        [(&subject.tokens, is_gone || is_ended), (&subject.other, is_gone || is_other_ended)]
    {
        let expected = if is_over { 401 } else { 200 };
        let called = stack.get("/protected", &tokens.access).await;
        assert_eq!(called.status, expected, "{call:?}");
        let refreshed = stack.refresh(&tokens.refresh).await;
        assert_eq!(refreshed.status, expected, "{call:?}");
    }
    let password = if call == Call::ChangePassword { NEW_PASSWORD } else { PASSWORD };
    let body = json!({ "username": subject.name, "password": password });
    let status = stack.post("/login", &body).await.status;
    assert_eq!(status, if is_gone { 401 } else { 200 }, "{call:?}");
}

/// How many calls of the store a call makes.
async fn calls_of(subject: &Subject<'_>, proxy: &DynamoProxy, call: Call) -> usize {
    let (answer, calls) = proxy.calls_of(subject.call(call)).await;
    assert_eq!(answer.status, expected(call), "{call:?}: {answer:?}");
    calls.len()
}

/// Fails every call of the store that `calls` make in every way; returns how many faults that was.
async fn sweep(calls: &[Call]) -> usize {
    let settings = Settings::default().hashing_lightly().call_timeout(2_000);
    let (stack, proxy) = settings.start_behind_proxy().await;
    let mut number = 0;
    for call in calls {
        number += 1;
        let made = calls_of(&Subject::new(&stack, number).await, &proxy, *call).await;
        let functions = stack.functions();
        assert!((1..=2).contains(&made), "{call:?} makes {made} calls");
        for first in 1..=made {
            for (fault, times) in FAULTS.iter().flat_map(|fault| [(*fault, 1), (*fault, LASTING)]) {
                number += 1;
                let subject = Subject::new(&stack, number).await;
                proxy.inject_from(first, fault, times);
                let answer = subject.call(*call).await;
                proxy.heal();
                assert_sound(&subject, *call, &answer, times == LASTING).await;
            }
        }
        let alive = stack.functions();
        assert!(functions.iter().all(|process| alive.contains(process)), "{call:?}");
    }
    number
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_of_each_route_can_fail_in_every_way_and_nothing_is_half_made() {
    // Side by side, because most of the time goes by in waiting.
    let mut sweeps = JoinSet::new();
    for calls in CALLS.chunks(4) {
        sweeps.spawn(sweep(calls));
    }
    let swept: usize = sweeps.join_all().await.into_iter().sum();
    assert!(swept > 250, "{swept} faults");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_is_waited_for_as_long_as_there_is_time() {
    let (stack, proxy) = Settings::default().option("--timeout", "2").start_behind_proxy().await;
    let subject = Subject::new(&stack, 0).await;
    proxy.inject("GetItem", Fault::Delay(Duration::from_millis(300)), 1);
    assert_eq!(subject.call(Call::Protected).await.status, 200);
    // The function has its keys, so that the calls are those of the request.
    assert_eq!(stack.post("/password", &json!({})).await.status, 401);
    // Each call is in time, both together are not.
    for operation in ["GetItem", "UpdateItem"] {
        proxy.inject(operation, Fault::Hang, 1);
        proxy.inject(operation, Fault::Delay(Duration::from_millis(600)), 1);
    }
    let late = subject.call(Call::ChangePassword).await;
    assert_eq!((late.status, late.header("retry-after")), (503, "1"), "{late:?}");
    proxy.heal();
    assert_eq!(subject.call(Call::Protected).await.status, 200);
}
