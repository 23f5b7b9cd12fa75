//! `POST /password`: its responses and writes.

use super::scene::{
    NEW, PASSWORD, Scene, body, call, change, hash, refusal, scene, verdict, with_body,
};
use latchkey_password::Verdict;
use latchkey_session::{AccountStatus, LegacyUser};
use latchkey_testkit::{
    event::{request, with_header, with_token},
    fixtures::{NOW, user, verifier},
    flask::{extended_claims, sign as sign_legacy},
    forge::{claims_for, header, sign, with},
    stale_reads::StaleReads,
    unavailable::UnavailableUsers,
};
use latchkey_token::PresentedToken;
use serde_json::json;

#[tokio::test]
async fn a_password_change_replaces_all_sessions_with_a_new_one() {
    let scene = scene(|_| ()).await;
    let answer = scene.call(change(PASSWORD, NEW)).await;
    assert_eq!(answer.status_code, 200, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let tokens = body(&answer);
    assert_eq!(tokens.as_object().unwrap().len(), 5);
    let token = |member: &str| tokens[member].as_str().unwrap().to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let access = verifier().access(PresentedToken::parse(&access).unwrap(), NOW).unwrap();
    let refresh = verifier().refresh(PresentedToken::parse(&refresh).unwrap(), NOW).unwrap();
    assert!(access.fresh && access.auth_time == NOW);
    assert_eq!((&refresh.session, refresh.generation), (&access.session, 0));

    let stored = scene.stored().await;
    assert_eq!(stored.sessions.keys().collect::<Vec<_>>(), [access.session.as_ref().unwrap()]);
    assert!(!scene.sessions.contains(&access.session.unwrap()), "stolen tokens are revoked");
    assert_eq!(stored.credentials_version, 1);
    assert_eq!(verdict(NEW, &stored), Verdict::Match { needs_rehash: false });
    assert_eq!(verdict(PASSWORD, &stored), Verdict::Mismatch);

    let again = scene.call(change(NEW, PASSWORD)).await;
    assert_eq!(refusal(&again), (401, "token_revoked".to_owned()), "the old session has ended");
}

#[tokio::test]
async fn tokens_are_delivered_in_cookies_if_the_requests_token_was_in_one() {
    let scene = scene(|_| ()).await;
    let claims = with(claims_for(&scene.alice.id, &scene.sessions[0]), "csrf", "value".into());
    let cookie = format!("__Host-access_token={}", sign(&header(), &claims));
    let event = with_header(change(PASSWORD, NEW), "x-csrf-token", "value");
    let mut event = with_header(event, "host", "api.example.com");
    event["cookies"] = json!([cookie]);
    let answer = call(scene.users.clone(), &event).await;
    assert_eq!(answer.status_code, 200, "{answer:?}");
    assert_eq!(answer.cookies.len(), 4);
    assert!(body(&answer).get("access_token").is_none());
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing() {
    let scene = scene(|_| ()).await;
    for wrong in ["wrong horse battery", &PASSWORD.to_uppercase(), &"x".repeat(300)] {
        let answer = scene.call(change(wrong, NEW)).await;
        assert_eq!(refusal(&answer), (401, "invalid_credentials".to_owned()));
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"latchkey\"");
    }
    scene.assert_unchanged().await;
}

#[tokio::test]
async fn the_current_password_in_any_normalization_form_is_unchanged() {
    for (password, same) in [(PASSWORD, PASSWORD), ("caf\u{e9} au lait", "cafe\u{301} au lait")] {
        let scene = scene(|alice| alice.password_hash = Some(hash(password))).await;
        let answer = scene.call(change(password, same)).await;
        assert_eq!(refusal(&answer), (422, "weak_password".to_owned()));
        assert_eq!(body(&answer)["reasons"], json!(["unchanged"]));
        scene.assert_unchanged().await;
        // A wrong current password does not reveal that.
        let answer = scene.call(change("wrong horse battery", same)).await;
        assert_eq!(refusal(&answer), (401, "invalid_credentials".to_owned()));
    }
}

#[tokio::test]
async fn a_weak_new_password_is_refused_with_its_reasons() {
    let scene = scene(|_| ()).await;
    for (weak, reason) in [("short", "too_short"), ("password1234", "too_common")] {
        let answer = scene.call(change(PASSWORD, weak)).await;
        assert_eq!(refusal(&answer), (422, "weak_password".to_owned()));
        let reasons = body(&answer)["reasons"].as_array().unwrap().clone();
        assert!(reasons.contains(&json!(reason)), "{answer:?}");
    }
    scene.assert_unchanged().await;
}

#[tokio::test]
async fn a_malformed_body_changes_nothing() {
    let scene = scene(|_| ()).await;
    for (event, sentence) in [
        (with_body(&json!({})), "current_password is missing"),
        (change("", NEW), "current_password is missing"),
        (change(PASSWORD, ""), "new_password is missing"),
        (with_body(&json!({ "current_password": 1 })), "current_password must be a string"),
    ] {
        let answer = scene.call(event).await;
        assert_eq!((answer.status_code, &body(&answer)["msg"]), (400, &json!(sentence)));
    }
    assert_eq!(scene.call(request("POST", "/password")).await.status_code, 415);
    scene.assert_unchanged().await;
}

#[tokio::test]
async fn a_token_without_a_live_session_changes_nothing() {
    for ended in [
        scene(|alice| alice.sessions.clear()).await,
        scene(|alice| alice.status = AccountStatus::Disabled).await,
        scene(|alice| alice.id = user("x").id).await,
    ] {
        let answer = ended.call(change(PASSWORD, NEW)).await;
        assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()));
        assert_eq!(ended.stored().await.credentials_version, 0);
    }
}

#[tokio::test]
async fn a_legacy_token_changes_the_password_of_its_migrated_account() {
    let scene = scene(|_| ()).await;
    let token = sign_legacy(&extended_claims());
    let answer = call(scene.users.clone(), &with_token(change(PASSWORD, NEW), &token)).await;
    assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()), "alice is not migrated");
    let legacy_user =
        LegacyUser { id: scene.alice.id.clone(), username: scene.alice.username.clone() };
    scene.users.add_legacy_user("alice", legacy_user);
    let answer = call(scene.users.clone(), &with_token(change(PASSWORD, NEW), &token)).await;
    assert_eq!(answer.status_code, 200, "{answer:?}");
    assert_eq!(scene.stored().await.sessions.len(), 1);
    let again = call(scene.users.clone(), &with_token(change(NEW, PASSWORD), &token)).await;
    assert_eq!(
        refusal(&again),
        (401, "token_revoked".to_owned()),
        "the password change revoked it"
    );
}

#[tokio::test]
async fn the_account_at_the_time_of_the_write_decides() {
    let outdated = (401, "invalid_credentials".to_owned());
    let revoked = (401, "token_revoked".to_owned());
    let changes = [
        (
            "the session rotates",
            (|scene| scene.calling_session().generation += 1) as fn(&mut Scene),
            None,
        ),
        (
            "the session ends",
            |scene| drop(scene.alice.sessions.remove(&scene.sessions[0])),
            Some(&revoked),
        ),
        (
            "another session ends",
            |scene| drop(scene.alice.sessions.remove(&scene.sessions[1])),
            None,
        ),
        ("the password changes", |scene| scene.alice.credentials_version += 1, Some(&outdated)),
        ("the account is recreated", |scene| scene.alice.id = user("x").id, Some(&outdated)),
    ];
    for (case, change_account, expected) in changes {
        let mut scene = scene(|_| ()).await;
        let read = scene.users.clone();
        change_account(&mut scene);
        let users = StaleReads { read, write: scene.new_store().await };
        let event = with_token(change(PASSWORD, NEW), &scene.token);
        let answer = call(users, &event).await;
        match expected {
            Some(expected) => assert_eq!(refusal(&answer), *expected, "{case}"),
            None => assert_eq!(answer.status_code, 200, "{case}"),
        }
    }
}

#[tokio::test]
async fn an_unavailable_store_is_503() {
    let scene = scene(|_| ()).await;
    let answer = call(UnavailableUsers, &with_token(change(PASSWORD, NEW), &scene.token)).await;
    assert_eq!((answer.status_code, answer.headers["retry-after"].as_str()), (503, "1"));
    scene.assert_unchanged().await;
}
