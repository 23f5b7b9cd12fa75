//! Options and user items of operators, with the real binaries.
#![cfg(test)]

use latchkey_testkit::dynamodb;
use latchkey_tests::stack::{PASSWORD, Settings, Stack, Tokens, claims_of, workspace};
use local::tables::http_client;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_member_with_the_error_message_can_be_renamed() {
    let stack = Settings::default().variable("JWT_ERROR_MESSAGE_KEY", "message").start();
    for answer in [
        stack.get("/protected", "x.y.z").await,
        stack.get("/me", "x.y.z").await,
        stack.refresh("x.y.z").await,
        stack.log_in("unknown").await,
        stack.post("/signup", &json!({})).await,
    ] {
        assert!(answer.status >= 400 && !answer.text("message").is_empty(), "{answer:?}");
        assert!(answer.body.get("msg").is_none() && !answer.text("error").is_empty(), "{answer:?}");
    }
}

/// Puts an item into the users table, as a script of an operator does.
async fn put(endpoint: &str, item: &Value) {
    let request = http_client().unwrap()
        .post(endpoint)
        .header("x-amz-target", "DynamoDB_20120810.PutItem")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20260101T000000Z")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
        .json(&json!({
            "TableName": "UsersTable",
            "Item": item,
            "ConditionExpression": "attribute_not_exists(username)",
        }));
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
}

/// The user item in the migration guide.
fn item_of_the_guide() -> Value {
    let guide = workspace().join("docs/migrating-from-flask.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let section = guide.split("## Moving users").nth(1).unwrap();
    let item = section.split("```json").nth(1).unwrap().split("```").next().unwrap();
    serde_json::from_str(item).unwrap()
}

async fn stack_with(item: &Value) -> Stack {
    let endpoint = dynamodb().await;
    put(&endpoint, item).await;
    Settings::default().option("--dynamodb-endpoint", &endpoint).start()
}

async fn log_in(stack: &Stack, password: &str) -> Tokens {
    let body = json!({ "username": "Alice", "password": password });
    Tokens::of(&stack.post("/login", &body).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_item_of_the_migration_guide_logs_in() {
    let item = item_of_the_guide();
    let stack = stack_with(&item).await;
    let tokens = log_in(&stack, "x").await;
    let claims = claims_of(&tokens.access);
    assert_eq!(claims["sub"], item["id"]["S"]);
    assert_eq!(claims["roles"], json!(["admin"]));
    assert_eq!(stack.get("/protected/admin", &tokens.access).await.status, 200);
    let me = stack.get("/me", &tokens.access).await;
    assert_eq!((me.text("username"), me.text("email")), ("Alice", "alice@example.com"));
    assert_eq!(stack.sign_up("alice").await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_have_the_claims_of_the_users_item() {
    let claims = json!({
        "plan": { "S": "pro" },
        "seats": { "N": "12" },
        "limits": { "M": { "rate": { "L": [{ "N": "1.5" }, { "BOOL": true }, { "NULL": true }] } } },
        "teams": { "SS": ["a"] },
    });
    let mut item = item_of_the_guide();
    item["claims"] = json!({ "M": claims });
    let stack = stack_with(&item).await;
    let tokens = log_in(&stack, "x").await;
    let refreshed = Tokens::of(&stack.refresh(&tokens.refresh).await);
    for token in [&tokens.access, &refreshed.access] {
        let claims = claims_of(token);
        assert_eq!((&claims["plan"], &claims["seats"]), (&json!("pro"), &json!(12)));
        assert_eq!(claims["limits"], json!({ "rate": [1.5, true, null] }));
        assert_eq!(claims["teams"], json!(["a"]));
        assert_eq!(stack.get("/protected", token).await.status, 200);
    }
    assert_eq!(claims_of(&tokens.refresh).get("plan"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_claims_in_an_item_are_left_out_and_the_login_succeeds() {
    for claims in [
        json!({ "M": { "plan": { "S": "pro" }, "sub": { "S": "another-user" } } }),
        json!({ "M": { "text": { "S": "x".repeat(5_000) } } }),
        json!({ "M": { "bytes": { "B": "AAAA" } } }),
        json!({ "S": "pro" }),
    ] {
        let mut item = item_of_the_guide();
        item["claims"] = claims.clone();
        let stack = stack_with(&item).await;
        let token = log_in(&stack, "x").await.access;
        let issued = claims_of(&token);
        assert_eq!((&issued["sub"], issued.get("plan")), (&item["id"]["S"], None), "{claims:.80}");
        assert_eq!(stack.get("/protected", &token).await.status, 200);
        stack.wait_for_log("claims");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_signs_with_the_configured_algorithm() {
    for algorithm in ["ES384", "EdDSA", "PS256", "RS256"] {
        let stack = Settings::default().variable("JWT_ALGORITHM", algorithm).start();
        let token = stack.sign_up_and_log_in("alice").await;
        assert_eq!(stack.get("/workitems", &token).await.status, 200, "{algorithm}");
        let keys = stack.get("/.well-known/jwks.json", "").await;
        assert_eq!(keys.body["keys"][0]["alg"], algorithm);
    }
    let stack = Settings::default()
        .variable("JWT_ALGORITHM", "HS512")
        .variable("JWT_SECRET_KEY", &"x".repeat(64))
        .start();
    let token = stack.sign_up_and_log_in("alice").await;
    assert_eq!(stack.get("/workitems", &token).await.status, 200);
    let body = json!({ "username": "alice", "password": PASSWORD });
    assert_eq!(stack.post("/auth", &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disabled_login_of_flask_jwt_is_404() {
    let stack = Settings::default().option("--parameter", "FlaskJwtLogin=disabled").start();
    stack.sign_up("alice").await;
    let right = json!({ "username": "alice", "password": PASSWORD });
    for body in [&right, &json!({})] {
        let answer = stack.post("/auth", body).await;
        assert_eq!((answer.status, answer.text("error")), (404, "not_found"), "{answer:?}");
        assert_eq!(answer.text("msg"), "Not found");
        assert!(!answer.text("request_id").is_empty(), "{answer:?}");
    }
    assert_eq!(stack.post("/login", &right).await.status, 200);
}
