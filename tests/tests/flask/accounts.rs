//! Login and sign-up.

use std::{collections::BTreeSet, sync::Arc};

use latchkey_tests::stack::{PASSWORD, Settings, claims_of};
use reqwest::Method;
use serde_json::json;

use crate::api::{
    Api, NEW_PASSWORD, SAME, UP_TO_THE_APPLICATION, but, case, credentials, members, without,
};

#[tokio::test(flavor = "multi_thread")]
async fn login_takes_one_json_object_with_user_name_and_password() {
    let api = Api::start(Settings::default());
    api.sign_up("alice").await;

    let it = case("a good login", "200 without Cache-Control");
    let answer = api.log_in("alice").await;
    it.gets(&answer, 200, "");
    assert_eq!(answer.header("cache-control"), "no-store", "{it}");
    for token in ["access_token", "refresh_token"] {
        assert_eq!(answer.text(token).split('.').count(), 3, "{it}: {token}");
    }

    // One hash is spent in either case, so the time tells nothing either.
    let it = case("a wrong password; an unknown user", UP_TO_THE_APPLICATION);
    let wrong = api.post("/login", &credentials("alice", NEW_PASSWORD)).await;
    let unknown = api.post("/login", &credentials("nobody", NEW_PASSWORD)).await;
    it.gets(&wrong, 401, "invalid_credentials");
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
        it.gets(&api.post("/login", &body).await, 400, "invalid_request");
    }

    let it = case("no body; a form; plain text", "415 in HTML");
    let nothing = api.ask(api.request(Method::POST, "/login")).await;
    it.gets(&nothing, 415, "unsupported_media_type");
    for content_type in ["application/x-www-form-urlencoded", "text/plain"] {
        let answer = api.post_text("/login", content_type, b"username=alice").await;
        it.gets(&answer, 415, "unsupported_media_type");
    }

    let it = case("broken JSON; nothing; two objects; no UTF-8", "400 in HTML");
    let not_utf8 = b"{\"username\":\"alice\",\"password\":\"\xff\"}";
    for body in [&b"{\"username\":"[..], b"", b"{}{}", not_utf8] {
        let answer = api.post_text("/login", "application/json", body).await;
        it.gets(&answer, 400, "invalid_request");
    }

    let it = case("JSON that is no object", "500");
    for body in [json!([]), json!("x"), json!(null), json!(5)] {
        it.gets(&api.post("/login", &body).await, 400, "invalid_request");
    }

    let it = case("a user name or password that is no text", "401, or 500 for list and object");
    for value in [json!(1), json!(["alice"]), json!({ "a": 1 }), json!(true)] {
        for member in ["username", "password"] {
            let body = but(&credentials("alice", PASSWORD), json!({ member: value }));
            it.gets(&api.post("/login", &body).await, 400, "invalid_request");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_a_login_request_may_be() {
    let api = Api::start(Settings::default());
    api.sign_up("alice").await;

    let it = case("a further member", SAME);
    let body = but(&credentials("alice", PASSWORD), json!({ "remember": true }));
    it.gets(&api.post("/login", &body).await, 200, "");

    let it = case("the user name twice", "200, the last one wins");
    let body = format!(r#"{{"username":"mallory","username":"alice","password":"{PASSWORD}"}}"#);
    let answer = api.post_text("/login", "application/json", body.as_bytes()).await;
    it.gets(&answer, 400, "invalid_request");

    let it = case("the media type with a charset; in capitals", SAME);
    let body = credentials("alice", PASSWORD).to_string();
    for content_type in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        it.gets(&api.post_text("/login", content_type, body.as_bytes()).await, 200, "");
    }

    let it = case("a password of 1 MB; a user name of 10 KB", "processed");
    let long = credentials("alice", &"x".repeat(1_000_000));
    it.gets(&api.post("/login", &long).await, 413, "payload_too_large");
    let long = credentials(&"x".repeat(10_000), PASSWORD);
    it.gets(&api.post("/login", &long).await, 400, "invalid_request");

    // The gateway knows routes by method and path together, and so no wrong method. A function
    // that is given one all the same answers 405 with `Allow`.
    let it = case("GET on login; an unknown path", "405 and 404 in HTML");
    it.gets(&api.open("/login").await, 404, "Not Found");
    it.gets(&api.open("/nowhere").await, 404, "Not Found");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_up_makes_one_account_and_gives_no_rights() {
    let api = Arc::new(Api::start(Settings::default()));

    let it = case("sign-up, then login", UP_TO_THE_APPLICATION);
    it.gets(&api.sign_up("Zoë").await, 201, "");
    let zoe = api.tokens_of("Zoë").await;

    // Names are compared as RFC 8265 has it.
    let it = case("the same name in other letters", UP_TO_THE_APPLICATION);
    for name in ["Zoë", "zoë", "ZOË", "Zoe\u{308}", "Ｚｏë"] {
        it.gets(&api.sign_up(name).await, 409, "user_exists");
        let again = api.tokens_of(name).await;
        assert_eq!(claims_of(&again.access)["sub"], claims_of(&zoe.access)["sub"], "{it}: {name}");
    }

    let it = case("sign-up with an id, roles and a hash", UP_TO_THE_APPLICATION);
    let wishes = json!({
        "id": "user-1", "role": "admin", "roles": ["admin"], "is_admin": true,
        "password_hash": "x", "status": "disabled",
    });
    let created = api.post("/signup", &but(&credentials("carol", PASSWORD), wishes)).await;
    it.gets(&created, 201, "");
    assert_ne!(created.body["user"]["id"], "user-1", "{it}");
    let carol = api.tokens_of("carol").await;
    let me = api.get("/me", &carol.access).await;
    assert_eq!(me.body["roles"], json!([]), "{it}");
    let admin = api.get("/protected/admin", &carol.access).await;
    it.gets(&admin, 403, "insufficient_role");

    let it = case("passwords that are short, common or long", UP_TO_THE_APPLICATION);
    for (password, status, code) in [
        ("aB3$", 422, "weak_password"),
        ("password", 422, "weak_password"),
        ("            ", 422, "weak_password"),
        ("", 400, "invalid_request"),
    ] {
        let answer = api.post("/signup", &credentials("dave", password)).await;
        it.gets(&answer, status, code);
    }
    // Longer than bcrypt reads.
    let long = PASSWORD.repeat(4);
    let ending = |end: &str| credentials("dave", &format!("{long}{end}"));
    it.gets(&api.post("/signup", &ending("1")).await, 201, "");
    it.gets(&api.post("/login", &ending("2")).await, 401, "invalid_credentials");
    it.gets(&api.post("/login", &ending("1")).await, 200, "");

    let it = case("what sign-up and GET /me show", UP_TO_THE_APPLICATION);
    let shown = BTreeSet::from(["id", "username", "email", "created_at"]);
    assert_eq!(members(&created.body["user"]), shown, "{it}");
    let shown = BTreeSet::from(["id", "username", "email", "created_at", "roles"]);
    assert_eq!(members(&me.body), shown, "{it}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_and_queries_for_names_get_nowhere() {
    let api = Api::start(Settings::default());
    for name in ["alice", "bob"] {
        api.sign_up(name).await;
    }

    // No account is locked. What all guesses together may cost is bounded on AWS by the gateway's
    // throttling of `POST /login`, which is 429 and which the local gateway does not do.
    let it = case("30 wrong passwords for one account", SAME);
    for number in 0..30 {
        let answer = api.post("/login", &credentials("alice", &format!("guess {number}"))).await;
        it.gets(&answer, 401, "invalid_credentials");
    }
    for name in ["alice", "bob"] {
        it.gets(&api.log_in(name).await, 200, "");
    }

    let it = case("a user name for a database", "401");
    let object = json!({ "username": { "$ne": 1 }, "password": PASSWORD });
    it.gets(&api.post("/login", &object).await, 400, "invalid_request");
    // A name has no spaces; all other characters of ASCII are ordinary ones.
    it.gets(&api.log_in("' or 1=1").await, 400, "invalid_request");
    for name in ["'or'1'='1", r#"{"$ne":1}"#] {
        it.gets(&api.log_in(name).await, 401, "invalid_credentials");
    }
}
