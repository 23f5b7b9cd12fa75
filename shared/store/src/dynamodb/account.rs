//! What a logged-in user changes about the account.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        delete_item::DeleteItemError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use latchkey_session::User;
use latchkey_token::{OperationId, SessionId};
use secrecy::ExposeSecret;

use super::{
    attributes::{Attributes, number, string},
    user_item::{
        ACTIVE, HASH, ID, OPERATION, SESSIONS, STATUS, USERNAME, VERSION, made_by,
        read_optional_user, write_session,
    },
    users::DynamoUsers,
};
use crate::{
    AccountChange, AccountChangeOutcome, ChangePassword, EndSessions, EndedSessions,
    PasswordChange, RemoveUser, StoreError,
};

impl EndSessions for DynamoUsers {
    async fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let request = self.change(change.user, change.operation);
        let kept = change.session.filter(|_| ended == EndedSessions::Others);
        let (request, condition, kept) = if let Some(kept) = kept {
            keep_as_read(request, change.user, kept)
        } else {
            let (request, condition) = asked_by(request, change.session);
            (request, condition, Attributes::new())
        };
        let request = request
            .update_expression("SET #sessions = :sessions, #operation = :operation")
            .condition_expression(format!("#id = :id{condition}"))
            .expression_attribute_values(":sessions", AttributeValue::M(kept));
        finish(request, change.operation).await
    }
}

impl ChangePassword for DynamoUsers {
    async fn change_password(
        &self,
        change: &PasswordChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let PasswordChange { user, started, .. } = change;
        let operation = &started.session.operation;
        let version = user.credentials_version;
        let new = (started.id.as_str().to_owned(), write_session(&started.session));
        let (request, condition) = asked_by(self.change(user, operation), change.session);
        let request = request
            .update_expression(
                "SET #sessions = :sessions, #operation = :operation, #hash = :hash, \
                 #version = :next",
            )
            .condition_expression(format!(
                "#id = :id AND #version = :version AND #status = :active{condition}"
            ))
            .expression_attribute_names("#hash", HASH)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_values(":sessions", AttributeValue::M([new].into()))
            .expression_attribute_values(":hash", string(change.password_hash.expose_secret()))
            .expression_attribute_values(":active", string(ACTIVE))
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":next", number(version.saturating_add(1)));
        finish(request, operation).await
    }
}

impl RemoveUser for DynamoUsers {
    async fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let mut request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(USERNAME, string(change.user.username.folded()))
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#version", VERSION);
        let mut condition = "#id = :id AND #version = :version".to_owned();
        if let Some(session) = change.session {
            request = request
                .expression_attribute_names("#sessions", SESSIONS)
                .expression_attribute_names("#session", session.as_str());
            condition.push_str(SESSION_EXISTS);
        }
        let outcome = request
            .condition_expression(condition)
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

/// The condition that the session that asks is still there.
const SESSION_EXISTS: &str = " AND attribute_exists(#sessions.#session)";

impl DynamoUsers {
    /// An update of the user's item and its sessions.
    fn change(&self, user: &User, operation: &OperationId) -> UpdateItemFluentBuilder {
        self.update(&user.username)
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#operation", OPERATION)
            .expression_attribute_names("#sessions", SESSIONS)
            .expression_attribute_values(":id", string(user.id.as_str()))
            .expression_attribute_values(":operation", string(operation.as_str()))
    }
}

/// Adds the condition that the session that asks is still there, where there is one.
fn asked_by(
    request: UpdateItemFluentBuilder,
    session: Option<&SessionId>,
) -> (UpdateItemFluentBuilder, &'static str) {
    match session {
        Some(id) => (request.expression_attribute_names("#session", id.as_str()), SESSION_EXISTS),
        None => (request, ""),
    }
}

/// The whole map is replaced, so that a session that was started since it was read ends too. The
/// kept one must be as it was read, so that no rotation of it is undone.
fn keep_as_read(
    request: UpdateItemFluentBuilder,
    user: &User,
    kept: &SessionId,
) -> (UpdateItemFluentBuilder, &'static str, Attributes) {
    let mut sessions = Attributes::new();
    let mut read = String::new();
    if let Some(session) = user.sessions.get(kept) {
        sessions.insert(kept.as_str().to_owned(), write_session(session));
        session.operation.as_str().clone_into(&mut read);
    }
    let request = request
        .expression_attribute_names("#session", kept.as_str())
        .expression_attribute_values(":read", string(read));
    (request, " AND #sessions.#session.#operation = :read", sessions)
}

async fn finish(
    request: UpdateItemFluentBuilder,
    operation: &OperationId,
) -> Result<AccountChangeOutcome, StoreError> {
    match request.send().await.map_err(SdkError::into_service_error) {
        Ok(_) => Ok(AccountChangeOutcome::Made),
        Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            let author = failed.item().and_then(|item| made_by(item, None));
            if author == Some(operation.as_str()) {
                return Ok(AccountChangeOutcome::Made);
            }
            let found: Option<Box<User>> = read_optional_user(failed.item())?;
            Ok(AccountChangeOutcome::Changed(found))
        }
        Err(other) => Err(StoreError::unavailable(other)),
    }
}
