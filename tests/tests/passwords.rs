//! Passwords and user names, with the real binaries.
#![cfg(test)]

use std::{fs, io::BufRead as _};

use latchkey_tests::{
    repository::functions,
    stack::{Stack, binaries, workspace},
};
use serde_json::json;

/// Substring search that is fast in debug builds: the standard library finds single bytes fast.
fn contains(mut program: &[u8], part: &[u8]) -> bool {
    while program.skip_until(part[0]).unwrap() > 0 {
        if program.starts_with(&part[1..]) {
            return true;
        }
    }
    false
}

#[test]
fn only_functions_that_set_passwords_contain_the_filter() {
    let filter = fs::read(workspace().join("shared/password/data/common.filter")).unwrap();
    let part = &filter[filter.len() / 2..][..64];
    let mut with_filter = 0;
    for (binary, (_, function)) in functions() {
        let sets_passwords = function.variables.contains_key("PASSWORD_MIN_LENGTH");
        let program = fs::read(binaries().join(&binary)).unwrap();
        let has_filter = contains(&program, part);
        assert_eq!(has_filter, sets_passwords, "{binary}");
        with_filter += usize::from(has_filter);
    }
    assert_eq!(with_filter, 2);
}

#[tokio::test]
async fn a_refused_sign_up_has_the_reason_of_the_weak_password() {
    let stack = Stack::start();
    let ms = "margarete.schmidt@example.com";
    for (username, password, reason) in [
        ("bob", "Password1!", "too_common"),
        ("bob", "Summer2024!", "too_common"),
        ("bob", "latchkey", "too_common"),
        ("bob", &"a".repeat(100), "too_common"),
        (ms, "margarete.schmidt", "contains_username"),
    ] {
        let body = json!({ "username": username, "password": password });
        let answer = stack.post("/signup", &body).await;
        assert_eq!((answer.status, &answer.body["reasons"]), (422, &json!([reason])), "{password}");
    }
}

#[tokio::test]
async fn names_and_passwords_of_many_scripts_are_accepted() {
    let stack = Stack::start();
    for (username, password, spelling) in [
        ("\u{2cd02}明", "🏳️‍🌈👩🏽‍🚀1️⃣ vq ❤️", "\u{2cd02}明"),
        ("王\u{9fcd}", "planning the annex", "王\u{9fcd}"),
        ("\u{13a0}\u{13b3}", "planning the annex", "\u{13a0}\u{13b3}"),
        ("ΓΙΩΡΓΟΣ", "planning the annex", "γιωργος"),
        ("한글", "planning the annex", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
    ] {
        let body = json!({ "username": username, "password": password, "email": "" });
        assert_eq!(stack.post("/signup", &body).await.status, 201, "{username}");
        let body = json!({ "username": spelling, "password": password });
        assert_eq!(stack.post("/login", &body).await.status, 200, "{username}");
    }
}
