//! Login and sign-up.

use std::{collections::BTreeSet, sync::Arc};

use latchkey_tests::stack::{PASSWORD, Settings, claims_of};
use reqwest::Method;
use serde_json::json;

use crate::api::{
    Api, NEW_PASSWORD, SAME, UP_TO_THE_APPLICATION, case, credentials, members, with_changes,
    without,
};

#[tokio::test(flavor = "multi_thread")]
async fn login_needs_a_json_object_with_user_name_and_password() {
    let api = Api::start(Settings::default());
    api.sign_up("alice").await;

    let it = case("a good login", "200 without Cache-Control");
    let answer = api.log_in("alice").await;
    it.expects(&answer, 200, "");
    assert_eq!(answer.header("cache-control"), "no-store", "{it}");
    for token in ["access_token", "refresh_token"] {
        assert_eq!(answer.text(token).split('.').count(), 3, "{it}: {token}");
    }

    // Both cases compute one hash, so the time reveals nothing either.
    let it = case("a wrong password; an unknown user", UP_TO_THE_APPLICATION);
    let wrong = api.post("/login", &credentials("alice", NEW_PASSWORD)).await;
    let unknown = api.post("/login", &credentials("unknown", NEW_PASSWORD)).await;
    it.expects(&wrong, 401, "invalid_credentials");
    assert_eq!(without(&wrong.body, "request_id"), without(&unknown.body, "request_id"), "{it}");
    assert_eq!(wrong.text("msg"), "Bad username or password", "{it}");

    let it = case("a member that is missing, empty or null", SAME);
    for body in [
        json!({}),
        json!({ "username": "alice" }),
        json!({ "password": PASSWORD }),
        credentials("", PASSWORD),
        credentials("alice", ""),
        json!({ "username": null, "password": PASSWORD }),
    ] {
        it.expects(&api.post("/login", &body).await, 400, "invalid_request");
    }

    let it = case("no body; a form; plain text", "415 in HTML");
    let nothing = api.ask(api.request(Method::POST, "/login")).await;
    it.expects(&nothing, 415, "unsupported_media_type");
    for content_type in ["application/x-www-form-urlencoded", "text/plain"] {
        let answer = api.post_text("/login", content_type, b"username=alice").await;
        it.expects(&answer, 415, "unsupported_media_type");
    }

    let it = case("broken JSON; no text; two objects; invalid UTF-8", "400 in HTML");
    let not_utf8 = b"{\"username\":\"alice\",\"password\":\"\xff\"}";
    for body in [&b"{\"username\":"[..], b"", b"{}{}", not_utf8] {
        let answer = api.post_text("/login", "application/json", body).await;
        it.expects(&answer, 400, "invalid_request");
    }

    let it = case("JSON that is not an object", "500");
    for body in [json!([]), json!("x"), json!(null), json!(5)] {
        it.expects(&api.post("/login", &body).await, 400, "invalid_request");
    }

    let it =
        case("a user name or password that is not a string", "401, or 500 for list and object");
    for value in [json!(1), json!(["alice"]), json!({ "a": 1 }), json!(true)] {
        for member in ["username", "password"] {
            let body = with_changes(&credentials("alice", PASSWORD), json!({ member: value }));
            it.expects(&api.post("/login", &body).await, 400, "invalid_request");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variants_of_login_requests_are_accepted_or_refused() {
    let api = Api::start(Settings::default());
    api.sign_up("alice").await;

    let it = case("an additional member", SAME);
    let body = with_changes(&credentials("alice", PASSWORD), json!({ "remember": true }));
    it.expects(&api.post("/login", &body).await, 200, "");

    let it = case("the user name twice", "200, the last one wins");
    let body = format!(r#"{{"username":"mallory","username":"alice","password":"{PASSWORD}"}}"#);
    let answer = api.post_text("/login", "application/json", body.as_bytes()).await;
    it.expects(&answer, 400, "invalid_request");

    let it = case("the media type with a charset; in capitals", SAME);
    let body = credentials("alice", PASSWORD).to_string();
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        it.expects(&api.post_text("/login", content_type, body.as_bytes()).await, 200, "");
    }

    let it = case("a password of 1 MB; a user name of 10 KB", "processed");
    let long = credentials("alice", &"x".repeat(1_000_000));
    it.expects(&api.post("/login", &long).await, 413, "payload_too_large");
    let long = credentials(&"x".repeat(10_000), PASSWORD);
    it.expects(&api.post("/login", &long).await, 400, "invalid_request");

    // The gateway matches method and path together, so a wrong method is a 404. Only a function answers
    // 405 with `Allow`.
    let it = case("GET on login; an unknown path", "405 and 404 in HTML");
    it.expects(&api.open("/login").await, 404, "Not Found");
    it.expects(&api.open("/nowhere").await, 404, "Not Found");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_up_creates_one_account_without_rights() {
    let api = Arc::new(Api::start(Settings::default()));

    let it = case("sign-up, then login", UP_TO_THE_APPLICATION);
    it.expects(&api.sign_up("Zoë").await, 201, "");
    let zoe = api.tokens_of("Zoë").await;

    // RFC 8265 defines the comparison of names.
    let it = case("the same name in another spelling", UP_TO_THE_APPLICATION);
    for name in ["Zoë", "zoë", "ZOË", "Zoe\u{308}", "Ｚｏë"] {
        it.expects(&api.sign_up(name).await, 409, "user_exists");
        let again = api.tokens_of(name).await;
        assert_eq!(claims_of(&again.access)["sub"], claims_of(&zoe.access)["sub"], "{it}: {name}");
    }

    let it = case("sign-up with an id, roles and a hash", UP_TO_THE_APPLICATION);
    let privileges = json!({
        "id": "user-1", "role": "admin", "roles": ["admin"], "is_admin": true,
        "password_hash": "x", "status": "disabled",
    });
    let created =
        api.post("/signup", &with_changes(&credentials("carol", PASSWORD), privileges)).await;
    it.expects(&created, 201, "");
    assert_ne!(created.body["user"]["id"], "user-1", "{it}");
    let carol = api.tokens_of("carol").await;
    let me = api.get("/me", &carol.access).await;
    assert_eq!(me.body["roles"], json!([]), "{it}");
    let admin = api.get("/protected/admin", &carol.access).await;
    it.expects(&admin, 403, "insufficient_role");

    let it = case("passwords that are short, common or long", UP_TO_THE_APPLICATION);
    for (password, status, code) in [
        ("aB3$", 422, "weak_password"),
        ("password", 422, "weak_password"),
        ("            ", 422, "weak_password"),
        ("", 400, "invalid_request"),
    ] {
        let answer = api.post("/signup", &credentials("dave", password)).await;
        it.expects(&answer, status, code);
    }
    // Longer than bcrypt's limit.
    let long = PASSWORD.repeat(4);
    let ending = |end: &str| credentials("dave", &format!("{long}{end}"));
    it.expects(&api.post("/signup", &ending("1")).await, 201, "");
    it.expects(&api.post("/login", &ending("2")).await, 401, "invalid_credentials");
    it.expects(&api.post("/login", &ending("1")).await, 200, "");

    let it = case("the members of the answers of sign-up and GET /me", UP_TO_THE_APPLICATION);
    let expected = BTreeSet::from(["id", "username", "email", "created_at"]);
    assert_eq!(members(&created.body["user"]), expected, "{it}");
    let expected = BTreeSet::from(["id", "username", "email", "created_at", "roles"]);
    assert_eq!(members(&me.body), expected, "{it}");
}

#[tokio::test(flavor = "multi_thread")]
async fn password_guesses_and_injections_are_refused() {
    let api = Api::start(Settings::default());
    for name in ["alice", "bob"] {
        api.sign_up(name).await;
    }

    // No account is locked. On AWS the gateway throttles `POST /login` with 429, which the local gateway
    // does not emulate.
    let it = case("30 wrong passwords for one account", SAME);
    for number in 0..30 {
        let answer = api.post("/login", &credentials("alice", &format!("guess {number}"))).await;
        it.expects(&answer, 401, "invalid_credentials");
    }
    for name in ["alice", "bob"] {
        it.expects(&api.log_in(name).await, 200, "");
    }

    let it = case("a database query as the user name", "401");
    let object = json!({ "username": { "$ne": 1 }, "password": PASSWORD });
    it.expects(&api.post("/login", &object).await, 400, "invalid_request");
    // A name must not have spaces; all other printable ASCII characters are allowed.
    it.expects(&api.log_in("' or 1=1").await, 400, "invalid_request");
    for name in ["'or'1'='1", r#"{"$ne":1}"#] {
        it.expects(&api.log_in(name).await, 401, "invalid_credentials");
    }
}
