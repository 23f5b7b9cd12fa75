//! No path of a request changes a verdict: every character that RFC 3986 allows in a path, raw and
//! encoded, every byte encoded, and what a gateway decodes.

use std::fmt::Write as _;

use latchkey_testkit::fixtures::NOW;
use latchkey_token::Timestamp;
use serde_json::Value;

use crate::{
    events::{event, event_for},
    forms::{Asked, Places},
    surfaces::{Scene, Surface},
    table,
    tokens::{INVALID, OPENS, Token, another},
};

/// What RFC 3986, §3.3, allows in a segment unencoded, but for letters and digits.
const SIGNS: &str = "-._~!$&'()*+,;=:@";

/// Characters of every kind that a gateway decodes a path to.
const DECODED: &str =
    " \"#<>?[\\]^`{|}%\t\n\u{0}\u{7f}\u{85}äé€ñ日本語ـعربيה\u{301}\u{200d}\u{feff}🔒";

/// What may stand in a segment.
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

/// The segment alone, below another and before one, doubled, and with empty segments around it.
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

/// A token that opens, and one that does not, each with its verdict.
fn tokens() -> [(Token, &'static str); 2] {
    let rows = table(NOW.unix());
    let named = |name: &str| rows.iter().find(|token| token.name == name).unwrap().clone();
    [(named("fresh"), OPENS), (named("a foreign key"), INVALID)]
}

fn bearer(token: &Token) -> Asked {
    (crate::bearer().ask)(token, &another(NOW.unix()))
}

#[tokio::test]
async fn no_path_changes_a_verdict_in_any_event_shape() {
    let scene = Scene::new(Places::Header, 0, NOW.unix()).await;
    let now = Timestamp::from_unix(NOW.unix());
    for (token, verdict) in tokens() {
        let asked = bearer(&token);
        for path in paths() {
            for surface in [Surface::Guard, Surface::Layer] {
                let event = event_for(surface, &asked, &path);
                let said = scene.judge(surface, &token, &event, now.unix()).await;
                assert_eq!(said.verdict, verdict, "{surface:?}: {path:.200}");
            }
            for surface in Surface::AUTHORIZERS {
                let decision = scene.decide(&event_for(surface, &asked, &path), now).await;
                assert_eq!(
                    policy_of(&decision),
                    policy(surface, verdict),
                    "{surface:?}: {path:.200}"
                );
            }
        }
    }
}

/// What a decision allows: everything of the stage, or nothing.
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

/// A route with a parameter takes any segment for its value, and only then does the token matter.
#[tokio::test]
async fn no_parameter_of_a_path_changes_the_verdict_of_an_endpoint() {
    let scene = Scene::new(Places::Header, 0, NOW.unix()).await;
    for (token, verdict) in tokens() {
        let asked = Asked { is_change: true, ..bearer(&token) };
        for segment in segments().iter().filter(|segment| !segment.is_empty()) {
            for (surface, route) in [(Surface::Me, "sessions"), (Surface::WorkItems, "workitems")] {
                let event = event(&asked, &format!("/{route}/{segment}"));
                let said = scene.judge(surface, &token, &event, NOW.unix()).await;
                assert_eq!(said.verdict, verdict, "{route}: {segment:.200}");
            }
        }
    }
}
