//! Which attributes of a user's item each function names when it writes, and which its policy lets
//! it name.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use latchkey_testkit::{
    dynamodb,
    fixtures::{ISSUER, JWK_SET},
    flask,
    forge::base64url,
    proxy::DynamoProxy,
};
use latchkey_tests::{
    repository::functions,
    stack::{Answer, PASSWORD, Settings, Stack, Tokens, claims_of},
};
use local::tables;
use reqwest::Method;
use serde_json::{Value, json};

type Attributes = BTreeSet<String>;

/// The attributes at the top of an item that an update names, its key included.
fn named_by(update: &Value) -> Attributes {
    let expression = |name: &str| update[name].as_str().unwrap_or_default().to_owned();
    let text = format!("{} {}", expression("UpdateExpression"), expression("ConditionExpression"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || "#:_.".contains(c);
    let mut attributes: Attributes = update["Key"].as_object().unwrap().keys().cloned().collect();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_word) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        let path = word.split('.').next().unwrap();
        let is_function = behind.trim_start().starts_with('(');
        let is_keyword = ["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT"].contains(&path);
        if is_function || is_keyword || path.starts_with(':') {
            continue;
        }
        let name = update["ExpressionAttributeNames"][path].as_str().unwrap_or(path);
        assert!(!name.starts_with('#'), "{path} of {update}");
        attributes.insert(name.to_owned());
    }
    attributes
}

#[test]
fn the_attributes_of_expressions_are_found() {
    let update = json!({
        "Key": { "username": { "S": "alice" } },
        "UpdateExpression": "SET #s.#one.gen = :next, hash = if_not_exists(old, :hash) REMOVE #s.#two",
        "ConditionExpression": "attribute_exists(id) AND NOT size(#s)<:most",
        "ExpressionAttributeNames": { "#s": "sessions", "#one": "a-b", "#two": "c" },
    });
    let expected = ["hash", "id", "old", "sessions", "username"].map(str::to_owned);
    assert_eq!(named_by(&update), expected.into());
}

/// What the updates of each function have named.
#[derive(Default)]
struct Seen(BTreeMap<&'static str, Attributes>);

impl Seen {
    /// Notes the updates that a request to a function has led to.
    async fn note(
        &mut self,
        function: &'static str,
        status: u16,
        proxy: &DynamoProxy,
        request: impl Future<Output = Answer>,
    ) -> Answer {
        proxy.take_updates();
        let answer = request.await;
        assert_eq!(answer.status, status, "{function}: {answer:?}");
        let named = proxy.take_updates().iter().flat_map(named_by).collect::<Attributes>();
        assert!(!named.is_empty(), "{function} has written nothing");
        self.0.entry(function).or_default().extend(named);
        answer
    }
}

/// A ring with the key of a Flask service.
fn ring() -> String {
    let mut set: Value = serde_json::from_str(JWK_SET).unwrap();
    let key = json!({
        "kty": "oct", "alg": "HS256", "kid": "old", "k": base64url(flask::SECRET),
        "minted_by": "flask",
    });
    set["keys"].as_array_mut().unwrap().push(key);
    set.to_string()
}

async fn behind_proxy(endpoint: &str) -> (Stack, DynamoProxy) {
    let proxy = DynamoProxy::start(endpoint).await;
    let settings = Settings::default()
        .variable("SIGNING_KEYS", &ring())
        .variable("JWT_ISSUER", ISSUER)
        .variable("SESSION_LIMIT", "2")
        .option("--dynamodb-endpoint", &proxy.endpoint);
    let stack = tokio::task::block_in_place(|| settings.start());
    (stack, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_may_name_exactly_the_attributes_that_its_updates_name() {
    let endpoint = dynamodb().await;
    let cheap = Settings::default().hashing_lightly().option("--dynamodb-endpoint", &endpoint);
    let cheap = tokio::task::block_in_place(|| cheap.start());
    assert_eq!(cheap.sign_up("alice").await.status, 201);
    drop(cheap);

    let (stack, proxy) = behind_proxy(&endpoint).await;
    let mut seen = Seen::default();
    // The first login replaces the hash, the third one ends one of the others.
    for _ in 0..2 {
        seen.note("login", 200, &proxy, stack.log_in("alice")).await;
    }
    let tokens = Tokens::of(&seen.note("login", 200, &proxy, stack.log_in("alice")).await);
    let next = seen.note("refresh", 200, &proxy, stack.refresh(&tokens.refresh)).await;
    let next = Tokens::of(&next).refresh;
    seen.note("refresh", 200, &proxy, stack.refresh(&next)).await;
    seen.note("refresh", 401, &proxy, stack.refresh(&tokens.refresh)).await;
    let access = stack.tokens_of("alice").await.access;
    seen.note("logout", 200, &proxy, stack.log_out(&access)).await;

    let access = stack.tokens_of("alice").await.access;
    seen.note("account", 204, &proxy, stack.delete("/sessions", &access)).await;
    let access = stack.tokens_of("alice").await.access;
    let other = stack.tokens_of("alice").await.access;
    let other = format!("/sessions/{}", claims_of(&other)["sid"].as_str().unwrap());
    seen.note("account", 204, &proxy, stack.delete(&other, &access)).await;
    seen.note("account", 204, &proxy, stack.delete("/sessions?keep=current", &access)).await;
    let change = json!({ "current_password": PASSWORD, "new_password": "another horse battery" });
    let change = stack.send_json((Method::POST, "/password"), &access, &change);
    seen.note("password", 200, &proxy, change).await;

    // A refresh token of a Flask service starts a session.
    let bob = stack.sign_up("bob").await;
    assert_eq!(bob.status, 201);
    let moved = json!({
        "TableName": "LegacyTable",
        "Item": {
            "identity": { "S": "bob" }, "user_id": { "S": bob.body["user"]["id"] },
            "username": { "S": "bob" },
        },
    });
    let (status, answer) = tables::call(&endpoint, "PutItem", &moved).await.unwrap();
    assert!(status.is_success(), "{answer}");
    let now = claims_of(&access)["iat"].as_i64().unwrap();
    let mut claims = flask::extended_claims();
    for (name, value) in [
        ("sub", json!("bob")),
        ("type", json!("refresh")),
        ("iat", json!(now)),
        ("nbf", json!(now)),
        ("exp", json!(now + 900)),
    ] {
        claims[name] = value;
    }
    seen.note("refresh", 200, &proxy, stack.refresh(&flask::sign(&claims))).await;

    let allowed: BTreeMap<_, _> = functions()
        .into_iter()
        .flat_map(|(binary, (_, function))| {
            let updates = function.permissions.into_iter();
            updates
                .filter(|permission| {
                    permission.action == "dynamodb:UpdateItem"
                        && permission.resource.ends_with(":UsersTable")
                })
                .map(move |permission| (binary.clone(), permission.attributes.unwrap()))
        })
        .collect();
    let seen: BTreeMap<_, _> =
        seen.0.into_iter().map(|(function, named)| (function.to_owned(), named)).collect();
    assert_eq!(allowed, seen);
}

#[test]
fn roles_and_claims_are_for_operators_to_write_and_hashes_for_functions_that_hash() {
    for (binary, (_, function)) in functions() {
        for permission in function.permissions {
            let Some(attributes) = permission.attributes else { continue };
            for name in ["roles", "claims", "name", "email", "created_at"] {
                assert!(!attributes.contains(name), "{binary}: {name}");
            }
            let hashes = function.variables.contains_key("ARGON2_MEMORY_KIB");
            assert!(hashes || !attributes.contains("hash"), "{binary}");
        }
    }
}
