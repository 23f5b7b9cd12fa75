//! A refresh against everything that ends its session, over the real binaries.
#![cfg(test)]

use std::{sync::Arc, time::Duration};

use latchkey_testkit::proxy::{DynamoProxy, Fault};
use latchkey_tests::stack::{Answer, Settings, Stack, Tokens};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

const USERS: usize = 10;
const ROUNDS: usize = 50;

/// What happens to a session while it is being refreshed.
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

/// One user, who refreshes in one place and ends that session there or in another.
struct User {
    stack: Arc<Stack>,
    proxy: Arc<DynamoProxy>,
    name: String,
    changes: usize,
}

impl User {
    async fn log_in(&self) -> Tokens {
        let body = json!({ "username": self.name, "password": password(self.changes) });
        Tokens::of(&self.stack.post("/login", &body).await)
    }

    /// Ends the session of `here`, asked by the session that can.
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
        // One of the next writes comes late, so that every order happens.
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
        let mut minted = vec![here];
        for refreshed in [first, second] {
            match refreshed.status {
                200 => minted.push(Tokens::of(&refreshed)),
                _ => assert_eq!(refreshed.text("error"), "token_revoked", "{end:?}"),
            }
        }
        for tokens in &minted {
            self.assert_ended(tokens, end).await;
        }
        let kept = self.stack.refresh(&there.refresh).await;
        let expected = if [End::LogoutAll, End::PasswordChange].contains(&end) { 401 } else { 200 };
        assert_eq!(kept.status, expected, "{end:?}: {kept:?}");
        if end == End::PasswordChange {
            let changed = Tokens::of(&ended);
            assert_eq!(self.stack.refresh(&changed.refresh).await.status, 200);
        }
    }

    /// No token of the session opens anything, and none buys another.
    async fn assert_ended(&self, tokens: &Tokens, end: End) {
        let access = self.stack.get("/protected", &tokens.access).await;
        assert_eq!((access.status, access.text("error")), (401, "token_revoked"), "{end:?}");
        let refresh = self.stack.refresh(&tokens.refresh).await;
        assert_eq!((refresh.status, refresh.text("error")), (401, "token_revoked"), "{end:?}");
    }
}

/// The password after that many changes.
fn password(change: usize) -> String {
    format!("correct horse battery {change}")
}

fn session_of(tokens: &Tokens) -> String {
    latchkey_tests::stack::claims_of(&tokens.access)["sid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_session_was_ended_none_of_its_tokens_works_or_can_be_minted() {
    let settings = Settings::default().hashing_lightly();
    let (stack, proxy) = settings.start_behind_proxy().await;
    let (stack, proxy) = (Arc::new(stack), Arc::new(proxy));
    let mut users = JoinSet::new();
    for number in 0..USERS {
        let (stack, proxy) = (Arc::clone(&stack), Arc::clone(&proxy));
        let mut user = User { stack, proxy, name: format!("user{number}"), changes: 0 };
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
