//! `users.restore`.

use latchkey_session::{
    AccountEdit, AddUser, AddUserOutcome, ChangeAccount, EditError, EditOutcome, ReadBackup,
    RestoredUsers, StoreError, User, UserPage, edit_account,
};
use latchkey_token::{OperationId, Timestamp, UserId};

use crate::{
    Outcome,
    users::{UserAdmin, UserError, answer, argument},
};

/// Users that one call restores: each is up to three calls of AWS, and the function has 30 seconds.
const RESTORED_USERS: u32 = 50;
/// DynamoDB's longest name of a table.
const MAX_TABLE_NAME: usize = 255;
/// A part of the name of every copy that the function's IAM policy allows.
const RESTORED: &str = "-restored-";

/// A restore of users.
#[derive(Clone, Copy)]
pub(crate) struct Restore<'a> {
    /// The copy.
    pub(crate) table: &'a str,
    /// Also sets existing accounts back.
    pub(crate) overwrite: bool,
    pub(crate) now: Timestamp,
}

impl<U: AddUser + ChangeAccount + ReadBackup, L, W> UserAdmin<U, L, W> {
    /// Restores a page of users, each in one conditional write. Adds their ids to `restored`.
    pub(crate) async fn restore(
        &self,
        restore: Restore<'_>,
        after: Option<&str>,
        restored: &mut Vec<UserId>,
    ) -> Result<Outcome, UserError> {
        let Restore { table, .. } = restore;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(table.contains(RESTORED)
            && table.len() <= MAX_TABLE_NAME
            && table.chars().all(is_name))
        {
            return Err(argument("table", &format_args!("must be a table's name with {RESTORED}")));
        }
        let page = self.users.list_backup(table, after, RESTORED_USERS).await?;
        let page = page.ok_or_else(|| argument("table", &"there is no such table"))?;
        let UserPage { users, unreadable, next } = page;
        let mut report = RestoredUsers { unreadable, next, ..RestoredUsers::default() };
        for backup in users {
            let id = backup.id.clone();
            if self.restore_user(backup, restore, &mut report).await? {
                restored.push(id);
            }
        }
        Ok(answer(&report, None))
    }

    /// Returns whether the account was written.
    async fn restore_user(
        &self,
        backup: User,
        restore: Restore<'_>,
        report: &mut RestoredUsers,
    ) -> Result<bool, UserError> {
        let Restore { table, overwrite, now } = restore;
        let (id, username) = (backup.id.clone(), backup.username.clone());
        let refused = |error| UserError::Edit(Some(id.clone()), error);
        let edit = AccountEdit::Restore(Box::new(backup.clone()), table.to_owned());
        let missing = edit.apply(&backup, now).map_err(refused)?.unwrap_or(backup);
        let operation = OperationId::generate().map_err(StoreError::unavailable)?;
        if self.users.add_user(&missing, &operation).await? == AddUserOutcome::Added {
            report.added += 1;
            return Ok(true);
        }
        let outcome = if overwrite {
            edit_account(&self.users, &username, &edit, now).await
        } else {
            let kept = self.users.find_account(&username).await;
            kept.map(|kept| match kept {
                Some(kept) if kept.user.id == id => EditOutcome::Made(Box::new(kept.user)),
                Some(other) => EditOutcome::Refused(other.user.id, EditError::Owner),
                None => EditOutcome::NotFound,
            })
        };
        match outcome {
            Ok(EditOutcome::Made(_)) if overwrite => {
                report.overwritten += 1;
                return Ok(true);
            }
            Ok(EditOutcome::Made(_)) => report.kept += 1,
            Ok(EditOutcome::Refused(_, EditError::Owner)) => {
                report.other_owners.push(username.typed().to_owned());
            }
            Ok(EditOutcome::Refused(_, error)) => return Err(refused(error)),
            // Earlier users of the page may be restored.
            Ok(EditOutcome::NotFound | EditOutcome::Conflict(_)) => {
                return Err(StoreError::unavailable(UserError::Conflict(id)).into());
            }
            Err(StoreError::Malformed(_)) => report.unreadable.push(username.folded().to_owned()),
            Err(error) => return Err(error.into()),
        }
        Ok(false)
    }
}
