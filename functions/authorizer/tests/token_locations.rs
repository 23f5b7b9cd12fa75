//! Token locations of the authorizer: those of the guard that can be an identity source.
#![cfg(test)]

use authorizer::Authorizer;
use latchkey_guard::{
    Guard, HeaderName, RevocationCheck, TokenLocation, TokenLocations, TokenReader,
};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    authorizer_event::{http_api_1, http_api_2, rest_request, rest_token, web_socket},
    fixtures::{NOW, reader},
    forge::{claims, header, sign, with},
};
use serde_json::{Value, json};

type EventFormat = (&'static str, fn(&str) -> Value);
const FORMATS: [EventFormat; 5] = [
    ("HTTP API 2.0", http_api_2),
    ("HTTP API 1.0", http_api_1),
    ("REST REQUEST", rest_request),
    ("REST TOKEN", rest_token),
    ("WebSocket", web_socket),
];

fn token() -> String {
    sign(&header(), &claims())
}

/// Whether the authorizer allows the request. Checks the format of the response.
async fn allows(locations: &TokenLocations, event: &Value) -> bool {
    let reader = TokenReader { locations: locations.clone(), ..reader() };
    let guard = Guard::new(reader, None::<MemoryUsers>, RevocationCheck::Off);
    let decision = Authorizer { guard, edge: None }.handle(&event.to_string(), NOW).await.unwrap();
    let decision = serde_json::to_value(decision).unwrap();
    let effect = decision.pointer("/policyDocument/Statement/0/Effect").and_then(Value::as_str);
    let (simple, policy) = (decision.get("isAuthorized").and_then(Value::as_bool), effect);
    assert_eq!(policy.is_none(), event["version"] == "2.0", "{decision} for {event}");
    simple.unwrap_or(policy == Some("Allow"))
}

fn at(order: &[TokenLocation]) -> TokenLocations {
    TokenLocations { order: order.to_vec(), ..TokenLocations::default() }
}

#[tokio::test]
async fn only_the_configured_scheme_is_accepted_in_every_event_format() {
    let token = token();
    let scheme = |scheme: Option<&str>| TokenLocations {
        header_scheme: scheme.map(str::to_owned),
        ..TokenLocations::default()
    };
    for (configured, value, expected) in [
        (Some("Bearer"), format!("Bearer {token}"), true),
        (Some("Bearer"), format!("JWT {token}"), true),
        (Some("Bearer"), format!("Token {token}"), false),
        (Some("Bearer"), token.clone(), false),
        (Some("Token"), format!("Token {token}"), true),
        (Some("Token"), format!("tOKEN  {token} "), true),
        (Some("Token"), format!("Bearer {token}"), false),
        (None, token.clone(), true),
        (None, format!(" {token} "), true),
        (None, format!("Bearer {token}"), false),
        (Some("Bearer"), format!("Bearer  {token}"), true),
        (Some("Bearer"), format!("Basic YTpi, Bearer {token}"), true),
        (Some("Bearer"), format!("Basic YTpi,Bearer {token},Bearer {token}"), true),
        (Some("Bearer"), format!("Bearer {token}, Bearer x.y.z"), false),
        (Some("Bearer"), format!("Bearer {token} x"), false),
        (Some("Bearer"), format!("Bearer {token}\u{1}"), false),
        (Some("Bearer"), "Bearer".to_owned(), false),
    ] {
        for (name, event) in FORMATS {
            let allowed = allows(&scheme(configured), &event(&value)).await;
            assert_eq!(allowed, expected, "{name}: {configured:?} {value:.30}");
        }
    }
}

#[tokio::test]
async fn the_header_name_is_configurable() {
    let locations = TokenLocations {
        header_name: HeaderName::from_static("x-auth"),
        ..TokenLocations::default()
    };
    let value = format!("Bearer {}", token());
    for (name, format) in [FORMATS[1], FORMATS[2], FORMATS[4]] {
        assert!(!allows(&locations, &format(&value)).await, "{name}");
        let mut event = format("Basic YTpi");
        event["headers"]["X-Auth"] = value.clone().into();
        assert!(allows(&locations, &event).await, "{name}");
    }
    assert!(allows(&locations, &http_api_2(&value)).await, "the identity source is that header");
}

#[tokio::test]
async fn irrelevant_event_members_may_have_any_type() {
    let value = format!("Bearer {}", token());
    let kinds = [
        Value::Null,
        json!(true),
        json!(7),
        json!("x"),
        json!(["x", null, 7, {}]),
        json!({ "x": null, "y": 7, "z": ["\u{1}"], "bad name": {} }),
    ];
    for (name, format) in FORMATS {
        for kind in &kinds {
            for member in [
                "cookies",
                "routeKey",
                "queryStringParameters",
                "multiValueQueryStringParameters",
                "pathParameters",
                "stageVariables",
                "requestContext",
                "rawPath",
                "path",
                "body",
            ] {
                let mut event = format(&value);
                event[member] = kind.clone();
                assert!(allows(&TokenLocations::default(), &event).await, "{name}: {event}");
            }
            let mut event = format(&value);
            if event["headers"].is_object() {
                event["headers"]["x-other"] = kind.clone();
                assert!(allows(&TokenLocations::default(), &event).await, "{name}: {event}");
            }
            if event["multiValueHeaders"].is_object() {
                event["multiValueHeaders"]["x-other"] = kind.clone();
                assert!(allows(&TokenLocations::default(), &event).await, "{name}: {event}");
                event["multiValueHeaders"] = kind.clone();
                assert!(allows(&TokenLocations::default(), &event).await, "{name}: {event}");
            }
            let mut event = format("Bearer x.y.z");
            event["headers"] = kind.clone();
            event["identitySource"] = kind.clone();
            allows(&TokenLocations::default(), &event).await;
        }
    }
}

#[tokio::test]
async fn a_query_parameter_counts_only_when_configured() {
    let token = token();
    let connect = |query: Value, multi: Value| {
        let mut event = web_socket("");
        event["headers"] = json!({});
        event["multiValueHeaders"] = Value::Null;
        event["queryStringParameters"] = query;
        event["multiValueQueryStringParameters"] = multi;
        event
    };
    let in_url = at(&[TokenLocation::Headers, TokenLocation::QueryString]);
    let other = connect(json!({ "jwt": "x.y.z" }), json!({ "jwt": [token, "x.y.z"] }));
    for (event, expected) in [
        (connect(json!({ "jwt": token }), Value::Null), true),
        (connect(json!({ "jwt": token, "a": null }), json!({ "jwt": [token, token] })), true),
        (connect(Value::Null, json!({ "jwt": [token] })), true),
        (connect(json!({ "JWT": token }), Value::Null), false),
        (connect(json!({ "jwt": "" }), Value::Null), false),
        (other, false),
    ] {
        assert_eq!(allows(&in_url, &event).await, expected, "{event}");
        assert!(!allows(&TokenLocations::default(), &event).await, "{event}");
    }

    // If the event names its identity sources, the parameter must be one of them.
    let mut event = http_api_2("x");
    event["queryStringParameters"] = json!({ "jwt": token });
    assert!(!allows(&in_url, &event).await, "the gateway caches by the identity source");
    event["identitySource"] = json!([token]);
    assert!(allows(&in_url, &event).await);
}

#[tokio::test]
async fn a_websocket_subprotocol_counts_only_when_configured() {
    let token = token();
    let connect = |value: Value, multi: Value| {
        let mut event = web_socket("");
        event["headers"] = json!({ "Sec-WebSocket-Protocol": value });
        event["multiValueHeaders"] = json!({ "Sec-WebSocket-Protocol": multi });
        event
    };
    let offered = at(&[TokenLocation::Headers, TokenLocation::WebSocketProtocol]);
    for (value, expected) in [
        (format!("chat, {token}"), true),
        (format!("{token},v1.chat.example"), true),
        (token.clone(), true),
        ("chat".to_owned(), false),
        (format!("{token}, eyJx.y.z"), false),
    ] {
        let event = connect(json!(value), json!([value]));
        assert_eq!(allows(&offered, &event).await, expected, "{value:.30}");
        assert!(!allows(&TokenLocations::default(), &event).await);
    }
}

#[tokio::test]
async fn cookies_never_count() {
    let token = sign(&header(), &with(claims(), "csrf", "secret".into()));
    let cookie = format!("__Host-access_token={token}");
    for (name, format) in FORMATS {
        let mut event = format("");
        event["cookies"] = json!([cookie]);
        event["headers"]["cookie"] = cookie.clone().into();
        event["identitySource"] = json!([cookie]);
        for order in
            [&[TokenLocation::Cookies][..], &[TokenLocation::Headers, TokenLocation::Cookies]]
        {
            assert!(!allows(&at(order), &event).await, "{name}");
        }
    }
}
