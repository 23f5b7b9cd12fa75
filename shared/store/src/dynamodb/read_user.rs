//! Reads of the users table and the legacy table.

use std::fmt::Write as _;

use latchkey_session::{LegacyUser, ReadUser, SessionState, StoreError, User, Username};
use latchkey_token::{SessionId, Timestamp, UserId};

use super::{
    attributes::{read_number, read_parsed, string},
    user_item::{ID, SESSION_EXPIRES, SESSIONS, STATUS, VERSION, read_status, read_user, sessions},
    users::DynamoUsers,
};

/// Attributes of the legacy table.
const IDENTITY: &str = "identity";
const USER_ID: &str = "user_id";
const USERNAME: &str = "username";

/// DynamoDB's limit for a partition key. A migration cannot have written longer ones.
const MAX_KEY_BYTES: usize = 2_048;

impl ReadUser for DynamoUsers {
    async fn find_user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        let answer = self.read(username).send().await.map_err(StoreError::unavailable)?;
        answer.item().map(read_user).transpose()
    }

    async fn find_session(
        &self,
        username: &Username,
        session: Option<&SessionId>,
    ) -> Result<Option<SessionState>, StoreError> {
        // `status` and `version` are reserved words, and a session id may have a hyphen. Each
        // placeholder costs time, so the other names are written out.
        let mut projection = format!("{ID}, #status, #version");
        let mut request = self
            .read(username)
            .expression_attribute_names("#status", STATUS)
            .expression_attribute_names("#version", VERSION);
        if let Some(session) = session {
            write!(projection, ", {SESSIONS}.#session.{SESSION_EXPIRES}").ok();
            request = request.expression_attribute_names("#session", session.as_str());
        }
        let answer = request.projection_expression(projection).send().await;
        let answer = answer.map_err(StoreError::unavailable)?;
        let Some(item) = answer.item() else {
            return Ok(None);
        };
        // Without such a session the projection omits the map.
        let session = match (item.get(SESSIONS), session) {
            (Some(_), Some(id)) => {
                sessions(item)?.get(id.as_str()).and_then(|found| found.as_m().ok())
            }
            _ => None,
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

    async fn find_legacy_user(&self, identity: &str) -> Result<Option<LegacyUser>, StoreError> {
        let Some(table) = &self.legacy_table else { return Ok(None) };
        if !(1..=MAX_KEY_BYTES).contains(&identity.len()) {
            return Ok(None);
        }
        let answer = self
            .client
            .get_item()
            .table_name(table)
            .key(IDENTITY, string(identity))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let Some(item) = answer.item() else { return Ok(None) };
        Ok(Some(LegacyUser {
            id: read_parsed(item, USER_ID, UserId::parse)?,
            username: read_parsed(item, USERNAME, |name| Username::parse(name).ok())?,
        }))
    }
}
