//! The sessions of a user, inside the user's item.

use std::fmt::Write as _;

use aws_sdk_dynamodb::{
    error::SdkError, operation::update_item::UpdateItemError, types::ReturnValue::AllNew,
};
use latchkey_session::{Rotation, SessionState, Username};
use latchkey_token::{SessionId, Timestamp, UserId};
use secrecy::ExposeSecret;

use super::{
    attributes::{Attributes, number, read_number, read_parsed, string, time},
    user_item::{
        ACTIVE, HASH, ID, OPERATION, SESSION_ADDRESS, SESSION_EXPIRES, SESSION_GENERATION,
        SESSION_ROTATED, SESSION_USER_AGENT, SESSIONS, STATUS, VERSION, made_by,
        read_optional_user, read_status, read_user, sessions, write_session,
    },
    users::DynamoUsers,
};
use crate::{
    EndSession, FindSession, RotateSession, RotateSessionOutcome, SessionEnd, SessionStart,
    StartSession, StartSessionOutcome, StoreError,
};

impl FindSession for DynamoUsers {
    async fn find_session(
        &self,
        username: &Username,
        session: &SessionId,
    ) -> Result<Option<SessionState>, StoreError> {
        let answer = self
            .read(username)
            // `status` and `version` are reserved words, and a session's name may have a hyphen in it. Each
            // placeholder costs, so the others are written out.
            .projection_expression(format!(
                "{ID}, #status, #version, {SESSIONS}.#session.{SESSION_EXPIRES}"
            ))
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#session", session.as_str())
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let Some(item) = answer.item() else {
            return Ok(None);
        };
        // A projection leaves out the map when it has no such session.
        let session = match item.get(SESSIONS) {
            Some(_) => sessions(item)?.get(session.as_str()).and_then(|found| found.as_m().ok()),
            None => None,
        };
        let expires_at = session
            .map(|session| read_number(session, SESSION_EXPIRES).map(Timestamp::from_unix))
            .transpose()?;
        Ok(Some(SessionState {
            user: read_parsed(item, ID, UserId::parse)?,
            status: read_status(item)?,
            credentials_version: read_number(item, VERSION)?,
            session_expires_at: expires_at,
        }))
    }
}

impl StartSession for DynamoUsers {
    async fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> Result<StartSessionOutcome, StoreError> {
        let started = start.started;
        // Placeholders are short: an expression has 4 KB.
        let mut request = self
            .update(start.username)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#s", SESSIONS)
            .expression_attribute_names("#session", started.id.as_str())
            .expression_attribute_values(":id", string(start.user.as_str()))
            .expression_attribute_values(":version", number(start.credentials_version))
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
            Ok(_) => Ok(StartSessionOutcome::Started),
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                if is_made_by(failed.item(), &started.id, started.session.operation.as_str()) {
                    return Ok(StartSessionOutcome::Started);
                }
                Ok(StartSessionOutcome::Changed(read_optional_user(failed.item())?))
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}

impl RotateSession for DynamoUsers {
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
}

impl EndSession for DynamoUsers {
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
}

/// Whether a write of ours made the session as it is: the SDK sends a write again when its reply
/// was lost, and the second delivery then fails on what the first one wrote.
fn is_made_by(item: Option<&Attributes>, session: &SessionId, operation: &str) -> bool {
    item.and_then(|item| made_by(item, Some(session))) == Some(operation)
}
