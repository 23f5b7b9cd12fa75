//! `POST /password/reset`: its responses and writes.

use super::scene::{NEW, PASSWORD, Scene, body, call, change, post, refusal, scene, verdict};
use latchkey_password::Verdict;
use latchkey_session::{AccountEdit, AccountStatus, CodeHash, OneTimeCode, User};
use latchkey_testkit::{fixtures::NOW, stale_reads::StaleReads, unavailable::UnavailableUsers};
use latchkey_token::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// A code of alice that was created at `now`.
async fn scene_with_code(now: Timestamp) -> (Scene, String) {
    let code = OneTimeCode::generate().unwrap();
    let text = code.text().expose_secret().to_owned();
    let hash = CodeHash::of(code.text()).unwrap();
    let scene = scene(|alice| reset(alice, hash, now)).await;
    (scene, text)
}

fn reset(alice: &mut User, code: CodeHash, now: Timestamp) {
    *alice = AccountEdit::Reset(code).apply(alice, now).unwrap().unwrap();
}

fn with_code(username: &str, code: &str, password: &str) -> Value {
    let body = json!({ "username": username, "code": code, "new_password": password });
    post("/password/reset", &body)
}

fn invalid_code() -> (u16, String) {
    (401, "invalid_code".to_owned())
}

#[tokio::test]
async fn a_code_sets_the_password_once() {
    let (scene, code) = scene_with_code(NOW).await;
    let event = with_code("ALICE", &code, NEW);
    let answer = call(scene.users.clone(), &event).await;
    assert_eq!((answer.status_code, answer.body.as_str()), (204, ""), "{answer:?}");
    let stored = scene.stored().await;
    assert_eq!(verdict(NEW, &stored), Verdict::Match { needs_rehash: false });
    assert_eq!((stored.sessions.len(), stored.codes.iter().count()), (0, 0));
    assert_eq!(refusal(&call(scene.users.clone(), &event).await), invalid_code());
}

#[tokio::test]
async fn a_code_is_read_as_crockford_wrote_it() {
    for typed in [
        |code: &str| code.to_lowercase(),
        |code: &str| code.replace('-', ""),
        |code: &str| code.replace('-', " "),
        |code: &str| code.replace('1', "l").replace('0', "o"),
        |code: &str| format!(" {} ", code.replace('1', "I").replace('0', "O")),
    ] {
        let (scene, code) = scene_with_code(NOW).await;
        let answer = call(scene.users.clone(), &with_code("alice", &typed(&code), NEW)).await;
        assert_eq!(answer.status_code, 204, "{code:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_used_or_expired_code_and_an_unknown_name_get_one_answer() {
    let (scene, code) = scene_with_code(NOW).await;
    let other = OneTimeCode::generate().unwrap().text().expose_secret().to_owned();
    let wrong = [
        other.as_str(),
        &code[1..],
        &code[..28],
        &format!("{code}0"),
        &format!("{code}-{code}"),
        "code",
        "\u{0}",
        "0000-0000-0000-0000-0000-0000",
        "=",
        "UUUU-UUUU-UUUU-UUUU-UUUU-UUUU",
    ];
    let mut answers = Vec::new();
    for code in wrong {
        answers.push(call(scene.users.clone(), &with_code("alice", code, NEW)).await);
    }
    answers.push(call(scene.users.clone(), &with_code("mallory", &code, NEW)).await);
    let (expired, code) = scene_with_code(Timestamp::from_unix(NOW.unix() - 86_400)).await;
    answers.push(call(expired.users.clone(), &with_code("alice", &code, NEW)).await);
    for answer in answers {
        assert_eq!(refusal(&answer), invalid_code());
        assert_eq!(body(&answer)["msg"], "Code is invalid");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"latchkey\"");
    }
    assert_eq!(scene.stored().await.credentials_version, 1);
}

#[tokio::test]
async fn a_weak_password_keeps_the_code() {
    let (scene, code) = scene_with_code(NOW).await;
    for weak in ["short", "password", "alice alice"] {
        let answer = call(scene.users.clone(), &with_code("alice", &code, weak)).await;
        assert_eq!(refusal(&answer), (422, "weak_password".to_owned()), "{weak}");
        assert!(!body(&answer)["reasons"].as_array().unwrap().is_empty());
    }
    // Without a right code nothing is said about the password.
    let answer = call(scene.users.clone(), &with_code("alice", "code", "short")).await;
    assert_eq!(refusal(&answer), invalid_code());
    let answer = call(scene.users.clone(), &with_code("alice", &code, NEW)).await;
    assert_eq!(answer.status_code, 204);
}

#[tokio::test]
async fn a_code_does_not_enable_an_account() {
    let (mut scene, code) = scene_with_code(NOW).await;
    scene.alice.status = AccountStatus::Disabled;
    let users = scene.new_store().await;
    assert_eq!(refusal(&call(users, &with_code("alice", &code, NEW)).await), invalid_code());
}

#[tokio::test]
async fn a_change_between_the_check_and_the_write_is_not_overwritten() {
    let (before, code) = scene_with_code(NOW).await;
    // The account as an operator disabled it meanwhile.
    let after = scene(|alice| {
        *alice = before.alice.clone();
        let disable = AccountEdit::Disable("stolen".to_owned());
        *alice = disable.apply(alice, NOW).unwrap().unwrap();
    })
    .await;
    let users = StaleReads { read: before.users.clone(), write: after.users.clone() };
    let answer = call(users, &with_code("alice", &code, NEW)).await;
    assert_eq!(refusal(&answer), (503, "unavailable".to_owned()), "{answer:?}");
    assert!(after.stored().await.password_hash.is_none());
}

#[tokio::test]
async fn a_request_with_missing_or_odd_members_is_refused() {
    let (scene, code) = scene_with_code(NOW).await;
    for body in [
        json!({}),
        json!({ "username": "alice", "code": code }),
        json!({ "username": "alice", "new_password": NEW }),
        json!({ "code": code, "new_password": NEW }),
        json!({ "username": "", "code": code, "new_password": NEW }),
        json!({ "username": "alice", "code": "", "new_password": NEW }),
        json!({ "username": "alice", "code": code, "new_password": "" }),
        json!({ "username": "alice", "code": 1, "new_password": NEW }),
        json!({ "username": ["alice"], "code": code, "new_password": NEW }),
        json!({ "username": "a\u{200b}", "code": code, "new_password": NEW }),
        json!([code]),
    ] {
        let answer = call(scene.users.clone(), &post("/password/reset", &body)).await;
        assert_eq!(refusal(&answer), (400, "invalid_request".to_owned()), "{body}");
        assert!(!answer.body.contains(&code));
    }
    let mut form = with_code("alice", &code, NEW);
    form["headers"]["content-type"] = "application/x-www-form-urlencoded".into();
    assert_eq!(call(scene.users.clone(), &form).await.status_code, 415);
    let mut get = with_code("alice", &code, NEW);
    get["requestContext"]["http"]["method"] = "GET".into();
    assert_eq!(call(scene.users.clone(), &get).await.status_code, 405);
    let answer = call(UnavailableUsers, &with_code("alice", &code, NEW)).await;
    assert_eq!(refusal(&answer), (503, "unavailable".to_owned()));
    assert_eq!(call(scene.users.clone(), &with_code("alice", &code, NEW)).await.status_code, 204);
}

#[tokio::test]
async fn an_account_without_a_password_cannot_change_it() {
    let mut scene = scene(|_| ()).await;
    scene.alice.password_hash = None;
    let users = scene.new_store().await;
    let event = latchkey_testkit::event::with_token(change(PASSWORD, NEW), &scene.token);
    let answer = call(users, &event).await;
    assert_eq!(refusal(&answer), (401, "invalid_credentials".to_owned()));
}
