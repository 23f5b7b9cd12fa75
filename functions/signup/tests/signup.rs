//! `POST /signup`: its responses and writes.
#![cfg(test)]

use lambda_http::Request;
use latchkey_http::{GatewayAnswer, answer};
use latchkey_password::{HashParams, Hasher, Password, PasswordPolicy, Verdict};
use latchkey_session::{AccountStatus, ReadUser as _, Username};
use latchkey_store::{MemoryLimits, MemoryUsers};
use latchkey_testkit::{
    event::{post_json, post_text},
    fixtures::{NOW, unlimited},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use signup::Signup;

fn signup(users: &MemoryUsers) -> Signup<MemoryUsers, MemoryLimits> {
    Signup {
        users: users.clone(),
        is_open: true,
        limits: unlimited(),
        passwords: PasswordPolicy::new(8),
        hasher: Hasher::new(HashParams::default()).unwrap(),
    }
}

async fn call(users: &MemoryUsers, event: &Value) -> GatewayAnswer {
    let signup = signup(users);
    let handle = async |request: &Request| signup.handle(request, NOW).await;
    answer(&event.to_string(), &handle).await
}

async fn sign_up(users: &MemoryUsers, body: &Value) -> GatewayAnswer {
    call(users, &post_json("/signup", body)).await
}

fn alice() -> Value {
    json!({ "username": "Alice", "password": "correct horse battery" })
}

#[track_caller]
fn assert_refused(answer: &GatewayAnswer, status: u16, body: &Value) {
    assert_eq!(answer.status_code, status, "{answer:?}");
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), *body);
}

fn invalid(sentence: &str) -> Value {
    json!({ "error": "invalid_request", "msg": sentence, "request_id": "request-1" })
}

#[tokio::test]
async fn a_new_user_is_created_and_can_be_found() {
    let users = MemoryUsers::default();
    let mut body = alice();
    body["email"] = "Alice@Example.com".into();
    let answer = sign_up(&users, &body).await;

    let found = users.find_user(&Username::parse("alice").unwrap()).await.unwrap().unwrap();
    let expected = format!(
        r#"{{"msg":"User created","user":{{"id":"{}","username":"Alice","email":"Alice@example.com","created_at":"2023-11-14T22:13:20Z"}}}}"#,
        found.id
    );
    assert_eq!(answer.status_code, 201);
    assert_eq!(
        serde_json::from_str::<Value>(&answer.body).unwrap(),
        serde_json::from_str::<Value>(&expected).unwrap()
    );
    let headers: Vec<_> = answer.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("cache-control", "no-store"),
            ("content-type", "application/json"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-content-type-options", "nosniff"),
        ]
    );
    let password = Password::parse(&SecretString::from("correct horse battery")).unwrap();
    let verdict =
        signup(&users).hasher.verify(&password, found.password_hash.as_ref().unwrap()).unwrap();
    assert_eq!(verdict, Verdict::Match { needs_rehash: false });
}

#[tokio::test]
async fn a_taken_name_is_refused_in_every_spelling() {
    let users = MemoryUsers::default();
    sign_up(&users, &alice()).await;
    for spelling in ["Alice", "alice", "ALICE", "ａlice"] {
        let body = json!({ "username": spelling, "password": "another good one" });
        let expected = json!({
            "error": "user_exists", "msg": "User already exists", "request_id": "request-1",
        });
        assert_refused(&sign_up(&users, &body).await, 409, &expected);
    }
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let users = MemoryUsers::default();
    let mut body = alice();
    for member in [
        "id",
        "sub",
        "roles",
        "role",
        "is_admin",
        "status",
        "hash",
        "password_hash",
        "version",
        "credentials_version",
        "credentialsVersion",
        "created_at",
        "sessions",
        "op",
        "ttl",
        "pk",
        "scopes",
        "email_verified",
    ] {
        body[member] = json!(["admin"]);
    }
    assert_eq!(sign_up(&users, &body).await.status_code, 201);
    let found = users.find_user(&Username::parse("alice").unwrap()).await.unwrap().unwrap();
    assert_eq!(found.roles, Vec::<String>::new());
    assert_eq!((found.status, found.credentials_version), (AccountStatus::Active, 0));
    assert_eq!((found.created_at, found.sessions.len()), (NOW, 0));
}

#[tokio::test]
async fn a_weak_password_is_refused_with_every_reason() {
    let users = MemoryUsers::default();
    for (password, reasons) in [
        ("kq7-vx!", json!(["too_short"])),
        ("password", json!(["too_common"])),
        ("P@ssw0rd1", json!(["too_common"])),
        ("x-alice-x", json!(["contains_username"])),
        ("alice", json!(["too_short", "too_common", "contains_username"])),
        (&"long".repeat(65), json!(["too_long"])),
    ] {
        let body = json!({ "username": "Alice", "password": password });
        let expected = json!({
            "error": "weak_password", "msg": "Password is too weak",
            "reasons": reasons, "request_id": "request-1",
        });
        assert_refused(&sign_up(&users, &body).await, 422, &expected);
    }
    assert!(users.find_user(&Username::parse("alice").unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_password_that_equals_the_local_part_of_the_address_is_refused() {
    let users = MemoryUsers::default();
    let reasons = async |body: Value| {
        let answer = sign_up(&users, &body).await;
        assert_eq!(answer.status_code, 422, "{answer:?}");
        serde_json::from_str::<Value>(&answer.body).unwrap()["reasons"].clone()
    };
    let (name, password) = ("margarete.schmidt@example.com", "margarete.schmidt");
    let by_name = reasons(json!({ "username": name, "password": password })).await;
    assert_eq!(by_name, json!(["contains_username"]));
    let by_email = json!({ "username": "ms", "password": password, "email": name });
    assert_eq!(reasons(by_email).await, json!(["contains_username"]));
    let ann = json!({ "username": "ann", "password": "planning the annex" });
    assert_eq!(sign_up(&users, &ann).await.status_code, 201);
}

#[tokio::test]
async fn an_empty_address_counts_as_omitted() {
    let users = MemoryUsers::default();
    let mut body = alice();
    body["email"] = "".into();
    let answer = sign_up(&users, &body).await;
    assert_eq!(answer.status_code, 201, "{answer:?}");
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap()["user"]["email"], json!(null));
}

#[tokio::test]
async fn a_malformed_member_is_named_with_the_reason() {
    let users = MemoryUsers::default();
    for (member, value, sentence) in [
        (
            "username",
            json!("al ice"),
            "username must not contain spaces, control characters or symbols outside ASCII",
        ),
        ("username", json!("x".repeat(129)), "username must be 1 to 128 characters long"),
        ("username", json!(7), "username must be a string"),
        ("username", json!(""), "Missing username or password"),
        ("password", json!(null), "password must be a string"),
        (
            "password",
            json!("nul\0in the middle"),
            "password must not contain control characters or invisible ones that no keyboard produces",
        ),
        ("email", json!("unknown"), "email must be one e-mail address of at most 254 bytes"),
        (
            "email",
            json!("victim@example.com,attacker@example.net"),
            "email must be one e-mail address of at most 254 bytes",
        ),
        ("email", json!(["a@b.c"]), "email must be a string"),
    ] {
        let mut body = alice();
        body[member] = value;
        assert_refused(&sign_up(&users, &body).await, 400, &invalid(sentence));
    }
}

#[tokio::test]
async fn a_truncated_body_is_refused() {
    let users = MemoryUsers::default();
    let body = alice().to_string();
    for end in 0..body.len() {
        assert_eq!(call(&users, &post_text("/signup", &body[..end])).await.status_code, 400);
    }
}

#[tokio::test]
async fn a_base64_body_is_decoded_and_bad_base64_is_refused() {
    let users = MemoryUsers::default();
    let mut event = post_json("/signup", &alice());
    event["isBase64Encoded"] = true.into();
    let sentence = "The request body is not valid base64";
    let refused = call(&users, &event).await;
    assert_eq!(refused.status_code, 400);
    assert!(refused.body.contains(sentence), "{}", refused.body);
    event["body"] =
        "eyJ1c2VybmFtZSI6ImFsaWNlIiwicGFzc3dvcmQiOiJjb3JyZWN0IGhvcnNlIGJhdHRlcnkifQ==".into();
    assert_eq!(call(&users, &event).await.status_code, 201);
}
