//! Parsing of templates.
#![cfg(test)]

use local::template::{Parameters, Permission, Template, TemplateError};

const TEMPLATE: &str = "
Parameters:
  Name: {Type: String, Default: alice}
  Empty: {Type: String, Default: ''}
  Given: {Type: String}
  List: {Type: CommaDelimitedList, Default: 'a, b'}
Conditions:
  HasName: !Not [!Equals [!Ref Name, '']]
  HasEmpty: !Not [!Equals [!Ref Empty, '']]
  Both: !And [!Condition HasName, !Condition HasEmpty]
  Either: !Or [!Condition HasName, !Condition HasEmpty]
Globals:
  Function: {MemorySize: 128, Timeout: 7}
Resources:
  Users: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST, DeletionProtectionEnabled: true}}
  OneFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: one}}
    Properties:
      MemorySize: 512
      Environment:
        Variables:
          REF: !Ref Name
          TABLE: !Ref Users
          NUMBER: 900
          FLAG: true
          SUB: !Sub '${Name} of ${AWS::StackName} has ${Users.Arn} and ${!Literal}'
          JOIN: !Join ['-', !Ref List]
          IF: !If [HasName, yes, no]
          ELSE: !If [HasEmpty, yes, no]
          AND: !If [Both, yes, no]
          OR: !If [Either, yes, no]
          GONE: !Ref AWS::NoValue
          LONG: {'Fn::Join': ['', [a, {Ref: Given}]]}
";

fn parse(text: &str) -> Result<Template, TemplateError> {
    Template::parse(text, &Parameters::from([("Given".to_owned(), "b".to_owned())]))
}

#[test]
fn references_and_functions_are_resolved_as_by_cloudformation() {
    let template = parse(TEMPLATE).unwrap();
    let function = &template.functions["OneFunction"];
    assert_eq!((function.memory, function.timeout, function.binary.as_str()), (512, 7, "one"));
    let expected = [
        ("REF", "alice"),
        ("TABLE", "Users"),
        ("NUMBER", "900"),
        ("FLAG", "true"),
        ("SUB", "alice of local has arn:aws:local:us-east-1:123456789012:Users and ${Literal}"),
        ("JOIN", "a-b"),
        ("IF", "true"),
        ("ELSE", "false"),
        ("AND", "false"),
        ("OR", "true"),
        ("LONG", "ab"),
    ];
    for (name, value) in expected {
        let found = function.variables.get(name).map(String::as_str);
        // YAML 1.1 parses a bare yes as true; the test accepts both.
        let found = match found {
            Some("yes") => Some("true"),
            Some("no") => Some("false"),
            other => other,
        };
        assert_eq!(found, Some(value), "{name}");
    }
    assert!(!function.variables.contains_key("GONE"));
}

#[test]
fn a_table_becomes_a_create_table_request() {
    let expected = serde_json::json!({ "TableName": "Users", "BillingMode": "PAY_PER_REQUEST" });
    assert_eq!(parse(TEMPLATE).unwrap().tables["Users"], expected);
}

/// A function with a name, a schedule, no routes, and a condition in its policy.
const WITH_SCHEDULE: &str = "
Parameters:
  Given: {Type: String}
Conditions:
  HasGiven: !Not [!Equals [!Ref Given, '']]
  HasNone: !Equals [!Ref Given, '']
Globals:
  Function: {MemorySize: 128, Timeout: 7}
Resources:
  AdminFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: admin}}
    Properties:
      FunctionName: !Sub ${AWS::StackName}-admin
      Timeout: 30
      Environment: {Variables: {KEY: !If [HasNone, !GetAtt Made.Arn, !Ref Given]}}
      Policies:
        - Statement:
            - {Effect: Allow, Action: [kms:Encrypt], Resource: !GetAtt Made.Arn}
            - !If
              - HasGiven
              - {Effect: Allow, Action: [kms:Encrypt], Resource: !Ref Given}
              - !Ref AWS::NoValue
      Events: {Tick: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}
  Made: {Type: AWS::KMS::Key, Condition: HasNone}
";

const MADE: &str = "arn:aws:local:us-east-1:123456789012:Made";

fn with_schedule(given: &str) -> Template {
    let parameters = Parameters::from([("Given".to_owned(), given.to_owned())]);
    Template::parse(WITH_SCHEDULE, &parameters).unwrap()
}

#[test]
fn a_function_has_its_own_name_or_that_of_its_resource() {
    let function = &with_schedule("").functions["AdminFunction"];
    assert_eq!((function.name.as_str(), function.timeout), ("local-admin", 30));
    assert_eq!(function.variables["KEY"], MADE);
    assert_eq!(with_schedule("x").functions["AdminFunction"].variables["KEY"], "x");
    assert_eq!(parse(TEMPLATE).unwrap().functions["OneFunction"].name, "OneFunction");
}

#[test]
fn a_schedule_is_not_a_route() {
    assert!(with_schedule("").routes.is_empty());
}

#[test]
fn list_items_without_a_value_are_left_out() {
    let permissions = |given| with_schedule(given).functions["AdminFunction"].permissions.clone();
    let permission = |key: &str| Permission {
        action: "kms:Encrypt".to_owned(),
        resource: key.to_owned(),
        attributes: None,
    };
    assert_eq!(permissions("own"), [permission(MADE), permission("own")]);
    assert_eq!(permissions(""), [permission(MADE)]);
}

#[test]
fn the_error_names_the_unresolved_reference() {
    for (from, to, problem) in [
        ("!Ref Name", "!Ref Missing", "there is no Missing to refer to"),
        ("${Users.Arn}", "${Users.Name}", "there is no Users.Name"),
        ("!If [HasName", "!If [HasNothing", "there is no condition HasNothing"),
        ("!Join ['-', !Ref List]", "!Base64 x", "is not emulated"),
        ("${Name} of", "${Name of", "open brace"),
    ] {
        let refused = parse(&TEMPLATE.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(refused.contains(problem), "{to}: {refused}");
    }
    let missing = Template::parse(TEMPLATE, &Parameters::new()).unwrap_err().to_string();
    assert!(missing.contains("parameter Given has no value"), "{missing}");
    let unknown = Parameters::from([("Gaven".to_owned(), String::new())]);
    let unknown = Template::parse(TEMPLATE, &unknown).unwrap_err().to_string();
    assert!(unknown.contains("there is no parameter Gaven"), "{unknown}");
    assert!(matches!(parse("{"), Err(TemplateError::Yaml(_))));
}

#[test]
fn unsupported_features_are_refused() {
    let api = "
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers:
          Old:
            FunctionArn: !GetAtt OneFunction.Arn
            AuthorizerPayloadFormatVersion: '1.0'
            EnableSimpleResponses: false
            Identity: {Headers: [Authorization]}
";
    let refused = parse(&format!("{TEMPLATE}{api}")).unwrap_err().to_string();
    assert!(refused.starts_with("Api: only authorizers with format 2.0"), "{refused}");
    let event = "
      Events: {Tick: {Type: SQS, Properties: {Queue: x}}}
";
    let refused = parse(&format!("{}{event}", TEMPLATE.trim_end())).unwrap_err().to_string();
    assert!(refused.contains("unknown variant `SQS`"), "{refused}");
}

#[test]
fn policies_may_limit_attributes_and_other_conditions_are_refused() {
    let statement = "{Effect: Allow, Action: [kms:Encrypt], Resource: !GetAtt Made.Arn}";
    let with = |condition: &str| {
        let conditional = statement.replacen('}', &format!(", Condition: {condition}}}"), 1);
        let text = WITH_SCHEDULE.replacen(statement, &conditional, 1);
        Template::parse(&text, &Parameters::from([("Given".to_owned(), String::new())]))
    };
    let template = with("{'ForAllValues:StringEquals': {'dynamodb:Attributes': [b, a]}}").unwrap();
    let permission = &template.functions["AdminFunction"].permissions[0];
    assert_eq!(permission.attributes, Some(["a", "b"].map(str::to_owned).into()));
    for odd in ["{StringEquals: {'dynamodb:Select': [COUNT]}}", "{}"] {
        assert!(matches!(with(odd), Err(TemplateError::Unsupported { .. })), "{odd}");
    }
}

#[test]
fn a_false_condition_removes_a_resource_unless_it_is_a_table() {
    let function = "  OneFunction:\n    Type: AWS::Serverless::Function\n";
    let table = "  Users: {Type: AWS::DynamoDB::Table, ";
    for (condition, functions) in [("HasName", 1), ("HasEmpty", 0)] {
        let text = TEMPLATE
            .replacen(function, &format!("{function}    Condition: {condition}\n"), 1)
            .replacen(table, &format!("{table}Condition: {condition}, "), 1);
        let template = parse(&text).unwrap();
        assert_eq!(
            (template.functions.len(), template.tables.len()),
            (functions, 1),
            "{condition}"
        );
    }
}
