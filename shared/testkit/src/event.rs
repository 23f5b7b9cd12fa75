//! Proxy events of API Gateway, payload format 2.0.

use serde_json::{Value, json};

/// An event for a method and a path, without a token or body.
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

/// The event with a header added or replaced.
pub fn with_header(mut event: Value, name: &str, value: &str) -> Value {
    event["headers"][name] = value.into();
    event
}

/// The event with a bearer token.
pub fn with_token(event: Value, token: &str) -> Value {
    with_header(event, "authorization", &format!("Bearer {token}"))
}

/// The event with the context of a Lambda authorizer.
pub fn with_authorizer(mut event: Value, context: &Value) -> Value {
    event["requestContext"]["authorizer"] = json!({ "lambda": context });
    event
}

/// The event of the `admin` function for a command on one user. `more` has its other members.
pub fn user_command(username: &str, command: &str, more: &Value) -> Value {
    let mut event = json!({ "command": format!("users.{command}"), "username": username });
    let members = more.as_object().unwrap().clone();
    event.as_object_mut().unwrap().extend(members);
    event
}
