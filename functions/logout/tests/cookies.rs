//! `POST /logout` from a browser: which tokens count, and which cookies are cleared.
#![cfg(test)]

use lambda_http::Request;
use latchkey_guard::{TokenLocation, TokenLocations, TokenReader};
use latchkey_http::{GatewayAnswer, answer};
use latchkey_session::{AddUser as _, ReadUser as _, UpdateUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_header, with_token},
    fixtures::{NOW, operation, reader, session, user},
    forge::{claims_for, header, refresh_claims_for, refresh_header, sign, with},
    unavailable::UnavailableUsers,
};
use latchkey_token::SessionId;
use logout::Logout;
use serde_json::{Value, json};

/// A user with two sessions.
struct Scene {
    users: MemoryUsers,
    alice: User,
    sessions: [SessionId; 2],
}

async fn scene() -> Scene {
    let users = MemoryUsers::default();
    let mut alice = user("alice");
    let sessions = [0, 1].map(|_| {
        let started = session(&alice, NOW);
        alice.sessions.insert(started.id.clone(), started.session);
        started.id
    });
    users.add_user(&alice, &operation()).await.unwrap();
    Scene { users, alice, sessions }
}

impl Scene {
    fn access(&self, session: usize, expires_in: i64) -> String {
        let claims = with(
            claims_for(&self.alice.id, &self.sessions[session]),
            "csrf",
            format!("csrf-access-{session}").into(),
        );
        let issued = NOW.unix().saturating_add_signed(expires_in - 900);
        let claims = with(with(claims, "iat", issued.into()), "nbf", issued.into());
        let expires = NOW.unix().saturating_add_signed(expires_in);
        sign(&header(), &with(claims, "exp", expires.into()))
    }

    fn refresh(&self, session: usize) -> String {
        let claims = refresh_claims_for(&self.alice.id, &self.sessions[session], 0);
        let csrf = format!("csrf-refresh-{session}");
        sign(&refresh_header(), &with(claims, "csrf", csrf.into()))
    }

    async fn session_ids(&self) -> Vec<SessionId> {
        let alice = self.users.find_user(&self.alice.username).await.unwrap().unwrap();
        alice.sessions.into_keys().collect()
    }

    async fn log_out(&self, event: &Value) -> GatewayAnswer {
        call(self.users.clone(), COOKIES, event).await
    }
}

const COOKIES: &[TokenLocation] = &[TokenLocation::Headers, TokenLocation::Cookies];

async fn call<U: UpdateUser>(users: U, order: &[TokenLocation], event: &Value) -> GatewayAnswer {
    let locations = TokenLocations { order: order.to_vec(), ..TokenLocations::default() };
    let logout = Logout { users, reader: TokenReader { locations, ..reader() } };
    let handle = async |request: &Request| logout.handle(request, NOW).await;
    answer(&event.to_string(), &handle).await
}

fn logout(cookies: &[(&str, &str)], csrf: &str) -> Value {
    let mut event = with_header(request("POST", "/logout"), "x-csrf-token", csrf);
    let cookies = cookies.iter().map(|(name, value)| format!("__Host-{name}={value}"));
    event["cookies"] = cookies.collect();
    event
}

fn code(answer: &GatewayAnswer) -> (u16, Value) {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status_code, body["error"].clone())
}

#[track_caller]
fn assert_cleared(answer: &GatewayAnswer) {
    for name in ["access_token", "csrf_access_token", "refresh_token", "csrf_refresh_token"] {
        let cleared = |cookie: &&String| {
            cookie.starts_with(&format!("__Host-{name}=;")) && cookie.contains("Max-Age=0")
        };
        assert_eq!(answer.cookies.iter().filter(cleared).count(), 1, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn a_valid_refresh_cookie_counts_beside_an_expired_access_cookie() {
    for (csrf, expires_in) in
        [("csrf-access-0", -1), ("csrf-refresh-0", -1), ("csrf-access-0", 0), ("csrf-refresh-0", 1)]
    {
        let scene = scene().await;
        let (access, refresh) = (scene.access(0, expires_in), scene.refresh(0));
        let event = logout(&[("access_token", &access), ("refresh_token", &refresh)], csrf);
        let answer = scene.log_out(&event).await;
        assert_eq!(answer.status_code, 200, "{csrf}: {answer:?}");
        assert_cleared(&answer);
        assert_eq!(scene.session_ids().await, [scene.sessions[1].clone()], "{csrf}");
    }
}

#[tokio::test]
async fn a_valid_cookie_counts_beside_an_invalid_header() {
    for token in [scene().await.access(1, -1), "x.y.z".to_owned()] {
        let scene = scene().await;
        let event = logout(&[("refresh_token", &scene.refresh(0))], "csrf-refresh-0");
        let answer = scene.log_out(&with_token(event, &token)).await;
        assert_eq!(answer.status_code, 200, "{answer:?}");
        assert_cleared(&answer);
        assert_eq!(scene.session_ids().await, [scene.sessions[1].clone()]);
    }
}

#[tokio::test]
async fn a_csrf_value_counts_only_for_its_own_session() {
    let scene = scene().await;
    let (expired, refresh) = (scene.access(1, -1), scene.refresh(0));
    for csrf in ["", "x", "csrf-access-1", "csrf-refresh-1", "csrf-access-0"] {
        let event = logout(&[("access_token", &expired), ("refresh_token", &refresh)], csrf);
        let answer = scene.log_out(&event).await;
        assert_eq!(code(&answer), (401, json!("csrf_failed")), "{csrf}");
        assert_eq!(answer.cookies.len(), 0, "a cross-site request clears no cookie");
    }
    let event = logout(&[("refresh_token", &refresh)], "csrf-refresh-0");
    let foreign = with_header(event, "origin", "https://evil.example");
    assert_eq!(code(&scene.log_out(&foreign).await), (401, json!("csrf_failed")));
    assert_eq!(scene.session_ids().await.len(), 2);
}

#[tokio::test]
async fn duplicate_cookies_do_not_prevent_a_logout() {
    let scene = scene().await;
    let (first, second) = (scene.access(0, 900), scene.access(1, 900));
    let event = logout(&[("access_token", &first), ("access_token", &second)], "csrf-access-1");
    let answer = scene.log_out(&event).await;
    assert_eq!(answer.status_code, 200, "{answer:?}");
    assert_cleared(&answer);
    assert_eq!(
        scene.session_ids().await,
        [scene.sessions[0].clone()],
        "the CSRF value is of session 1"
    );

    let event = logout(&[("access_token", "x.y.z"), ("access_token", "a.b.c")], "x");
    let answer = scene.log_out(&event).await;
    assert_eq!(code(&answer), (401, json!("invalid_token")));
    assert_cleared(&answer);
}

#[tokio::test]
async fn duplicate_cookies_are_cleared_for_every_possible_path_and_domain() {
    let mut locations = TokenLocations { order: COOKIES.to_vec(), ..TokenLocations::default() };
    locations.cookies.access.token.name = "access_token_cookie".to_owned();
    locations.cookies.access.token.path = "/api".to_owned();
    let log_out = async |cookies: Value| {
        let reader = TokenReader { locations: locations.clone(), ..reader() };
        let logout = Logout { users: UnavailableUsers, reader };
        let mut event = request("POST", "/logout");
        event["cookies"] = cookies;
        let handle = async |request: &Request| logout.handle(request, NOW).await;
        let answer = answer(&event.to_string(), &handle).await;
        assert_eq!(answer.status_code, 401, "{answer:?}");
        let scope = |cookie: &String| {
            let attributes = cookie.split("; ").skip(1);
            let of = |attribute: &&str| {
                attribute.starts_with("Path=") || attribute.starts_with("Domain=")
            };
            attributes.filter(of).collect::<Vec<_>>().join(" ")
        };
        let of_name = answer.cookies.iter().filter(|c| c.starts_with("access_token_cookie=;"));
        let mut scopes: Vec<_> = of_name.map(scope).collect();
        scopes.sort();
        scopes
    };
    let two = log_out(json!(["access_token_cookie=x", "access_token_cookie=y"])).await;
    assert_eq!(
        two,
        [
            "Path=/",
            "Path=/ Domain=api.example.com",
            "Path=/ Domain=example.com",
            "Path=/api",
            "Path=/api Domain=api.example.com",
            "Path=/api Domain=example.com",
        ]
    );
    let same = log_out(json!(["access_token_cookie=x", "access_token_cookie=x"])).await;
    assert_eq!(same, ["Path=/api"]);
}

#[tokio::test]
async fn cookies_are_cleared_even_if_no_token_is_valid() {
    let scene = scene().await;
    let expired = scene.access(0, -1);
    for (event, expected) in [
        (logout(&[("access_token", &expired)], "csrf-access-0"), "token_expired"),
        (logout(&[("refresh_token", "x.y.z")], "x"), "invalid_token"),
    ] {
        let answer = scene.log_out(&event).await;
        assert_eq!(code(&answer), (401, json!(expected)));
        assert_cleared(&answer);
    }
    let event = logout(&[("refresh_token", &scene.refresh(0))], "csrf-refresh-0");
    let unavailable = call(UnavailableUsers, COOKIES, &event).await;
    assert_eq!(
        (code(&unavailable).0, unavailable.cookies.len()),
        (503, 0),
        "the browser can retry"
    );
}

#[tokio::test]
async fn sent_cookies_are_cleared_wherever_the_valid_token_was() {
    let scene = scene().await;
    let token = sign(&header(), &claims_for(&scene.alice.id, &scene.sessions[0]));
    let plain = with_token(request("POST", "/logout"), &token);
    let with_cookies = with_token(logout(&[("refresh_token", "x")], ""), &token);
    let headers = &[TokenLocation::Headers][..];
    for (order, event, is_cleared) in [
        (COOKIES, &plain, true),
        (COOKIES, &with_cookies, true),
        (headers, &with_cookies, true),
        (headers, &plain, false),
    ] {
        let answer = call(scene.users.clone(), order, event).await;
        assert_eq!(answer.status_code, 200, "{answer:?}");
        assert_eq!(answer.cookies.len(), if is_cleared { 4 } else { 0 });
    }
}
