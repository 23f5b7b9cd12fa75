//! Expiry of tokens and sessions, with the real binaries.
#![cfg(test)]

use std::time::Duration;

use latchkey_tests::stack::{Settings, Stack, Tokens, claims_of, signal_to};
use tokio::time::sleep;

async fn logged_in(settings: Settings) -> (Stack, Tokens) {
    let stack = settings.start();
    stack.sign_up("alice").await;
    let tokens = stack.tokens_of("alice").await;
    (stack, tokens)
}

/// Waits until `seconds` after the issue of a token.
async fn until(token: &str, seconds: u64) {
    let moment = claims_of(token)["iat"].as_u64().unwrap() + seconds;
    while latchkey_token::Timestamp::now().unix() < moment {
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thawed_function_verifies_tokens_with_the_current_time() {
    let settings = Settings::default()
        .variable("JWT_ACCESS_TOKEN_EXPIRES", "3")
        .variable("JWT_REFRESH_TOKEN_EXPIRES", "3");
    let (stack, tokens) = logged_in(settings).await;
    // The processes are warm and have cached the token as genuine.
    assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
    assert_eq!(stack.get("/workitems", &tokens.access).await.status, 200);
    let session = stack.tokens_of("alice").await;
    assert_eq!(stack.refresh(&session.refresh).await.status, 200);

    let functions = stack.functions();
    let signal_all = |signal| functions.iter().for_each(|function| signal_to(*function, signal));
    signal_all("STOP");
    until(&session.refresh, 4).await;
    let (protected, workitems, refreshed, ()) = tokio::join!(
        stack.get("/protected", &tokens.access),
        stack.get("/workitems", &tokens.access),
        stack.refresh(&session.refresh),
        async {
            sleep(Duration::from_millis(300)).await;
            signal_all("CONT");
        },
    );
    assert_eq!(protected.text("error"), "token_expired", "{protected:?}");
    assert_eq!(workitems.status, 403, "{workitems:?}");
    assert_eq!(refreshed.text("error"), "token_expired", "{refreshed:?}");
    assert_eq!(stack.functions(), functions, "same processes");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_refreshes_do_not_extend_the_grace_period() {
    let (stack, first) = logged_in(Settings::default().variable("REFRESH_GRACE", "3")).await;
    let second = Tokens::of(&stack.refresh(&first.refresh).await);
    for seconds in [0, 1, 2] {
        until(&second.refresh, seconds).await;
        let again = stack.refresh(&first.refresh).await;
        assert_eq!(again.status, 200, "after {seconds} s: {again:?}");
    }
    until(&second.refresh, 3).await;
    let reused = stack.refresh(&first.refresh).await;
    assert_eq!(reused.text("error"), "refresh_token_reused", "{reused:?}");
    assert_eq!(stack.refresh(&second.refresh).await.text("error"), "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grace_period_does_not_revive_an_expired_token() {
    let settings = Settings::default().variable("JWT_REFRESH_TOKEN_EXPIRES", "3");
    let (stack, first) = logged_in(settings).await;
    until(&first.refresh, 2).await;
    let second = Tokens::of(&stack.refresh(&first.refresh).await);
    until(&first.refresh, 3).await;
    let expired = stack.refresh(&first.refresh).await;
    assert_eq!(expired.text("error"), "token_expired", "{expired:?}");
    assert_eq!(stack.refresh(&second.refresh).await.status, 200, "the session is alive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_extends_a_session_up_to_its_absolute_end() {
    let settings = Settings::default()
        .variable("JWT_REFRESH_TOKEN_EXPIRES", "4")
        .variable("SESSION_LIFETIME", "7");
    let (stack, first) = logged_in(settings).await;
    until(&first.refresh, 3).await;
    let second = stack.refresh(&first.refresh).await;
    assert_eq!(second.body["refresh_expires_in"], 4, "{second:?}");
    until(&first.refresh, 5).await;
    let third = stack.refresh(second.text("refresh_token")).await;
    let left = third.body["refresh_expires_in"].as_u64().unwrap();
    assert!((1..=2).contains(&left), "{third:?}");
    until(&first.refresh, 7).await;
    for (path, answer) in [
        ("refresh", stack.refresh(third.text("refresh_token")).await),
        ("protected", stack.get("/protected", third.text("access_token")).await),
    ] {
        assert_eq!(answer.text("error"), "token_expired", "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_works_at_once_after_the_cache_ttl_or_at_expiry() {
    for (check, at_once, later) in [
        ("strict", Some(401), 401),
        ("cached:60", Some(200), 200),
        // Too short for an assertion within the TTL.
        ("cached:2", None, 401),
        ("off", Some(200), 200),
    ] {
        let settings = Settings::default().variable("JWT_REVOCATION_CHECK", check);
        let (stack, tokens) = logged_in(settings).await;
        assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
        assert_eq!(stack.get("/workitems", &tokens.access).await.status, 200);
        assert_eq!(stack.log_out(&tokens.access).await.status, 200);
        let status = async || stack.get("/protected", &tokens.access).await.status;
        let found = status().await;
        assert!(at_once.is_none_or(|expected| found == expected), "{check}: {found}");
        sleep(Duration::from_secs(3)).await;
        assert_eq!(status().await, later, "{check}");
        let behind_authorizer = stack.get("/workitems", &tokens.access).await.status;
        assert_eq!(behind_authorizer, if later == 401 { 403 } else { 200 }, "{check}");
        assert_eq!(stack.get("/me", &tokens.access).await.status, 401, "{check}: always strict");
    }
}
