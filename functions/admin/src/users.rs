//! User commands.

use std::{collections::BTreeSet, fmt::Display};

use latchkey_session::{
    AccountChange, AccountChangeOutcome, AccountEdit, AddUser, AddUserOutcome, CODE_LIFETIME,
    ChangeAccount, ClearLimit, DeletedUser, EditError, EditOutcome, Email, IssuedCode, LimitKey,
    ListUsers, OneTimeCode, PurgedRows, ReadBackup, RemoveUser, StoreError, User, UserCommand,
    UserList, UserReport, UserSummary, Username, edit_account, network_of, with_causes,
};
use latchkey_store::WorkItemTable;
use latchkey_token::{OperationId, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;

use crate::{Outcome, restore::Restore};

/// Users of a page, if the command does not say.
const PAGE: u32 = 200;
const MAX_PAGE: u32 = 1_000;
/// Rows that one call removes: each is a write, and the function has 30 seconds.
const PURGED_ROWS: u8 = 100;
/// Dependencies of the user commands. The trait bounds name the calls that the function's IAM policy
/// allows on users, limits and work items.
#[derive(Debug)]
pub struct UserAdmin<U, L, W> {
    /// The users.
    pub users: U,
    /// The attempt limits.
    pub limits: L,
    /// The rows of the sample.
    pub work_items: W,
}

/// Why a user command fails.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// An argument is invalid.
    #[error("{0}: {1}")]
    Argument(&'static str, String),
    /// There is no such user.
    #[error("there is no user with that name; see `latchkey users list`")]
    NotFound,
    /// The name is taken.
    #[error("the user name is taken")]
    NameTaken,
    /// The name belongs to another account than the operator saw.
    #[error("the account has changed since it was read, or the name has another owner: look again")]
    Changed(UserId),
    /// This account, or a new one, cannot get the change.
    #[error("{1}")]
    Edit(Option<UserId>, EditError),
    /// Other changes of this account won each race.
    #[error("other changes of the account went first: try again")]
    Conflict(UserId),
    /// The store is unavailable or the item is unreadable.
    #[error("{}", with_causes(.0))]
    Store(#[from] StoreError),
}

impl UserError {
    /// The account that was found.
    pub(crate) const fn user(&self) -> Option<&UserId> {
        match self {
            Self::Changed(user) | Self::Conflict(user) => Some(user),
            Self::Edit(user, _) => user.as_ref(),
            Self::Argument(..) | Self::NotFound | Self::NameTaken | Self::Store(_) => None,
        }
    }
}

pub(crate) fn argument(name: &'static str, error: &dyn Display) -> UserError {
    UserError::Argument(name, error.to_string())
}

fn name(typed: &str) -> Result<Username, UserError> {
    Username::parse(typed).map_err(|error| argument("username", &error))
}

impl<U, L, W> UserAdmin<U, L, W>
where
    U: AddUser + ChangeAccount + ListUsers + ReadBackup + RemoveUser,
    L: ClearLimit,
    W: WorkItemTable,
{
    pub(crate) async fn run(
        &self,
        command: &UserCommand,
        restored: &mut Vec<UserId>,
        now: Timestamp,
    ) -> Result<Outcome, UserError> {
        match command {
            UserCommand::List { after, limit } => self.list(after.as_deref(), *limit, now).await,
            UserCommand::Show { username } => {
                let user = self.find(&name(username)?).await?;
                Ok(report(&user, None, now))
            }
            UserCommand::Create { username, email, roles } => {
                self.create(username, email.as_deref(), roles, now).await
            }
            UserCommand::Disable { username, reason } => {
                self.edit(username, &AccountEdit::Disable(reason.clone()), now).await
            }
            UserCommand::Enable { username } => {
                self.edit(username, &AccountEdit::Enable, now).await
            }
            UserCommand::Roles { username, add, remove } => {
                let (add, remove) = (add.clone(), remove.clone());
                self.edit(username, &AccountEdit::Roles { add, remove }, now).await
            }
            UserCommand::Claims { username, set, remove } => {
                let (set, remove) = (set.clone(), remove.clone());
                self.edit(username, &AccountEdit::Claims { set, remove }, now).await
            }
            UserCommand::Unlock { username, address } => {
                self.unlock(username, address.as_deref(), now).await
            }
            UserCommand::EndSessions { username, restored_from } => {
                let edit = AccountEdit::EndSessions(restored_from.clone());
                self.edit(username, &edit, now).await
            }
            UserCommand::Reset { username } => {
                let code = OneTimeCode::generate().map_err(StoreError::unavailable)?;
                let edit = AccountEdit::Reset(code.hash());
                let user = self.changed(username, &edit, now).await?;
                Ok(report(&user, Some(&code), now))
            }
            UserCommand::Delete { username, id } => self.delete(username, id).await,
            UserCommand::Restore { table, overwrite, after } => {
                let restore = Restore { table, overwrite: *overwrite, now };
                self.restore(restore, after.as_deref(), restored).await
            }
            UserCommand::Purge { id } => self.purge(id).await,
        }
    }

    async fn find(&self, username: &Username) -> Result<User, UserError> {
        let found = self.users.find_account(username).await?;
        found.map(|account| account.user).ok_or(UserError::NotFound)
    }

    async fn list(
        &self,
        after: Option<&str>,
        limit: Option<u32>,
        now: Timestamp,
    ) -> Result<Outcome, UserError> {
        let limit = limit.unwrap_or(PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(argument("limit", &format_args!("must be 1 to {MAX_PAGE}")));
        }
        if after.is_some_and(str::is_empty) {
            return Err(argument("after", &"must be `next` of the page before"));
        }
        let page = self.users.list_users(after, limit).await?;
        let users = page.users.iter().map(|user| UserSummary::new(user, now)).collect();
        Ok(answer(&UserList { users, unreadable: page.unreadable, next: page.next }, None))
    }

    async fn create(
        &self,
        username: &str,
        email: Option<&str>,
        roles: &[String],
        now: Timestamp,
    ) -> Result<Outcome, UserError> {
        let username = name(username)?;
        let email = email.map(Email::parse).transpose();
        let email = email.map_err(|error| argument("email", &error))?;
        let code = OneTimeCode::generate().map_err(StoreError::unavailable)?;
        let id = UserId::generate().map_err(StoreError::unavailable)?;
        let mut user = User::new(id, username, email, now);
        let roles = AccountEdit::Roles { add: roles.to_vec(), remove: Vec::new() };
        let with_roles = roles.apply(&user, now);
        if let Some(with_roles) = with_roles.map_err(|error| UserError::Edit(None, error))? {
            user = with_roles;
        }
        user.codes.add(code.hash(), now);
        let operation = OperationId::generate().map_err(StoreError::unavailable)?;
        match self.users.add_user(&user, &operation).await? {
            AddUserOutcome::Added => Ok(report(&user, Some(&code), now)),
            AddUserOutcome::NameTaken => Err(UserError::NameTaken),
        }
    }

    async fn edit(
        &self,
        username: &str,
        edit: &AccountEdit,
        now: Timestamp,
    ) -> Result<Outcome, UserError> {
        let user = self.changed(username, edit, now).await?;
        Ok(report(&user, None, now))
    }

    async fn changed(
        &self,
        username: &str,
        edit: &AccountEdit,
        now: Timestamp,
    ) -> Result<Box<User>, UserError> {
        match edit_account(&self.users, &name(username)?, edit, now).await? {
            EditOutcome::Made(user) => Ok(user),
            EditOutcome::NotFound => Err(UserError::NotFound),
            EditOutcome::Refused(user, error) => Err(UserError::Edit(Some(user), error)),
            EditOutcome::Conflict(user) => Err(UserError::Conflict(user)),
        }
    }

    /// Clears the bucket of the account, its buckets at the addresses where it has sessions, and the
    /// buckets of an address.
    async fn unlock(
        &self,
        username: &str,
        address: Option<&str>,
        now: Timestamp,
    ) -> Result<Outcome, UserError> {
        let user = self.find(&name(username)?).await?;
        self.limits.clear_limit(&LimitKey::account(&user.username)).await?;
        let addresses = user.sessions.values().map(|session| network_of(&session.client.address));
        for network in addresses.collect::<BTreeSet<_>>() {
            self.limits.clear_limit(&LimitKey::account_at(&user.username, &network)).await?;
        }
        if let Some(address) = address {
            let network = network_of(address);
            for key in [LimitKey::login(&network), LimitKey::signup(&network)] {
                self.limits.clear_limit(&key).await?;
            }
        }
        Ok(report(&user, None, now))
    }

    async fn delete(&self, username: &str, id: &UserId) -> Result<Outcome, UserError> {
        let user = self.find(&name(username)?).await?;
        if user.id != *id {
            return Err(UserError::Changed(user.id));
        }
        let operation = &OperationId::generate().map_err(StoreError::unavailable)?;
        let change = AccountChange { user: &user, session: None, operation };
        match self.users.remove_user(&change).await? {
            AccountChangeOutcome::Made => {
                Ok(answer(&DeletedUser { deleted: user.id.clone() }, Some(user.id)))
            }
            AccountChangeOutcome::Changed(_) => Err(UserError::Changed(user.id)),
        }
    }

    async fn purge(&self, id: &UserId) -> Result<Outcome, UserError> {
        let page = self.work_items.list_work_items(id, None, PURGED_ROWS).await?;
        let mut removed = 0;
        for item in &page.items {
            self.work_items.remove_work_item(id, &item.id).await?;
            removed += 1;
        }
        Ok(answer(&PurgedRows { removed, more: page.next.is_some() }, Some(id.clone())))
    }
}

pub(crate) fn answer(body: &impl Serialize, user: Option<UserId>) -> Outcome {
    Outcome { answer: json!(body), user, key: None }
}

fn report(user: &User, code: Option<&OneTimeCode>, now: Timestamp) -> Outcome {
    let mut report = UserReport::new(user, now);
    report.code = code.map(|code| IssuedCode::new(code, now + CODE_LIFETIME));
    answer(&report, Some(user.id.clone()))
}
