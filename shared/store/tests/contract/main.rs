//! The contract of the stores, tested in memory and in DynamoDB.
#![cfg(test)]

mod account;
mod accounts;
mod limits;
mod rotation;
mod sessions;
mod users;
mod work_items;

use latchkey_session::{
    AccountChangeOutcome, AddUser, ChangeAccount, ListUsers, ReadUser, RemoveUser, SessionStart,
    StartedSession, UpdateUser, User, Username,
};
use latchkey_store::{
    Aws, DynamoLimits, DynamoUsers, DynamoWorkItems, MemoryLimits, MemoryUsers, MemoryWorkItems,
};
use latchkey_testkit::{
    dynamodb,
    fixtures::{operation, session, user},
};
use latchkey_token::{SessionId, Timestamp};

use secrecy::ExposeSecret as _;

use account::*;
use accounts::*;
use limits::*;
use rotation::*;
use sessions::*;
use users::*;
use work_items::*;

/// All operations of a user store.
pub(crate) trait Users:
    AddUser + ReadUser + UpdateUser + RemoveUser + ChangeAccount + ListUsers + Sync
{
}
impl<T: AddUser + ReadUser + UpdateUser + RemoveUser + ChangeAccount + ListUsers + Sync> Users
    for T
{
}

/// Tests of a user store: `users_contract!(make_store)`, where `make_store` is an `async fn`.
macro_rules! users_contract {
    ($make:path) => {
        users_contract!($make;
            an_added_user_is_found_with_all_attributes,
            a_user_without_email_or_roles_is_found,
            an_unknown_name_finds_nothing,
            names_are_compared_in_their_folded_form,
            a_taken_name_is_refused_and_nothing_changes,
            the_same_addition_delivered_twice_is_one_addition,
            exactly_one_of_parallel_additions_of_a_name_wins,
            a_started_session_is_found,
            a_session_of_another_name_is_not_found,
            the_same_start_delivered_twice_is_one_start,
            a_start_with_outdated_credentials_writes_nothing,
            a_start_for_a_deleted_user_writes_nothing,
            a_start_over_the_limit_removes_the_oldest_session,
            a_start_on_a_disabled_account_writes_nothing,
            concurrent_starts_all_succeed_and_the_next_restores_the_limit,
            two_hundred_sessions_are_removed_in_one_write,
            a_start_can_replace_the_password_hash,
            an_edited_account_is_found_with_all_changes,
            disabling_ends_sessions_and_codes_and_enabling_revives_none,
            a_code_sets_the_password_once_and_ends_sessions,
            exactly_one_of_parallel_uses_of_a_code_wins,
            an_account_that_changed_since_the_read_is_not_written,
            a_write_keeps_the_sessions_that_started_since_the_read,
            the_same_account_write_delivered_twice_is_one_write,
            concurrent_edits_of_an_account_are_all_made,
            pages_list_each_user_once,
            the_newest_token_rotates_only_its_session,
            any_other_token_rotates_nothing_and_returns_the_stored_user,
            only_a_live_session_is_rotated,
            the_same_rotation_delivered_twice_is_one_rotation,
            exactly_one_of_parallel_rotations_of_a_token_wins,
            an_ended_session_is_gone_and_the_others_stay,
            ending_an_unknown_session_changes_nothing,
            all_sessions_end_or_all_but_the_current_one,
            a_session_started_after_the_read_ends_too,
            a_rotation_of_the_kept_session_is_not_undone,
            a_changed_password_replaces_all_sessions_in_the_same_write,
            a_password_change_requires_the_credentials_and_session_as_read,
            the_same_change_delivered_twice_is_one_change,
            a_change_without_a_session_compares_only_the_account,
            removing_a_user_removes_all_sessions_and_frees_the_name,
            a_user_is_removed_only_as_read,
            a_recreated_user_of_the_same_name_is_not_changed,
        );
    };
    ($make:path; $($test:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $test() {
            crate::$test(&$make().await).await;
        }
    )*};
}

/// Tests of a store of work items.
macro_rules! work_items_contract {
    ($make:path) => {
        users_contract!($make;
            work_items_are_listed_oldest_first,
            work_items_come_in_pages,
            work_items_belong_to_their_user,
            an_item_added_twice_is_stored_once,
            a_removed_item_is_gone_and_removing_it_again_changes_nothing,
        );
    };
}

/// Tests of a store of attempt limits.
macro_rules! limits_contract {
    ($make:path) => {
        users_contract!($make;
            a_bucket_is_written_only_on_its_condition,
            buckets_are_kept_by_purpose_and_subject,
            parallel_charges_never_exceed_the_limit,
        );
    };
}

mod in_memory {
    use super::*;

    async fn users() -> MemoryUsers {
        MemoryUsers::default()
    }

    async fn work_items() -> MemoryWorkItems {
        MemoryWorkItems::default()
    }

    async fn limits() -> MemoryLimits {
        MemoryLimits::default()
    }

    users_contract!(users);
    work_items_contract!(work_items);
    limits_contract!(limits);
}

mod in_dynamodb {
    use super::*;

    async fn users() -> DynamoUsers {
        DynamoUsers::connect(&Aws::emulator(&dynamodb().await), "UsersTable".to_owned()).await
    }

    async fn work_items() -> DynamoWorkItems {
        let aws = Aws::emulator(&dynamodb().await);
        DynamoWorkItems::connect(&aws, "WorkItemsTable".to_owned()).await
    }

    async fn limits() -> DynamoLimits {
        DynamoLimits::connect(&Aws::emulator(&dynamodb().await), "LimitsTable".to_owned()).await
    }

    users_contract!(users);
    work_items_contract!(work_items);
    limits_contract!(limits);
}

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn start<'a>(user: &'a User, started: &'a StartedSession) -> SessionStart<'a> {
    SessionStart { user, started, password_hash: None }
}

async fn started(store: &impl Users, user: &User, now: Timestamp) -> SessionId {
    let new = session(user, now);
    let outcome = store.start_session(&start(user, &new)).await.unwrap();
    assert!(matches!(outcome, AccountChangeOutcome::Made), "{outcome:?}");
    new.id
}

/// Adds a user with a session that starts at `now`.
async fn logged_in(store: &impl Users, name: &str, now: Timestamp) -> (User, SessionId) {
    let added = user(name);
    store.add_user(&added, &operation()).await.unwrap();
    let id = started(store, &added, now).await;
    (stored(store, &added).await, id)
}

/// The user as stored.
async fn stored(store: &impl Users, user: &User) -> User {
    store.find_user(&user.username).await.unwrap().unwrap()
}

/// Polls all futures at once and returns their outputs in order.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.map(|future| Box::pin(future)).collect();
    let mut outputs: Vec<Option<T>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in running.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

/// The password hash of a user.
pub(crate) fn hash_of(user: &User) -> &str {
    user.password_hash.as_ref().unwrap().expose_secret()
}
