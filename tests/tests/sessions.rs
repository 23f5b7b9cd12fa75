//! Sessions from login to their end, with the real binaries.
#![cfg(test)]

use latchkey_session::{
    AccountChange, AccountStatus, AddUser as _, ReadUser as _, RemoveUser as _, User, Username,
};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_testkit::{dynamodb, fixtures::operation};
use latchkey_tests::stack::{PASSWORD, Settings, Stack, Tokens, claims_of};
use reqwest::Method;
use serde_json::json;

const NEW_PASSWORD: &str = "another horse battery";

#[tokio::test]
async fn a_session_is_used_refreshed_and_logged_out() {
    let stack = Stack::start();
    stack.sign_up("Alice").await;
    let first = stack.tokens_of("alice").await;
    assert_eq!(stack.get("/protected/fresh", &first.access).await.status, 200);

    let in_body = stack.post("/refresh", &json!({ "refresh_token": first.refresh })).await;
    assert_eq!(in_body.header("cache-control"), "no-store");
    let second = Tokens::of(&in_body);
    let stale = stack.get("/protected/fresh", &second.access).await;
    assert_eq!((stale.status, stale.text("error")), (401, "fresh_token_required"));
    assert!(stale.header("www-authenticate").contains("insufficient_user_authentication"));
    for token in [&first.access, &second.access] {
        assert_eq!(stack.get("/protected", token).await.text("logged_in_as"), "Alice");
        assert_eq!(stack.get("/workitems", token).await.status, 200);
    }

    for (method, token) in [(Method::POST, &second.access), (Method::DELETE, &second.refresh)] {
        let request = stack.request(method, "/logout").bearer_auth(token);
        let logged_out = stack.send(request).await;
        assert_eq!((logged_out.status, logged_out.text("msg")), (200, "Logged out"));
    }
    for token in [&first.access, &second.access] {
        assert_eq!(stack.get("/protected", token).await.text("error"), "token_revoked");
        assert_eq!(stack.get("/protected/optional", token).await.status, 401);
        assert_eq!(stack.get("/me", token).await.status, 401);
        assert_eq!(stack.get("/workitems", token).await.status, 403);
    }
    for token in [&first.refresh, &second.refresh] {
        assert_eq!(stack.refresh(token).await.text("error"), "token_revoked");
    }
}

#[tokio::test]
async fn an_account_is_shown_gets_a_new_password_and_is_deleted() {
    let stack = Stack::start();
    let email = json!({ "username": "Alice", "password": PASSWORD, "email": "a@example.com" });
    let created = stack.post("/signup", &email).await.body["user"].clone();
    let (here, there) = (stack.tokens_of("alice").await, stack.tokens_of("alice").await);
    let me = stack.get("/me", &here.access).await;
    assert_eq!((me.status, me.text("email")), (200, "a@example.com"));
    assert_eq!((&me.body["id"], &me.body["roles"]), (&created["id"], &json!([])));
    assert_eq!(me.body["created_at"], created["created_at"]);

    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = stack.send_json((Method::POST, "/password"), &here.access, &change).await;
    let changed = Tokens::of(&changed);
    for tokens in [&here, &there] {
        assert_eq!(stack.get("/protected", &tokens.access).await.text("error"), "token_revoked");
        assert_eq!(stack.refresh(&tokens.refresh).await.text("error"), "token_revoked");
    }
    let refreshed = Tokens::of(&stack.refresh(&changed.refresh).await);
    assert_eq!(stack.log_in("alice").await.status, 401);
    let body = json!({ "username": "alice", "password": NEW_PASSWORD });
    assert_eq!(stack.post("/login", &body).await.status, 200);

    let delete = async |password: &str| {
        let body = json!({ "password": password });
        stack.send_json((Method::DELETE, "/me"), &refreshed.access, &body).await
    };
    assert_eq!(delete(PASSWORD).await.text("error"), "invalid_credentials");
    assert_eq!(delete(NEW_PASSWORD).await.status, 204);
    assert_eq!(stack.get("/protected", &refreshed.access).await.text("error"), "token_revoked");
    assert_eq!(stack.post("/login", &body).await.status, 401);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_together() {
    let stack = Stack::start();
    stack.sign_up("alice").await;
    let here = stack.tokens_of("alice").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(stack.tokens_of("alice").await);
    }
    let count = async || {
        let listed = stack.get("/sessions", &here.access).await;
        let sessions = listed.body["sessions"].as_array().unwrap().clone();
        assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
        assert!(sessions.iter().all(|session| session["ip"] == "127.0.0.1"), "{sessions:?}");
        sessions.len()
    };
    assert_eq!(count().await, 4);

    let path = format!("/sessions/{}", claims_of(&others[0].access)["sid"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(stack.delete(&path, &here.access).await.status, 204);
    }
    assert_eq!(stack.get("/protected", &others[0].access).await.status, 401);
    assert_eq!(count().await, 3);

    assert_eq!(stack.delete("/sessions?keep=curent", &here.access).await.status, 400);
    assert_eq!(stack.delete("/sessions?keep=current", &here.access).await.status, 204);
    assert_eq!(count().await, 1);
    assert_eq!(stack.get("/protected", &others[2].access).await.status, 401);

    assert_eq!(stack.delete("/sessions", &here.access).await.status, 204);
    assert_eq!(stack.get("/protected", &here.access).await.text("error"), "token_revoked");
}

#[tokio::test]
async fn tokens_of_a_deleted_account_do_not_open_a_new_one_of_that_name() {
    let stack = Stack::start();
    stack.sign_up("alice").await;
    let old = stack.tokens_of("alice").await;
    let body = json!({ "password": PASSWORD });
    let deleted = stack.send_json((Method::DELETE, "/me"), &old.access, &body).await;
    assert_eq!(deleted.status, 204);
    stack.sign_up("Alice").await;
    let new = stack.tokens_of("alice").await;
    for path in ["/protected", "/protected/optional", "/protected/fresh", "/me", "/sessions"] {
        let answer = stack.get(path, &old.access).await;
        assert_eq!((answer.status, answer.text("error")), (401, "token_revoked"), "{path}");
    }
    assert_eq!(stack.get("/workitems", &old.access).await.status, 403);
    assert_eq!(stack.refresh(&old.refresh).await.text("error"), "token_revoked");
    let again = stack.send_json((Method::DELETE, "/me"), &old.access, &body).await;
    assert_eq!(again.text("error"), "token_revoked");
    assert_eq!(stack.delete("/sessions", &old.access).await.status, 401);
    assert_eq!(stack.log_out(&old.refresh).await.status, 200, "as for any ended session");
    assert_eq!(stack.get("/protected", &new.access).await.status, 200);
    assert_eq!(stack.refresh(&new.refresh).await.status, 200);
}

#[tokio::test]
async fn no_combination_of_tokens_ends_the_session_of_another_user() {
    let stack = Stack::start();
    for name in ["alice", "mallory"] {
        stack.sign_up(name).await;
    }
    let (victim, attacker) = (stack.tokens_of("alice").await, stack.tokens_of("mallory").await);
    let path = format!("/sessions/{}", claims_of(&victim.access)["sid"].as_str().unwrap());
    assert_eq!(stack.delete(&path, &attacker.access).await.status, 204);
    let body = json!({ "refresh_token": victim.refresh });
    let both = stack.request(Method::POST, "/refresh").bearer_auth(&attacker.refresh).json(&body);
    assert_eq!(stack.send(both).await.text("error"), "invalid_request");
    // A token combined from the parts of two genuine ones.
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (theirs, ours) = (parts(&victim.refresh), parts(&attacker.refresh));
    let mixed = format!("{}.{}.{}", theirs[0], theirs[1], ours[2]);
    for answer in [
        stack.refresh(&mixed).await,
        stack.log_out(&mixed).await,
        stack.delete("/sessions", &mixed).await,
    ] {
        assert_eq!((answer.status, answer.text("error")), (401, "invalid_token"), "{answer:?}");
    }
    assert_eq!(stack.get("/protected", &victim.access).await.status, 200);
    assert_eq!(stack.refresh(&victim.refresh).await.status, 200);
}

/// Operator access to the users table of a stack.
struct OperatorUsers(DynamoUsers);

impl OperatorUsers {
    async fn change(&self, change: impl FnOnce(&mut User)) {
        let name = Username::parse("alice").unwrap();
        let user = self.0.find_user(&name).await.unwrap().unwrap();
        let session = user.sessions.keys().next().unwrap();
        let operation = operation();
        let as_read = AccountChange { user: &user, session: Some(session), operation: &operation };
        self.0.remove_user(&as_read).await.unwrap();
        let mut changed = user.clone();
        change(&mut changed);
        self.0.add_user(&changed, &operation).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_reads_roles_and_account_status() {
    let endpoint = dynamodb().await;
    let stack = Settings::default().option("--dynamodb-endpoint", &endpoint).start();
    let table = OperatorUsers(
        DynamoUsers::connect(&Aws::emulator(&endpoint), "UsersTable".to_owned()).await,
    );
    stack.sign_up("alice").await;
    let plain = stack.tokens_of("alice").await;
    let refused = stack.get("/protected/admin", &plain.access).await;
    assert_eq!((refused.status, refused.text("msg")), (403, "Role required: admin"));

    table.change(|alice| alice.roles = vec!["admin".to_owned()]).await;
    assert_eq!(stack.get("/protected/admin", &plain.access).await.status, 403, "until a refresh");
    let admin = Tokens::of(&stack.refresh(&plain.refresh).await);
    assert_eq!(stack.get("/protected/admin", &admin.access).await.status, 200);
    assert_eq!(stack.get("/me", &admin.access).await.body["roles"], json!(["admin"]));

    table.change(|alice| alice.status = AccountStatus::Disabled).await;
    assert_eq!(stack.refresh(&admin.refresh).await.text("error"), "token_revoked");
    assert_eq!(stack.get("/protected", &admin.access).await.text("error"), "token_revoked");
    assert_eq!(stack.get("/me", &admin.access).await.text("error"), "token_revoked");
    assert_eq!(stack.log_in("alice").await.text("error"), "account_disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_use_consistent_reads_only() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    proxy.serve_stale_reads();
    stack.sign_up("alice").await;
    let tokens = stack.tokens_of("alice").await;
    assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
    assert_eq!(stack.get("/me", &tokens.access).await.status, 200);
    let next = Tokens::of(&stack.refresh(&tokens.refresh).await);
    assert_eq!(stack.log_out(&next.access).await.status, 200);
    assert_eq!(stack.get("/protected", &next.access).await.text("error"), "token_revoked");
    assert_eq!(stack.get("/workitems", &next.access).await.status, 403);
    assert_eq!(stack.get("/me", &next.access).await.text("error"), "token_revoked");
}
