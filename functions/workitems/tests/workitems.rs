//! `/workitems`, with and without the gateway's authorizer.
#![cfg(test)]

use std::{collections::HashSet, time::Duration};

use lambda_http::Request;
use latchkey_guard::{Guard, RevocationCheck, TokenReader};
use latchkey_http::{GatewayAnswer, answer};
use latchkey_session::{AddUser as _, User};
use latchkey_store::{MemoryUsers, MemoryWorkItems};
use latchkey_testkit::{
    event::{post_json, post_text, request, with_authorizer, with_token},
    fixtures::{NOW, operation, reader, session, token_profile, user},
    forge::{claims_for, header, sign},
};
use latchkey_token::TokenProfile;
use serde_json::{Value, json};
use workitems::WorkItems;

/// The function, and a user with a live session.
struct Scene {
    work_items: WorkItems<MemoryWorkItems, MemoryUsers>,
    alice: User,
    token: String,
}

async fn scene() -> Scene {
    let users = MemoryUsers::default();
    let mut alice = user("alice");
    let started = session(&alice, NOW);
    let token = sign(&header(), &claims_for(&alice.id, &started.id));
    alice.sessions.insert(started.id, started.session);
    users.add_user(&alice, &operation()).await.unwrap();
    let guard = Guard::new(reader(), Some(users), RevocationCheck::Strict);
    Scene { work_items: WorkItems { items: MemoryWorkItems::default(), guard }, alice, token }
}

impl Scene {
    async fn call(&self, event: &Value) -> GatewayAnswer {
        let handle = async |request: &Request| self.work_items.handle(request, NOW).await;
        answer(&event.to_string(), &handle).await
    }

    /// The authorizer's context for a user.
    fn context(user: &User) -> Value {
        json!({
            "sub": user.id, "username": user.username.typed(), "sid": "session-1", "jti": "token-1",
            "roles": "[]", "fresh": "true", "auth_time": NOW.unix().to_string(),
            "exp": (NOW.unix() + 900).to_string(),
        })
    }

    async fn call_as(&self, user: &User, event: Value) -> GatewayAnswer {
        self.call(&with_authorizer(event, &Self::context(user))).await
    }

    async fn list(&self, user: &User) -> Value {
        let answer = self.call_as(user, request("GET", "/workitems")).await;
        assert_eq!(answer.status_code, 200, "{answer:?}");
        body(&answer)["workitems"].take()
    }
}

fn body(answer: &GatewayAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn an_added_item_is_listed_until_it_is_removed() {
    let scene = scene().await;
    let added =
        scene.call_as(&scene.alice, post_json("/workitems", &json!({"title": "Mow"}))).await;
    assert_eq!(added.status_code, 201);
    let item = body(&added);
    assert_eq!(
        (&item["title"], &item["created_at"]),
        (&json!("Mow"), &json!("2023-11-14T22:13:20Z"))
    );
    assert_eq!(scene.list(&scene.alice).await, json!([item]));

    let path = format!("/workitems/{}", item["id"].as_str().unwrap());
    for _ in 0..2 {
        let removed = scene.call_as(&scene.alice, request("DELETE", &path)).await;
        assert_eq!((removed.status_code, removed.body.as_str()), (204, ""));
    }
    assert_eq!(scene.list(&scene.alice).await, json!([]));
}

#[tokio::test]
async fn users_cannot_see_or_remove_other_users_items() {
    let scene = scene().await;
    let mallory = user("mallory");
    let added =
        scene.call_as(&scene.alice, post_json("/workitems", &json!({"title": "Mow"}))).await;
    let path = format!("/workitems/{}", body(&added)["id"].as_str().unwrap());
    assert_eq!(scene.list(&mallory).await, json!([]));
    assert_eq!(scene.call_as(&mallory, request("DELETE", &path)).await.status_code, 204);
    assert_eq!(scene.list(&scene.alice).await.as_array().unwrap().len(), 1);
    let named = json!({"title": "x", "user_id": mallory.id, "sub": mallory.id, "id": "mine"});
    scene.call_as(&scene.alice, post_json("/workitems", &named)).await;
    assert_eq!(scene.list(&mallory).await, json!([]));
}

#[tokio::test]
async fn without_an_authorizer_context_the_token_is_verified() {
    let scene = scene().await;
    let event = request("GET", "/workitems");
    assert_eq!(scene.call(&with_token(event.clone(), &scene.token)).await.status_code, 200);
    assert_eq!(body(&scene.call(&event).await)["error"], "missing_token");
    let forged = with_token(event, "x.y.z");
    assert_eq!(body(&scene.call(&forged).await)["error"], "invalid_token");
}

#[tokio::test]
async fn an_expired_context_from_the_gateways_cache_is_refused() {
    let scene = scene().await;
    for exp in [NOW.unix(), NOW.unix() - 1, 0] {
        let mut context = Scene::context(&scene.alice);
        context["exp"] = exp.to_string().into();
        let event = with_authorizer(request("GET", "/workitems"), &context);
        let answer = scene.call(&event).await;
        assert_eq!((answer.status_code, &body(&answer)["error"]), (401, &json!("token_expired")));
    }
}

#[tokio::test]
async fn the_leeway_applies_to_an_authorizer_context_too() {
    let profile = TokenProfile { leeway: Duration::from_secs(10), ..token_profile() };
    let scene = scene().await;
    let reader = TokenReader { profile, ..reader() };
    let guard = Guard::new(reader, None::<MemoryUsers>, RevocationCheck::Off);
    let work_items = WorkItems { items: MemoryWorkItems::default(), guard };
    for (seconds, status) in [(0, 200), (9, 200), (10, 401), (11, 401)] {
        let mut context = Scene::context(&scene.alice);
        context["exp"] = (NOW.unix() - seconds).to_string().into();
        let event = with_authorizer(request("GET", "/workitems"), &context);
        let handle = async |request: &Request| work_items.handle(request, NOW).await;
        assert_eq!(answer(&event.to_string(), &handle).await.status_code, status, "{seconds}");
    }
}

#[tokio::test]
async fn an_incomplete_context_is_ignored() {
    let scene = scene().await;
    for (member, value) in [
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(["x"])),
        ("exp", json!(NOW.unix() + 900)),
        ("exp", json!("soon")),
        ("exp", json!("-1")),
        ("sid", json!("a b")),
        ("roles", json!("admin")),
        ("roles", json!("[7]")),
        ("fresh", json!(true)),
    ] {
        let mut context = Scene::context(&scene.alice);
        context[member] = value.clone();
        let event = with_authorizer(request("GET", "/workitems"), &context);
        let refused = scene.call(&event).await;
        assert_eq!(body(&refused)["error"], "missing_token", "{member} {value}");
        let with_own_token = with_token(event, &scene.token);
        assert_eq!(scene.call(&with_own_token).await.status_code, 200);
    }
}

#[tokio::test]
async fn a_title_is_1_to_256_characters_of_text() {
    let scene = scene().await;
    let add = async |title: Value| {
        let event = post_json("/workitems", &json!({ "title": title }));
        scene.call_as(&scene.alice, event).await
    };
    assert_eq!(add("ü".repeat(256).into()).await.status_code, 201);
    for (title, sentence) in [
        (json!(""), "title must be 1 to 256 characters long"),
        (json!("x".repeat(257)), "title must be 1 to 256 characters long"),
        (json!(7), "title must be a string"),
        (Value::Null, "title is missing"),
    ] {
        let refused = add(title).await;
        assert_eq!((refused.status_code, &body(&refused)["msg"]), (400, &json!(sentence)));
    }
    let garbage = scene.call_as(&scene.alice, post_text("/workitems", "{")).await;
    assert_eq!(garbage.status_code, 400);
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let scene = scene().await;
    for (method, path, status, allow) in [
        ("PUT", "/workitems", 405, Some("GET, POST")),
        ("GET", "/workitems/x", 405, Some("DELETE")),
        ("GET", "/workitemsx", 404, None),
        ("GET", "/", 404, None),
    ] {
        let answer = scene.call_as(&scene.alice, request(method, path)).await;
        assert_eq!(answer.status_code, status, "{method} {path}");
        assert_eq!(answer.headers.get("allow").map(String::as_str), allow);
    }
}

#[tokio::test]
async fn an_unknown_id_removes_nothing() {
    let scene = scene().await;
    scene.call_as(&scene.alice, post_json("/workitems", &json!({"title": "Mow"}))).await;
    for id in ["x", "", "a/b", "%00", &"x".repeat(3_000)] {
        let event = request("DELETE", &format!("/workitems/{id}"));
        assert_eq!(scene.call_as(&scene.alice, event).await.status_code, 204, "{id:.20}");
    }
    assert_eq!(scene.list(&scene.alice).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_list_is_paged_with_a_cursor() {
    let scene = scene().await;
    for _ in 0..101 {
        scene.call_as(&scene.alice, post_json("/workitems", &json!({ "title": "Mow" }))).await;
    }
    let page = async |query: &str| {
        let mut event = request("GET", "/workitems");
        event["rawQueryString"] = query.into();
        scene.call_as(&scene.alice, event).await
    };
    let (mut ids, mut cursor, mut sizes) = (HashSet::new(), None, Vec::new());
    while sizes.len() < 9 {
        let query = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let answer = body(&page(&format!("limit=40{query}")).await);
        let items = answer["workitems"].as_array().unwrap();
        sizes.push(items.len());
        ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        cursor = answer.get("cursor").map(|cursor| cursor.as_str().unwrap().to_owned());
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((sizes, ids.len()), (vec![40, 40, 21], 101));
    let first = body(&page("").await);
    assert_eq!(first["workitems"].as_array().unwrap().len(), 100);
    assert!(first["cursor"].is_string());

    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=",
        "limit",
        "limit=1e1",
        "limit=300",
        "limit=99999999999",
        "cursor=",
        "cursor",
        "cursor=a%20b",
        "cursor=a.b",
        "limit=1&limit=0",
        &format!("cursor={}", "a".repeat(65)),
    ] {
        let refused = page(query).await;
        assert_eq!(
            (refused.status_code, &body(&refused)["error"]),
            (400, &json!("invalid_request")),
            "{query}"
        );
    }
    assert_eq!(page("other=1&&limit=1&").await.status_code, 200);
}
