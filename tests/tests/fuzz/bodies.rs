//! Random request bodies.

use latchkey_tests::stack::PASSWORD;
use serde_json::{Value, json};

use super::{Random, corpus::Corpus};

/// A random body. Few of them make a function hash a password, which is slow.
pub(crate) fn body(random: &mut Random, corpus: &Corpus) -> Vec<u8> {
    let text = match random.below(16) {
        0 => return random.bytes(),
        1 => random.text(),
        2 => "[".repeat(random.below(12_000)),
        3 => format!("{{\"title\":{}}}", json!(random.long_text().repeat(3))),
        4 => json!({ "title": random.text() }).to_string(),
        5 => json!({ "title": random.word() }).to_string(),
        6 => any_json(random, 3).to_string(),
        7 => json!({ random.text(): any_json(random, 3) }).to_string(),
        8 | 9 => bad_credentials(random, corpus),
        10 => {
            let text = bad_credentials(random, corpus);
            return random.damage(&text).encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        _ => tokens(random, corpus),
    };
    text.into_bytes()
}

/// A body with tokens.
fn tokens(random: &mut Random, corpus: &Corpus) -> String {
    let mut body = json!({});
    for name in ["refresh_token", "access_token", "refresh_token", "csrf"] {
        if random.one_in(2) {
            body[name] =
                if random.one_in(6) { any_json(random, 1) } else { corpus.token(random).into() };
        }
    }
    let text = body.to_string();
    match random.below(6) {
        0 => random.damage(&text),
        1 => format!("{text}{text}"),
        2 => text.replacen('{', "{\"refresh_token\":null,", 1),
        _ => text,
    }
}

/// Credentials that are refused, on most routes before a hash. They change or delete no account.
fn bad_credentials(random: &mut Random, corpus: &Corpus) -> String {
    let username = random.one_of(&corpus.usernames).clone();
    let wrong = format!("not {PASSWORD}");
    let not_a_string =
        random.one_of(&[json!(null), json!(7), json!(true), json!([]), json!({})]).clone();
    match random.below(9) {
        0 => json!({ "username": username }).to_string(),
        1 => json!({ "username": username, "password": not_a_string }).to_string(),
        2 => json!({ "username": username, "password": "" }).to_string(),
        3 => json!({ "username": not_a_string, "password": wrong }).to_string(),
        4 => {
            let invalid_name = format!("{} {}", random.word(), random.text());
            json!({ "username": invalid_name, "password": wrong }).to_string()
        }
        5 => json!({ "current_password": PASSWORD, "new_password": "short" }).to_string(),
        6 => json!({ "current_password": not_a_string, "new_password": PASSWORD }).to_string(),
        7 => format!(r#"{{"username":"a","password":"{PASSWORD}","username":"{username}"}}"#),
        _ => format!(r#"{{"username":"{username}","password":"\ud800{PASSWORD}"}}"#),
    }
}

/// A random JSON value with at most `levels` levels.
pub(crate) fn any_json(random: &mut Random, levels: usize) -> Value {
    match random.below(if levels == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => random.one_in(2).into(),
        2 => (*random.one_of(&[0, 1, -1, i64::MIN, i64::MAX])).into(),
        3 => (*random.one_of(&[0.5, -0.0, 1e300, f64::MIN_POSITIVE])).into(),
        4 => u64::MAX.into(),
        5 => random.word().into(),
        6 => random.text().into(),
        7 => (0..random.below(4)).map(|_| any_json(random, levels - 1)).collect(),
        _ => Value::Object(
            (0..random.below(4)).map(|_| (random.text(), any_json(random, levels - 1))).collect(),
        ),
    }
}
