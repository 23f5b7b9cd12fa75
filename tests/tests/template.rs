//! `template.yaml` against the code: folders, variables, permissions; and what data needs.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use auth_config::{
    LoginConfig, ProtectedConfig, RefreshConfig, SignupConfig, is_left_to_its_default, variables_of,
};
use auth_testkit::template;
use auth_tests::stack::workspace;
use local::template::Function;
use serde_yaml_ng::Value;

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

/// The functions' folders.
fn folders() -> BTreeSet<String> {
    let entries = fs::read_dir(workspace().join("functions")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The functions of the template by the binary that they run.
fn functions() -> BTreeMap<String, (String, Function)> {
    let functions = template().functions.into_iter();
    functions.map(|(name, function)| (function.binary.clone(), (name, function))).collect()
}

/// The template as it is written.
fn raw() -> Value {
    serde_yaml_ng::from_str(&read("template.yaml")).unwrap()
}

fn resources(kind: &str) -> Vec<(String, Value)> {
    let Value::Mapping(resources) = raw()["Resources"].clone() else { panic!("no resources") };
    let of_kind = resources.into_iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource)).collect()
}

#[test]
fn each_function_folder_is_one_resource_of_its_name_and_the_other_way_round() {
    assert_eq!(functions().into_keys().collect::<BTreeSet<_>>(), folders());
    for (binary, (resource, _)) in functions() {
        let (first, rest) = binary.split_at(1);
        assert_eq!(resource, format!("{}{rest}Function", first.to_uppercase()));
    }
}

#[test]
fn each_function_has_a_route_or_decides_on_routes() {
    let template = template();
    for (binary, (resource, _)) in functions() {
        let answers = template.routes.iter().any(|route| route.function == resource);
        let decides =
            template.authorizers.values().any(|authorizer| authorizer.function == resource);
        assert!(answers || decides, "{binary}");
    }
}

#[test]
fn a_function_is_set_exactly_the_variables_that_it_reads() {
    for (binary, (_, function)) in functions() {
        let set: BTreeSet<_> = function.variables.keys().map(String::as_str).collect();
        let read: BTreeSet<_> = variables_of(&binary)
            .into_iter()
            .filter(|variable| !is_left_to_its_default(variable))
            .collect();
        assert_eq!(set, read, "{binary}");
    }
}

#[test]
fn the_templates_defaults_are_the_codes() {
    let functions = functions();
    let set = |binary: &str| {
        let variables = functions[binary].1.variables.clone();
        move |name: &'static str| variables.get(name).cloned()
    };
    let unset = |name: &'static str| {
        let is_needed = ["USERS_TABLE", "JWT_ISSUER", "SIGNING_KEYS_SECRET"].contains(&name);
        is_needed.then(|| auth_testkit::subject::ISSUER.to_owned())
    };
    let (ours, theirs) =
        (LoginConfig::read(&unset).unwrap(), LoginConfig::read(&set("login")).unwrap());
    assert_eq!(ours.tokens, theirs.tokens);
    assert_eq!(ours.sessions, theirs.sessions);
    assert_eq!(ours.hashing, theirs.hashing);
    let (ours, theirs) =
        (SignupConfig::read(&unset).unwrap(), SignupConfig::read(&set("signup")).unwrap());
    assert_eq!(ours.passwords, theirs.passwords);
    let (ours, theirs) = (
        ProtectedConfig::read(&unset).unwrap().guard,
        ProtectedConfig::read(&set("protected")).unwrap().guard,
    );
    assert_eq!(ours.revocation, theirs.revocation);
    let (ours, theirs) =
        (RefreshConfig::read(&unset).unwrap(), RefreshConfig::read(&set("refresh")).unwrap());
    assert_eq!(ours.rotation, theirs.rotation);
}

/// What each capability of the store is: the first line of its trait's documentation says it.
fn capabilities() -> BTreeMap<String, (String, String)> {
    let mut capabilities = BTreeMap::new();
    for file in ["sessions", "users", "work_items"] {
        let source = read(&format!("shared/auth-store/src/{file}.rs"));
        let lines: Vec<_> = source.lines().collect();
        for pair in lines.windows(2) {
            let Some(name) = pair[1].strip_prefix("pub trait ") else { continue };
            let permission = pair[0].strip_prefix("/// `").unwrap();
            let (action, table) = permission.split_once("` on the ").unwrap();
            let table = match table.strip_suffix(" table.").unwrap() {
                "users" => "UsersTable",
                "work items" => "WorkItemsTable",
                other => panic!("{other} is no table"),
            };
            let name = name.split_whitespace().next().unwrap().to_owned();
            capabilities.insert(name, (action.to_owned(), table.to_owned()));
        }
    }
    assert_eq!(capabilities.len(), 12, "{capabilities:?}");
    capabilities
}

#[test]
fn a_functions_policy_is_what_its_bounds_and_variables_ask_for_and_nothing_else() {
    let capabilities = capabilities();
    for (binary, (_, function)) in functions() {
        let source = read(&format!("functions/{binary}/src/lib.rs"));
        let bounds = source.lines().find(|line| line.starts_with("impl<")).unwrap_or_default();
        let words: Vec<_> = bounds.split(|c: char| !c.is_alphanumeric()).collect();
        let mut needed: BTreeSet<_> = capabilities
            .iter()
            .filter(|(name, _)| words.contains(&name.as_str()))
            .map(|(_, permission)| permission.clone())
            .collect();
        if function.variables.contains_key("SIGNING_KEYS_SECRET") {
            needed.insert(("secretsmanager:GetSecretValue".to_owned(), "local".to_owned()));
        }
        let granted: BTreeSet<_> = function
            .permissions
            .iter()
            .map(|(action, arn)| (action.clone(), arn.rsplit(':').next().unwrap().to_owned()))
            .collect();
        assert_eq!(granted, needed, "{binary}");
        assert!(granted.iter().all(|(action, _)| !action.contains('*')), "{binary}");
    }
}

#[test]
fn routes_are_protected_unless_they_are_known_to_be_open() {
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
        "POST /auth",
        "POST /login",
        "POST /signup",
        // Behind the guard or a check of their own, which word their own refusals.
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
fn what_hashes_has_a_whole_processor_and_the_rest_little() {
    for (binary, (_, function)) in functions() {
        let hashes = function.variables.contains_key("ARGON2_MEMORY_KIB");
        assert_eq!(function.memory, if hashes { 1_769 } else { 256 }, "{binary}");
    }
}

#[test]
fn routes_that_hash_are_throttled() {
    let template = template();
    let throttled = &resources("AWS::Serverless::HttpApi")[0].1["Properties"]["RouteSettings"];
    // Of functions that hash on other routes.
    let plain = ["GET /me", "GET /sessions", "DELETE /sessions", "DELETE /sessions/{id}"];
    for (_, (resource, function)) in functions() {
        if function.variables.contains_key("ARGON2_MEMORY_KIB") {
            for route in template.routes.iter().filter(|route| route.function == resource) {
                let name = format!("{} {}", route.method, route.path);
                if plain.contains(&name.as_str()) {
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
fn data_is_encrypted_recoverable_and_survives_the_stack() {
    let tables = resources("AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 2);
    for (name, table) in tables {
        assert_eq!(table["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(table["UpdateReplacePolicy"], "Retain", "{name}");
        let properties = &table["Properties"];
        assert_eq!(properties["DeletionProtectionEnabled"], true, "{name}");
        assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{name}");
        let recovery = &properties["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"], true, "{name}");
    }
}

#[test]
fn each_function_logs_to_a_group_that_forgets() {
    let groups: Vec<_> = resources("AWS::Logs::LogGroup").into_iter().collect();
    for (name, group) in &groups {
        assert!(!group["Properties"]["RetentionInDays"].is_null(), "{name}");
    }
    for (name, function) in resources("AWS::Serverless::Function") {
        let Value::Tagged(group) = &function["Properties"]["LoggingConfig"]["LogGroup"] else {
            panic!("{name} has no log group");
        };
        let group = group.value.as_str().unwrap();
        assert!(groups.iter().any(|(known, _)| known == group), "{name}");
    }
}

#[test]
fn the_readme_lists_every_route() {
    let readme = read("README.md");
    for route in template().routes {
        let call = format!("`{} {}`", route.method, route.path);
        assert!(readme.contains(&call), "{call}");
    }
}

#[test]
fn the_readme_names_every_parameter() {
    let readme = read("README.md");
    let Value::Mapping(parameters) = raw()["Parameters"].clone() else { panic!("no parameters") };
    for parameter in parameters.keys() {
        let name = parameter.as_str().unwrap();
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
