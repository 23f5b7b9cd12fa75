//! Authorizer events of each kind of API, with a value of `Authorization`.

use serde_json::{Value, json};

/// The ARN of the called route.
pub const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/GET/workitems";

/// From an HTTP API, format 2.0.
pub fn http_api_2(value: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST", "routeArn": ARN, "identitySource": [value],
        "headers": { "authorization": value, "x-odd": "a\u{1}b" }, "cookies": null,
        "requestContext": { "http": { "method": "GET" } },
    })
}

/// From an HTTP API, format 1.0.
pub fn http_api_1(value: &str) -> Value {
    json!({
        "version": "1.0", "type": "REQUEST", "methodArn": ARN, "identitySource": value,
        "authorizationToken": value, "headers": { "Authorization": value },
        "multiValueHeaders": null,
    })
}

/// From a REST API, `REQUEST`.
pub fn rest_request(value: &str) -> Value {
    json!({
        "type": "REQUEST", "methodArn": ARN, "headers": { "AUTHORIZATION": value },
        "multiValueHeaders": { "AUTHORIZATION": [value] },
    })
}

/// From a REST API, `TOKEN`.
pub fn rest_token(value: &str) -> Value {
    json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": value })
}

/// From a WebSocket API, on `$connect`.
pub fn web_socket(value: &str) -> Value {
    json!({
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/$connect",
        "headers": { "Authorization": value }, "multiValueHeaders": { "Authorization": [value] },
        "requestContext": { "eventType": "CONNECT", "routeKey": "$connect" },
    })
}
