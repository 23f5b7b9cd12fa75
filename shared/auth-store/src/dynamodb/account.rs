//! What a logged-in user changes about the account.

use auth_session::User;
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        delete_item::DeleteItemError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    attributes::{Attributes, number, string},
    user_item::{
        HASH, ID, OPERATION, SESSIONS, USERNAME, VERSION, made_by, read_optional_user,
        write_session,
    },
    users::DynamoUsers,
};
use crate::{
    AccountChange, AccountChangeOutcome, ChangePassword, EndSessions, EndedSessions, RemoveUser,
    StoreError,
};

impl EndSessions for DynamoUsers {
    async fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let request = match ended {
            EndedSessions::All => self
                .change(change)
                .update_expression("SET #sessions = :none, #operation = :operation")
                .condition_expression("#id = :id AND attribute_exists(#sessions.#session)")
                .expression_attribute_values(":none", AttributeValue::M(Attributes::new())),
            EndedSessions::Others => keep_only_the_asking(self.change(change), change)
                .update_expression("SET #sessions = :kept, #operation = :operation")
                .condition_expression("#id = :id AND #sessions.#session.#operation = :read"),
        };
        finish(request, change).await
    }
}

impl ChangePassword for DynamoUsers {
    async fn change_password(
        &self,
        change: &AccountChange<'_>,
        password_hash: &SecretString,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let version = change.user.credentials_version;
        let request = keep_only_the_asking(self.change(change), change)
            .update_expression(
                "SET #sessions = :kept, #operation = :operation, #hash = :hash, #version = :next",
            )
            .condition_expression(
                "#id = :id AND #version = :version AND #sessions.#session.#operation = :read",
            )
            .expression_attribute_names("#hash", HASH)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":hash", string(password_hash.expose_secret()))
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":next", number(version.saturating_add(1)));
        finish(request, change).await
    }
}

impl RemoveUser for DynamoUsers {
    async fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let outcome = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(USERNAME, string(change.user.username.folded()))
            .condition_expression(
                "#id = :id AND #version = :version AND attribute_exists(#sessions.#session)",
            )
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#sessions", SESSIONS)
            .expression_attribute_names("#session", change.session.as_str())
            .expression_attribute_values(":id", string(change.user.id.as_str()))
            .expression_attribute_values(":version", number(change.user.credentials_version))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match outcome.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(AccountChangeOutcome::Made),
            Err(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                match read_optional_user(failed.item())? {
                    Some(user) if user.id == change.user.id => {
                        Ok(AccountChangeOutcome::Changed(Some(user)))
                    }
                    // Gone, or another account: also by an earlier delivery of this call.
                    Some(_) | None => Ok(AccountChangeOutcome::Made),
                }
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}

impl DynamoUsers {
    /// An update of the user's item by the session that asks.
    fn change(&self, change: &AccountChange<'_>) -> UpdateItemFluentBuilder {
        self.update(&change.user.username)
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#operation", OPERATION)
            .expression_attribute_names("#sessions", SESSIONS)
            .expression_attribute_names("#session", change.session.as_str())
            .expression_attribute_values(":id", string(change.user.id.as_str()))
            .expression_attribute_values(":operation", string(change.operation.as_str()))
    }
}

/// The whole map is written anew, so that a session that was started since it was read ends too.
fn keep_only_the_asking(
    request: UpdateItemFluentBuilder,
    change: &AccountChange<'_>,
) -> UpdateItemFluentBuilder {
    let mut kept = Attributes::new();
    let mut read = String::new();
    if let Some(session) = change.user.sessions.get(change.session) {
        kept.insert(change.session.as_str().to_owned(), write_session(session));
        session.operation.as_str().clone_into(&mut read);
    }
    request
        .expression_attribute_values(":kept", AttributeValue::M(kept))
        .expression_attribute_values(":read", string(read))
}

async fn finish(
    request: UpdateItemFluentBuilder,
    change: &AccountChange<'_>,
) -> Result<AccountChangeOutcome, StoreError> {
    match request.send().await.map_err(SdkError::into_service_error) {
        Ok(_) => Ok(AccountChangeOutcome::Made),
        Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            let author = failed.item().and_then(|item| made_by(item, None));
            if author == Some(change.operation.as_str()) {
                return Ok(AccountChangeOutcome::Made);
            }
            let found: Option<Box<User>> = read_optional_user(failed.item())?;
            Ok(AccountChangeOutcome::Changed(found))
        }
        Err(other) => Err(StoreError::unavailable(other)),
    }
}
