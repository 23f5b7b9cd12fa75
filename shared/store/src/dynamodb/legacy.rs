//! Which account a user of an old service has here.

use latchkey_session::Username;
use latchkey_token::UserId;

use super::{
    attributes::{read_parsed, string},
    users::DynamoUsers,
};
use crate::{FindLegacyUser, LegacyUser, StoreError};

const IDENTITY: &str = "identity";
const USER_ID: &str = "user_id";
const USERNAME: &str = "username";

/// DynamoDB refuses longer keys, which no migration can have written.
const MAX_KEY_BYTES: usize = 2_048;

impl FindLegacyUser for DynamoUsers {
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
