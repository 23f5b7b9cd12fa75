//! The users table. Every change is one conditional write on one item.

use auth_session::{SessionState, User, Username};
use auth_token::{OperationId, SessionId, Timestamp, UserId};
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        get_item::builders::GetItemFluentBuilder, put_item::PutItemError,
        update_item::UpdateItemError,
    },
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use secrecy::ExposeSecret;

use super::{
    attributes::{number, read_number, read_parsed, string},
    aws::Aws,
    user_item::{
        HASH, ID, SESSION_EXPIRES, SESSIONS, STATUS, USERNAME, VERSION, made_by, read_status,
        read_user, sessions, write_session, write_user,
    },
};
use crate::{
    AddUser, AddUserOutcome, FindSession, FindUser, SessionStart, StartSession,
    StartSessionOutcome, StoreError,
};

/// The users of a deployment.
#[derive(Clone, Debug)]
pub struct DynamoUsers {
    client: Client,
    table: String,
}

impl DynamoUsers {
    /// The users in `table`.
    pub async fn connect(aws: &Aws, table: String) -> Self {
        Self { client: Client::new(aws.settings().await), table }
    }

    /// A consistent read of a user's item.
    fn read(&self, username: &Username) -> GetItemFluentBuilder {
        self.client
            .get_item()
            .table_name(&self.table)
            .key(USERNAME, string(username.folded()))
            .consistent_read(true)
    }
}

impl AddUser for DynamoUsers {
    async fn add_user(
        &self,
        user: &User,
        operation: &OperationId,
    ) -> Result<AddUserOutcome, StoreError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write_user(user, operation)))
            .condition_expression("attribute_not_exists(#username)")
            .expression_attribute_names("#username", USERNAME)
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match sent.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(AddUserOutcome::Added),
            // The SDK sends a write again when its reply was lost; the name is then taken by us.
            Err(PutItemError::ConditionalCheckFailedException(failed)) => {
                let owner = failed.item().and_then(|item| made_by(item, None));
                if owner == Some(operation.as_str()) {
                    Ok(AddUserOutcome::Added)
                } else {
                    Ok(AddUserOutcome::NameTaken)
                }
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}

impl FindUser for DynamoUsers {
    async fn find_user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        let answer = self.read(username).send().await.map_err(StoreError::unavailable)?;
        answer.item().map(read_user).transpose()
    }
}

impl FindSession for DynamoUsers {
    async fn find_session(
        &self,
        username: &Username,
        session: &SessionId,
    ) -> Result<Option<SessionState>, StoreError> {
        let answer = self
            .read(username)
            // `status` is a reserved word, and a session's name may have a hyphen in it. Each
            // placeholder costs, so the others are written out.
            .projection_expression(format!("{ID}, #status, {SESSIONS}.#session.{SESSION_EXPIRES}"))
            .expression_attribute_names("#status", STATUS)
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
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(USERNAME, string(start.username.folded()))
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#sessions", SESSIONS)
            .expression_attribute_names("#session", started.id.as_str())
            .expression_attribute_values(":id", string(start.user.as_str()))
            .expression_attribute_values(":version", number(start.credentials_version))
            .expression_attribute_values(":room", number(started.room_for as u64))
            .expression_attribute_values(":session", write_session(&started.session))
            .return_values_on_condition_check_failure(AllOld);
        let mut update = vec!["SET #sessions.#session = :session".to_owned()];
        let mut condition = vec![
            "#id = :id AND #version = :version AND size(#sessions) <= :room \
             AND attribute_not_exists(#sessions.#session)"
                .to_owned(),
        ];
        if let Some(hash) = start.password_hash {
            request = request
                .expression_attribute_names("#hash", HASH)
                .expression_attribute_values(":hash", string(hash.expose_secret()));
            update.push(", #hash = :hash".to_owned());
        }
        for (index, ended) in started.ended.iter().enumerate() {
            request = request.expression_attribute_names(format!("#ended{index}"), ended.as_str());
            let keyword = if index == 0 { " REMOVE" } else { "," };
            update.push(format!("{keyword} #sessions.#ended{index}"));
            // Without this, two logins could make room by ending the same session.
            condition.push(format!(" AND attribute_exists(#sessions.#ended{index})"));
        }
        let outcome = request
            .update_expression(update.concat())
            .condition_expression(condition.concat())
            .send()
            .await;
        match outcome.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(StartSessionOutcome::Started),
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => match failed.item() {
                // A lost reply made the SDK send the write again: the session is ours.
                Some(item)
                    if made_by(item, Some(&started.id))
                        == Some(started.session.operation.as_str()) =>
                {
                    Ok(StartSessionOutcome::Started)
                }
                Some(item) => Ok(StartSessionOutcome::Changed(Some(Box::new(read_user(item)?)))),
                None => Ok(StartSessionOutcome::Changed(None)),
            },
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}
