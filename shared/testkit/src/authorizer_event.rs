//! Authorizer events of each type of API. The argument is the value of `Authorization`.

use serde_json::{Value, json};

/// The ARN of the called route, but for WebSocket APIs.
pub const ARN: &str = "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/GET/workitems";

/// An event of an HTTP API, payload format 2.0.
pub fn http_api_2(value: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST", "routeArn": ARN, "identitySource": [value],
        "headers": { "authorization": value, "x-odd": "a\u{1}b" }, "cookies": null,
        "requestContext": { "http": { "method": "GET" } },
    })
}

/// An event of an HTTP API, payload format 1.0.
pub fn http_api_1(value: &str) -> Value {
    json!({
        "version": "1.0", "type": "REQUEST", "methodArn": ARN, "identitySource": value,
        "authorizationToken": value, "headers": { "Authorization": value },
        "multiValueHeaders": null,
    })
}

/// An event of a REST API, type `REQUEST`.
pub fn rest_request(value: &str) -> Value {
    json!({
        "type": "REQUEST", "methodArn": ARN, "headers": { "AUTHORIZATION": value },
        "multiValueHeaders": { "AUTHORIZATION": [value] },
    })
}

/// An event of a REST API, type `TOKEN`.
pub fn rest_token(value: &str) -> Value {
    json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": value })
}

/// An event of a WebSocket API for `$connect`.
pub fn web_socket(value: &str) -> Value {
    json!({
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2/prod/$connect",
        "headers": { "Authorization": value }, "multiValueHeaders": { "Authorization": [value] },
        "requestContext": { "eventType": "CONNECT", "routeKey": "$connect" },
    })
}
