//! The program `latchkey` without a stack.
#![cfg(test)]

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::{Output, Stdio},
};

use latchkey_testkit::{
    fixtures::{JWK_SET, key_set},
    forge::{claims, header, sign, sign_with_foreign_key, with},
};
use latchkey_tests::program::{assert_fails, error, latchkey, run};
use latchkey_token::{Algorithm, KeySet, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A file in a temporary folder, which lives as long as the [`TempDir`].
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    fs::write(&path, text).unwrap();
    (folder, path)
}

/// The claims of a token issued a minute ago that is valid for 830 s.
fn fresh_claims() -> Value {
    let from = Timestamp::now().unix() - 60;
    let claims = with(with(claims(), "iat", from.into()), "nbf", from.into());
    with(claims, "exp", (from + 890).into())
}

fn inspect(token: &str, options: &[&str]) -> Output {
    run(&[&["token", "inspect", token][..], options].concat())
}

/// Exit code and JSON for a token, verified with the tests' public key.
fn verdict(token: &str) -> (i32, Value) {
    let (_folder, keys) = file(&json!(key_set().public_jwk_set()).to_string());
    let output = inspect(token, &["--json", "--jwks", keys.to_str().unwrap()]);
    let json: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", error(&output)));
    (code(&output), json)
}

#[track_caller]
fn assert_verdict(token: &str, expected: &str) {
    let (code, json) = verdict(token);
    assert_eq!((&json["verdict"], code), (&json!(expected), i32::from(expected != "valid")));
}

#[test]
fn generated_keys_of_every_algorithm_can_sign() {
    for algorithm in Algorithm::ALL {
        let output = run(&["keys", "generate", "--algorithm", algorithm.name()]);
        assert_eq!(code(&output), 0, "{}", error(&output));
        assert!(error(&output).contains("can sign tokens"), "{}", error(&output));
        let ring = KeySet::parse(&SecretString::from(stdout(&output))).unwrap();
        assert_eq!(ring.signing().unwrap().algorithm(), algorithm);
    }
    let ring = KeySet::parse(&SecretString::from(stdout(&run(&["keys", "generate"])))).unwrap();
    assert_eq!(ring.signing().unwrap().algorithm(), Algorithm::Es256);
}

#[test]
fn a_token_without_keys_is_shown_as_unverified() {
    for token in
        [sign(&header(), &fresh_claims()), sign_with_foreign_key(&header(), &fresh_claims())]
    {
        let output = inspect(&token, &[]);
        assert_eq!((code(&output), error(&output).as_str()), (0, ""));
        let text = stdout(&output);
        let first = "UNVERIFIED: nothing was checked; do not trust this token";
        assert_eq!(text.lines().next(), Some(first));
        assert!(text.contains("\"alice\"") && text.contains("\"test-key\""), "{text}");
        assert!(text.contains("issued 1 min ago, expires in 13 min"), "{text}");
        assert!(!text.contains(token.rsplit('.').next().unwrap()), "the signature is a secret");

        let json: Value = serde_json::from_str(&stdout(&inspect(&token, &["--json"]))).unwrap();
        assert_eq!(json["verdict"], "unverified");
        assert_eq!((&json["header"], &json["claims"]["sub"]), (&header(), &claims()["sub"]));
    }
}

#[test]
fn a_token_is_verified_with_keys_from_a_file() {
    let (claims, now) = (fresh_claims(), Timestamp::now().unix());
    assert_verdict(&sign(&header(), &claims), "valid");
    assert_verdict(&sign(&header(), &with(claims.clone(), "iss", "other".into())), "valid");
    let expired = with(claims.clone(), "exp", (now - 10).into());
    assert_verdict(&sign(&header(), &expired), "expired");
    let early = with(claims.clone(), "nbf", (now + 300).into());
    assert_verdict(&sign(&header(), &early), "not_yet_valid");
    assert_verdict(&sign_with_foreign_key(&header(), &claims), "bad_signature");
    let other_algorithm = with(header(), "alg", "HS256".into());
    assert_verdict(&sign(&other_algorithm, &claims), "bad_signature");
    assert_verdict(&sign(&with(header(), "kid", "x".into()), &claims), "unknown_key");
    assert_verdict(&sign(&with(header(), "crit", json!(["x"])), &claims), "malformed");
    assert_verdict(&sign(&header(), &with(claims, "sub", Value::Null)), "malformed");
    for text in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        assert_verdict(text, "malformed");
    }
    let long = format!("a.b.{}", "c".repeat(10_000));
    assert_verdict(&long, "malformed");
}

#[test]
fn the_first_line_of_the_text_is_the_verdict() {
    let (_folder, keys) = file(&json!(key_set().public_jwk_set()).to_string());
    let first_line = |token: &str| {
        let text = stdout(&inspect(token, &["--jwks", keys.to_str().unwrap()]));
        text.lines().next().unwrap().to_owned()
    };
    assert!(first_line(&sign(&header(), &fresh_claims())).starts_with("VALID: "));
    assert!(first_line(&sign(&header(), &claims())).starts_with("EXPIRED: "));
    let forged = first_line(&sign_with_foreign_key(&header(), &fresh_claims()));
    assert!(forged.starts_with("BAD SIGNATURE: "), "{forged}");
    assert!(forged.ends_with("do not trust this token"), "{forged}");
    assert!(first_line("x").starts_with("MALFORMED: "));
}

#[test]
fn a_token_is_read_from_standard_input_and_with_its_scheme() {
    let token = sign(&header(), &fresh_claims());
    let piped = |text: String| {
        let mut program = latchkey()
            .args(["token", "inspect", "-", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        program.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = program.wait_with_output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["verdict"].clone()
    };
    for text in [token.clone(), format!("{token}\n"), format!("Bearer {token}\r\n")] {
        assert_eq!(piped(text), "unverified");
    }
    for text in [String::new(), "\n".to_owned(), format!("{token} {token}")] {
        assert_eq!(piped(text), "malformed");
    }
    assert_eq!(code(&inspect(&format!("bearer {token}"), &[])), 0);
}

#[test]
fn control_characters_of_a_token_are_escaped() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\nVALID: it is\u{9b}1m\u{202e}\u{7f}";
    let claims = with(with(fresh_claims(), "username", hostile.into()), hostile, hostile.into());
    let header = with(with(header(), "kid", hostile.into()), hostile, hostile.into());
    let token = sign_with_foreign_key(&header, &claims);
    for options in [&[][..], &["--json"][..]] {
        let text = stdout(&inspect(&token, options));
        let is_control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_control), "{text:?}");
        assert!(!text.contains("\nVALID"), "{text}");
    }
    let json: Value = serde_json::from_str(&stdout(&inspect(&token, &["--json"]))).unwrap();
    assert_eq!(json["claims"]["username"], hostile, "the JSON value is unchanged");
    let failed = run(&["token", "inspect", &token, "--jwks", "\u{1b}[2J"]);
    assert!(!error(&failed).contains('\u{1b}'), "{:?}", error(&failed));
}

#[test]
fn an_invalid_command_line_is_exit_code_2() {
    for line in [
        "",
        "keys",
        "token",
        "keys lst",
        "keys list --stak x",
        "keys list extra",
        "keys generate --algorithm none",
        "keys generate --algorithm es256",
        "keys retire",
        "token inspect",
        "token inspect a.b.c d",
        "--yes keys list",
        "keys list --local --stack x",
        "keys list --local=.local --profile x",
        "keys rotate --local --region x",
        "token inspect a.b.c --local --endpoint-url http://127.0.0.1:1",
        "token inspect a.b.c --jwks keys.json --local",
        "token inspect a.b.c --jwks keys.json --stack x",
        "token inspect a.b.c --jwks keys.json --region x",
        "token inspect a.b.c --jwks keys.json --profile x",
        "token inspect a.b.c --jwks keys.json --endpoint-url http://127.0.0.1:1",
        "keys retire abcdefgh --local",
        "keys retire abcdefgh",
        "events all",
        "events --since 1w",
        "events --limit 0",
        "events --limit 10001",
        "events --user=",
        "events --address \u{7f}",
        "events --local --region x",
    ] {
        let output = run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(
            (code(&output), stdout(&output).as_str()),
            (2, ""),
            "{line}: {}",
            error(&output)
        );
        assert!(!error(&output).is_empty(), "{line}");
    }
}

#[test]
fn the_help_has_every_command_and_option() {
    for (line, names) in [
        (
            "--help",
            &["keys", "token", "events", "--profile", "--region", "--stack", "--local", "--json"][..],
        ),
        ("keys --help", &["list", "generate", "rotate", "retire"][..]),
        ("keys retire --help", &["--yes", "KEY", "at least 6", "cannot be undone"][..]),
        ("keys generate --help", &["--algorithm", "ES256", "EdDSA", "HS512"][..]),
        ("events --help", &["failed-logins-by-account", "--since", "24h", "--failures"][..]),
        ("token inspect --help", &["--jwks", "standard input", "--stack"][..]),
    ] {
        let output = run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(code(&output), 0, "{line}");
        for name in names {
            assert!(stdout(&output).contains(name), "{line}: no {name} in\n{}", stdout(&output));
        }
    }
}

#[test]
fn a_failure_is_one_line_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let local = format!("--local={}", folder.path().display());
    assert_fails(&run(&["keys", "list", &local]), "does `make dev` run here?");

    // The listener is closed, so the port refuses connections.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("http://127.0.0.1:{port}\n");
    fs::write(folder.path().join("aws-endpoint"), endpoint).unwrap();
    assert_fails(&run(&["keys", "list", &local]), "AWS does not answer");

    let token = sign(&header(), &fresh_claims());
    assert_fails(&inspect(&token, &["--jwks", "no/such/file"]), "no/such/file: ");
    for (set, reason) in [
        (JWK_SET, "a verifier is given public keys only"),
        ("{}", "not a JWK set"),
        (r#"{"keys":[]}"#, "holds no key"),
    ] {
        let (_folder, path) = file(set);
        assert_fails(&inspect(&token, &["--jwks", path.to_str().unwrap()]), reason);
    }
}

#[test]
fn missing_aws_settings_are_errors() {
    let home = tempfile::tempdir().unwrap();
    let list = |region: &str, options: &[&str]| {
        let mut program = latchkey();
        program.env_clear().env("HOME", home.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        program.env("AWS_REGION", region).args(["keys", "list"]).args(options).output().unwrap()
    };
    assert_fails(&list("", &[]), "no region is set: give --region");
    for options in [&[][..], &["--profile", "unknown"]] {
        assert_fails(&list("eu-west-1", options), "no AWS credentials found: set them up");
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let token = sign(&header(), &fresh_claims());
    for arguments in [&["keys", "generate"][..], &["token", "inspect", token.as_str()], &["--help"]]
    {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = latchkey().args(arguments).stdout(writer).output().unwrap();
        assert_eq!(code(&output), 0, "{}", error(&output));
        assert!(!error(&output).contains("panicked"), "{}", error(&output));
    }
}
