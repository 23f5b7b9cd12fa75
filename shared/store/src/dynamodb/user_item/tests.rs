use std::time::Duration;

use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);

/// The item of alice, with one session, after `change`.
fn item(change: impl FnOnce(&mut Attributes)) -> Attributes {
    let session = Session {
        generation: 0,
        rotated_at: NOW,
        created_at: NOW,
        expires_at: NOW + Duration::from_hours(1),
        auth_time: NOW,
        client: Client::new("192.0.2.1", "test"),
        operation: OperationId::parse("operation-1").unwrap(),
    };
    let id = UserId::parse("user-1").unwrap();
    let username = Username::parse("Alice").unwrap();
    let email = Email::parse("alice@example.com").unwrap();
    let mut user = User::new(id, username, Some(email), NOW);
    user.password_hash = Some(SecretString::from("hash"));
    user.roles = vec!["editor".to_owned()];
    user.sessions.insert(SessionId::parse("session-1").unwrap(), session);
    let mut item = write_user(&user, &OperationId::parse("operation-0").unwrap());
    change(&mut item);
    item
}

fn read(change: impl FnOnce(&mut Attributes)) -> User {
    read_user(&item(change)).unwrap()
}

/// Values that are invalid in every attribute.
fn invalid_values() -> Vec<AttributeValue> {
    vec![
        AttributeValue::Null(true),
        AttributeValue::Bool(true),
        AttributeValue::N("-1.5".to_owned()),
        string(""),
        string("\u{202e}\0"),
        AttributeValue::B(b"\xff".to_vec().into()),
        AttributeValue::L(vec![AttributeValue::Null(true)]),
        AttributeValue::M(Attributes::new()),
    ]
}

#[test]
fn an_invalid_optional_attribute_does_not_prevent_a_login() {
    for value in invalid_values() {
        for name in [EMAIL, ROLES, CLAIMS, CREATED, NAME] {
            let user = read(|item| drop(item.insert(name.to_owned(), value.clone())));
            assert_eq!(user.username.folded(), "alice", "{name} {value:?}");
            assert_eq!(user.sessions.len(), 1, "{name} {value:?}");
        }
        for name in [SESSION_ADDRESS, SESSION_USER_AGENT] {
            let user = read(|item| {
                let Some(AttributeValue::M(sessions)) = item.get_mut(SESSIONS) else { panic!() };
                let Some(AttributeValue::M(session)) = sessions.get_mut("session-1") else {
                    panic!()
                };
                session.insert(name.to_owned(), value.clone());
            });
            assert_eq!(user.sessions.len(), 1, "{name} {value:?}");
        }
    }
    for name in [EMAIL, ROLES, CREATED, NAME] {
        assert_eq!(read(|item| drop(item.remove(name))).sessions.len(), 1, "no {name}");
    }
}

#[test]
fn an_unreadable_session_is_ignored_and_ends_no_other() {
    for (name, value) in invalid_values().into_iter().map(|value| ("session-2", value)).chain([
        ("not an id", string("x")),
        ("session-2", AttributeValue::M([(SESSION_GENERATION.to_owned(), number(1))].into())),
    ]) {
        let user = read(|item| {
            let Some(AttributeValue::M(sessions)) = item.get_mut(SESSIONS) else { panic!() };
            sessions.insert(name.to_owned(), value.clone());
        });
        let left: Vec<_> = user.sessions.keys().map(SessionId::as_str).collect();
        assert_eq!(left, ["session-1"], "{value:?}");
    }
}

#[test]
fn attributes_that_decide_on_a_login_are_read_strictly() {
    for name in [ID, USERNAME, STATUS, VERSION, SESSIONS] {
        let without = read_user(&item(|item| drop(item.remove(name))));
        assert!(without.is_err(), "no {name}");
        let invalid = AttributeValue::Bool(true);
        let invalid = item(|item| drop(item.insert(name.to_owned(), invalid)));
        assert!(read_user(&invalid).is_err(), "{name}");
    }
}

#[test]
fn an_account_without_a_readable_hash_has_no_password() {
    assert!(read(|item| drop(item.remove(HASH))).password_hash.is_none());
    let invalid = AttributeValue::Bool(true);
    assert!(read(|item| drop(item.insert(HASH.to_owned(), invalid))).password_hash.is_none());
}

#[test]
fn a_role_with_white_space_or_a_control_character_is_ignored() {
    let invalid =
        ["billing admin", "a\tb", "a\nb", "a\u{a0}b", "a\u{2003}b", "a\0b", "a\u{85}b", ""];
    let mut roles: Vec<_> = invalid.map(str::to_owned).into();
    roles.extend(["admin".to_owned(), "équipe".to_owned()]);
    let user = read(|item| drop(item.insert(ROLES.to_owned(), AttributeValue::Ss(roles.clone()))));
    assert_eq!(user.roles, ["admin", "équipe"]);
    roles.push("admin".to_owned());
    let list = roles.into_iter().map(AttributeValue::S).collect();
    let user = read(|item| drop(item.insert(ROLES.to_owned(), AttributeValue::L(list))));
    assert_eq!(user.roles, ["admin", "équipe"]);
}

#[test]
fn the_key_replaces_a_typed_name_that_does_not_fold_to_it() {
    for (typed, shown) in
        [("Alice", "Alice"), ("ALICE", "ALICE"), ("Bob", "alice"), ("a b", "alice")]
    {
        let user = read(|item| drop(item.insert(NAME.to_owned(), string(typed))));
        assert_eq!((user.username.typed(), user.username.folded()), (shown, "alice"));
    }
}

#[test]
fn user_ids_of_another_service_are_accepted() {
    let id = "auth0|5f7c8ec7c33c6c004bbafe82";
    assert_eq!(read(|item| drop(item.insert(ID.to_owned(), string(id)))).id.as_str(), id);
}
