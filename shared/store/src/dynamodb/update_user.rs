//! Updates of the users table.

use std::fmt::Write as _;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue::AllNew},
};
use latchkey_session::{
    AccountChange, AccountChangeOutcome, EndedSessions, PasswordChange, RotateSessionOutcome,
    Rotation, SessionEnd, SessionStart, StoreError, UpdateUser, User, Username,
};
use latchkey_token::{OperationId, SessionId};
use secrecy::ExposeSecret as _;

use super::{
    attributes::{Attributes, number, string, time},
    user_item::{
        ACTIVE, HASH, ID, OPERATION, SESSION_ADDRESS, SESSION_EXPIRES, SESSION_GENERATION,
        SESSION_ROTATED, SESSION_USER_AGENT, SESSIONS, STATUS, VERSION, read_optional_user,
        read_user, write_session, written_by,
    },
    users::{DynamoUsers, SESSION_EXISTS},
};

impl UpdateUser for DynamoUsers {
    async fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let started = start.started;
        // Short placeholders: the limit of an expression is 4 KB.
        let mut request = self
            .update(&start.user.username)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#s", SESSIONS)
            .expression_attribute_names("#session", started.id.as_str())
            .expression_attribute_values(":id", string(start.user.id.as_str()))
            .expression_attribute_values(":version", number(start.user.credentials_version))
            .expression_attribute_values(":active", string(ACTIVE))
            .expression_attribute_values(":session", write_session(&started.session));
        let mut update = "SET #s.#session = :session".to_owned();
        if let Some(hash) = start.password_hash {
            request = request
                .expression_attribute_names("#hash", HASH)
                .expression_attribute_values(":hash", string(hash.expose_secret()));
            update.push_str(", #hash = :hash");
        }
        // Unconditional: a concurrent login may already have removed the session.
        for (index, ended) in started.ended.iter().enumerate() {
            request = request.expression_attribute_names(format!("#{index}"), ended.as_str());
            let keyword = if index == 0 { " REMOVE" } else { "," };
            write!(update, "{keyword} #s.#{index}").ok();
        }
        let outcome = request
            .update_expression(update)
            .condition_expression(format!(
                "{ID} = :id AND #version = :version AND #status = :active \
                 AND attribute_not_exists(#s.#session)"
            ))
            .send()
            .await;
        match outcome.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(AccountChangeOutcome::Made),
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                if is_written_by(failed.item(), &started.id, started.session.operation.as_str()) {
                    return Ok(AccountChangeOutcome::Made);
                }
                Ok(AccountChangeOutcome::Changed(read_optional_user(failed.item())?))
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }

    async fn rotate_session(
        &self,
        username: &Username,
        rotation: &Rotation,
    ) -> Result<RotateSessionOutcome, StoreError> {
        let outcome = self
            .update(username)
            .update_expression(format!(
                "SET #s.#session.{SESSION_GENERATION} = :next, \
                 #s.#session.{SESSION_ROTATED} = :now, \
                 #s.#session.{SESSION_EXPIRES} = :expires, \
                 #s.#session.{SESSION_ADDRESS} = :ip, \
                 #s.#session.{SESSION_USER_AGENT} = :ua, \
                 #s.#session.{OPERATION} = :operation"
            ))
            .condition_expression(format!(
                "{ID} = :id AND #status = :active \
                 AND #s.#session.{SESSION_GENERATION} = :presented \
                 AND #s.#session.{SESSION_EXPIRES} > :now"
            ))
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#s", SESSIONS)
            .expression_attribute_names("#session", rotation.session.as_str())
            .expression_attribute_values(":id", string(rotation.user.as_str()))
            .expression_attribute_values(":active", string(ACTIVE))
            .expression_attribute_values(":presented", number(rotation.generation))
            .expression_attribute_values(":next", number(rotation.generation.saturating_add(1)))
            .expression_attribute_values(":now", time(rotation.rotated_at))
            .expression_attribute_values(":expires", time(rotation.expires_at))
            .expression_attribute_values(":ip", string(&rotation.client.address))
            .expression_attribute_values(":ua", string(&rotation.client.user_agent))
            .expression_attribute_values(":operation", string(rotation.operation.as_str()))
            // The write returns the item, so no read is needed.
            .return_values(AllNew)
            .send()
            .await;
        match outcome.map_err(SdkError::into_service_error) {
            Ok(written) => {
                let item = written.attributes().ok_or(StoreError::Malformed(SESSIONS))?;
                Ok(RotateSessionOutcome::Rotated(Box::new(read_user(item)?)))
            }
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let found = read_optional_user(failed.item())?;
                match found {
                    Some(user)
                        if is_written_by(
                            failed.item(),
                            &rotation.session,
                            rotation.operation.as_str(),
                        ) =>
                    {
                        Ok(RotateSessionOutcome::Rotated(user))
                    }
                    found => Ok(RotateSessionOutcome::Refused(found)),
                }
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }

    async fn end_session(&self, end: &SessionEnd<'_>) -> Result<(), StoreError> {
        let outcome = self
            .update(end.username)
            .update_expression("REMOVE #s.#session")
            // Without a condition the update would create a deleted item again.
            .condition_expression(format!("{ID} = :id"))
            .expression_attribute_names("#s", SESSIONS)
            .expression_attribute_names("#session", end.session.as_str())
            .expression_attribute_values(":id", string(end.user.as_str()))
            .send()
            .await;
        match outcome.map_err(SdkError::into_service_error) {
            Ok(_) | Err(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }

    async fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let request = self.change(change.user, change.operation);
        let current = change.session.filter(|_| ended == EndedSessions::Others);
        let (request, condition, sessions) = if let Some(current) = current {
            keep_as_read(request, change.user, current)
        } else {
            let (request, condition) = require_session(request, change.session);
            (request, condition, Attributes::new())
        };
        let request = request
            .update_expression("SET #sessions = :sessions, #operation = :operation")
            .condition_expression(format!("#id = :id{condition}"))
            .expression_attribute_values(":sessions", AttributeValue::M(sessions));
        send(request, change.operation).await
    }

    async fn change_password(
        &self,
        change: &PasswordChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let PasswordChange { user, started, .. } = change;
        let operation = &started.session.operation;
        let version = user.credentials_version;
        let new = (started.id.as_str().to_owned(), write_session(&started.session));
        let (request, condition) = require_session(self.change(user, operation), change.session);
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
        send(request, operation).await
    }
}

impl DynamoUsers {
    /// An update of the user's item with the common placeholders.
    fn change(&self, user: &User, operation: &OperationId) -> UpdateItemFluentBuilder {
        self.update(&user.username)
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#operation", OPERATION)
            .expression_attribute_names("#sessions", SESSIONS)
            .expression_attribute_values(":id", string(user.id.as_str()))
            .expression_attribute_values(":operation", string(operation.as_str()))
    }
}

/// Adds the condition that the requesting session still exists, if there is one.
fn require_session(
    request: UpdateItemFluentBuilder,
    session: Option<&SessionId>,
) -> (UpdateItemFluentBuilder, &'static str) {
    match session {
        Some(id) => (request.expression_attribute_names("#session", id.as_str()), SESSION_EXISTS),
        None => (request, ""),
    }
}

/// Replaces the whole map, so that sessions started after the read end too. The condition is that
/// the current session is as read, so that no rotation of it is undone.
fn keep_as_read(
    request: UpdateItemFluentBuilder,
    user: &User,
    current: &SessionId,
) -> (UpdateItemFluentBuilder, &'static str, Attributes) {
    let mut sessions = Attributes::new();
    let mut read = String::new();
    if let Some(session) = user.sessions.get(current) {
        sessions.insert(current.as_str().to_owned(), write_session(session));
        session.operation.as_str().clone_into(&mut read);
    }
    let request = request
        .expression_attribute_names("#session", current.as_str())
        .expression_attribute_values(":read", string(read));
    (request, " AND #sessions.#session.#operation = :read", sessions)
}

pub(super) async fn send(
    request: UpdateItemFluentBuilder,
    operation: &OperationId,
) -> Result<AccountChangeOutcome, StoreError> {
    match request.send().await.map_err(SdkError::into_service_error) {
        Ok(_) => Ok(AccountChangeOutcome::Made),
        Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            let author = failed.item().and_then(|item| written_by(item, None));
            if author == Some(operation.as_str()) {
                return Ok(AccountChangeOutcome::Made);
            }
            let found: Option<Box<User>> = read_optional_user(failed.item())?;
            Ok(AccountChangeOutcome::Changed(found))
        }
        Err(other) => Err(StoreError::unavailable(other)),
    }
}

/// Whether this operation wrote the session: after a lost reply the SDK repeats a write, and the
/// condition of the repeated one fails.
fn is_written_by(item: Option<&Attributes>, session: &SessionId, operation: &str) -> bool {
    item.and_then(|item| written_by(item, Some(session))) == Some(operation)
}
