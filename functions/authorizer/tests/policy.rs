//! The routes that a policy covers.
#![cfg(test)]

use authorizer::Authorizer;
use latchkey_guard::Guard;
use latchkey_testkit::{
    fixtures::{NOW, reader},
    forge::{claims, header, sign},
};
use serde_json::json;

/// The allowed resource for a valid token on a route; `None` for a refusal.
async fn resource(method_arn: &str) -> Option<String> {
    let token = format!("Bearer {}", sign(&header(), &claims()));
    let event = json!({ "type": "TOKEN", "methodArn": method_arn, "authorizationToken": token })
        .to_string();
    let authorizer = Authorizer { guard: Guard::stateless(reader()), edge: None };
    let decision = json!(authorizer.handle(&event, NOW).await.unwrap());
    let statement = &decision["policyDocument"]["Statement"][0];
    let resource = statement["Resource"].as_str().map(str::to_owned);
    assert_eq!(statement["Effect"] == "Deny", resource.as_deref() == Some("*"), "{decision}");
    resource.filter(|resource| resource != "*")
}

#[tokio::test]
async fn a_policy_covers_every_route_of_the_api_and_stage_that_was_called() {
    for (arn, expected) in [
        (
            "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/GET/me",
            "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/*",
        ),
        (
            "arn:aws:execute-api:eu-west-1:123456789012:a1b2/$default/GET/",
            "arn:aws:execute-api:eu-west-1:123456789012:a1b2/$default/*",
        ),
        (
            "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2/prod/$connect",
            "arn:aws-cn:execute-api:cn-north-1:123456789012:a1b2/prod/*",
        ),
    ] {
        assert_eq!(resource(arn).await.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn the_path_does_not_change_the_policy() {
    let stage = "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod";
    let long = "x".repeat(10_000);
    let every = "-._~!$&'()*+,;=:@/?%<>\"{}|\\^`[]# \t\u{0}ä\u{1f512}";
    let each = every.chars().map(|character| format!("a{character}b"));
    let paths = ["", "/", "//", "a//b", "*", "a:b:c", "${x}", "%2F%3a", &long, every];
    for path in paths.map(str::to_owned).into_iter().chain(each) {
        let covered = resource(&format!("{stage}/GET/{path}")).await;
        assert_eq!(covered, Some(format!("{stage}/*")), "{path:.100}");
    }
}

#[tokio::test]
async fn an_arn_that_does_not_name_one_stage_gets_no_allow_policy() {
    for arn in [
        "",
        "*",
        "arn",
        "arn:aws:lambda:eu-west-1:123456789012:a1b2/prod/GET/me",
        "arn:aws:execute-api:eu-west-1:123456789012:a1b2",
        "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod",
        "arn:aws:execute-api:eu-west-1:123456789012:*/prod/GET/me",
        "arn:aws:execute-api:eu-west-1:123456789012:a1b2/*/GET/me",
        "arn:aws:execute-api:*:123456789012:a1b2/prod/GET/me",
        "arn:aws:execute-api:eu-west-1::a1b2/prod/GET/me",
        "arn:aws:execute-api:eu-west-1:123456789012:${x}/prod/GET/me",
    ] {
        assert_eq!(resource(arn).await, None, "{arn:.100}");
    }
}
