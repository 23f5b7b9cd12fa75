//! Accounts as operators and one-time codes change them.

use aws_sdk_dynamodb::types::AttributeValue;
use latchkey_session::{
    Account, AccountChangeOutcome, AccountWrite, ChangeAccount, ListUsers, ReadBackup, StoreError,
    UserPage, Username,
};
use latchkey_token::OperationId;
use tracing::error;

use super::{
    attributes::{Attributes, string},
    update_user::send,
    user_item::{ID, OPERATION, SESSIONS, USERNAME, read_user, write_user, written_by},
    users::DynamoUsers,
};

impl ChangeAccount for DynamoUsers {
    async fn find_account(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        let answer = self.read(username).send().await.map_err(StoreError::unavailable)?;
        let account = |item| {
            let operation = written_by(item, None).and_then(OperationId::parse);
            Ok(Account { user: read_user(item)?, operation })
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
        self.list_backup(&self.table, after, limit).await
    }
}

impl ReadBackup for DynamoUsers {
    async fn list_backup(
        &self,
        backup: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<UserPage, StoreError> {
        let start = after.map(|after| [(USERNAME.to_owned(), string(after))].into());
        let page = self
            .client
            .scan()
            .table_name(backup)
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let mut users = Vec::new();
        for item in page.items() {
            match read_user(item) {
                Ok(user) => users.push(user),
                Err(malformed) => {
                    let key = item.get(ID).and_then(|id| id.as_s().ok());
                    error!(user = key, %malformed, "an unreadable user is left out");
                }
            }
        }
        let next = page.last_evaluated_key().and_then(|key| key.get(USERNAME)?.as_s().ok());
        Ok(UserPage { users, next: next.cloned() })
    }
}
