//! Refreshes that race with the end of their session, with the real binaries.
#![cfg(test)]

use std::{sync::Arc, time::Duration};

use latchkey_testkit::proxy::{DynamoProxy, Fault};
use latchkey_tests::stack::{Answer, Settings, Stack, Tokens};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

const USERS: usize = 10;
const ROUNDS: usize = 50;

/// A way to end a session during its refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Logout,
    LogoutFromElsewhere,
    LogoutAll,
    LogoutOthers,
    PasswordChange,
}

const ENDS: [End; 5] =
    [End::Logout, End::LogoutFromElsewhere, End::LogoutAll, End::LogoutOthers, End::PasswordChange];

/// A user with two sessions, one of which is refreshed and ended at the same time.
struct RacingUser {
    stack: Arc<Stack>,
    proxy: Arc<DynamoProxy>,
    name: String,
    changes: usize,
}

impl RacingUser {
    async fn log_in(&self) -> Tokens {
        let body = json!({ "username": self.name, "password": password(self.changes) });
        Tokens::of(&self.stack.post("/login", &body).await)
    }

    /// Ends the session of `here`.
    async fn end(&self, end: End, here: &Tokens, there: &Tokens) -> Answer {
        let stack = &self.stack;
        match end {
            End::Logout => stack.log_out(&here.refresh).await,
            End::LogoutFromElsewhere => {
                let path = format!("/sessions/{}", session_of(here));
                stack.delete(&path, &there.access).await
            }
            End::LogoutAll => stack.delete("/sessions", &there.access).await,
            End::LogoutOthers => stack.delete("/sessions?keep=current", &there.access).await,
            End::PasswordChange => {
                let (old, new) = (password(self.changes), password(self.changes + 1));
                let body = json!({ "current_password": old, "new_password": new });
                stack.send_json((Method::POST, "/password"), &there.access, &body).await
            }
        }
    }

    async fn run(&mut self, round: usize) {
        let end = ENDS[round % ENDS.len()];
        let (here, there) = (self.log_in().await, self.log_in().await);
        // Delays one of the next writes, so that every order happens.
        if !round.is_multiple_of(3) {
            let delay = Duration::from_millis(round as u64 % 7);
            self.proxy.inject("UpdateItem", Fault::Delay(delay), round % 3);
        }
        let (first, second, ended) = tokio::join!(
            self.stack.refresh(&here.refresh),
            self.stack.refresh(&here.refresh),
            self.end(end, &here, &there),
        );
        assert!([200, 204].contains(&ended.status), "{end:?}: {ended:?}");
        if end == End::PasswordChange {
            self.changes += 1;
        }
        let mut issued = vec![here];
        for refreshed in [first, second] {
            match refreshed.status {
                200 => issued.push(Tokens::of(&refreshed)),
                _ => assert_eq!(refreshed.text("error"), "token_revoked", "{end:?}"),
            }
        }
        for tokens in &issued {
            self.assert_ended(tokens, end).await;
        }
        let other = self.stack.refresh(&there.refresh).await;
        let expected = if [End::LogoutAll, End::PasswordChange].contains(&end) { 401 } else { 200 };
        assert_eq!(other.status, expected, "{end:?}: {other:?}");
        if end == End::PasswordChange {
            let changed = Tokens::of(&ended);
            assert_eq!(self.stack.refresh(&changed.refresh).await.status, 200);
        }
    }

    /// Both tokens of the session are revoked.
    async fn assert_ended(&self, tokens: &Tokens, end: End) {
        let access = self.stack.get("/protected", &tokens.access).await;
        assert_eq!((access.status, access.text("error")), (401, "token_revoked"), "{end:?}");
        let refresh = self.stack.refresh(&tokens.refresh).await;
        assert_eq!((refresh.status, refresh.text("error")), (401, "token_revoked"), "{end:?}");
    }
}

/// The password after `change` changes.
fn password(change: usize) -> String {
    format!("correct horse battery {change}")
}

fn session_of(tokens: &Tokens) -> String {
    latchkey_tests::stack::claims_of(&tokens.access)["sid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_of_a_session_no_token_of_it_works_or_is_issued() {
    let settings = Settings::default().cheap_hashes();
    let (stack, proxy) = settings.start_behind_proxy().await;
    let (stack, proxy) = (Arc::new(stack), Arc::new(proxy));
    let mut users = JoinSet::new();
    for number in 0..USERS {
        let (stack, proxy) = (Arc::clone(&stack), Arc::clone(&proxy));
        let mut user = RacingUser { stack, proxy, name: format!("user{number}"), changes: 0 };
        users.spawn(async move {
            let body = json!({ "username": user.name, "password": password(0) });
            assert_eq!(user.stack.post("/signup", &body).await.status, 201);
            for round in 0..ROUNDS {
                user.run(number + round).await;
            }
        });
    }
    users.join_all().await;
}
