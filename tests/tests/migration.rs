//! `docs/migrating-from-flask.md` against the sources: nothing of the two libraries is missing, and
//! what is said to work has a test.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use latchkey_tests::{repository::read, stack::workspace};

/// What Flask-JWT-Extended 4.7 exports and its documentation uses, and the arguments that change
/// what a call means.
const FUNCTIONS: [&str; 32] = [
    "JWTManager",
    "init_app",
    "add_context_processor",
    "create_access_token",
    "create_access_token(fresh)",
    "create_access_token(expires_delta)",
    "create_access_token(additional_claims)",
    "create_access_token(additional_headers)",
    "create_refresh_token",
    "decode_token",
    "get_jti",
    "get_csrf_token",
    "get_unverified_jwt_headers",
    "jwt_required",
    "jwt_required(optional)",
    "jwt_required(fresh)",
    "jwt_required(refresh)",
    "jwt_required(locations)",
    "jwt_required(verify_type=False)",
    "jwt_required(skip_revocation_check)",
    "verify_jwt_in_request",
    "get_jwt",
    "get_jwt_header",
    "get_jwt_identity",
    "get_jwt_request_location",
    "get_current_user",
    "current_user",
    "set_access_cookies",
    "set_refresh_cookies",
    "unset_access_cookies",
    "unset_refresh_cookies",
    "unset_jwt_cookies",
];

const CALLBACKS: [&str; 15] = [
    "user_identity_loader",
    "additional_claims_loader",
    "additional_headers_loader",
    "encode_key_loader",
    "decode_key_loader",
    "token_in_blocklist_loader",
    "token_verification_loader",
    "user_lookup_loader",
    "expired_token_loader",
    "needs_fresh_token_loader",
    "revoked_token_loader",
    "token_verification_failed_loader",
    "user_lookup_error_loader",
    "invalid_token_loader",
    "unauthorized_loader",
];

const NAMES_OF_FLASK_JWT: [&str; 19] = [
    "JWT",
    "init_app",
    "authenticate",
    "identity",
    "jwt_required",
    "_jwt_required",
    "current_identity",
    "JWTError",
    "authentication_handler",
    "identity_handler",
    "jwt_error_handler",
    "auth_response_handler",
    "auth_request_handler",
    "request_handler",
    "jwt_encode_handler",
    "jwt_decode_handler",
    "jwt_payload_handler",
    "jwt_headers_handler",
    "encode_token",
];

fn guide() -> String {
    read("docs/migrating-from-flask.md")
}

/// Every Rust file below a folder, one after the other.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.filter_map(|path| {
        if path.is_dir() {
            let is_ours = !path.ends_with("node_modules");
            is_ours.then(|| sources(&path))
        } else {
            path.extension().is_some_and(|ending| ending == "rs").then(|| read(path))
        }
    });
    texts.collect()
}

/// What stands below a heading.
fn section(page: &str, heading: &str) -> String {
    let below = page.split(&format!("\n## {heading}\n")).nth(1).expect(heading);
    below.split("\n## ").next().unwrap().to_owned()
}

/// The rows of the tables in `text` whose header row ends so, as their cells.
fn rows(text: &str, header: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        is_inside = line.starts_with('|') && (is_inside || line.ends_with(header));
        if is_inside && !line.ends_with(header) && !line.starts_with("|---") {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

/// The rows of the tables that give verdicts.
fn verdicts(text: &str) -> Vec<Vec<String>> {
    let rows = rows(text, "| here | test |");
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
    }
    rows
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The names that have a verdict in a section, with it.
fn judged(heading: &str) -> BTreeMap<String, String> {
    let rows = verdicts(&section(&guide(), heading));
    let count = rows.len();
    let judged: BTreeMap<_, _> =
        rows.into_iter().map(|row| (quoted(&row[0])[0].to_owned(), row[1].clone())).collect();
    assert_eq!(judged.len(), count, "{heading}: a name has two rows");
    judged
}

/// The options in a table of `docs/configuration.md`, with what they are here.
fn options(heading: &str) -> BTreeMap<String, String> {
    let page = section(&read("docs/configuration.md"), heading);
    let rows = rows(&page, "| here | what is different, or why it is fixed |");
    rows.into_iter().map(|row| (quoted(&row[0])[0].to_owned(), row[2].clone())).collect()
}

#[test]
fn every_verdict_is_yes_better_or_no_and_names_a_test_or_a_reason() {
    let folders = ["functions", "local", "shared", "tests"];
    let sources: String = folders.map(|folder| sources(&workspace().join(folder))).concat();
    let rows = verdicts(&guide());
    assert!(rows.len() > 130, "{} rows", rows.len());
    let mut missing = BTreeSet::new();
    for row in &rows {
        let [_, verdict, tests] = &row[..] else { panic!("{row:?}") };
        let tests = quoted(tests);
        let (word, reason) = verdict.split_once(": ").unwrap_or((verdict.as_str(), ""));
        match word {
            "yes" => assert!(!tests.is_empty(), "{row:?}"),
            "better" => assert!(!tests.is_empty() && !reason.is_empty(), "{row:?}"),
            "no" => assert!(reason.split_whitespace().count() >= 3, "{row:?}"),
            _ => panic!("{verdict} is no verdict"),
        }
        let absent = tests.into_iter().filter(|name| !sources.contains(&format!("fn {name}(")));
        missing.extend(absent.map(str::to_owned));
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

#[test]
fn every_name_of_the_two_libraries_has_a_verdict() {
    let expected: [(&str, &[&str]); 3] = [
        ("Functions and decorators of Flask-JWT-Extended", &FUNCTIONS),
        ("Callbacks of Flask-JWT-Extended", &CALLBACKS),
        ("Names of Flask-JWT", &NAMES_OF_FLASK_JWT),
    ];
    for (heading, names) in expected {
        let judged: BTreeSet<_> = judged(heading).into_keys().collect();
        let names: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(judged, names, "{heading}");
    }
}

/// The page of the configuration is held against the names of both libraries by a test of its own.
#[test]
fn every_option_has_a_verdict_that_agrees_with_the_page_of_the_configuration() {
    for heading in ["Options of Flask-JWT-Extended", "Options of Flask-JWT"] {
        let (judged, options) = (judged(heading), options(heading));
        assert_eq!(judged.keys().collect::<Vec<_>>(), options.keys().collect::<Vec<_>>());
        for (name, verdict) in judged {
            if options[&name] == "fixed" {
                assert!(!verdict.starts_with("yes"), "{name} is fixed");
            } else {
                assert!(!verdict.starts_with("no"), "{name} is {}", options[&name]);
            }
        }
    }
}

/// Constants by name, as in `const NAME: &str = "text";`.
fn constants(source: &str) -> BTreeMap<&str, &str> {
    let lines = source.lines().filter_map(|line| line.split_once("const "));
    let constants = lines.filter_map(|(_, rest)| rest.split_once(": &str = \""));
    constants.filter_map(|(name, rest)| Some((name, rest.strip_suffix("\";")?))).collect()
}

#[test]
fn the_item_of_a_moved_user_has_the_attributes_of_the_store() {
    let source = read("shared/store/src/dynamodb/user_item.rs");
    let mut attributes = constants(&source);
    // Of sessions, of which a moved user has none; of writes; and values.
    attributes.retain(|name, _| {
        !name.starts_with("SESSION_") && !["OPERATION", "ACTIVE", "DISABLED"].contains(name)
    });
    let attributes: BTreeSet<_> = attributes.into_values().map(str::to_owned).collect();

    let page = section(&guide(), "Moving users");
    let item = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let item: serde_json::Value = serde_json::from_str(item).unwrap();
    let written: BTreeSet<_> = item.as_object().unwrap().keys().cloned().collect();
    assert_eq!(written, attributes);

    let explained = rows(&page, "| attribute | |");
    let explained: BTreeSet<_> =
        explained.iter().map(|row| quoted(&row[0])[0].to_owned()).collect();
    assert_eq!(explained, attributes);
}

#[test]
fn the_guide_can_be_found() {
    for page in ["docs/migrating-from-flask.md", "docs/configuration.md"] {
        let readme = read("README.md");
        assert!(readme.contains(page), "{page}");
    }
}
