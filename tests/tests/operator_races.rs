//! Operators' commands that race with requests of the user, and with each other, over real binaries.
#![cfg(test)]

use std::{slice::from_ref, sync::Arc, time::Duration};

use latchkey_testkit::{
    event::user_command,
    proxy::{DynamoProxy, Fault},
};
use latchkey_tests::{
    keys::Operator,
    stack::{Answer, Settings, Stack, Tokens},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const USERS: usize = 8;
const ROUNDS: usize = 25;

/// A user and an operator of a stack.
struct Race {
    stack: Arc<Stack>,
    proxy: Arc<DynamoProxy>,
    operator: Operator,
    name: String,
    password: String,
}

impl Race {
    async fn run(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        self.operator.invoke(&user_command(&self.name, command, &arguments)).await
    }

    async fn disable(&self) -> Result<Value, Value> {
        self.run("disable", json!({ "reason": "race" })).await
    }

    async fn log_in(&self) -> Tokens {
        let answer = self.try_log_in(&self.password).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens::of(&answer)
    }

    async fn try_log_in(&self, password: &str) -> Answer {
        let body = json!({ "username": self.name, "password": password });
        self.stack.post("/login", &body).await
    }

    async fn change_password(&self, token: &str, new: &str) -> Answer {
        let body = json!({ "current_password": self.password, "new_password": new });
        self.stack.send_json((Method::POST, "/password"), token, &body).await
    }

    async fn use_code(&self, code: &str, new: &str) -> u16 {
        let body = json!({ "username": self.name, "code": code, "new_password": new });
        self.stack.post("/password/reset", &body).await.status
    }

    /// Delays one of the next writes, so that every order happens.
    fn shuffle(&self, round: usize) {
        if !round.is_multiple_of(3) {
            let delay = Duration::from_millis(round as u64 * 3 % 11);
            self.proxy.inject("UpdateItem", Fault::Delay(delay), round % 3);
        }
    }

    async fn assert_revoked(&self, issued: &[Tokens]) {
        for tokens in issued {
            let access = self.stack.get("/protected", &tokens.access).await;
            assert_eq!((access.status, access.text("error")), (401, "token_revoked"));
            let refresh = self.stack.refresh(&tokens.refresh).await;
            assert_eq!(refresh.status, 401, "{refresh:?}");
        }
    }

    /// Enables the account, which revives none of these tokens.
    async fn enable(&self, dead: &[Tokens]) {
        let shown = self.run("enable", json!({})).await.unwrap();
        assert_eq!(shown["live_sessions"], json!([]));
        self.assert_revoked(dead).await;
    }
}

/// Runs `round` 200 times, by eight users at once.
async fn race<F: Future<Output = Race> + Send>(
    round: impl Fn(Race, usize) -> F + Copy + Send + 'static,
) {
    let settings = Settings::default().cheap_hashes();
    let (stack, proxy) = settings.start_behind_proxy().await;
    let (stack, proxy) = (Arc::new(stack), Arc::new(proxy));
    let mut users = JoinSet::new();
    for number in 0..USERS {
        let operator = Operator::of(&stack);
        let (stack, proxy) = (Arc::clone(&stack), Arc::clone(&proxy));
        let (name, password) = (format!("user{number}"), "correct horse battery".to_owned());
        users.spawn(async move {
            assert_eq!(stack.sign_up(&name).await.status, 201);
            let mut race = Race { stack, proxy, operator, name, password };
            for number in (0..ROUNDS).map(|round| number + round) {
                race.shuffle(number);
                race = round(race, number).await;
            }
        });
    }
    users.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_and_no_refresh_outlives_a_disabling() {
    race(|race, round| async move {
        let before = race.log_in().await;
        let (disabled, login, refresh) = tokio::join!(
            race.disable(),
            race.try_log_in(&race.password),
            race.stack.refresh(&before.refresh),
        );
        assert_eq!(disabled.unwrap()["status"], "disabled");
        let mut issued = vec![before];
        match login.status {
            200 => issued.push(Tokens::of(&login)),
            401 | 403 => {}
            _ => panic!("{round}: {login:?}"),
        }
        match refresh.status {
            200 => issued.push(Tokens::of(&refresh)),
            _ => assert_eq!(refresh.text("error"), "token_revoked", "{round}"),
        }
        race.assert_revoked(&issued).await;
        let refused = race.try_log_in(&race.password).await;
        assert_eq!((refused.status, refused.text("error")), (403, "account_disabled"));
        race.enable(&issued).await;
        race
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_change_during_a_disabling_is_whole_and_starts_no_session() {
    race(|mut race, round| async move {
        let before = race.log_in().await;
        let new = format!("correct horse battery {round}");
        let (disabled, changed) =
            tokio::join!(race.disable(), race.change_password(&before.access, &new));
        assert_eq!(disabled.unwrap()["status"], "disabled");
        let mut issued = vec![before];
        match changed.status {
            200 => {
                issued.push(Tokens::of(&changed));
                race.password = new;
            }
            _ => assert_eq!(changed.status, 401, "{round}: {changed:?}"),
        }
        race.assert_revoked(&issued).await;
        race.enable(&issued).await;
        // The acknowledged password is the valid one.
        race.log_in().await;
        race
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_wins_over_the_users_own_change_and_its_code_works_once() {
    race(|mut race, round| async move {
        let before = race.log_in().await;
        let new = format!("correct horse battery {round}");
        let (reset, changed) =
            tokio::join!(race.run("reset", json!({})), race.change_password(&before.access, &new));
        let reset = reset.unwrap();
        assert_eq!((&reset["has_password"], &reset["live_sessions"]), (&json!(false), &json!([])));
        let mut issued = vec![before];
        match changed.status {
            200 => issued.push(Tokens::of(&changed)),
            _ => assert_eq!(changed.status, 401, "{round}: {changed:?}"),
        }
        race.assert_revoked(&issued).await;
        for password in [&race.password, &new] {
            assert_eq!(race.try_log_in(password).await.status, 401, "{round}");
        }
        let code = reset["code"]["code"].as_str().unwrap();
        let chosen =
            [format!("first horse battery {round}"), format!("other horse battery {round}")];
        let used = tokio::join!(race.use_code(code, &chosen[0]), race.use_code(code, &chosen[1]));
        let winner = match used {
            (204, 401) => 0,
            (401, 204) => 1,
            _ => panic!("{round}: {used:?}"),
        };
        assert_eq!(race.try_log_in(&chosen[1 - winner]).await.status, 401);
        race.password.clone_from(&chosen[winner]);
        race.log_in().await;
        race
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_at_once_lose_no_acknowledged_change() {
    race(|race, round| async move {
        let before = race.log_in().await;
        let role = |number: usize| json!({ "add": [format!("role-{round}-{number}")] });
        let claim = json!({ "set": { "round": round } });
        let (first, second, claimed, disabled) = tokio::join!(
            race.run("roles", role(1)),
            race.run("roles", role(2)),
            race.run("claims", claim),
            race.disable(),
        );
        let shown = race.run("show", json!({})).await.unwrap();
        let roles = shown["roles"].as_array().unwrap();
        for (number, outcome) in [(1, first), (2, second)] {
            match outcome {
                Ok(_) => assert!(roles.contains(&format!("role-{round}-{number}").into())),
                Err(error) => assert_eq!(error["errorType"], "Unavailable", "{error}"),
            }
        }
        if claimed.is_ok() {
            assert_eq!(shown["claims"]["round"], round);
        }
        if disabled.is_ok() {
            assert_eq!(shown["status"], "disabled");
            race.assert_revoked(from_ref(&before)).await;
        }
        race.enable(&[]).await;
        let remove = json!({ "remove": roles });
        race.run("roles", remove).await.unwrap();
        race
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_or_a_code_does_not_bring_a_deleted_account_back() {
    race(|race, round| async move {
        let before = race.log_in().await;
        let shown = race.run("show", json!({})).await.unwrap();
        let delete = json!({ "id": shown["id"] });
        let (deleted, login, reset) = tokio::join!(
            race.run("delete", delete.clone()),
            race.try_log_in(&race.password),
            race.run("reset", json!({})),
        );
        // A reset that went first changed the account that the operator saw.
        let is_deleted = deleted.is_ok() || race.run("delete", delete).await.is_ok();
        assert!(is_deleted, "{round}");
        if login.status == 200 {
            race.assert_revoked(&[Tokens::of(&login)]).await;
        }
        race.assert_revoked(from_ref(&before)).await;
        if let Ok(reset) = reset {
            let code = reset["code"]["code"].as_str().unwrap();
            assert_eq!(race.use_code(code, "another horse battery").await, 401);
        }
        let gone = race.run("show", json!({})).await.unwrap_err();
        assert_eq!(gone["errorType"], "NotFound");
        assert_eq!(race.stack.sign_up(&race.name).await.status, 201);
        race.assert_revoked(from_ref(&before)).await;
        race
    })
    .await;
}
