//! Operators' changes of accounts.
#![cfg(test)]

use std::time::Duration;

use latchkey_session::{
    AccountEdit, AccountStatus, Client, CodeHash, EditError, SessionLifetimes, SessionPolicy, User,
    Username, storable_claim,
};
use latchkey_token::{OperationId, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use serde_json::{Map, json};

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
const CODE: CodeHash = CodeHash([7; 32]);

fn alice() -> User {
    let id = UserId::parse("user-1").unwrap();
    let mut alice = User::new(id, Username::parse("alice").unwrap(), None, NOW);
    alice.password_hash = Some(SecretString::from("hash"));
    alice
}

fn edited(user: &User, edit: &AccountEdit) -> User {
    edit.apply(user, NOW).unwrap().expect("it changes the account")
}

fn disable(reason: &str) -> AccountEdit {
    AccountEdit::Disable(reason.to_owned())
}

fn roles(add: &[&str], remove: &[&str]) -> AccountEdit {
    let owned = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
    AccountEdit::Roles { add: owned(add), remove: owned(remove) }
}

fn start_session(user: &mut User) {
    let hour = Duration::from_hours(1);
    let lifetimes = SessionLifetimes { idle: hour, absolute: hour };
    let (id, operation) = (SessionId::generate().unwrap(), OperationId::generate().unwrap());
    let client = Client::new("192.0.2.1", "test");
    let policy = SessionPolicy { lifetimes, limit: 1 };
    policy.start(&user.sessions, id, operation, client, NOW).apply(&mut user.sessions);
}

#[test]
fn edits_that_end_sessions_change_the_credentials_version_and_others_do_not() {
    let set = json!({ "plan": "pro" }).as_object().unwrap().clone();
    let with_code = edited(&alice(), &AccountEdit::Reset(CODE));
    let disabled = edited(&alice(), &disable("x"));
    for (mut user, edit, ends_sessions) in [
        (alice(), disable("x"), true),
        (alice(), AccountEdit::EndSessions(None), true),
        (alice(), AccountEdit::Reset(CODE), true),
        (with_code, AccountEdit::SetPassword(CODE, SecretString::from("new")), true),
        (disabled, AccountEdit::Enable, false),
        (alice(), roles(&["admin"], &[]), false),
        (alice(), AccountEdit::Claims { set, remove: vec![] }, false),
    ] {
        start_session(&mut user);
        let new = edited(&user, &edit);
        let grown = user.credentials_version + u64::from(ends_sessions);
        assert_eq!(new.credentials_version, grown, "{edit:?}");
        assert_eq!(new.sessions.is_empty(), ends_sessions, "{edit:?}");
    }
}

#[test]
fn disabling_again_with_the_same_reason_changes_nothing() {
    let once = edited(&alice(), &disable("first"));
    let again = edited(&once, &disable("second"));
    assert_eq!(again.disabled_reason.as_deref(), Some("second"));
    assert!(disable(" second ").apply(&again, NOW).unwrap().is_none());
    let enabled = edited(&again, &AccountEdit::Enable);
    assert_eq!((enabled.status, enabled.disabled_reason), (AccountStatus::Active, None));
    assert!(AccountEdit::Enable.apply(&alice(), NOW).unwrap().is_none());
}

#[test]
fn a_disabled_account_gets_no_code_and_no_password() {
    let disabled = edited(&edited(&alice(), &AccountEdit::Reset(CODE)), &disable("x"));
    for edit in
        [AccountEdit::Reset(CODE), AccountEdit::SetPassword(CODE, SecretString::from("new"))]
    {
        assert_eq!(edit.apply(&disabled, NOW).unwrap_err(), EditError::Disabled);
    }
}

#[test]
fn a_restored_account_keeps_its_password_and_loses_its_codes() {
    let mut user = edited(&alice(), &AccountEdit::Reset(CODE));
    user.password_hash = Some(SecretString::from("hash"));
    let restored = edited(&user, &AccountEdit::EndSessions(Some("backup".to_owned())));
    assert_eq!(restored.restored_from.as_deref(), Some("backup"));
    assert_eq!(restored.codes.iter().count(), 0);
    assert!(restored.password_hash.is_some());
    let ended = edited(&user, &AccountEdit::EndSessions(None));
    assert_eq!(ended.codes.iter().count(), 1, "without a restore the codes stay");
}

#[test]
fn roles_are_a_set_of_single_words() {
    let both = edited(&alice(), &roles(&["editor", "admin", "admin"], &[]));
    assert_eq!(both.roles, ["admin", "editor"]);
    assert!(roles(&["admin"], &["unknown"]).apply(&both, NOW).unwrap().is_none());
    assert_eq!(edited(&both, &roles(&["x"], &["admin", "editor"])).roles, ["x"]);
    for bad in ["", " ", "a b", "a\tb", "a\u{2003}b", "a\u{0}"] {
        let refused = roles(&[bad], &[]).apply(&alice(), NOW).unwrap_err();
        assert!(matches!(refused, EditError::Role(_)), "{bad:?}");
    }
}

#[test]
fn name_roles_and_claims_fit_into_a_token() {
    // `["…"]`, `{}` and `"alice"` take 13 bytes.
    let role = "r".repeat(4_352 - 13);
    let with_role = edited(&alice(), &roles(&[&role], &[]));
    let longer = roles(&[&format!("{role}r")], &[]).apply(&alice(), NOW);
    assert_eq!(longer.unwrap_err(), EditError::TooLong);
    let set = json!({ "x": 1 }).as_object().unwrap().clone();
    let claims = AccountEdit::Claims { set, remove: vec![] };
    assert_eq!(claims.apply(&with_role, NOW).unwrap_err(), EditError::TooLong);
    assert_eq!(edited(&with_role, &roles(&["x"], &[&role])).roles, ["x"]);
}

#[test]
fn a_claim_is_stored_as_it_is_read_again() {
    for (given, stored) in [
        (json!(1.0), json!(1)),
        (json!(-0.0), json!(0)),
        (json!(1e14), json!(100_000_000_000_000_i64)),
        (json!([0.25, { "x": null }]), json!([0.25, { "x": null }])),
        (json!(u64::MAX), json!(u64::MAX)),
        (json!(i64::MIN), json!(i64::MIN)),
    ] {
        assert_eq!(storable_claim(&given), Some(stored), "{given}");
    }
    let deep = (0..16).fold(json!(1), |inner, _| json!([inner]));
    for refused in [json!(1e15), json!(1e300), json!(1e-5), json!({ "": 1 }), deep] {
        assert_eq!(storable_claim(&refused), None, "{refused}");
        let set = Map::from_iter([("x".to_owned(), refused)]);
        let refused = AccountEdit::Claims { set, remove: vec![] }.apply(&alice(), NOW);
        assert_eq!(refused.unwrap_err(), EditError::Claim("x".to_owned()));
    }
}

#[test]
fn reserved_and_long_claims_are_refused() {
    for (name, value) in
        [("sub", json!("x")), ("roles", json!([])), ("x", json!("y".repeat(4_096)))]
    {
        let set = Map::from_iter([(name.to_owned(), value)]);
        let refused = AccountEdit::Claims { set, remove: vec![] }.apply(&alice(), NOW).unwrap_err();
        assert!(matches!(refused, EditError::Claims(_)), "{name}");
    }
}
