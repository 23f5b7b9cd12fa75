//! Flask tokens in Flask's cookies.
#![cfg(test)]

use lambda_http::{Body, http::Request};
use latchkey_guard::{
    Guard, Requirement, RevocationCheck, TokenLocation, TokenLocations, TokenReader,
};
use latchkey_session::{AddUser as _, LegacyUser};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    fixtures::{NOW, operation, reader_with, user},
    flask::{extended_claims, keys, sign},
    forge::with,
};
use latchkey_token::Subject;
use serde_json::json;

#[tokio::test]
async fn a_flask_cookie_is_accepted_with_its_csrf_value() {
    let mut locations = TokenLocations {
        order: vec![TokenLocation::Headers, TokenLocation::Cookies],
        ..TokenLocations::default()
    };
    locations.cookies.access.token.name = "access_token_cookie".to_owned();
    locations.cookies.refresh.token.name = "refresh_token_cookie".to_owned();
    let (users, alice) = (MemoryUsers::default(), user("alice"));
    users.add_user(&alice, &operation()).await.unwrap();
    let legacy_user = LegacyUser { id: alice.id.clone(), username: alice.username.clone() };
    users.add_legacy_user("alice", legacy_user);
    let reader = || TokenReader {
        locations: locations.clone(),
        ..reader_with(keys(&json!({ "minted_by": "flask" })))
    };
    let (reader, guard) = (reader(), Guard::new(reader(), Some(users), RevocationCheck::Strict));
    let request = |method: &str, csrf: &str, refresh: bool| {
        let kind = if refresh { "refresh" } else { "access" };
        let token = sign(&with(extended_claims(), "type", kind.into()));
        let request = Request::builder().method(method).uri("/");
        let request = request.header("cookie", format!("{kind}_token_cookie={token}"));
        request.header("x-csrf-token", csrf).body(Body::Empty).unwrap()
    };
    for (method, csrf, is_accepted) in [
        ("GET", "", true),
        ("POST", "", false),
        ("POST", "other", false),
        ("POST", "flask-csrf", true),
    ] {
        let verdict =
            guard.authenticate(&request(method, csrf, false), Requirement::TOKEN, NOW).await;
        assert_eq!(verdict.is_ok(), is_accepted, "{method} {csrf}");
        if method == "POST" {
            let verdict = reader.refresh(&request(method, csrf, true), NOW).await;
            assert_eq!(verdict.is_ok(), is_accepted);
        }
    }
    let token = reader.refresh(&request("POST", "flask-csrf", true), NOW).await.unwrap();
    assert!(matches!(token.claims.subject, Subject::Legacy { .. }));
    assert_eq!((token.claims.session, token.location), (None, TokenLocation::Cookies));
}
