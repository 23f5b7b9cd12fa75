//! The decisions of the authorizer, for each event format of API Gateway.
#![cfg(test)]

use authorizer::Authorizer;
use latchkey_guard::{Guard, RevocationCheck};
use latchkey_http::{ErrorKind, TrustedEdge};
use latchkey_session::{AddUser as _, LegacyUser};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    authorizer_event::{ARN, http_api_1, http_api_2, rest_request, rest_token, web_socket},
    fixtures::{NOW, operation, reader, reader_with, session, user},
    flask,
    forge::{bad_tokens, claims, claims_for, header, sign, with},
    unavailable::UnavailableUsers,
};
use serde_json::{Value, json};

async fn decide(users: MemoryUsers, event: &Value) -> Value {
    let authorizer = Authorizer {
        guard: Guard::new(reader(), Some(users), RevocationCheck::Strict),
        edge: None,
    };
    serde_json::to_value(authorizer.handle(&event.to_string(), NOW).await.unwrap()).unwrap()
}

async fn logged_in() -> (MemoryUsers, String, latchkey_session::User) {
    let users = MemoryUsers::default();
    let mut alice = user("Alice");
    let started = session(&alice, NOW);
    let claims =
        with(claims_for(&alice.id, &started.id), "roles", json!(["billing admin", "Prüfer 🔒"]));
    alice.sessions.insert(started.id, started.session);
    users.add_user(&alice, &operation()).await.unwrap();
    (users, sign(&header(), &claims), alice)
}

type EventFormat = fn(&str) -> Value;
const POLICY_FORMATS: [(&str, EventFormat); 4] = [
    ("HTTP API 1.0", http_api_1),
    ("REST REQUEST", rest_request),
    ("REST TOKEN", rest_token),
    ("WebSocket", web_socket),
];

fn simple_refusal() -> Value {
    json!({ "isAuthorized": false, "context": {} })
}

fn policy_refusal() -> Value {
    json!({
        "principalId": "unauthenticated",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*" }],
        },
        "context": {},
    })
}

fn context(alice: &latchkey_session::User) -> Value {
    json!({
        "sub": alice.id, "username": "alice", "sid": alice.sessions.keys().next().unwrap(),
        "jti": "token-0000000000000000", "roles": r#"["billing admin","Pr\u00fcfer \ud83d\udd12"]"#, "fresh": "true",
        "auth_time": NOW.unix().to_string(), "exp": (NOW.unix() + 900).to_string(),
    })
}

#[tokio::test]
async fn an_http_api_gets_a_simple_response_with_a_string_context() {
    let (users, token, alice) = logged_in().await;
    let decision = decide(users, &http_api_2(&format!("Bearer {token}"))).await;
    assert_eq!(decision, json!({ "isAuthorized": true, "context": context(&alice) }));
}

#[tokio::test]
async fn all_other_apis_get_a_policy_for_the_whole_stage() {
    let (users, token, alice) = logged_in().await;
    for (name, event) in POLICY_FORMATS {
        let decision = decide(users.clone(), &event(&format!("bearer {token}"))).await;
        let resource = "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/*";
        let expected = json!({
            "principalId": alice.id,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    { "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": resource },
                ],
            },
            "context": context(&alice),
        });
        assert_eq!(decision, expected, "{name}");
    }
}

#[tokio::test]
async fn every_bad_token_is_denied_in_every_event_format() {
    for (name, token, _) in bad_tokens() {
        let value = format!("Bearer {token}");
        let decision = decide(MemoryUsers::default(), &http_api_2(&value)).await;
        assert_eq!(decision, simple_refusal(), "{name}");
        for (format_name, event) in POLICY_FORMATS {
            let decision = decide(MemoryUsers::default(), &event(&value)).await;
            assert_eq!(decision, policy_refusal(), "{name} as {format_name}");
        }
    }
}

#[tokio::test]
async fn a_token_without_a_session_is_denied() {
    let value = format!("Bearer {}", sign(&header(), &claims()));
    let decision = decide(MemoryUsers::default(), &http_api_2(&value)).await;
    assert_eq!(decision, simple_refusal());
}

#[tokio::test]
async fn an_unknown_event_is_denied_and_not_an_error() {
    let (users, ..) = logged_in().await;
    for event in [
        json!(null),
        json!([]),
        json!("x"),
        json!(7),
        json!({}),
        json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] }),
        json!({ "version": "2.0" }),
        json!({ "version": "2.0", "identitySource": [] }),
        json!({ "version": "2.0", "identitySource": [""] }),
        json!({ "version": "2.0", "identitySource": null }),
        json!({ "version": "2.0", "identitySource": [7] }),
        json!({ "version": 2, "identitySource": ["Bearer x"] }),
    ] {
        assert_eq!(decide(users.clone(), &event).await, simple_refusal(), "{event}");
    }
    for event in [
        json!({ "type": "TOKEN", "methodArn": ARN }),
        json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": "" }),
        json!({ "type": "REQUEST", "methodArn": ARN, "headers": null }),
        json!({ "type": "REQUEST", "methodArn": "", "headers": {} }),
    ] {
        assert_eq!(decide(users.clone(), &event).await, policy_refusal(), "{event}");
    }
}

#[tokio::test]
async fn an_arn_without_a_stage_is_denied() {
    let (users, token, _) = logged_in().await;
    for arn in ["*", "junk", "arn:aws:execute-api:eu-west-1:123456789012:*/*/GET/x"] {
        let mut event = rest_token(&format!("Bearer {token}"));
        event["methodArn"] = arn.into();
        assert_eq!(decide(users.clone(), &event).await, policy_refusal(), "{arn}");
    }
    let mut event = rest_token(&format!("Bearer {token}"));
    event.as_object_mut().unwrap().remove("methodArn");
    assert_eq!(decide(users, &event).await, simple_refusal());
}

#[tokio::test]
async fn ambiguous_headers_are_denied() {
    let (users, token, _) = logged_in().await;
    let (good, other) = (format!("Bearer {token}"), "Bearer x.y.z");
    let event = |headers: Value, multi: Value| json!({ "type": "REQUEST", "methodArn": ARN, "headers": headers, "multiValueHeaders": multi });
    for event in [
        event(json!({ "authorization": good }), json!({ "authorization": [other] })),
        event(json!({ "authorization": other }), json!({ "authorization": [good] })),
        event(json!({ "authorization": good }), json!({ "authorization": [good, other] })),
        event(json!({ "authorization": good, "Authorization": other }), Value::Null),
    ] {
        assert_eq!(decide(users.clone(), &event).await, policy_refusal(), "{event}");
    }
}

#[tokio::test]
async fn the_decision_depends_only_on_the_identity_source() {
    let (users, token, _) = logged_in().await;
    let mut event = http_api_2("Bearer x.y.z");
    event["headers"]["authorization"] = format!("Bearer {token}").into();
    assert_eq!(
        decide(users, &event).await,
        simple_refusal(),
        "the gateway caches by the identity source"
    );
}

#[tokio::test]
async fn a_store_fault_is_an_error_and_not_a_decision() {
    let authorizer = Authorizer {
        guard: Guard::new(reader(), Some(UnavailableUsers), RevocationCheck::Strict),
        edge: None,
    };
    let event = http_api_2(&format!("Bearer {}", sign(&header(), &claims())));
    let error = authorizer.handle(&event.to_string(), NOW).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn flask_tokens_are_accepted_in_every_event_format() {
    let (users, _, alice) = logged_in().await;
    let keys = flask::keys(&json!({ "minted_by": "flask" }));
    users.add_legacy_user(
        "alice",
        LegacyUser { id: alice.id.clone(), username: alice.username.clone() },
    );
    let reader = reader_with(keys);
    let authorizer =
        Authorizer { guard: Guard::new(reader, Some(users), RevocationCheck::Strict), edge: None };
    let claims = flask::extended_claims();
    let expired = with(claims.clone(), "exp", NOW.unix().into());
    for (claims, is_allowed) in [(claims, true), (expired, false)] {
        let value = format!("Bearer {}", flask::sign(&claims));
        for event in [http_api_2, http_api_1, rest_request, rest_token, web_socket] {
            let event = event(&value).to_string();
            let decision = authorizer.handle(&event, NOW).await.unwrap();
            let decision = serde_json::to_value(decision).unwrap();
            let effect = &decision["policyDocument"]["Statement"][0]["Effect"];
            let allows = decision["isAuthorized"] == true || effect == "Allow";
            assert_eq!(allows, is_allowed, "{event} {decision}");
            if is_allowed {
                assert_eq!(decision["context"]["sub"], json!(alice.id), "{decision}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_around_a_required_edge_is_denied_in_every_format() {
    // SHA-256 of the empty text.
    let mut hash = [0; 32];
    let digits = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    hex::decode_to_slice(digits, &mut hash).unwrap();
    let (users, token, _) = logged_in().await;
    let mut edge = TrustedEdge {
        address_header: "x-client-ip".parse().unwrap(),
        secret_hashes: vec![hash],
        is_required: true,
    };
    for required in [true, false] {
        edge.is_required = required;
        for format in [http_api_2, http_api_1, rest_request, rest_token, web_socket] {
            let guard = Guard::new(reader(), Some(users.clone()), RevocationCheck::Strict);
            let authorizer = Authorizer { guard, edge: Some(edge.clone()) };
            let decide = async |event: Value| {
                let decision = authorizer.handle(&event.to_string(), NOW).await.unwrap();
                let decision = serde_json::to_value(decision).unwrap();
                decision != simple_refusal() && decision != policy_refusal()
            };
            let event = format(&format!("Bearer {token}"));
            let has_headers = event["type"] != "TOKEN";
            let with = |member: &str, name: &str, value: Value| {
                let mut event = event.clone();
                event[member][name] = value;
                event
            };
            assert_eq!(decide(event.clone()).await, !required, "{event}");
            let wrong = with("headers", "X-Origin-Secret", json!("guess"));
            assert_eq!(decide(wrong).await, !required);
            if has_headers {
                for (member, value) in [("headers", json!("")), ("multiValueHeaders", json!([""]))]
                {
                    assert!(decide(with(member, "X-Origin-Secret", value)).await, "{event}");
                }
            }
        }
    }
}
