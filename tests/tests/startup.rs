//! Configuration errors of the real binaries: one sentence that names the variable.
#![cfg(test)]

use std::process::{Command, Output};

use latchkey_config::variables_of;
use latchkey_testkit::template;
use latchkey_tests::stack::{Settings, binaries};

/// Runs a program with only these variables.
fn run(program: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binaries().join(program));
    command.env_clear().envs(variables.iter().copied()).output().unwrap()
}

/// The only line on standard error of a failed program.
#[track_caller]
fn error_line(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(output.stdout.is_empty(), "{output:?}");
    error.trim_end().to_owned()
}

#[test]
fn the_error_of_a_function_names_the_variable() {
    for function in template().functions.into_values() {
        let deployed: Vec<_> = function
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let with = |changed: &[(&str, &str)]| {
            let variables = [&deployed[..], changed].concat();
            error_line(&run(&function.binary, &variables))
        };
        let reads = |name: &&str| variables_of(&function.binary).contains(name);
        if reads(&"USERS_TABLE") {
            assert_eq!(with(&[("USERS_TABLE", "")]), "Error: USERS_TABLE is not set");
        }
        if reads(&"KEYS_MAX_AGE") {
            let error = with(&[("KEYS_MAX_AGE", "0")]);
            assert_eq!(error, "Error: KEYS_MAX_AGE must be a whole number from 1 to 3600");
        }
        if reads(&"ARGON2_ITERATIONS") {
            let error = with(&[("ARGON2_ITERATIONS", "99")]);
            assert!(error.starts_with("Error: ARGON2_MEMORY_KIB and ARGON2_ITERATIONS"), "{error}");
            assert!(error.ends_with("16 iterations and 1048576 KiB in all passes"), "{error}");
        }
        if reads(&"JWT_SECRET_KEY") {
            let moved = [("KEYS_TABLE", ""), ("KMS_KEY_ARN", "")];
            let keys = |changed: &[(&str, &str)]| with(&[&moved, changed].concat());
            assert_eq!(
                keys(&[("JWT_SECRET_KEY", "short"), ("JWT_ALGORITHM", "HS256")]),
                "Error: JWT_SECRET_KEY: HS256 needs a secret of at least 32 bytes, got 5"
            );
            let error = keys(&[("SIGNING_KEYS", "{}")]);
            assert!(error.starts_with("Error: SIGNING_KEYS: not a JWK set"), "{error}");
            let error = keys(&[("JWT_PRIVATE_KEY", "x")]);
            assert!(
                error.starts_with("Error: JWT_PRIVATE_KEY: not a PEM key for ES256"),
                "{error}"
            );
        }
    }
}

/// An invalid value for each group of settings.
const BAD: [(&str, &str); 20] = [
    ("LOG_LEVEL", "x"),
    ("LOGIN_LIMIT_ACCOUNT", "x"),
    ("SIGNUP_MODE", "x"),
    ("TRUSTED_EDGE", "x y"),
    ("USERS_TABLE", ""),
    ("WORK_ITEMS_TABLE", ""),
    ("JWT_SECRET_KEY", "short"),
    ("FLASK_KEYS_SECRET", "arn"),
    ("SIGNING_ALGORITHM", "x"),
    ("KEY_ROTATION_DAYS", "x"),
    ("JWT_ISSUER", ""),
    ("JWT_DECODE_LEEWAY", "x"),
    ("SESSION_LIMIT", "x"),
    ("REFRESH_GRACE", "x"),
    ("PASSWORD_MIN_LENGTH", "x"),
    ("ARGON2_ITERATIONS", "99"),
    ("JWT_COOKIE_SECURE", "x"),
    ("FLASK_JWT_LOGIN", "x"),
    ("JWT_REVOCATION_CHECK", "x"),
    ("BASE_PATH", "x"),
];

#[test]
fn each_function_reads_exactly_its_listed_variables() {
    let keys = [
        ("AWS_REGION", "eu-west-1"),
        ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("KEYS_TABLE", ""),
        ("KMS_KEY_ARN", ""),
        ("FLASK_KEYS_SECRET", ""),
    ];
    for function in template().functions.into_values() {
        let binary = &function.binary;
        let deployed: Vec<_> = function
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        // Static keys, because a ring is fetched at the start.
        let keys = if binary == "admin" { &keys[..1] } else { &keys };
        let with = |changed: &[_]| run(binary, &[&deployed[..], keys, changed].concat());
        let listed = variables_of(binary);
        let (read, unread): (Vec<_>, Vec<_>) =
            BAD.into_iter().partition(|(name, _)| listed.contains(name));
        for (name, value) in read {
            let error = error_line(&with(&[(name, value)]));
            assert!(
                error.starts_with("Error: ") && error.contains(name),
                "{binary}: {name}: {error}"
            );
        }
        // The function starts and then misses the Runtime API.
        let error = String::from_utf8(with(&unread).stderr).unwrap();
        assert!(error.contains("AWS_LAMBDA_"), "{binary}: {error}");
    }
}

#[test]
fn a_value_that_is_not_utf8_is_an_error() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let odd = OsStr::from_bytes(b"10\xff");
    let output = Command::new(binaries().join("signup"))
        .env_clear()
        .env("USERS_TABLE", "users")
        .env("PASSWORD_MIN_LENGTH", odd)
        .output()
        .unwrap();
    assert_eq!(error_line(&output), "Error: PASSWORD_MIN_LENGTH must be text in UTF-8");
}

#[test]
fn make_dev_fails_with_the_error_of_the_function() {
    for (variables, error) in [
        (
            &[("JWT_SECRET_KEY", "short"), ("JWT_ALGORITHM", "HS256")][..],
            "JWT_SECRET_KEY: HS256 needs a secret of at least 32 bytes, got 5\n",
        ),
        (
            &[("SIGNING_KEYS", "{}")],
            "SIGNING_KEYS: not a JWK set: expected {\"keys\":[…]} with keys\n",
        ),
        (&[("JWT_ALGORITHM", "HS256")], "JWT_ALGORITHM=HS256 needs JWT_SECRET_KEY\n"),
        (
            &[("JWT_ALGORITHM", "RS999")],
            "JWT_ALGORITHM must be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, \
             PS512, HS256, HS384, HS512\n",
        ),
        (
            &[("ARGON2_ITERATIONS", "99")],
            "ARGON2_MEMORY_KIB and ARGON2_ITERATIONS are out of bounds: 19456 KiB and 99 iterations \
             of Argon2id: take one of OWASP's pairs (19456 and 2, 12288 and 3, 47104 and 1, …) or \
             more, up to 131072 KiB, 16 iterations and 1048576 KiB in all passes\n",
        ),
        (&[("REFRESH_GRACE", "301")], "REFRESH_GRACE must be a whole number from 0 to 300\n"),
        (
            &[("JWT_COOKIE_DOMAIN", "example.com")],
            "JWT_COOKIE_DOMAIN does not go with a cookie whose name begins with __Host-\n",
        ),
    ] {
        let settings = variables
            .iter()
            .fold(Settings::default(), |settings, (name, value)| settings.variable(name, value));
        assert_eq!(settings.start_error(), error, "{variables:?}");
    }
}

#[test]
fn make_dev_refuses_an_origin_that_no_browser_sends() {
    for origins in ["https://app.example.com/", "https://App.example.com"] {
        let settings = Settings::default().option("--parameter", &format!("CorsOrigins={origins}"));
        let error = settings.start_error();
        assert!(error.starts_with("ALLOWED_ORIGINS must be a list of origins"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_settings_are_ignored_for_this_machine() {
    // A port without a listener.
    let proxy = "http://127.0.0.1:9";
    for names in [["HTTP_PROXY", "ALL_PROXY"], ["http_proxy", "all_proxy"]] {
        let settings = names
            .iter()
            .fold(Settings::default(), |settings, name| settings.variable(name, proxy))
            .variable("NO_PROXY", "localhost")
            .cheap_hashes();
        let stack = settings.start();
        let token = stack.sign_up_and_log_in("alice").await;
        assert_eq!(stack.get("/workitems", &token).await.status, 200, "{names:?}");
    }
}
