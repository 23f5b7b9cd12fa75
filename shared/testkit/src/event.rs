//! Events as API Gateway sends them.

use serde_json::{Value, json};

/// A proxy event of format 2.0 for `GET /path` or another method, without headers or body.
pub fn request(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "api.example.com", "user-agent": "test" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "request-1",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
        },
        "isBase64Encoded": false,
    })
}

/// `POST path` with a JSON body.
pub fn post_json(path: &str, body: &Value) -> Value {
    post_text(path, &body.to_string())
}

/// `POST path` with a body whose content type is JSON.
pub fn post_text(path: &str, body: &str) -> Value {
    let mut event = with_header(request("POST", path), "content-type", "application/json");
    event["body"] = body.into();
    event
}

/// The event with another header.
pub fn with_header(mut event: Value, name: &str, value: &str) -> Value {
    event["headers"][name] = value.into();
    event
}

/// The event with an access token.
pub fn with_token(event: Value, token: &str) -> Value {
    with_header(event, "authorization", &format!("Bearer {token}"))
}

/// The event as it arrives behind a Lambda authorizer with that context.
pub fn with_authorizer(mut event: Value, context: &Value) -> Value {
    event["requestContext"]["authorizer"] = json!({ "lambda": context });
    event
}
