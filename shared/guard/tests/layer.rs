//! The guard as a layer around services of `axum` and `lambda_http`.
#![cfg(test)]

use std::{convert::Infallible, sync::Arc};

use axum::{Extension, Router, body::Body as AxumBody, routing::get};
use lambda_http::{
    Body as LambdaBody,
    http::{Request, Response, StatusCode},
    tower::{Layer as _, Service, ServiceExt as _, service_fn},
};
use latchkey_guard::{Guard, GuardLayer, Identity, Requirement, RevocationCheck};
use latchkey_http::ErrorKind;
use latchkey_session::{AddUser as _, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    fixtures::{NOW, operation, reader, session, user},
    forge::{claims_for, header, sign, with},
    unavailable::{CAUSE, UnavailableUsers},
};
use serde_json::{Value, json};

type UsersLayer<R> = GuardLayer<MemoryUsers, R>;

/// A guard, and the claims of a user with a live session.
struct Scene {
    guard: Arc<Guard<MemoryUsers>>,
    claims: Value,
}

async fn scene() -> Scene {
    let users = MemoryUsers::default();
    let mut alice: User = user("alice");
    let started = session(&alice, NOW);
    let claims = claims_for(&alice.id, &started.id);
    alice.sessions.insert(started.id, started.session);
    users.add_user(&alice, &operation()).await.unwrap();
    Scene { guard: Arc::new(Guard::new(reader(), Some(users), RevocationCheck::Strict)), claims }
}

impl Scene {
    fn layer<R: From<String>>(&self) -> UsersLayer<R> {
        GuardLayer::new(Arc::clone(&self.guard), || NOW)
    }

    fn token(&self) -> String {
        sign(&header(), &self.claims)
    }

    fn stale_token(&self) -> String {
        sign(&header(), &with(self.claims.clone(), "fresh", false.into()))
    }
}

fn request<B: Default>(token: Option<&str>) -> Request<B> {
    let mut request = Request::new(B::default());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    request
}

/// A router that returns the caller's user name.
fn router(layer: UsersLayer<AxumBody>) -> Router {
    async fn greet(caller: Option<Extension<Identity>>) -> String {
        caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.username().to_owned())
    }
    Router::new().route("/", get(greet)).layer(layer)
}

async fn call(router: Router, token: Option<&str>) -> (StatusCode, String, Response<()>) {
    let (parts, body) = router.oneshot(request::<AxumBody>(token)).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 10_000).await.unwrap();
    (parts.status, String::from_utf8(bytes.to_vec()).unwrap(), Response::from_parts(parts, ()))
}

#[tokio::test]
async fn an_axum_router_gets_the_identity() {
    let scene = scene().await;
    let (status, body, _) = call(router(scene.layer()), Some(&scene.token())).await;
    assert_eq!((status.as_u16(), body.as_str()), (200, "alice"));
}

#[tokio::test]
async fn a_refused_request_gets_the_reason_and_does_not_reach_the_service() {
    let scene = scene().await;
    let (status, body, response) = call(router(scene.layer()), Some("x.y.z")).await;
    assert_eq!(status.as_u16(), 401);
    let expected = json!({ "error": "invalid_token", "msg": "Token is invalid", "request_id": "" });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    assert!(response.headers().contains_key("www-authenticate"));
    let (status, body, _) = call(router(scene.layer()), None).await;
    assert!(status.as_u16() == 401 && body.contains("missing_token"), "{body}");
}

#[tokio::test]
async fn an_optional_layer_accepts_no_token_but_refuses_a_bad_one() {
    let scene = scene().await;
    let optional = || router(scene.layer().optional());
    assert_eq!(call(optional(), None).await.1, "anonymous");
    assert_eq!(call(optional(), Some(&scene.token())).await.1, "alice");
    assert_eq!(call(optional(), Some("x.y.z")).await.0.as_u16(), 401);
}

#[tokio::test]
async fn a_layer_can_require_freshness_and_a_role() {
    let scene = scene().await;
    let fresh = || router(scene.layer().require(Requirement::FRESH));
    assert_eq!(call(fresh(), Some(&scene.token())).await.0.as_u16(), 200);
    let (status, body, _) = call(fresh(), Some(&scene.stale_token())).await;
    assert!(status.as_u16() == 401 && body.contains("fresh_token_required"), "{body}");

    let editors = || router(scene.layer().require(Requirement::role("editor")));
    let (status, body, _) = call(editors(), Some(&scene.token())).await;
    assert!(status.as_u16() == 403 && body.contains("Role required: editor"), "{body}");
    let editor = sign(&header(), &with(scene.claims.clone(), "roles", json!(["editor"])));
    assert_eq!(call(editors(), Some(&editor)).await.0.as_u16(), 200);
}

#[tokio::test]
async fn an_application_can_build_refusals_itself() {
    let scene = scene().await;
    let custom = scene.layer().refuse_with(|refusal| {
        let mut response = Response::new(AxumBody::from(refusal.kind().code()));
        let is_missing = refusal.kind() == ErrorKind::MissingToken;
        *response.status_mut() =
            if is_missing { StatusCode::IM_A_TEAPOT } else { StatusCode::NOT_ACCEPTABLE };
        response
    });
    let (status, body, _) = call(router(custom.clone()), None).await;
    assert_eq!((status.as_u16(), body.as_str()), (418, "missing_token"));
    let (status, body, _) = call(router(custom), Some("x.y.z")).await;
    assert_eq!((status.as_u16(), body.as_str()), (406, "invalid_token"));
}

#[tokio::test]
async fn a_fault_is_503_and_shows_no_cause() {
    let scene = scene().await;
    let guard = Guard::new(reader(), Some(UnavailableUsers), RevocationCheck::Strict);
    let layer: GuardLayer<_, AxumBody> = GuardLayer::new(guard, || NOW);
    let router = Router::new().route("/", get(|| async { "reached" })).layer(layer);
    let (status, body, response) = call(router, Some(&scene.token())).await;
    assert_eq!((status.as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert!(!body.contains(CAUSE), "{body}");
}

/// A `lambda_http` service that returns the caller's user name.
fn lambda_service()
-> impl Service<Request<LambdaBody>, Response = Response<LambdaBody>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(|request: Request<LambdaBody>| async move {
        let caller = request.extensions().get::<Identity>().map_or("anonymous", Identity::username);
        Ok(Response::new(LambdaBody::from(caller)))
    })
}

#[tokio::test]
async fn a_lambda_http_service_gets_the_identity() {
    let scene = scene().await;
    let service = scene.layer().layer(lambda_service());
    let answer = service.clone().oneshot(request(Some(&scene.token()))).await.unwrap();
    assert_eq!(answer.body(), &LambdaBody::from("alice"));
    let refused = service.oneshot(request(None)).await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
}

#[tokio::test]
async fn an_existing_identity_is_removed() {
    let scene = scene().await;
    // The inner layer overrides the outer one.
    let token = scene.token();
    let inner = scene.layer().optional().layer(lambda_service());
    let without_token = service_fn(move |mut request: Request<LambdaBody>| {
        request.headers_mut().remove("authorization");
        inner.clone().oneshot(request)
    });
    let outer = scene.layer().layer(without_token);
    let answer = outer.oneshot(request(Some(&token))).await.unwrap();
    assert_eq!(answer.body(), &LambdaBody::from("anonymous"));
}

#[tokio::test]
async fn the_member_of_the_error_message_is_configurable() {
    let guard = Guard::new(reader(), None::<MemoryUsers>, RevocationCheck::Off);
    let request: Request<AxumBody> = request(None);
    let answer = router(GuardLayer::new(guard, || NOW).message_key("message"))
        .oneshot(request)
        .await
        .unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["message"], "Missing Authorization Header");
    assert_eq!(body.get("msg"), None);
}
