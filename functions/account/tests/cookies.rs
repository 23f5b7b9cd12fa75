//! Which responses clear the browser's cookies.
#![cfg(test)]

mod scene;

use latchkey_testkit::event::{request, with_header, with_token};
use scene::{PASSWORD, assert_empty, refusal, scene, with_body};
use serde_json::{Value, json};

fn with_cookie(mut event: Value) -> Value {
    event["cookies"] = json!(["__Host-refresh_token=x"]);
    event
}

#[tokio::test]
async fn cookies_are_cleared_when_the_current_session_ends() {
    let end = |id: &str| request("DELETE", &format!("/sessions/{id}"));
    let delete_me = |password| with_body("DELETE", "/me", &json!({ "password": password }));
    let mut others = request("DELETE", "/sessions");
    others["rawQueryString"] = "keep=current".into();
    let scene = scene(|_| ()).await;
    let [own, other, _] = scene.sessions.each_ref().map(ToString::to_string);
    for (event, left, is_cleared) in
        [(end(&other), 2, false), (others, 1, false), (end(&own), 0, true)]
    {
        let answer = scene.call(with_cookie(event)).await;
        assert_empty(&answer);
        let cleared = answer.cookies.iter().filter(|cookie| cookie.contains("Max-Age=0"));
        assert_eq!(cleared.count(), if is_cleared { 4 } else { 0 }, "{answer:?}");
        assert_eq!(scene.left().await.len(), left);
    }
    for event in [request("DELETE", "/sessions"), delete_me(PASSWORD)] {
        let scene = scene::scene(|_| ()).await;
        let wrong = scene.call(with_cookie(delete_me("wrong"))).await;
        assert_eq!((refusal(&wrong).0, wrong.cookies.len()), (401, 0));
        let answer = scene.call(with_cookie(event)).await;
        assert_empty(&answer);
        assert_eq!(answer.cookies.len(), 4, "{answer:?}");
    }
}

#[tokio::test]
async fn a_request_without_cookies_clears_none() {
    let scene = scene(|_| ()).await;
    let event = with_token(request("DELETE", "/sessions"), &scene.token);
    let event = with_header(event, "cookie", "other=x");
    let answer = scene::call(scene.users.clone(), &event).await;
    assert_empty(&answer);
    assert!(
        answer.cookies.is_empty() && scene.stored().await.is_some_and(|a| a.id == scene.alice.id)
    );
}
