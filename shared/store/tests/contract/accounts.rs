//! Changes of accounts by operators and one-time codes, and the list of users.

use latchkey_session::{
    Account, AccountChangeOutcome, AccountEdit, AccountStatus, AccountWrite, CodeHash, EditError,
    EditOutcome, OneTimeCode, SessionStart, User, edit_account,
};
use latchkey_token::{AdditionalClaims, OperationId};
use secrecy::SecretString;
use serde_json::json;

use super::{Users, join_all, logged_in, name, stored};
use latchkey_testkit::fixtures::{NOW, operation, session, user};

async fn account(store: &impl Users, of: &User) -> Account {
    store.find_account(&of.username).await.unwrap().unwrap()
}

async fn edit(store: &impl Users, of: &User, edit: &AccountEdit) -> User {
    let outcome = edit_account(store, &of.username, edit, NOW).await.unwrap();
    let EditOutcome::Made(user) = outcome else { panic!("{outcome:?}") };
    *user
}

fn disable() -> AccountEdit {
    AccountEdit::Disable("left the company".to_owned())
}

fn code() -> CodeHash {
    OneTimeCode::generate().unwrap().hash()
}

fn write<'a>(read: &'a Account, new: &'a User, operation: &'a OperationId) -> AccountWrite<'a> {
    AccountWrite { read, new, operation }
}

pub(crate) async fn an_edited_account_is_found_with_all_changes(store: &impl Users) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    let roles = AccountEdit::Roles {
        add: vec!["editor".to_owned(), "admin".to_owned()],
        remove: Vec::new(),
    };
    let set = json!({ "plan": "pro", "seats": 5 }).as_object().unwrap().clone();
    edit(store, &alice, &roles).await;
    edit(store, &alice, &AccountEdit::Claims { set: set.clone(), remove: Vec::new() }).await;
    let found = stored(store, &alice).await;
    assert_eq!(found.roles, ["admin", "editor"]);
    assert_eq!(found.claims, AdditionalClaims::new(set).unwrap());
    assert_eq!((found.credentials_version, found.sessions.len()), (0, 1), "sessions stay");

    let add = vec![];
    let remove = vec!["admin".to_owned(), "editor".to_owned()];
    edit(store, &alice, &AccountEdit::Roles { add, remove }).await;
    let remove = vec!["plan".to_owned(), "seats".to_owned()];
    edit(
        store,
        &alice,
        &AccountEdit::Claims { set: json!({}).as_object().unwrap().clone(), remove },
    )
    .await;
    let found = stored(store, &alice).await;
    assert!(found.roles.is_empty() && found.claims.is_empty());
}

pub(crate) async fn disabling_ends_sessions_and_codes_and_enabling_revives_none(
    store: &impl Users,
) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    edit(store, &alice, &AccountEdit::Reset(code())).await;
    let disabled = edit(store, &alice, &disable()).await;
    let found = stored(store, &alice).await;
    assert_eq!(found.status, AccountStatus::Disabled);
    assert_eq!(found.disabled_reason.as_deref(), Some("left the company"));
    assert_eq!((found.sessions.len(), found.codes.iter().count()), (0, 0));
    assert_eq!(found.credentials_version, 2);
    assert_eq!(disabled.credentials_version, 2);
    edit(store, &alice, &AccountEdit::Enable).await;
    let found = stored(store, &alice).await;
    assert_eq!((found.status, found.disabled_reason), (AccountStatus::Active, None));
    assert_eq!((found.sessions.len(), found.codes.iter().count()), (0, 0));
}

pub(crate) async fn a_code_sets_the_password_once_and_ends_sessions(store: &impl Users) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    let (first, second) = (code(), code());
    edit(store, &alice, &AccountEdit::Reset(first)).await;
    edit(store, &alice, &AccountEdit::Reset(second)).await;
    let found = stored(store, &alice).await;
    assert!(found.password_hash.is_none() && found.sessions.is_empty());
    assert!([first, second].into_iter().all(|code| found.codes.accept(code, NOW)));

    let set = |code| AccountEdit::SetPassword(code, SecretString::from("new"));
    let wrong = edit_account(store, &alice.username, &set(code()), NOW).await.unwrap();
    assert!(matches!(wrong, EditOutcome::Refused(_, EditError::Code)), "{wrong:?}");
    edit(store, &alice, &set(second)).await;
    let found = stored(store, &alice).await;
    assert_eq!(super::hash_of(&found), "new");
    assert_eq!((found.codes.iter().count(), found.credentials_version), (0, 3));
    for used in [first, second] {
        let again = edit_account(store, &alice.username, &set(used), NOW).await.unwrap();
        assert!(matches!(again, EditOutcome::Refused(_, EditError::Code)), "{again:?}");
    }
}

pub(crate) async fn exactly_one_of_parallel_uses_of_a_code_wins(store: &impl Users) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    let code = code();
    edit(store, &alice, &AccountEdit::Reset(code)).await;
    let uses = (0..8).map(|number| {
        let hash = SecretString::from(format!("hash {number}"));
        let username = alice.username.clone();
        async move {
            let edit = AccountEdit::SetPassword(code, hash);
            edit_account(store, &username, &edit, NOW).await.unwrap()
        }
    });
    let outcomes = join_all(uses).await;
    let won = outcomes.iter().filter(|outcome| matches!(outcome, EditOutcome::Made(_))).count();
    assert_eq!(won, 1, "{outcomes:?}");
}

pub(crate) async fn an_account_that_changed_since_the_read_is_not_written(store: &impl Users) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    let read = account(store, &alice).await;
    edit(store, &alice, &disable()).await;
    let mut new = read.user.clone();
    new.roles = vec!["admin".to_owned()];
    let outcome = store.write_account(&write(&read, &new, &operation())).await.unwrap();
    let AccountChangeOutcome::Changed(Some(found)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(found.status, AccountStatus::Disabled);
    assert!(stored(store, &alice).await.roles.is_empty());

    let unknown = Account { user: user("mallory"), operation: None, unreadable: Vec::new() };
    let outcome = store.write_account(&write(&unknown, &unknown.user, &operation())).await.unwrap();
    assert!(matches!(outcome, AccountChangeOutcome::Changed(None)), "{outcome:?}");
    assert!(store.find_user(&name("mallory")).await.unwrap().is_none());
}

pub(crate) async fn a_write_keeps_the_sessions_that_started_since_the_read(store: &impl Users) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    let read = account(store, &alice).await;
    let second = session(&read.user, NOW);
    let start = SessionStart { user: &read.user, started: &second, password_hash: None };
    store.start_session(&start).await.unwrap();
    let mut new = read.user.clone();
    new.roles = vec!["admin".to_owned()];
    store.write_account(&write(&read, &new, &operation())).await.unwrap();
    assert_eq!(stored(store, &alice).await.sessions.len(), 2);

    let read = account(store, &alice).await;
    let third = session(&read.user, NOW);
    let start = SessionStart { user: &read.user, started: &third, password_hash: None };
    store.start_session(&start).await.unwrap();
    let new = AccountEdit::EndSessions(None).apply(&read.user, NOW).unwrap().unwrap();
    store.write_account(&write(&read, &new, &operation())).await.unwrap();
    assert_eq!(stored(store, &alice).await.sessions.len(), 0);
}

pub(crate) async fn the_same_account_write_delivered_twice_is_one_write(store: &impl Users) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    let read = account(store, &alice).await;
    let mut new = read.user.clone();
    new.roles = vec!["admin".to_owned()];
    let operation = operation();
    for _ in 0..2 {
        let outcome = store.write_account(&write(&read, &new, &operation)).await.unwrap();
        assert!(matches!(outcome, AccountChangeOutcome::Made), "{outcome:?}");
    }
}

pub(crate) async fn concurrent_edits_of_an_account_are_all_made(store: &impl Users) {
    let (alice, _) = logged_in(store, "alice", NOW).await;
    let edits = (0..4).map(|number| {
        let username = alice.username.clone();
        async move {
            let roles = AccountEdit::Roles { add: vec![format!("role-{number}")], remove: vec![] };
            edit_account(store, &username, &roles, NOW).await.unwrap()
        }
    });
    let made = join_all(edits).await;
    let made = made.into_iter().filter(|outcome| matches!(outcome, EditOutcome::Made(_))).count();
    assert_eq!(stored(store, &alice).await.roles.len(), made);
    assert!(made >= 1);
}

pub(crate) async fn pages_list_each_user_once(store: &impl Users) {
    for number in 0..25 {
        store.add_user(&user(&format!("user-{number}")), &operation()).await.unwrap();
    }
    let (mut names, mut after, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let page = store.list_users(after.as_deref(), 10).await.unwrap();
        assert!(page.users.len() <= 10);
        names.extend(page.users.iter().map(|user| user.username.folded().to_owned()));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 25);
    assert!((3..=4).contains(&pages), "{pages}");
}
