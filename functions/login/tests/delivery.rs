//! How a login delivers tokens: in Flask-JWT's format, and in cookies.
#![cfg(test)]

mod scene;

use latchkey_guard::{TokenLocation, TokenLocations};
use latchkey_session::{ReadUser as _, Username};
use latchkey_testkit::{
    event::{post_json, post_text, with_header},
    fixtures::{NOW, verifier},
    unavailable::UnavailableUsers,
};
use latchkey_token::PresentedToken;
use scene::{PASSWORD, body, call, call_with, users_with};
use serde_json::{Value, json};

#[tokio::test]
async fn auth_answers_as_flask_jwt_does() {
    let users = users_with(|_| ()).await;
    let auth = async |body: &Value| call(users.clone(), &post_json("/auth", body), NOW).await;
    let good = json!({ "username": "Alice", "password": PASSWORD, "extra": 1 });
    let answer = auth(&good).await;
    assert_eq!(answer.status_code, 200, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let members = body(&answer);
    assert_eq!(members.as_object().unwrap().len(), 1);
    let token = PresentedToken::parse(members["access_token"].as_str().unwrap()).unwrap();
    let claims = verifier().access(token, NOW).unwrap();
    assert!(claims.fresh);
    let name = Username::parse("alice").unwrap();
    let session = users.find_session(&name, claims.session.as_ref()).await.unwrap().unwrap();
    assert_eq!(session.session_expires_at, Some(claims.expires_at), "there is no refresh token");

    for body_of in [
        json!({ "username": "Alice", "password": "wrong horse battery" }),
        json!({ "username": "Bob", "password": PASSWORD }),
        json!({ "username": "Alice" }),
        json!({ "username": "", "password": PASSWORD }),
        json!({}),
    ] {
        let answer = auth(&body_of).await;
        let expected = json!({
            "description": "Invalid credentials", "error": "Bad Request", "status_code": 401,
        });
        assert_eq!((answer.status_code, body(&answer)), (401, expected), "{body_of}");
        assert!(answer.headers["www-authenticate"].starts_with("Bearer"));
    }
    let text = |text: &str| post_text("/auth", text);
    for (event, status, error) in [
        (text("{"), 400, "Bad Request"),
        (text("[]"), 400, "Bad Request"),
        (text(r#"{"username":[],"password":"x"}"#), 400, "Bad Request"),
        (text(&"x".repeat(17_000)), 413, "Payload Too Large"),
        (with_header(text("a=b"), "content-type", "text/plain"), 415, "Unsupported Media Type"),
    ] {
        let answer = call(users.clone(), &event, NOW).await;
        let members = body(&answer);
        assert_eq!((answer.status_code, &members["error"]), (status, &json!(error)));
        assert_eq!(members["status_code"], status);
        assert!(members["description"].is_string() && members.get("msg").is_none(), "{members}");
    }
    let unavailable = call(UnavailableUsers, &post_json("/auth", &good), NOW).await;
    assert_eq!(
        (unavailable.status_code, &body(&unavailable)["error"]),
        (503, &json!("Service Unavailable"))
    );
}

#[tokio::test]
async fn cookies_must_be_configured_and_requested_from_an_allowed_origin() {
    let users = users_with(|_| ()).await;
    let request = json!({ "username": "Alice", "password": PASSWORD, "cookies": true });
    let with_cookies = TokenLocations {
        order: vec![TokenLocation::Headers, TokenLocation::Cookies],
        ..TokenLocations::default()
    };
    let log_in = async |event: &Value, locations: &TokenLocations| {
        call_with(users.clone(), locations.clone(), event, NOW).await
    };
    let event = post_json("/login", &request);
    let response = log_in(&event, &with_cookies).await;
    assert_eq!((response.status_code, response.cookies.len()), (200, 4), "{response:?}");
    assert_eq!(body(&response)["msg"], "login successful");

    let members = json!({ "username": "Alice", "password": PASSWORD, "cookies": "refresh" });
    let refresh_alone = post_json("/login", &members);
    let response = log_in(&refresh_alone, &with_cookies).await;
    assert_eq!((response.status_code, response.cookies.len()), (200, 2), "{response:?}");
    assert_eq!(body(&response).get("refresh_token"), None);
    assert!(
        body(&response)["access_token"].is_string() && body(&response)["token_type"] == "Bearer"
    );

    let foreign = with_header(event.clone(), "origin", "https://evil.example");
    let foreign_refresh = with_header(refresh_alone.clone(), "origin", "https://evil.example");
    for (event, locations, status, code) in [
        (&event, &TokenLocations::default(), 400, "invalid_request"),
        (&refresh_alone, &TokenLocations::default(), 400, "invalid_request"),
        (&foreign, &with_cookies, 401, "csrf_failed"),
        (&foreign_refresh, &with_cookies, 401, "csrf_failed"),
        (
            &post_json(
                "/login",
                &json!({ "username": "Alice", "password": PASSWORD, "cookies": 1 }),
            ),
            &with_cookies,
            400,
            "invalid_request",
        ),
    ] {
        let refused = log_in(event, locations).await;
        assert_eq!((refused.status_code, &body(&refused)["error"]), (status, &json!(code)));
        assert_eq!(refused.cookies.len(), 0);
    }
}

#[tokio::test]
async fn the_token_type_is_the_configured_header_scheme() {
    let users = users_with(|_| ()).await;
    let event = post_json("/login", &json!({ "username": "Alice", "password": PASSWORD }));
    for (scheme, expected) in
        [(Some("Bearer"), "Bearer"), (Some("Token"), "Token"), (None, "Bearer")]
    {
        let header_scheme = scheme.map(str::to_owned);
        let locations = TokenLocations { header_scheme, ..TokenLocations::default() };
        let answer = call_with(users.clone(), locations, &event, NOW).await;
        assert_eq!(body(&answer)["token_type"], expected);
    }
}

#[tokio::test]
async fn tokens_that_a_browser_already_has_do_not_prevent_a_login() {
    let users = users_with(|_| ()).await;
    let members = json!({ "username": "Alice", "password": PASSWORD, "cookies": true });
    let mut event = post_json("/login", &members);
    event["cookies"] =
        json!(["__Host-access_token=x", "__Host-access_token=y.y.y", "\u{1}=\u{e9}"]);
    let event = with_header(event, "authorization", "Bearer x, Bearer y");
    let order = vec![TokenLocation::Headers, TokenLocation::Cookies];
    let locations = TokenLocations { order, ..TokenLocations::default() };
    let answer = call_with(users, locations, &event, NOW).await;
    assert_eq!((answer.status_code, answer.cookies.len()), (200, 4), "{answer:?}");
}
