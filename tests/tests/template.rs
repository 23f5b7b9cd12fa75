//! Checks `template.yaml` against the code, and its protection of data.
#![cfg(test)]

use std::{collections::BTreeSet, fs};

use latchkey_config::{Environment, check, variables_of};
use latchkey_keys::KeyCommand;
use latchkey_password::HashParams;
use latchkey_testkit::template;
use latchkey_tests::{
    repository::{functions, read},
    stack::workspace,
};
use local::template::Function;
use serde_yaml_ng::Value;

/// The folders in `functions/`.
fn folders() -> BTreeSet<String> {
    let entries = fs::read_dir(workspace().join("functions")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The template as YAML, with unresolved references.
fn raw() -> Value {
    yaml(&read("template.yaml"))
}

fn yaml(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap()
}

fn resource(name: &str) -> Value {
    raw()["Resources"][name].clone()
}

fn resources(kind: &str) -> Vec<(String, Value)> {
    let Value::Mapping(resources) = raw()["Resources"].clone() else { panic!("no resources") };
    let of_kind = resources.into_iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource)).collect()
}

#[test]
fn folders_in_functions_and_function_resources_correspond() {
    assert_eq!(functions().into_keys().collect::<BTreeSet<_>>(), folders());
    for (binary, (resource, _)) in functions() {
        let (first, rest) = binary.split_at(1);
        assert_eq!(resource, format!("{}{rest}Function", first.to_uppercase()));
    }
}

#[test]
fn each_function_but_admin_has_a_route_or_is_an_authorizer() {
    let template = template();
    for (binary, (resource, _)) in functions() {
        let has_route = template.routes.iter().any(|route| route.function == resource);
        let is_authorizer =
            template.authorizers.values().any(|authorizer| authorizer.function == resource);
        assert_eq!(has_route || is_authorizer, binary != "admin", "{binary}");
    }
}

#[test]
fn only_the_schedule_of_the_stack_invokes_admin() {
    let expected = yaml(
        r#"
        Daily:
          Type: Schedule
          Properties: {Schedule: rate(1 day), Input: '{"command":"keys.maintain"}'}
        "#,
    );
    assert_eq!(resource("AdminFunction")["Properties"]["Events"], expected);
    let input = expected["Daily"]["Properties"]["Input"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<KeyCommand>(input).unwrap(), KeyCommand::Maintain {});
    assert_eq!(resources("AWS::Lambda::Permission").len(), 0);
}

#[test]
fn the_template_sets_a_variable_for_exactly_the_functions_that_read_it() {
    let functions = functions();
    let names = |function: &Function| function.variables.keys().cloned().collect::<BTreeSet<_>>();
    let set_somewhere: BTreeSet<_> =
        functions.values().flat_map(|(_, function)| names(function)).collect();
    for (binary, (_, function)) in &functions {
        let read: BTreeSet<_> = variables_of(binary).into_iter().map(str::to_owned).collect();
        let expected: BTreeSet<_> = read.intersection(&set_somewhere).cloned().collect();
        assert_eq!(names(function), expected, "{binary}");
        let environment = Environment::new(|name| function.variables.get(name).cloned());
        assert_eq!(check(binary, &environment), Ok(()), "{binary}");
    }
}

#[test]
fn template_and_code_have_the_same_defaults() {
    let functions = functions();
    let set = |binary: &str| {
        let variables = functions[binary].1.variables.clone();
        Environment::new(move |name| variables.get(name).cloned())
    };
    let unset = Environment::new(|name| {
        let needed = ["USERS_TABLE", "LIMITS_TABLE", "JWT_ISSUER", "KEYS_TABLE", "KMS_KEY_ARN"];
        let is_needed = needed.contains(&name);
        is_needed.then(|| latchkey_testkit::fixtures::ISSUER.to_owned())
    });
    let login = set("login");
    assert_eq!(unset.tokens(), login.tokens());
    assert_eq!(unset.sessions(), login.sessions());
    assert_eq!(unset.hashing(HashParams::new), login.hashing(HashParams::new));
    assert_eq!(unset.locations(), login.locations());
    assert_eq!(unset.flask_jwt_login(), login.flask_jwt_login());
    let limits = |(_, address, account)| (address, account);
    assert_eq!(unset.login_limits().map(limits), login.login_limits().map(limits));
    let limit = |(_, address)| address;
    assert_eq!(unset.signup_limit().map(limit), set("signup").signup_limit().map(limit));
    assert_eq!(unset.signup_is_open(), set("signup").signup_is_open());
    assert_eq!(unset.http(), login.http());
    assert_eq!(unset.password_min_chars(), set("signup").password_min_chars());
    let (ours, theirs) = (unset.guard().unwrap(), set("protected").guard().unwrap());
    assert_eq!(ours.revocation, theirs.revocation);
    assert_eq!(ours.keys.max_age, theirs.keys.max_age);
    assert_eq!(unset.rotation(), set("refresh").rotation());
    let admin = set("admin");
    assert_eq!(
        (unset.key_policy(), unset.ring().unwrap().2),
        (admin.key_policy(), admin.ring().unwrap().2)
    );
}

#[test]
fn the_kms_key_is_retained() {
    let keys = resources("AWS::KMS::Key");
    let [(name, key)] = &keys[..] else { panic!("not one KMS key: {keys:?}") };
    assert_eq!(key["DeletionPolicy"], "Retain", "{name}");
    assert_eq!(key["UpdateReplacePolicy"], "Retain", "{name}");
    assert_eq!(key["Properties"]["EnableKeyRotation"], true);
    assert!(resources("AWS::SecretsManager::Secret").is_empty());
}

#[test]
fn only_known_routes_are_open() {
    let open: BTreeSet<_> = template()
        .routes
        .into_iter()
        .filter(|route| route.authorizer.is_none())
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let known = [
        "GET /.well-known/jwks.json",
        "GET /.well-known/openid-configuration",
        "GET /health",
        "HEAD /health",
        "POST /auth",
        "POST /login",
        "POST /password/reset",
        "POST /signup",
        // These use the guard or their own verification, which word the refusals.
        "DELETE /logout",
        "DELETE /me",
        "DELETE /sessions",
        "DELETE /sessions/{id}",
        "GET /me",
        "GET /protected",
        "GET /protected/admin",
        "GET /protected/fresh",
        "GET /protected/optional",
        "GET /sessions",
        "POST /logout",
        "POST /password",
        "POST /refresh",
    ];
    assert_eq!(open, known.into_iter().map(str::to_owned).collect());
}

#[test]
fn the_gateway_may_invoke_the_authorizer() {
    let authorizer = &resources("AWS::Serverless::HttpApi")[0].1["Properties"]["Auth"]["Authorizers"]
        ["TokenAuthorizer"];
    assert_eq!(authorizer["EnableFunctionDefaultPermissions"], true);
}

#[test]
fn functions_that_hash_have_a_full_cpu_and_the_others_256_mb() {
    for (binary, (_, function)) in functions() {
        let hashes = function.variables.contains_key("ARGON2_MEMORY_KIB");
        assert_eq!(function.memory, if hashes { 1_769 } else { 256 }, "{binary}");
    }
}

#[test]
fn routes_that_hash_are_throttled() {
    let template = template();
    let throttled = &resources("AWS::Serverless::HttpApi")[0].1["Properties"]["RouteSettings"];
    // Routes without a hash of functions that hash.
    let without_hash = ["GET /me", "GET /sessions", "DELETE /sessions", "DELETE /sessions/{id}"];
    for (_, (resource, function)) in functions() {
        if function.variables.contains_key("ARGON2_MEMORY_KIB") {
            for route in template.routes.iter().filter(|route| route.function == resource) {
                let name = format!("{} {}", route.method, route.path);
                if without_hash.contains(&name.as_str()) {
                    continue;
                }
                let settings = &throttled[name];
                assert!(settings["ThrottlingRateLimit"].is_u64(), "{route:?}");
                assert!(settings["ThrottlingBurstLimit"].is_u64(), "{route:?}");
            }
        }
    }
}

#[test]
fn tables_are_encrypted_recoverable_and_retained() {
    let tables = resources("AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 5);
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{name}");
        if name == "LimitsTable" {
            // Its loss empties the buckets of attempt limits, and nothing else.
            assert_eq!(properties["TimeToLiveSpecification"]["AttributeName"], "expires");
            continue;
        }
        // A generated name, so that tables of a failed deployment do not block the next one.
        assert!(table["Properties"]["TableName"].is_null(), "{name}");
        assert_eq!(table["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(table["UpdateReplacePolicy"], "Retain", "{name}");
        assert_eq!(properties["DeletionProtectionEnabled"], true, "{name}");
        // A restored key ring would contain retired keys.
        let recovery =
            &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(recovery.as_bool(), (name != "KeysTable").then_some(true), "{name}");
    }
}

#[test]
fn saved_queries_search_the_log_groups_of_all_functions_and_no_other() {
    let group = |function: &Value| function["Properties"]["LoggingConfig"]["LogGroup"].clone();
    let functions: Vec<_> = resources("AWS::Serverless::Function")
        .iter()
        .map(|(_, function)| group(function))
        .collect();
    let queries = resources("AWS::Logs::QueryDefinition");
    assert!(!queries.is_empty());
    for (name, query) in queries {
        let groups = query["Properties"]["LogGroupNames"].as_sequence().unwrap();
        assert_eq!(groups, &functions, "{name}");
    }
}

#[test]
fn log_groups_have_a_retention_and_are_retained() {
    let groups: Vec<_> = resources("AWS::Logs::LogGroup").into_iter().collect();
    for (name, group) in &groups {
        assert!(!group["Properties"]["RetentionInDays"].is_null(), "{name}");
        assert!(group["Properties"]["LogGroupName"].is_null(), "{name}");
        assert_eq!(group["DeletionPolicy"], "RetainExceptOnCreate", "{name}");
        assert_eq!(group["UpdateReplacePolicy"], "Retain", "{name}");
    }
    for (name, function) in resources("AWS::Serverless::Function") {
        // Lambda drops lines below this level, audit events too.
        let level = &function["Properties"]["LoggingConfig"]["ApplicationLogLevel"];
        assert_eq!(level.as_str(), Some("TRACE"), "{name}");
        let Value::Tagged(group) = &function["Properties"]["LoggingConfig"]["LogGroup"] else {
            panic!("{name} has no log group");
        };
        let group = group.value.as_str().unwrap();
        assert!(groups.iter().any(|(known, _)| known == group), "{name}");
    }
}
