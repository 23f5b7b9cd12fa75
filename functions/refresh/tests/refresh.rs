//! `POST /refresh`: the response to each refresh token, and the effect on its session.
#![cfg(test)]

mod scene;

use std::time::Duration;

use latchkey_session::{AccountStatus, RotationPolicy};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{post_json, post_text, request, with_header, with_token},
    fixtures::{NOW, ROTATION_POLICY, signing_ring, user},
    forge::{bad_refresh_tokens, claims_for, header, sign},
    unavailable::{self, CAUSE, UnavailableUsers},
};
use latchkey_token::Subject;
use serde_json::json;

use scene::{
    access_claims, assert_refused, body, call, call_with, later, refresh_claims, scene, text,
    with_bearer,
};

const STRICT: RotationPolicy = RotationPolicy { grace: Duration::ZERO, ..ROTATION_POLICY };

#[tokio::test]
async fn the_newest_token_rotates_and_returns_the_next_pair() {
    let scene = scene(|alice| alice.roles = vec!["editor".to_owned()]).await;
    let now = later(1_000);
    let answer = scene.refresh(&scene.token, now).await;

    assert_eq!(answer.status_code, 200, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let pair = body(&answer);
    assert_eq!(pair.as_object().unwrap().len(), 5);
    assert_eq!(pair["token_type"], "Bearer");
    assert_eq!(
        (&pair["expires_in"], &pair["refresh_expires_in"]),
        (&json!(900), &json!(2_592_000))
    );

    let access = access_claims(&answer, now);
    let subject = Subject::User { id: scene.alice.id.clone(), username: "Alice".to_owned() };
    assert_eq!((&access.subject, access.session.as_ref()), (&subject, Some(&scene.session)));
    assert_eq!(
        (access.fresh, access.auth_time),
        (false, NOW),
        "only a password makes a token fresh"
    );
    assert_eq!(access.roles, ["editor"], "the current roles");

    let next = refresh_claims(&text(&answer, "refresh_token"), now);
    let stored = scene.stored().await.sessions[&scene.session].clone();
    assert_eq!((next.generation, stored.generation), (1, 1));
    assert_eq!((next.expires_at, next.auth_time), (stored.expires_at, NOW));
    assert_eq!(stored.rotated_at, now);
}

#[tokio::test]
async fn a_token_in_the_body_counts_and_another_in_a_header_is_an_error() {
    let scene = scene(|_| ()).await;
    let users = || scene.users.clone();
    let member = json!({ "refresh_token": scene.token });
    let event = post_json("/refresh", &member);
    assert_eq!(call(users(), ROTATION_POLICY, &event, NOW).await.status_code, 200);
    let with_other_scheme = with_header(event.clone(), "authorization", "Basic YTpi");
    assert_eq!(call(users(), ROTATION_POLICY, &with_other_scheme, NOW).await.status_code, 200);

    let same = call(users(), ROTATION_POLICY, &with_token(event, &scene.token), NOW).await;
    assert_eq!(same.status_code, 200, "the same token in two locations");
    let other =
        with_token(post_json("/refresh", &json!({ "refresh_token": "x.y.z" })), &scene.token);
    let both = call(users(), ROTATION_POLICY, &other, NOW).await;
    assert_eq!((both.status_code, &body(&both)["error"]), (400, &json!("invalid_request")));
}

#[tokio::test]
async fn a_body_without_a_token_is_ignored_if_a_header_has_one() {
    let scene = scene(|_| ()).await;
    let oversized = format!("{{\"refresh_token\":\"x\",\"a\":\"{}\"}}", "a".repeat(17_000));
    for text in [
        "",
        "{}",
        "null",
        "[]",
        "{",
        "\u{0}",
        "refresh_token=x",
        r#"{"refresh_token":null}"#,
        r#"{"refresh_token":""}"#,
        r#"{"refresh_token":7}"#,
        r#"{"refresh_token":"a","refresh_token":"b"}"#,
        &oversized,
    ] {
        for content_type in
            ["application/json", "application/x-www-form-urlencoded", "text/plain", ""]
        {
            let event = with_token(post_text("/refresh", text), &scene.token);
            let event = with_header(event, "content-type", content_type);
            let answer = call(scene.users.clone(), ROTATION_POLICY, &event, NOW).await;
            assert_eq!(answer.status_code, 200, "{content_type}: {text:.50}");
        }
    }
}

#[tokio::test]
async fn a_malformed_request_is_refused_before_anything_is_written() {
    for (event, status, code) in [
        (request("POST", "/refresh"), 401, "missing_token"),
        (post_text("/refresh", "{}"), 401, "missing_token"),
        (
            with_header(request("POST", "/refresh"), "authorization", "JWT x.y.z"),
            401,
            "missing_token",
        ),
        (post_text("/refresh", r#"{"refresh_token":7}"#), 400, "invalid_request"),
        (post_text("/refresh", r#"{"refresh_token":["x.y.z"]}"#), 400, "invalid_request"),
        (post_text("/refresh", "refresh_token=x.y.z"), 400, "invalid_request"),
        (
            post_text("/refresh", r#"{"refresh_token":"a","refresh_token":"b"}"#),
            400,
            "invalid_request",
        ),
        (post_text("/refresh", r#"{"refresh_token":""}"#), 401, "invalid_token"),
        (post_text("/refresh", r#"{"refresh_token":"x.y.z"}"#), 401, "invalid_token"),
        (post_text("/refresh", &" ".repeat(17_000)), 413, "payload_too_large"),
        (
            with_header(post_text("/refresh", "{}"), "content-type", "text/plain"),
            415,
            "unsupported_media_type",
        ),
        (with_bearer("a b"), 401, "invalid_token"),
    ] {
        let answer = call(UnavailableUsers, ROTATION_POLICY, &event, NOW).await;
        assert_eq!(
            (answer.status_code, &body(&answer)["error"]),
            (status, &json!(code)),
            "{event}"
        );
    }
}

#[tokio::test]
async fn every_bad_token_is_refused_and_ends_no_session() {
    let scene = scene(|_| ()).await;
    let bad = bad_refresh_tokens(&scene.alice.id, &scene.session);
    assert!(bad.len() > 80, "{}", bad.len());
    for (name, token, code) in bad {
        let answer = scene.refresh(&token, NOW).await;
        if answer.status_code == 400 {
            assert!(token.contains(|c: char| c.is_control()), "{name}: {answer:?}");
        } else {
            assert_eq!(
                (answer.status_code, body(&answer)["error"].as_str()),
                (401, Some(code)),
                "{name}"
            );
        }
    }
    assert_eq!(scene.stored().await.sessions, scene.alice.sessions);
    assert_eq!(scene.refresh(&scene.token, NOW).await.status_code, 200);
}

#[tokio::test]
async fn an_access_token_is_refused() {
    let scene = scene(|_| ()).await;
    let access = sign(&header(), &claims_for(&scene.alice.id, &scene.session));
    let answer = scene.refresh(&access, NOW).await;
    assert_refused(&answer, "wrong_token_type", "Only refresh tokens are allowed");
    assert_eq!(scene.stored().await.sessions, scene.alice.sessions);
}

#[tokio::test]
async fn within_the_grace_period_the_previous_token_gets_the_current_pair() {
    let scene = scene(|_| ()).await;
    let next = refresh_claims(&scene.next(&scene.token, NOW).await, NOW);
    let rotated = scene.stored().await.sessions;
    for seconds in [0, 1, 15, 29] {
        let now = later(seconds);
        let again = scene.refresh(&scene.token, now).await;
        assert_eq!(again.status_code, 200, "after {seconds} s");
        assert_eq!(refresh_claims(&text(&again, "refresh_token"), now), next, "the same token");
        assert!(!access_claims(&again, now).fresh);
        assert_eq!(scene.stored().await.sessions, rotated, "nothing is written");
    }
    let late = scene.refresh(&scene.token, later(30)).await;
    assert_refused(&late, "refresh_token_reused", "Refresh token has already been used");
}

#[tokio::test]
async fn a_reused_token_ends_only_its_own_session() {
    let scene = scene(|_| ()).await;
    let newest = scene.next(&scene.token, NOW).await;
    let reused = scene.refresh(&scene.token, later(60)).await;
    assert_refused(&reused, "refresh_token_reused", "Refresh token has already been used");

    let left: Vec<_> = scene.stored().await.sessions.into_keys().collect();
    assert_eq!(left.len(), 1);
    assert_ne!(left[0], scene.session);
    for token in [&newest, &scene.token] {
        let revoked = scene.refresh(token, later(61)).await;
        assert_refused(&revoked, "token_revoked", "Token has been revoked");
    }
}

#[tokio::test]
async fn a_token_two_generations_old_is_reuse_even_within_the_grace_period() {
    let scene = scene(|_| ()).await;
    let second = scene.next(&scene.token, NOW).await;
    scene.next(&second, NOW).await;
    let reused = scene.refresh(&scene.token, NOW).await;
    assert_refused(&reused, "refresh_token_reused", "Refresh token has already been used");
}

#[tokio::test]
async fn without_a_grace_period_a_second_use_is_always_reuse() {
    let scene = scene(|_| ()).await;
    let event = with_bearer(&scene.token);
    assert_eq!(call(scene.users.clone(), STRICT, &event, NOW).await.status_code, 200);
    let reused = call(scene.users.clone(), STRICT, &event, NOW).await;
    assert_refused(&reused, "refresh_token_reused", "Refresh token has already been used");
}

#[tokio::test]
async fn a_token_without_a_live_session_is_revoked() {
    for scene in [
        scene(|alice| alice.sessions.clear()).await,
        scene(|alice| alice.status = AccountStatus::Disabled).await,
        scene(|alice| alice.id = user("x").id).await,
        scene(|alice| {
            alice.sessions.values_mut().for_each(|session| session.expires_at = NOW);
        })
        .await,
    ] {
        let before = scene.stored().await.sessions;
        let revoked = scene.refresh(&scene.token, NOW).await;
        assert_refused(&revoked, "token_revoked", "Token has been revoked");
        assert_eq!(scene.stored().await.sessions, before, "nothing is written");
    }
    let deleted = scene(|_| ()).await.token;
    let revoked = call(MemoryUsers::default(), ROTATION_POLICY, &with_bearer(&deleted), NOW).await;
    assert_refused(&revoked, "token_revoked", "Token has been revoked");
}

#[tokio::test]
async fn refreshes_extend_a_session_up_to_its_absolute_lifetime() {
    const DAY: u64 = 86_400;
    let scene = scene(|_| ()).await;
    let mut token = scene.token.clone();
    for day in [29, 58, 87] {
        let now = later(day * DAY);
        token = scene.next(&token, now).await;
    }
    let claims = refresh_claims(&token, later(87 * DAY));
    assert_eq!(claims.expires_at, later(90 * DAY), "the absolute end, before the idle end");
    let last = scene.refresh(&token, later(90 * DAY - 1)).await;
    assert_eq!(body(&last)["expires_in"], 1, "no token outlives the session");
    let ended = scene.refresh(&text(&last, "refresh_token"), later(90 * DAY)).await;
    assert_refused(&ended, "token_expired", "Token has expired");
}

#[tokio::test]
async fn an_idle_session_expires_and_grace_does_not_revive_its_token() {
    let scene = scene(|_| ()).await;
    let expiry = refresh_claims(&scene.token, NOW).expires_at.since(NOW).as_secs();
    let next = scene.next(&scene.token, later(expiry - 1)).await;
    let expired = scene.refresh(&scene.token, later(expiry)).await;
    assert_refused(&expired, "token_expired", "Token has expired");
    assert_eq!(
        scene.refresh(&next, later(expiry)).await.status_code,
        200,
        "the session has not expired"
    );
}

#[tokio::test]
async fn a_shortened_absolute_lifetime_ends_the_session() {
    let scene = scene(|_| ()).await;
    let mut short = ROTATION_POLICY;
    short.lifetimes.absolute = Duration::from_mins(1);
    let event = with_bearer(&scene.token);
    let revoked = call(scene.users.clone(), short, &event, later(60)).await;
    assert_refused(&revoked, "token_revoked", "Token has been revoked");
}

#[tokio::test]
async fn an_unavailable_store_is_503_and_not_401() {
    let scene = scene(|_| ()).await;
    let answer = call(UnavailableUsers, ROTATION_POLICY, &with_bearer(&scene.token), NOW).await;
    assert_eq!((answer.status_code, answer.headers["retry-after"].as_str()), (503, "1"));
    assert!(!answer.body.contains(CAUSE), "{}", answer.body);
}

#[tokio::test]
async fn without_keys_a_refresh_is_503_and_does_not_rotate() {
    let scene = scene(|_| ()).await;
    let keys = signing_ring().connect(&unavailable::aws(), NOW).await;
    let (users, event) = (scene.users.clone(), with_bearer(&scene.token));
    let answer = call_with(keys, users, ROTATION_POLICY, &event, NOW).await;
    assert_eq!((answer.status_code, &body(&answer)["error"]), (503, &json!("unavailable")));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(scene.stored().await.sessions, scene.alice.sessions);
}
