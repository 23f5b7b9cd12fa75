//! Accounts as operators and one-time codes change them.

use aws_sdk_dynamodb::{error::ProvideErrorMetadata as _, types::AttributeValue};
use latchkey_session::{
    Account, AccountChangeOutcome, AccountWrite, ChangeAccount, ListUsers, ReadBackup, StoreError,
    User, UserPage, Username,
};
use latchkey_token::OperationId;
use tracing::error;

use super::{
    attributes::{Attributes, string},
    update_user::send,
    user_item::{
        CLAIMS, ID, OPERATION, ROLES, SESSIONS, USERNAME, read_user, write_user, written_by,
    },
    users::DynamoUsers,
};

impl ChangeAccount for DynamoUsers {
    async fn find_account(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        let answer = self.read(username).send().await.map_err(StoreError::unavailable)?;
        let account = |item| {
            let operation = written_by(item, None).and_then(OperationId::parse);
            let user = read_user(item)?;
            let unreadable = unreadable(item, &user);
            Ok(Account { user, operation, unreadable })
        };
        answer.item().map(account).transpose()
    }

    async fn write_account(
        &self,
        write: &AccountWrite<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let AccountWrite { read, new, operation } = write;
        let (mut set, mut remove) = (vec!["#operation = :operation".to_owned()], Vec::new());
        let mut request = self
            .update(&read.user.username)
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#operation", OPERATION)
            .expression_attribute_values(":id", string(read.user.id.as_str()))
            .expression_attribute_values(":operation", string(operation.as_str()));
        for (name, value) in changes(write) {
            request = request.expression_attribute_names(format!("#{name}"), &name);
            match value {
                Some(value) => {
                    set.push(format!("#{name} = :{name}"));
                    request = request.expression_attribute_values(format!(":{name}"), value);
                }
                None => remove.push(format!("#{name}")),
            }
        }
        let mut update = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            update.push_str(" REMOVE ");
            update.push_str(&remove.join(", "));
        }
        let unchanged = match &read.operation {
            Some(read) => {
                request = request.expression_attribute_values(":read", string(read.as_str()));
                "#operation = :read"
            }
            None => "attribute_not_exists(#operation)",
        };
        let request = request
            .update_expression(update)
            .condition_expression(format!("#id = :id AND {unchanged}"));
        debug_assert_eq!(read.user.id, new.id);
        send(request, operation).await
    }
}

/// The attributes that are there although the user was read without them.
fn unreadable(item: &Attributes, user: &User) -> Vec<&'static str> {
    let is_there = |name| match item.get(name) {
        Some(AttributeValue::M(members)) => !members.is_empty(),
        Some(AttributeValue::L(items)) => !items.is_empty(),
        other => other.is_some(),
    };
    let lost = [(ROLES, user.roles.is_empty()), (CLAIMS, user.claims.is_empty())];
    let lost = lost.into_iter().filter(|(name, is_missing)| *is_missing && is_there(*name));
    lost.map(|(name, _)| name).collect()
}

/// The attributes that change, with their new values; `None` removes one.
fn changes(write: &AccountWrite<'_>) -> Vec<(String, Option<AttributeValue>)> {
    let before = write_user(&write.read.user, write.operation);
    let mut after = write_user(write.new, write.operation);
    let mut changes = Vec::new();
    for (name, old) in before {
        match after.remove(&name) {
            _ if name == SESSIONS => {}
            Some(new) if new == old => {}
            new => changes.push((name, new)),
        }
    }
    after.remove(SESSIONS);
    changes.extend(after.into_iter().map(|(name, new)| (name, Some(new))));
    if write.ends_sessions() {
        let none = AttributeValue::M(Attributes::new());
        changes.push((SESSIONS.to_owned(), Some(none)));
    }
    changes
}

impl ListUsers for DynamoUsers {
    async fn list_users(&self, after: Option<&str>, limit: u32) -> Result<UserPage, StoreError> {
        let page = self.list_backup(&self.table, after, limit).await?;
        page.ok_or_else(|| StoreError::Unavailable("there is no users table".into()))
    }
}

impl ReadBackup for DynamoUsers {
    async fn list_backup(
        &self,
        backup: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<UserPage>, StoreError> {
        let start = after.map(|after| [(USERNAME.to_owned(), string(after))].into());
        let page = self
            .client
            .scan()
            .table_name(backup)
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await;
        let page = match page {
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(None),
            page => page.map_err(StoreError::unavailable)?,
        };
        let (mut users, mut unreadable) = (Vec::new(), Vec::new());
        for item in page.items() {
            match read_user(item) {
                Ok(user) => users.push(user),
                Err(malformed) => {
                    let text = |name| item.get(name)?.as_s().ok();
                    error!(user = text(ID), %malformed, "an unreadable user is left out");
                    unreadable.extend(text(USERNAME).cloned());
                }
            }
        }
        let next = page.last_evaluated_key().and_then(|key| key.get(USERNAME)?.as_s().ok());
        Ok(Some(UserPage { users, unreadable, next: next.cloned() }))
    }
}
