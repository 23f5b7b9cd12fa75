//! The policy of each function allows exactly the AWS calls that the function makes.
#![cfg(test)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use latchkey_testkit::{
    authorizer_event::http_api_2,
    dynamodb,
    event::{post_json, request, user_command, with_token},
    fixtures::ISSUER,
    flask::{self, extended_claims},
    forge::base64url,
    proxy::DynamoProxy,
    template_with,
};
use latchkey_tests::{
    policy::{Permissions, attributes_of, granted, needed},
    repository::functions,
    stack::{CALL_TIMEOUT, PASSWORD, Settings, Tokens, binaries, claims_of},
};
use local::{
    aws::AwsEmulator,
    environment::Environments,
    log::FunctionLog,
    sandbox::{FunctionCommand, Pool, Pools},
    tables,
    template::Template,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const NEW_PASSWORD: &str = "another horse battery";
const FLASK_SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:flask-AbCdEf";
/// The proxy identifies the calling function by its access key.
const CALLER: &str = "AWS_ACCESS_KEY_ID";

/// All functions without a gateway, with a proxy in front of AWS.
struct Functions {
    commands: BTreeMap<String, FunctionCommand>,
    pools: BTreeMap<String, Pool>,
    proxy: DynamoProxy,
    endpoint: String,
}

impl Functions {
    async fn start(template: &Template, endpoint: String) -> Self {
        let account = Arc::new(AwsEmulator::open(None, Pools::new()).unwrap());
        let key = json!({
            "kty": "oct", "alg": "HS256", "kid": "old", "k": base64url(flask::SECRET),
            "minted_by": "flask",
        });
        account.secrets.put("flask-AbCdEf", json!({ "keys": [key] }).to_string().into());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let aws_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(account.serve(listener));
        let proxy = DynamoProxy::start_with(&endpoint, &aws_url).await;

        let environments = Environments {
            given: &|name| (name == "SESSION_LIMIT").then(|| "2".to_owned()),
            aws_url: &proxy.endpoint,
        };
        let mut commands = BTreeMap::new();
        for function in template.functions.values() {
            let name = function.binary.clone();
            let mut variables = environments.of(function);
            let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB", proxy.endpoint.as_str());
            for (name, value) in [(CALLER, name.as_str()), endpoint, CALL_TIMEOUT] {
                variables.insert(name.to_owned(), value.to_owned());
            }
            let binary = binaries().join(&name);
            let command = FunctionCommand {
                name: name.clone(),
                binary,
                memory: function.memory,
                variables,
                log: FunctionLog::default(),
            };
            commands.insert(name, command);
        }
        let mut functions = Self { commands, pools: BTreeMap::new(), proxy, endpoint };
        for function in template.functions.values() {
            functions.restart(&function.binary);
        }
        functions
    }

    /// Restarts a function with the next event.
    fn restart(&mut self, function: &str) {
        let command = self.commands[function].clone();
        let pool = Pool::new(command, Duration::from_secs(20), None);
        self.pools.insert(function.to_owned(), pool);
    }

    async fn invoke(&self, function: &str, event: &Value) -> Value {
        let answer = self.pools[function].invoke(event.to_string().into()).await.unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    /// Invokes a function. Returns the body of the answer, which must have the status.
    async fn call(&self, function: &str, status: u16, event: Value) -> Value {
        let answer = self.invoke(function, &event).await;
        assert_eq!(answer["statusCode"], status, "{function} {event}: {answer}");
        let body = answer["body"].as_str().unwrap_or_default();
        serde_json::from_str(body).unwrap_or_default()
    }

    async fn log_in(&self, name: &str, password: &str) -> Tokens {
        let body = json!({ "username": name, "password": password });
        let answer = self.call("login", 200, post_json("/login", &body)).await;
        let text = |member: &str| answer[member].as_str().unwrap().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }

    async fn refresh(&self, status: u16, token: &str) -> String {
        let answer =
            self.call("refresh", status, with_token(request("POST", "/refresh"), token)).await;
        answer["refresh_token"].as_str().unwrap_or_default().to_owned()
    }

    /// Migrates a user of a Flask service. Returns a legacy token of that type.
    async fn migrate_user(&self, identity: &str, kind: &str) -> String {
        let body = json!({ "username": identity, "password": PASSWORD });
        let user = self.call("signup", 201, post_json("/signup", &body)).await;
        let row = json!({
            "TableName": "LegacyTable",
            "Item": {
                "identity": { "S": identity }, "user_id": { "S": user["user"]["id"] },
                "username": { "S": identity },
            },
        });
        let (status, answer) = tables::call(&self.endpoint, "PutItem", &row).await.unwrap();
        assert!(status.is_success(), "{answer}");
        let now = claims_of(&self.log_in(identity, PASSWORD).await.access)["iat"].clone();
        let mut claims = extended_claims();
        for (name, value) in [
            ("sub", json!(identity)),
            ("type", json!(kind)),
            ("iat", now.clone()),
            ("nbf", now.clone()),
            ("exp", json!(now.as_i64().unwrap() + 900)),
        ] {
            claims[name] = value;
        }
        flask::sign(&claims)
    }
}

/// Starts, refreshes and ends sessions in every way.
async fn use_sessions(functions: &Functions) {
    // The first login replaces the hash; the third one exceeds the session limit.
    for _ in 0..2 {
        functions.log_in("alice", PASSWORD).await;
    }
    let tokens = functions.log_in("alice", PASSWORD).await;
    let next = functions.refresh(200, &tokens.refresh).await;
    functions.refresh(200, &next).await;
    functions.refresh(401, &tokens.refresh).await;
    let access = functions.log_in("alice", PASSWORD).await.access;
    functions.call("logout", 200, with_token(request("POST", "/logout"), &access)).await;

    let access = functions.log_in("alice", PASSWORD).await.access;
    functions.call("account", 204, with_token(request("DELETE", "/sessions"), &access)).await;
    let access = functions.log_in("alice", PASSWORD).await.access;
    let other = functions.log_in("alice", PASSWORD).await.access;
    let other = format!("/sessions/{}", claims_of(&other)["sid"].as_str().unwrap());
    functions.call("account", 204, with_token(request("DELETE", &other), &access)).await;
    let mut others = with_token(request("DELETE", "/sessions"), &access);
    others["rawQueryString"] = "keep=current".into();
    functions.call("account", 204, others).await;
    functions.call("account", 200, with_token(request("GET", "/me"), &access)).await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    functions.call("password", 200, with_token(post_json("/password", &change), &access)).await;

    let access = functions.log_in("alice", NEW_PASSWORD).await.access;
    let mut delete = with_token(post_json("/me", &json!({ "password": NEW_PASSWORD })), &access);
    delete["requestContext"]["http"]["method"] = "DELETE".into();
    delete["routeKey"] = "DELETE /me".into();
    functions.call("account", 204, delete).await;
}

/// Administers users in every way.
async fn administer(functions: &Functions) {
    let on_dave = async |command: &str, more: Value| {
        let answer = functions.invoke("admin", &user_command("dave", command, &more)).await;
        assert!(answer.get("errorMessage").is_none(), "{command}: {answer}");
        answer
    };
    let created = on_dave("create", json!({ "roles": ["editor"] })).await;
    let reset = json!({
        "username": "dave", "code": created["code"]["code"], "new_password": PASSWORD,
    });
    functions.call("password", 204, post_json("/password/reset", &reset)).await;
    functions.log_in("dave", PASSWORD).await;
    on_dave("show", json!({})).await;
    on_dave("roles", json!({ "add": ["admin"], "remove": ["editor"] })).await;
    on_dave("claims", json!({ "set": { "plan": "pro" } })).await;
    on_dave("unlock", json!({ "address": "192.0.2.1" })).await;
    on_dave("end-sessions", json!({ "restored_from": "backup" })).await;
    on_dave("reset", json!({})).await;
    on_dave("disable", json!({ "reason": "x" })).await;
    on_dave("enable", json!({})).await;
    functions.invoke("admin", &json!({ "command": "users.list" })).await;
    // There is no such copy: the call alone counts.
    let restore = json!({ "command": "users.restore", "table": "local-restored-1" });
    functions.pools["admin"].invoke(restore.to_string().into()).await.unwrap_err();
    let carol = functions.log_in("carol", PASSWORD).await.access;
    let item = with_token(post_json("/workitems", &json!({ "title": "x" })), &carol);
    functions.call("workitems", 201, item).await;
    let purge = json!({ "command": "users.purge", "id": claims_of(&carol)["sub"] });
    assert_eq!(functions.invoke("admin", &purge).await["removed"], 1);
    on_dave("delete", json!({ "id": created["id"] })).await;
}

/// Calls the routes that need a token, with own and legacy tokens.
async fn use_tokens(functions: &Functions) {
    functions.call("discovery", 200, request("GET", "/.well-known/jwks.json")).await;
    let legacy = functions.migrate_user("bob", "access").await;
    let own = functions.log_in("bob", PASSWORD).await.access;
    for token in [&own, &legacy] {
        functions.call("protected", 200, with_token(request("GET", "/protected"), token)).await;
        let decision =
            functions.invoke("authorizer", &http_api_2(&format!("Bearer {token}"))).await;
        assert_eq!(decision["isAuthorized"], true, "{decision}");
        functions.call("account", 200, with_token(request("GET", "/me"), token)).await;
        // Without an authorizer context the function verifies the token itself.
        functions.call("workitems", 200, with_token(request("GET", "/workitems"), token)).await;
    }
    let item = with_token(post_json("/workitems", &json!({ "title": "x" })), &own);
    let id = functions.call("workitems", 201, item).await["id"].as_str().unwrap().to_owned();
    let mut remove = with_token(request("DELETE", &format!("/workitems/{id}")), &own);
    remove["pathParameters"] = json!({ "id": id });
    functions.call("workitems", 204, remove).await;

    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    functions.call("password", 200, with_token(post_json("/password", &change), &legacy)).await;
    let legacy = functions.migrate_user("carol", "refresh").await;
    functions.refresh(200, &legacy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_policy_allows_exactly_the_calls_that_its_function_makes() {
    let endpoint = dynamodb().await;
    let stack = Settings::default().cheap_hashes().option("--dynamodb-endpoint", &endpoint);
    let stack = tokio::task::block_in_place(|| stack.start());
    assert_eq!(stack.sign_up("alice").await.status, 201);
    drop(stack);
    let ring = json!({ "TableName": "KeysTable", "Key": { "id": { "S": "ring" } } });
    tables::call(&endpoint, "DeleteItem", &ring).await.unwrap();

    let template = template_with(&[("FlaskKeysSecretArn", FLASK_SECRET), ("Issuer", ISSUER)]);
    let mut functions = Functions::start(&template, endpoint).await;
    // The first process of `login` creates the key ring, the second one decrypts functions.
    functions.log_in("alice", PASSWORD).await;
    functions.restart("login");
    functions.invoke("admin", &json!({ "command": "keys.maintain" })).await;
    use_sessions(&functions).await;
    use_tokens(&functions).await;
    administer(&functions).await;

    let needed = needed(&functions.proxy.take_requests());
    let granted: BTreeMap<String, Permissions> = template
        .functions
        .values()
        .map(|function| (function.binary.clone(), granted(function)))
        .collect();
    for (function, granted) in &granted {
        assert_eq!(Some(granted), needed.get(function), "{function}");
    }
    assert_eq!(granted.len(), needed.len());
}

#[test]
fn attributes_are_parsed_from_expressions() {
    let update = json!({
        "Key": { "username": { "S": "alice" } },
        "UpdateExpression": "SET #s.#one.gen = :next, hash = if_not_exists(old, :hash) REMOVE #s.#two",
        "ConditionExpression": "attribute_exists(id) AND NOT size(#s)<:most",
        "ExpressionAttributeNames": { "#s": "sessions", "#one": "a-b", "#two": "c" },
    });
    let expected = ["hash", "id", "old", "sessions", "username"].map(str::to_owned);
    assert_eq!(attributes_of(&update), expected.into());
}

#[test]
fn a_given_kms_key_replaces_that_of_the_stack() {
    let arn = "arn:aws:kms:eu-west-1:123456789012:key/own";
    for (name, function) in template_with(&[("KmsKeyArn", arn)]).functions {
        let variable = function.variables.get("KMS_KEY_ARN");
        assert!(variable.is_none_or(|value| value == arn), "{name}");
        let mut on_kms =
            function.permissions.iter().filter(|permission| permission.action.starts_with("kms:"));
        assert!(on_kms.all(|permission| permission.resource == arn), "{name}");
    }
}

#[test]
fn without_flask_keys_no_function_reads_their_secret_and_the_legacy_table() {
    for (binary, (_, function)) in functions() {
        for (action, resource) in granted(&function).into_keys() {
            let is_for_flask =
                action == "secretsmanager:GetSecretValue" || resource == "LegacyTable";
            assert!(!is_for_flask, "{binary}: {action} on {resource}");
        }
    }
}

/// The functions that may perform an action on a resource.
fn allowed(action: &str, resource: &str) -> Vec<String> {
    let permission = (action.to_owned(), resource.to_owned());
    let functions = functions().into_iter();
    let allowed = functions.filter(|(_, (_, one))| granted(one).contains_key(&permission));
    allowed.map(|(binary, _)| binary).collect()
}

#[test]
fn only_signers_decrypt_private_keys_and_only_admin_and_login_encrypt_them() {
    assert_eq!(allowed("kms:Decrypt", "KeyRingKmsKey"), ["login", "password", "refresh"]);
    assert_eq!(allowed("kms:Encrypt", "KeyRingKmsKey"), ["admin", "login"]);
    assert_eq!(allowed("dynamodb:PutItem", "KeysTable"), ["admin", "login"]);
    for action in ["UpdateItem", "DeleteItem"] {
        let none: [&str; 0] = [];
        assert_eq!(allowed(&format!("dynamodb:{action}"), "KeysTable"), none);
    }
}

#[test]
fn only_admin_writes_roles_and_claims_and_only_it_and_hashing_functions_write_hashes() {
    for (binary, (_, function)) in functions() {
        let is_admin = binary == "admin";
        for permission in function.permissions {
            let Some(attributes) = permission.attributes else { continue };
            for name in ["name", "email", "created_at"] {
                assert!(!attributes.contains(name), "{binary}: {name}");
            }
            for name in ["roles", "claims", "reason", "restored"] {
                assert!(is_admin || !attributes.contains(name), "{binary}: {name}");
            }
            let hashes = function.variables.contains_key("ARGON2_MEMORY_KIB");
            assert!(is_admin || hashes || !attributes.contains("hash"), "{binary}");
        }
    }
}

#[test]
fn only_admin_lists_users() {
    assert_eq!(allowed("dynamodb:Scan", "UsersTable"), ["admin"]);
}
