//! Bodies of any kind.

use latchkey_tests::stack::PASSWORD;
use serde_json::{Value, json};

use super::{Dice, stock::Stock};

/// A body of any kind, but hardly any for which a function would hash a password.
pub(crate) fn body(dice: &mut Dice, stock: &Stock) -> Vec<u8> {
    let text = match dice.below(16) {
        0 => return dice.bytes(),
        1 => dice.text(),
        2 => "[".repeat(dice.below(12_000)),
        3 => format!("{{\"title\":{}}}", json!(dice.long_text().repeat(3))),
        4 => json!({ "title": dice.text() }).to_string(),
        5 => json!({ "title": dice.word() }).to_string(),
        6 => any_json(dice, 3).to_string(),
        7 => json!({ dice.text(): any_json(dice, 3) }).to_string(),
        8 | 9 => useless_credentials(dice, stock),
        10 => {
            let text = useless_credentials(dice, stock);
            return dice.damage(&text).encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        _ => tokens(dice, stock),
    };
    text.into_bytes()
}

/// Tokens where they may be in a body.
fn tokens(dice: &mut Dice, stock: &Stock) -> String {
    let mut body = json!({});
    for name in ["refresh_token", "access_token", "refresh_token", "csrf"] {
        if dice.once_in(2) {
            body[name] = if dice.once_in(6) { any_json(dice, 1) } else { stock.token(dice).into() };
        }
    }
    let text = body.to_string();
    match dice.below(6) {
        0 => dice.damage(&text),
        1 => format!("{text}{text}"),
        2 => text.replacen('{', "{\"refresh_token\":null,", 1),
        _ => text,
    }
}

/// Credentials that are refused, on most routes before anything is hashed. None of them changes or
/// removes an account, for any caller.
fn useless_credentials(dice: &mut Dice, stock: &Stock) -> String {
    let username = dice.one_of(&stock.usernames).clone();
    let wrong = format!("not {PASSWORD}");
    let nothing = dice.one_of(&[json!(null), json!(7), json!(true), json!([]), json!({})]).clone();
    match dice.below(9) {
        0 => json!({ "username": username }).to_string(),
        1 => json!({ "username": username, "password": nothing }).to_string(),
        2 => json!({ "username": username, "password": "" }).to_string(),
        3 => json!({ "username": nothing, "password": wrong }).to_string(),
        4 => {
            let no_name = format!("{} {}", dice.word(), dice.text());
            json!({ "username": no_name, "password": wrong }).to_string()
        }
        5 => json!({ "current_password": PASSWORD, "new_password": "short" }).to_string(),
        6 => json!({ "current_password": nothing, "new_password": PASSWORD }).to_string(),
        7 => format!(r#"{{"username":"a","password":"{PASSWORD}","username":"{username}"}}"#),
        _ => format!(r#"{{"username":"{username}","password":"\ud800{PASSWORD}"}}"#),
    }
}

/// JSON of so many levels at most.
pub(crate) fn any_json(dice: &mut Dice, levels: usize) -> Value {
    match dice.below(if levels == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => dice.once_in(2).into(),
        2 => (*dice.one_of(&[0, 1, -1, i64::MIN, i64::MAX])).into(),
        3 => (*dice.one_of(&[0.5, -0.0, 1e300, f64::MIN_POSITIVE])).into(),
        4 => u64::MAX.into(),
        5 => dice.word().into(),
        6 => dice.text().into(),
        7 => (0..dice.below(4)).map(|_| any_json(dice, levels - 1)).collect(),
        _ => Value::Object(
            (0..dice.below(4)).map(|_| (dice.text(), any_json(dice, levels - 1))).collect(),
        ),
    }
}
