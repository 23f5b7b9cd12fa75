//! `latchkey events` with fake CloudWatch Logs, and with a log file.

use std::{fs, process::Output};

use latchkey_token::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    failure, on_aws, run,
    server::{Call, Reply, Server},
    text,
};

const GROUPS: [&str; 2] = ["latchkey-LoginLogs-1A", "latchkey-AdminLogs-2B"];

/// The reply to an operation: a body, or the code of an error.
type Answer = Result<Value, &'static str>;

/// Fake CloudWatch Logs; `answer` is given the number of earlier calls of the operation.
fn logs(answer: impl Fn(&str, usize) -> Answer + Send + 'static) -> Server {
    Server::start(move |earlier, call| {
        let earlier = earlier.iter().filter(|other| other.operation == call.operation).count();
        let (status, body) = match answer(&call.operation, earlier) {
            Ok(body) => (200, body),
            Err(code) => (400, json!({ "__type": code, "message": "not today" })),
        };
        Reply { status, header: "", body: body.to_string() }
    })
}

/// The answer of a stack with saved queries, whose results are complete at the third poll.
fn working(operation: &str, earlier: usize, rows: &Value) -> Value {
    let definition = |name: &str| json!({ "name": name, "logGroupNames": GROUPS });
    match (operation, earlier) {
        ("DescribeQueryDefinitions", 0) => json!({
            "queryDefinitions": [definition("latchkey/other"), { "name": "latchkey/events" }],
            "nextToken": "page 2",
        }),
        ("DescribeQueryDefinitions", _) => {
            let names = ["events", "failed-logins-by-address", "keys"];
            let names = names.map(|name| definition(&format!("latchkey/{name}")));
            json!({ "queryDefinitions": names })
        }
        ("StartQuery", _) => json!({ "queryId": "query-1" }),
        ("GetQueryResults", 0) => json!({ "status": "Scheduled", "results": [] }),
        // Partial results are ignored.
        ("GetQueryResults", 1) => json!({ "status": "Running", "results": [row(&[("x", "y")])] }),
        ("GetQueryResults", _) => json!({ "status": "Complete", "results": rows }),
        (other, _) => panic!("{other}"),
    }
}

fn row(columns: &[(&str, &str)]) -> Value {
    columns.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
}

fn run_on(logs: &Server, arguments: &[&str]) -> Output {
    let options = ["events", "--region", "eu-west-1", "--endpoint-url", &logs.url];
    on_aws().args(options).args(arguments).output().unwrap()
}

fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

#[test]
fn a_query_runs_over_the_log_groups_of_the_saved_query() {
    let rows = json!([
        row(&[
            ("@timestamp", "2026-11-02 16:51:31.587"),
            ("event", "key_rotation"),
            ("outcome", "success"),
            ("reason", ""),
            ("claimed_caller", "o"),
            ("@ptr", "CnIK"),
        ]),
        row(&[("@timestamp", "2026-11-02 16:51:31.588"), ("event", "key_maintenance")]),
    ]);
    let logs = logs(move |operation, earlier| Ok(working(operation, earlier, &rows)));
    let options = ["keys", "--json", "--since", "2h", "--user", "a\" or \"", "--limit", "7"];
    let found: Value = serde_json::from_str(&text(&run_on(&logs, &options))).unwrap();
    let expected = json!([
        { "time": "2026-11-02T16:51:31.588Z", "event": "key_maintenance" },
        {
            "time": "2026-11-02T16:51:31.587Z", "event": "key_rotation", "outcome": "success",
            "claimed_caller": "o",
        },
    ]);
    assert_eq!(found, expected);

    let calls = logs.calls();
    let polls = ["GetQueryResults"; 3];
    let first = ["DescribeQueryDefinitions", "DescribeQueryDefinitions", "StartQuery"];
    assert_eq!(operations(&calls), [&first[..], &polls].concat());
    assert_eq!(calls[0].body, json!({ "queryDefinitionNamePrefix": "latchkey/" }));
    assert_eq!(calls[1].body["nextToken"], "page 2");
    let query = &calls[2].body;
    assert_eq!(query["logGroupNames"], json!(GROUPS));
    let [start, end] = ["startTime", "endTime"].map(|time| query[time].as_u64().unwrap());
    assert_eq!(end - start, 7_200);
    assert!(end.abs_diff(Timestamp::now().unix()) < 60);
    let query = query["queryString"].as_str().unwrap();
    let filter = r#"event like /^key_/ and user_id = "a\" or \"""#;
    assert!(query.contains(filter) && query.ends_with("\n| limit 7"), "{query}");
    assert_eq!(calls[3].body["queryId"], "query-1");
}

#[test]
fn counted_events_are_a_table_with_the_largest_group_first() {
    let ago = |seconds: u64| (Timestamp::now().unix() - seconds).to_string() + "500";
    let counts =
        |ip, attempts, last: String| row(&[("ip", ip), ("attempts", attempts), ("last_at", &last)]);
    let rows = json!([counts("192.0.2.1", "2", ago(190)), counts("192.0.2.20", "11", ago(7_300))]);
    let logs = logs(move |operation, earlier| Ok(working(operation, earlier, &rows)));
    let expected = "\
ADDRESS     ATTEMPTS  LAST
192.0.2.20  11        2 h ago
192.0.2.1   2         3 min ago
";
    assert_eq!(text(&run_on(&logs, &["failed-logins-by-address"])), expected);
}

#[test]
fn a_missing_saved_query_is_an_error() {
    for (definitions, arguments, name) in [
        (json!([]), &[][..], "latchkey/events"),
        (json!([{ "name": "latchkey/events" }]), &[], "latchkey/events"),
        (json!([{ "name": "a/events", "logGroupNames": GROUPS }]), &["reuse"], "latchkey/reuse"),
        (json!([]), &["--stack", "b"], "b/events"),
    ] {
        let logs = logs(move |_, _| Ok(json!({ "queryDefinitions": definitions })));
        let error = failure(&run_on(&logs, arguments));
        let expected = format!("latchkey: there is no saved query {name}: check --stack");
        assert!(error.starts_with(&expected), "{error}");
        assert_eq!(operations(&logs.calls()), ["DescribeQueryDefinitions"]);
    }
}

#[test]
fn a_denied_call_names_the_rights() {
    for denied in ["DescribeQueryDefinitions", "StartQuery", "GetQueryResults"] {
        let logs = logs(move |operation, earlier| match operation {
            operation if operation == denied => Err("AccessDeniedException"),
            operation => Ok(working(operation, earlier, &json!([]))),
        });
        let expected = "latchkey: AWS refused the call: not today; needed are \
             logs:DescribeQueryDefinitions, logs:StartQuery, logs:GetQueryResults and \
             logs:StopQuery\n";
        assert_eq!(failure(&run_on(&logs, &[])), expected, "{denied}");
    }
}

#[test]
fn other_errors_have_the_reason_of_aws() {
    let logs = logs(|operation, earlier| match operation {
        "StartQuery" => Err("MalformedQueryException"),
        operation => Ok(working(operation, earlier, &json!([]))),
    });
    let expected = "latchkey: AWS refused the call: MalformedQueryException: not today\n";
    assert_eq!(failure(&run_on(&logs, &[])), expected);
}

#[test]
fn a_query_that_ends_without_a_result_is_an_error() {
    for status in ["Failed", "Cancelled", "Timeout", "Odd"] {
        let logs = logs(move |operation, earlier| match operation {
            "GetQueryResults" => Ok(json!({ "status": status, "results": [] })),
            operation => Ok(working(operation, earlier, &json!([]))),
        });
        let error = failure(&run_on(&logs, &[]));
        assert!(error.contains(&format!("ended the query with the status {status}")), "{error}");
    }
}

#[test]
fn rows_that_are_not_events_are_an_error() {
    for (query, columns) in [
        ("events", &[("event", "login")][..]),
        ("events", &[("@timestamp", "yesterday")]),
        ("failed-logins-by-address", &[("ip", "a"), ("attempts", "x"), ("last_at", "1")]),
        ("failed-logins-by-address", &[("attempts", "1"), ("last_at", "1")]),
    ] {
        let rows = json!([row(columns)]);
        let logs = logs(move |operation, earlier| Ok(working(operation, earlier, &rows)));
        let error = failure(&run_on(&logs, &[query]));
        assert!(error.contains("unexpected answer of CloudWatch Logs"), "{error}");
    }
}

/// A state folder with these lines in its log.
fn folder(lines: &[Value]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join("log.jsonl"), lines.concat()).unwrap();
    folder
}

/// A line of an audit event.
fn line(seconds_ago: u64, fields: &Value) -> Value {
    let time = Timestamp::from_unix(Timestamp::now().unix() - seconds_ago).to_rfc3339();
    let mut line = json!({ "time": time, "function": "login", "target": "audit" });
    line.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    line
}

fn run_in(folder: &TempDir, arguments: &[&str]) -> Output {
    let local = format!("--local={}", folder.path().display());
    run(&[&["events", &local], arguments].concat())
}

#[test]
fn events_are_a_table_and_only_a_caller_adds_its_column() {
    let lines = [
        line(7_300, &json!({ "event": "signup", "outcome": "success", "user_id": "u-1" })),
        line(
            190,
            &json!({
                "event": "login", "outcome": "failure", "reason": "invalid_credentials",
                "ip": "192.0.2.1",
            }),
        ),
    ];
    let expected = "\
WHEN       EVENT   OUTCOME  REASON               USER  ADDRESS
3 min ago  login   failure  invalid_credentials  -     192.0.2.1
2 h ago    signup  success  -                    u-1   -
";
    assert_eq!(text(&run_in(&folder(&lines), &[])), expected);
    let operator = line(5, &json!({ "event": "key_rotation", "claimed_caller": "arn:x\u{1b}[2J" }));
    let table = text(&run_in(&folder(&[&lines[..], &[operator]].concat()), &[]));
    assert!(table.starts_with("WHEN ") && table.contains("ADDRESS    CALLER\n"), "{table}");
    assert!(table.lines().nth(1).unwrap().ends_with("  arn:x\\u001b[2J"), "{table}");
}

#[test]
fn options_select_events() {
    let events = [
        (10, json!({ "event": "login", "user_id": "a", "ip": "192.0.2.1", "outcome": "failure" })),
        (20, json!({ "event": "login", "user_id": "b", "ip": "192.0.2.1", "outcome": "success" })),
        (30, json!({ "event": "logout", "user_id": "a", "ip": "192.0.2.2", "outcome": "success" })),
        (7_000, json!({ "event": "logout", "user_id": "-b", "outcome": "failure" })),
        (90_000, json!({ "event": "login", "user_id": "a", "outcome": "failure" })),
        (900_000, json!({ "event": "login", "user_id": "a", "outcome": "failure" })),
    ];
    let numbered = events.iter().enumerate().map(|(number, (ago, fields))| {
        let mut line = line(*ago, fields);
        line["request_id"] = number.to_string().into();
        line
    });
    let lines: Vec<_> = numbered.rev().collect();
    let folder = folder(&lines);
    for (options, expected) in [
        ("", "0123"),
        ("events", "0123"),
        ("--since 1h", "012"),
        ("--since 30d", "012345"),
        ("--since 2d", "01234"),
        ("--since 600s --limit 2", "01"),
        ("--user a", "02"),
        ("--user -b", "3"),
        ("--address 192.0.2.1", "01"),
        ("--event logout", "23"),
        ("--failures", "03"),
        ("--failures --user a --event login --since 2d", "04"),
        ("--user A", ""),
    ] {
        let options: Vec<_> = options.split_whitespace().chain(["--json"]).collect();
        let found: Value = serde_json::from_str(&text(&run_in(&folder, &options))).unwrap();
        let ids = found.as_array().unwrap().iter().map(|event| event["request_id"].as_str());
        assert_eq!(ids.collect::<Option<String>>().unwrap(), expected, "{options:?}");
    }
}

#[test]
fn a_reached_limit_is_said_on_standard_error() {
    let lines = [line(1, &json!({})), line(2, &json!({}))];
    for (limit, is_said) in [("1", true), ("2", true), ("3", false)] {
        let output = run_in(&folder(&lines), &["--limit", limit]);
        text(&output);
        let expected = if is_said {
            format!("The limit of {limit} is reached; --limit raises it.\n")
        } else {
            String::new()
        };
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}

#[test]
fn no_events_are_a_success() {
    for lines in [&[][..], &[json!({ "time": "2026-11-02T16:51:31Z", "target": "audit" })]] {
        for query in ["events", "failed-logins-by-account"] {
            assert_eq!(text(&run_in(&folder(lines), &[query])), "no events\n");
            assert_eq!(text(&run_in(&folder(lines), &[query, "--json"])), "[]\n");
        }
    }
}

#[test]
fn both_files_are_read_and_lines_that_are_not_entries_are_skipped() {
    let folder = folder(&[line(10, &json!({ "event": "b" }))]);
    let [older, newer] = ["log.1.jsonl", "log.jsonl"].map(|name| folder.path().join(name));
    fs::write(older, format!("{}\n{{\"ti", line(20, &json!({ "event": "a" })))).unwrap();
    let mut text_of_log = fs::read(&newer).unwrap();
    for odd in ["\n", "text\n", "[]\n", "{}\n", "{\"time\":\"x\",\"target\":\"audit\"}\n"] {
        text_of_log.extend(odd.as_bytes());
    }
    text_of_log.extend(
        format!("{}\n", line(5, &json!({ "event": 3, "ip": null, "user_agent": "" }))).as_bytes(),
    );
    text_of_log.extend(b"{\"time\":\"2026-\xff");
    fs::write(&newer, text_of_log).unwrap();
    let found: Value = serde_json::from_str(&text(&run_in(&folder, &["--json"]))).unwrap();
    let events: Vec<_> = found.as_array().unwrap().iter().map(|event| &event["event"]).collect();
    assert_eq!(events, ["3", "b", "a"]);
    assert_eq!(found[0].as_object().unwrap().len(), 2, "{found}");
}

#[test]
fn events_of_one_moment_are_in_reverse_order_of_the_log() {
    let time = line(60, &json!({}))["time"].clone();
    let lines = ["a", "b", "c"].map(|event| line(60, &json!({ "event": event, "time": time })));
    let found: Value = serde_json::from_str(&text(&run_in(&folder(&lines), &["--json"]))).unwrap();
    let events: Vec<_> = found.as_array().unwrap().iter().map(|event| &event["event"]).collect();
    assert_eq!(events, ["c", "b", "a"]);
}

#[test]
fn a_stack_without_a_log_is_an_error_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let error = failure(&run_in(&folder, &[]));
    assert!(error.contains("log.jsonl: ") && error.contains("unless its state is in memory"));
    fs::write(folder.path().join("aws-endpoint-memory"), "http://127.0.0.1:9").unwrap();
    let in_memory = "latchkey: a local stack with its state in memory keeps no log: start `make \
         dev` without --state memory and give its state folder\n";
    assert_eq!(failure(&run_in(&folder, &[])), in_memory);
    assert_eq!(failure(&run(&["events", "--local=http://127.0.0.1:9"])), in_memory);
    // A stack with its state in the folder has a log.
    fs::write(folder.path().join("aws-endpoint"), "http://127.0.0.1:9").unwrap();
    fs::write(folder.path().join("log.jsonl"), "").unwrap();
    assert_eq!(text(&run_in(&folder, &[])), "no events\n");
}
