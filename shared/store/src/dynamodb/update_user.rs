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
        SESSION_ROTATED, SESSION_USER_AGENT, SESSIONS, STATUS, VERSION, made_by,
        read_optional_user, read_user, write_session,
    },
    users::{DynamoUsers, SESSION_EXISTS},
};

impl UpdateUser for DynamoUsers {
    async fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let started = start.started;
        // Placeholders are short: an expression has 4 KB.
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
        // Unconditional: what another login has removed is gone all the same.
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
                if is_made_by(failed.item(), &started.id, started.session.operation.as_str()) {
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
            // What the item says comes with the write, so that nothing has to be read.
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
                        if is_made_by(
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
            // Without the condition an update of an item that is gone would make a new one.
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

/// Whether a write of ours made the session as it is: the SDK sends a write again when its reply
/// was lost, and the second delivery then fails on what the first one wrote.
fn is_made_by(item: Option<&Attributes>, session: &SessionId, operation: &str) -> bool {
    item.and_then(|item| made_by(item, Some(session))) == Some(operation)
}
