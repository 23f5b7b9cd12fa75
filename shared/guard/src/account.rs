//! The account of the caller, read whole.

use std::sync::Arc;

use lambda_http::Request;
use latchkey_http::{ApiError, ErrorKind};
use latchkey_session::{ReadUser, User};
use latchkey_token::{KeySet, SessionId, Subject, Timestamp};

use crate::{Presented, TokenLocation, TokenReader, claimed_username};

/// The caller with the whole account: one read tells both who calls and whether the session is
/// alive.
#[derive(Debug)]
pub struct Caller {
    /// The account.
    pub user: User,
    /// The live session of the token; `None` for a legacy token.
    pub session: Option<SessionId>,
    /// Where the token was.
    pub location: TokenLocation,
    /// The keys that verified the token.
    pub keys: Arc<KeySet>,
}

impl Caller {
    /// Verifies the access token of `request` and reads its account.
    ///
    /// # Errors
    /// The 401 for a bad token or an ended session, and faults of the stores.
    pub async fn read(
        reader: &TokenReader,
        users: &impl ReadUser,
        request: &Request,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let Presented { claims, location, keys } = reader.access(request, now).await?;
        let user = match (&claims.subject, &claims.session) {
            (Subject::User { id, username }, Some(session)) => {
                let found = users.find_user(&claimed_username(username)?).await?;
                found.filter(|user| user.live_session(id, session, now).is_some())
            }
            (Subject::Legacy { identity }, _) => legacy_user(users, identity).await?,
            (Subject::User { .. }, None) => None,
        };
        let user = user.ok_or(ErrorKind::TokenRevoked)?;
        Ok(Self { user, session: claims.session, location, keys })
    }

    /// The same caller with the account as it is now, after a conflict with another change.
    ///
    /// # Errors
    /// `token_revoked` if the session has ended.
    pub fn again(self, current: Option<Box<User>>, now: Timestamp) -> Result<Self, ApiError> {
        let is_alive = |user: &User| match &self.session {
            Some(session) => user.live_session(&self.user.id, session, now).is_some(),
            None => user.accepts_legacy_tokens(&self.user.id),
        };
        let user = current.filter(|user| is_alive(user)).ok_or(ErrorKind::TokenRevoked)?;
        Ok(Self { user: *user, ..self })
    }
}

/// The account of a legacy identity: the one that was migrated, if it is active and has never
/// changed its password here.
///
/// # Errors
/// Faults of the store.
pub async fn legacy_user(users: &impl ReadUser, identity: &str) -> Result<Option<User>, ApiError> {
    let Some(moved) = users.find_legacy_user(identity).await? else { return Ok(None) };
    let user = users.find_user(&moved.username).await?;
    Ok(user.filter(|user| user.accepts_legacy_tokens(&moved.id)))
}
