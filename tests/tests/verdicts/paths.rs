//! The request path does not affect verdicts: every character that RFC 3986 allows, raw and encoded,
//! every encoded byte, and decoded characters.

use std::fmt::Write as _;

use latchkey_testkit::fixtures::NOW;
use latchkey_token::Timestamp;
use serde_json::Value;

use crate::{
    events::{event, event_for},
    forms::{ClientRequest, Locations},
    surfaces::{MemoryDeployment, Surface},
    table,
    tokens::{INVALID, OPENS, TokenRow, second_token},
};

/// The unencoded characters of a segment apart from letters and digits (RFC 3986 §3.3).
const SIGNS: &str = "-._~!$&'()*+,;=:@";

/// Characters of a path that a gateway has decoded.
const DECODED: &str =
    " \"#<>?[\\]^`{|}%\t\n\u{0}\u{7f}\u{85}äé€ñ日本語ـعربيה\u{301}\u{200d}\u{feff}🔒";

/// Path segments of every kind.
fn segments() -> Vec<String> {
    let mut segments: Vec<String> = Vec::new();
    let plain = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(SIGNS.chars());
    for character in plain {
        segments.push(character.into());
        segments.push(format!("a{character}b"));
    }
    for byte in 0..=u8::MAX {
        segments.push(format!("%{byte:02X}"));
        segments.push(format!("a%{byte:02x}b"));
    }
    for character in DECODED.chars() {
        segments.push(format!("a{character}b"));
        let mut encoded = String::new();
        for byte in character.to_string().bytes() {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        segments.push(encoded);
    }
    segments
        .extend([SIGNS, DECODED, "..", ".", "%", "%2", "%zz", "%2F..%2F", "${x}"].map(Into::into));
    segments.push("x".repeat(8_000));
    segments
}

/// Paths with each segment alone, between others, and next to empty segments.
fn paths() -> Vec<String> {
    let mut paths = vec!["/".to_owned(), "//".to_owned(), "/prod/".to_owned()];
    for segment in segments() {
        paths.extend([
            format!("/{segment}"),
            format!("/workitems/{segment}/"),
            format!("//{segment}//x"),
        ]);
    }
    paths
}

/// A valid and an invalid token with their verdicts.
fn tokens() -> [(TokenRow, &'static str); 2] {
    let rows = table(NOW.unix());
    let named = |name: &str| rows.iter().find(|token| token.name == name).unwrap().clone();
    [(named("fresh"), OPENS), (named("a foreign key"), INVALID)]
}

fn bearer(token: &TokenRow) -> ClientRequest {
    (crate::bearer().build)(token, &second_token(NOW.unix()))
}

#[tokio::test]
async fn the_path_does_not_affect_verdicts_in_any_event_format() {
    let deployment = MemoryDeployment::new(Locations::Header, 0, NOW.unix()).await;
    let now = Timestamp::from_unix(NOW.unix());
    for (token, verdict) in tokens() {
        let sent = bearer(&token);
        for path in paths() {
            for surface in [Surface::Guard, Surface::Layer] {
                let event = event_for(surface, &sent, &path);
                let answer = deployment.answer(surface, &token, &event, now.unix()).await;
                assert_eq!(answer.verdict, verdict, "{surface:?}: {path:.200}");
            }
            for surface in Surface::AUTHORIZERS {
                let decision = deployment.decide(&event_for(surface, &sent, &path), now).await;
                assert_eq!(
                    policy_of(&decision),
                    policy(surface, verdict),
                    "{surface:?}: {path:.200}"
                );
            }
        }
    }
}

/// Whether a decision allows, and the resource of its policy.
fn policy_of(decision: &Value) -> (bool, Option<&str>) {
    match decision.pointer("/policyDocument/Statement/0") {
        Some(statement) => (statement["Effect"] == "Allow", statement["Resource"].as_str()),
        None => (decision["isAuthorized"] == true, None),
    }
}

fn policy(shape: Surface, verdict: &str) -> (bool, Option<&'static str>) {
    let is_allowed = verdict == OPENS;
    match (shape, is_allowed) {
        (Surface::HttpApi2, _) => (is_allowed, None),
        (_, true) => (true, Some("arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/*")),
        (_, false) => (false, Some("*")),
    }
}

#[tokio::test]
async fn path_parameters_do_not_affect_the_verdict_of_an_endpoint() {
    let deployment = MemoryDeployment::new(Locations::Header, 0, NOW.unix()).await;
    for (token, verdict) in tokens() {
        let sent = ClientRequest { is_change: true, ..bearer(&token) };
        for segment in segments().iter().filter(|segment| !segment.is_empty()) {
            for (surface, route) in [(Surface::Me, "sessions"), (Surface::WorkItems, "workitems")] {
                let event = event(&sent, &format!("/{route}/{segment}"));
                let answer = deployment.answer(surface, &token, &event, NOW.unix()).await;
                assert_eq!(answer.verdict, verdict, "{route}: {segment:.200}");
            }
        }
    }
}
