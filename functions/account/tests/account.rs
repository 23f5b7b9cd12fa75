//! `/me` and `/sessions`: their responses and changes.
#![cfg(test)]

mod scene;

use latchkey_session::{AccountStatus, AddUser as _, Email, LegacyUser, ReadUser as _, Username};
use latchkey_testkit::{
    event::{request, with_token},
    fixtures::{NOW, operation, user},
    forge::{bad_tokens, claims_for, header, sign},
    unavailable::UnavailableUsers,
};
use latchkey_token::{SessionId, Timestamp};
use scene::{PASSWORD, Scene, assert_empty, body, call, refusal, scene, with_body};
use serde_json::{Value, json};

fn delete_me(password: &str) -> Value {
    with_body("DELETE", "/me", &json!({ "password": password }))
}

fn end_sessions(query: &str) -> Value {
    let mut event = request("DELETE", "/sessions");
    event["rawQueryString"] = query.into();
    event
}

fn every_route() -> [Value; 5] {
    [
        request("GET", "/me"),
        delete_me(PASSWORD),
        request("GET", "/sessions"),
        request("DELETE", "/sessions"),
        request("DELETE", "/sessions/x"),
    ]
}

#[tokio::test]
async fn get_me_returns_the_callers_account_and_nothing_else() {
    let scene = scene(|alice| {
        alice.email = Some(Email::parse("alice@example.com").unwrap());
        alice.roles = vec!["editor".to_owned()];
    })
    .await;
    let answer = scene.call(request("GET", "/me")).await;
    assert_eq!((answer.status_code, answer.headers["cache-control"].as_str()), (200, "no-store"));
    assert_eq!(
        body(&answer),
        json!({
            "id": scene.alice.id, "username": "Alice", "email": "alice@example.com",
            "roles": ["editor"], "created_at": "2023-11-14T22:13:20Z",
        })
    );
}

#[tokio::test]
async fn sessions_are_listed_the_most_recently_used_first() {
    let scene = scene(|alice| {
        for (age, session) in alice.sessions.values_mut().enumerate() {
            session.rotated_at = Timestamp::from_unix(NOW.unix() + age as u64);
        }
        let mut expired = alice.sessions.values().next().unwrap().clone();
        expired.expires_at = NOW;
        alice.sessions.insert(SessionId::generate().unwrap(), expired);
    })
    .await;
    let answer = scene.call(request("GET", "/sessions")).await;
    assert_eq!(answer.status_code, 200, "{answer:?}");
    let listed = body(&answer)["sessions"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 3, "only live sessions");
    let times: Vec<_> = listed.iter().map(|one| one["last_used_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a > b), "{times:?}");
    let current: Vec<_> = listed.iter().filter(|one| one["current"] == true).collect();
    assert_eq!(current.len(), 1);
    let mut current = current[0].clone();
    current.as_object_mut().unwrap().remove("last_used_at");
    assert_eq!(
        current,
        json!({
            "id": scene.sessions[0], "created_at": "2023-11-14T22:13:20Z",
            "expires_at": "2023-12-14T22:13:20Z", "ip": "192.0.2.1", "user_agent": "test",
            "current": true,
        })
    );
}

#[tokio::test]
async fn ending_a_session_by_id_succeeds_even_for_unknown_ids() {
    let scene = scene(|_| ()).await;
    let path = format!("/sessions/{}", scene.sessions[1]);
    for _ in 0..2 {
        assert_empty(&scene.call(request("DELETE", &path)).await);
        assert_eq!(scene.left().await.len(), 2);
    }
    for unknown in ["x", "", "a/b", "%00", &"x".repeat(3_000)] {
        let event = request("DELETE", &format!("/sessions/{unknown}"));
        assert_empty(&scene.call(event).await);
    }
    assert_eq!(scene.left().await.len(), 2);
}

#[tokio::test]
async fn no_mix_of_claims_ends_another_users_session() {
    let scene = scene(|_| ()).await;
    let victim = self::scene(|_| ()).await;
    // Two users in one store.
    let mut other = victim.alice.clone();
    other.username = Username::parse("victim").unwrap();
    scene.users.add_user(&other, &operation()).await.unwrap();
    let path = format!("/sessions/{}", victim.sessions[1]);
    assert_empty(&scene.call(request("DELETE", &path)).await);
    let mixed = [
        claims_for(&scene.alice.id, &victim.sessions[1]),
        claims_for(&victim.alice.id, &scene.sessions[0]),
        claims_for(&victim.alice.id, &victim.sessions[1]),
    ];
    for claims in mixed {
        let event = with_token(request("DELETE", "/sessions"), &sign(&header(), &claims));
        let answer = call(scene.users.clone(), &event).await;
        assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()));
    }
    let left = scene.users.find_user(&other.username).await.unwrap().unwrap().sessions;
    assert_eq!(left, victim.alice.sessions);
    assert_eq!(scene.left().await.len(), 3);
}

#[tokio::test]
async fn all_sessions_end_unless_the_current_one_is_kept() {
    for (query, left) in [("", 0), ("other=1", 0), ("keep=current", 1), ("a=b&keep=current", 1)] {
        let scene = scene(|_| ()).await;
        assert_empty(&scene.call(end_sessions(query)).await);
        assert_eq!(scene.left().await.len(), left, "{query}");
        let again = scene.call(end_sessions(query)).await;
        assert_eq!(again.status_code, if left == 0 { 401 } else { 204 });
    }
}

#[tokio::test]
async fn a_misspelt_keep_ends_nothing() {
    let scene = scene(|_| ()).await;
    for query in ["keep", "keep=", "keep=curent", "keep=true", "keep=current&keep=no"] {
        let answer = scene.call(end_sessions(query)).await;
        assert_eq!(refusal(&answer), (400, "invalid_request".to_owned()), "{query}");
        assert_eq!(body(&answer)["msg"], "keep must be `current`");
    }
    assert_eq!(scene.left().await.len(), 3);
}

#[tokio::test]
async fn a_wrong_password_deletes_nothing() {
    let scene = scene(|_| ()).await;
    for wrong in ["wrong horse battery", &PASSWORD.to_uppercase(), &"x".repeat(300)] {
        let answer = scene.call(delete_me(wrong)).await;
        assert_eq!(refusal(&answer), (401, "invalid_credentials".to_owned()));
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"latchkey\"");
    }
    let stored = scene.stored().await.unwrap();
    assert_eq!((stored.credentials_version, stored.sessions), (0, scene.alice.sessions));
}

#[tokio::test]
async fn a_malformed_body_changes_nothing() {
    let scene = scene(|_| ()).await;
    for (event, sentence) in [
        (with_body("DELETE", "/me", &json!({})), "password is missing"),
        (with_body("DELETE", "/me", &json!({ "password": null })), "password is missing"),
    ] {
        let answer = scene.call(event).await;
        assert_eq!((answer.status_code, &body(&answer)["msg"]), (400, &json!(sentence)));
    }
    assert_eq!(scene.call(request("DELETE", "/me")).await.status_code, 415);
    assert_eq!(scene.left().await.len(), 3);
}

#[tokio::test]
async fn a_deleted_account_is_gone_with_all_its_sessions() {
    let scene = scene(|_| ()).await;
    assert_empty(&scene.call(delete_me(PASSWORD)).await);
    assert!(scene.stored().await.is_none());
    let answer = scene.call(request("GET", "/me")).await;
    assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()));
}

#[tokio::test]
async fn every_route_refuses_missing_and_invalid_tokens() {
    for event in every_route() {
        let scene = scene(|_| ()).await;
        let (name, token, code) = &bad_tokens()[0];
        let answer = call(scene.users.clone(), &with_token(event.clone(), token)).await;
        assert_eq!(refusal(&answer), (401, (*code).to_owned()), "{name}");
        let without_token = call(scene.users.clone(), &event).await;
        assert_eq!(refusal(&without_token), (401, "missing_token".to_owned()));
    }
}

#[tokio::test]
async fn every_route_refuses_a_token_without_a_live_session() {
    for event in every_route() {
        for mut ended in [
            scene(|alice| alice.sessions.clear()).await,
            scene(|alice| alice.status = AccountStatus::Disabled).await,
            scene(|alice| {
                alice.sessions.values_mut().for_each(|session| session.expires_at = NOW);
            })
            .await,
            recreated_account().await,
        ] {
            let answer = ended.call(event.clone()).await;
            assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()), "{event}");
            let stored = ended.stored().await.unwrap();
            assert_eq!(stored.sessions, std::mem::take(&mut ended.alice.sessions));
        }
    }
}

/// A scene whose token belongs to a deleted account of the same name.
async fn recreated_account() -> Scene {
    let mut scene = scene(|_| ()).await;
    scene.token = sign(&header(), &claims_for(&user("x").id, &scene.sessions[0]));
    scene
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let scene = scene(|_| ()).await;
    for (method, path, status, allow) in [
        ("POST", "/me", 405, Some("GET, DELETE")),
        ("PUT", "/sessions", 405, Some("GET, DELETE")),
        ("GET", "/sessions/x", 405, Some("DELETE")),
        ("GET", "/sessionsx", 404, None),
        ("GET", "/", 404, None),
    ] {
        let answer = scene.call(request(method, path)).await;
        assert_eq!(answer.status_code, status, "{method} {path}");
        assert_eq!(answer.headers.get("allow").map(String::as_str), allow);
    }
}

#[tokio::test]
async fn an_unavailable_store_is_503_on_every_route() {
    let scene = scene(|_| ()).await;
    for event in every_route() {
        let answer = call(UnavailableUsers, &with_token(event, &scene.token)).await;
        assert_eq!((answer.status_code, answer.headers["retry-after"].as_str()), (503, "1"));
    }
}

/// A legacy token for alice, whose account is migrated.
fn legacy_token(scene: &Scene) -> String {
    let legacy_user =
        LegacyUser { id: scene.alice.id.clone(), username: scene.alice.username.clone() };
    scene.users.add_legacy_user("alice", legacy_user);
    latchkey_testkit::flask::sign(&latchkey_testkit::flask::extended_claims())
}

#[tokio::test]
async fn a_legacy_token_works_for_its_migrated_account() {
    let scene = scene(|_| ()).await;
    let call = async |event: Value, token: &str| {
        call(scene.users.clone(), &with_token(event, token)).await
    };
    let token = latchkey_testkit::flask::sign(&latchkey_testkit::flask::extended_claims());
    let answer = call(request("GET", "/me"), &token).await;
    assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()), "alice is not migrated");

    let token = legacy_token(&scene);
    let answer = call(request("GET", "/me"), &token).await;
    assert_eq!((answer.status_code, &body(&answer)["id"]), (200, &json!(scene.alice.id)));
    let listed = body(&call(request("GET", "/sessions"), &token).await);
    let listed = listed["sessions"].as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|session| session["current"] == false));
    assert_empty(&call(end_sessions("keep=current"), &token).await);
    assert_eq!(scene.left().await.len(), 0, "a legacy token has no current session");
    assert_empty(&call(delete_me(PASSWORD), &token).await);
    assert!(scene.stored().await.is_none());
    let answer = call(request("GET", "/me"), &token).await;
    assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()));
}

#[tokio::test]
async fn a_legacy_token_is_refused_after_a_password_change() {
    for event in every_route() {
        let scene = scene(|alice| alice.credentials_version = 1).await;
        let token = legacy_token(&scene);
        let answer = call(scene.users.clone(), &with_token(event, &token)).await;
        assert_eq!(refusal(&answer), (401, "token_revoked".to_owned()));
    }
}
