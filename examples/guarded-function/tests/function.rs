//! The function over users in memory, with events as API Gateway sends them.
#![cfg(test)]

use std::time::Duration;

use guarded_function::GuardedFunction;
use lambda_http::Request;
use latchkey_guard::{Guard, RevocationCheck};
use latchkey_http::{GatewayAnswer, answer};
use latchkey_session::{AddUser as _, SessionEnd, UpdateUser as _, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_token},
    fixtures::{NOW, grant, issuer, operation, reader, session, user},
};
use latchkey_token::{AdditionalClaims, Grant, SessionId, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

/// A user of a tenant with a live session.
struct Scene {
    users: MemoryUsers,
    alice: User,
    session: SessionId,
}

async fn scene(tenant: &str, roles: &[&str]) -> Scene {
    let (users, mut alice) = (MemoryUsers::default(), user("alice"));
    let claims = Map::from_iter([("tenant".to_owned(), json!(tenant))]);
    alice.claims = AdditionalClaims::new(claims).unwrap();
    alice.roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let started = session(&alice, NOW);
    alice.sessions.insert(started.id.clone(), started.session);
    users.add_user(&alice, &operation()).await.unwrap();
    Scene { users, alice, session: started.id }
}

impl Scene {
    /// An access token as a login (`fresh`) or a refresh issues it.
    fn token(&self, fresh: bool) -> String {
        let grant = Grant {
            roles: &self.alice.roles,
            claims: Some(&self.alice.claims),
            ..grant(&self.alice.id, &self.session)
        };
        issuer().access_token(&grant, fresh, NOW).unwrap().text.expose_secret().to_owned()
    }

    async fn call(&self, event: &Value, now: Timestamp) -> GatewayAnswer {
        let guard = Guard::new(reader(), Some(self.users.clone()), RevocationCheck::Strict);
        let function = GuardedFunction::new(guard);
        let handle = async |request: &Request| function.handle(request, now).await;
        answer(&event.to_string(), &handle).await
    }

    async fn get(&self, path: &str, token: &str) -> GatewayAnswer {
        self.call(&with_token(request("GET", path), token), NOW).await
    }
}

#[track_caller]
fn assert_refused(answer: &GatewayAnswer, status: u16, code: &str, msg: &str) {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let expected = json!({ "error": code, "msg": msg, "request_id": "request-1" });
    assert_eq!((answer.status_code, body), (status, expected));
}

#[tokio::test]
async fn an_optional_route_greets_anyone_and_refuses_a_bad_token() {
    let scene = scene("acme", &[]).await;
    let anyone = scene.call(&request("GET", "/greeting"), NOW).await;
    assert_eq!(
        (anyone.status_code, anyone.body.as_str()),
        (200, r#"{"greeting":"Hello, stranger"}"#)
    );
    let alice = scene.get("/greeting", &scene.token(false)).await;
    assert_eq!((alice.status_code, alice.body.as_str()), (200, r#"{"greeting":"Hello, alice"}"#));
    assert_refused(
        &scene.get("/greeting", "x.y.z").await,
        401,
        "invalid_token",
        "Token is invalid",
    );
}

#[tokio::test]
async fn a_protected_route_requires_a_token_and_says_so_in_own_words() {
    let scene = scene("acme", &[]).await;
    let answer = scene.get("/profile", &scene.token(false)).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body, json!({ "id": scene.alice.id, "username": "alice", "tenant": "acme" }));
    let anyone = scene.call(&request("GET", "/profile"), NOW).await;
    assert_refused(&anyone, 401, "missing_token", "Please log in");
    assert_eq!(anyone.headers["www-authenticate"], r#"Bearer realm="latchkey""#);
}

#[tokio::test]
async fn the_token_of_an_ended_session_is_revoked() {
    let scene = scene("acme", &[]).await;
    let (username, user) = (&scene.alice.username, &scene.alice.id);
    let end = SessionEnd { username, user, session: &scene.session };
    scene.users.end_session(&end).await.unwrap();
    let answer = scene.get("/profile", &scene.token(true)).await;
    assert_refused(&answer, 401, "token_revoked", "Please log in again");
}

#[tokio::test]
async fn a_fresh_route_requires_a_login() {
    let scene = scene("acme", &[]).await;
    let clear = |fresh| with_token(request("DELETE", "/profile"), &scene.token(fresh));
    assert_eq!(scene.call(&clear(true), NOW).await.status_code, 204);
    let answer = scene.call(&clear(false), NOW).await;
    assert_refused(&answer, 401, "fresh_token_required", "Fresh token required");
}

#[tokio::test]
async fn a_payment_requires_a_recent_login() {
    let scene = scene("acme", &[]).await;
    let event = with_token(request("POST", "/payments"), &scene.token(true));
    assert_eq!(scene.call(&event, NOW + Duration::from_secs(599)).await.status_code, 201);
    let answer = scene.call(&event, NOW + Duration::from_mins(10)).await;
    assert_refused(&answer, 401, "fresh_token_required", "Fresh token required");
    let challenge = &answer.headers["www-authenticate"];
    assert!(challenge.ends_with("max_age=600"), "{challenge}");
}

#[tokio::test]
async fn a_report_requires_the_role() {
    let admins = scene("acme", &["admin"]).await;
    let answer = admins.get("/reports/sales", &admins.token(false)).await;
    assert_eq!((answer.status_code, answer.body.as_str()), (200, r#"{"report":"sales"}"#));
    let editors = scene("acme", &["editor"]).await;
    let answer = editors.get("/reports/sales", &editors.token(false)).await;
    assert_refused(&answer, 403, "insufficient_role", "Role required: admin");
}

#[tokio::test]
async fn a_user_of_another_tenant_is_refused_on_every_route() {
    let scene = scene("globex", &["admin"]).await;
    for path in ["/greeting", "/profile", "/reports/sales"] {
        let answer = scene.get(path, &scene.token(true)).await;
        let words = "Your account belongs to another tenant";
        assert_refused(&answer, 403, "claims_rejected", words);
    }
}

#[tokio::test]
async fn other_routes_are_404_and_other_methods_405() {
    let scene = scene("acme", &[]).await;
    assert_eq!(scene.get("/payments/1", &scene.token(true)).await.status_code, 404);
    let answer = scene.get("/payments", &scene.token(true)).await;
    assert_eq!((answer.status_code, answer.headers["allow"].as_str()), (405, "POST"));
}
