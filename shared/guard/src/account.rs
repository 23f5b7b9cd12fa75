//! The caller with the complete account.

use std::sync::Arc;

use lambda_http::Request;
use latchkey_http::{ApiError, ErrorKind};
use latchkey_session::{ReadUser, User};
use latchkey_token::{KeySet, SessionId, Subject, Timestamp};

use crate::{Presented, TokenLocation, TokenReader, claimed_username};

/// The caller with the complete account, for routes that need more than an
/// [`Identity`](crate::Identity). One consistent read returns the account and the state of the
/// session.
#[derive(Debug)]
pub struct Caller {
    /// The account, as read for this request.
    pub user: User,
    /// The live session that the token names; `None` for a legacy token.
    pub session: Option<SessionId>,
    /// Where in the request the token was.
    pub location: TokenLocation,
    /// The key set that verified the token. A function that signs uses it for new tokens.
    pub keys: Arc<KeySet>,
}

impl Caller {
    /// Verifies the access token of `request` and reads its account.
    ///
    /// # Errors
    /// As [`TokenReader::access`]; 401 [`TokenRevoked`](ErrorKind::TokenRevoked) if the session has
    /// ended or the account is gone or disabled; 500 or 503 for a fault of the store.
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

    /// Replaces the account with its `current` state, after a write that conflicted with another
    /// change.
    ///
    /// # Errors
    /// 401 [`TokenRevoked`](ErrorKind::TokenRevoked) if the session has ended meanwhile.
    pub fn again(self, current: Option<Box<User>>, now: Timestamp) -> Result<Self, ApiError> {
        let is_alive = |user: &User| match &self.session {
            Some(session) => user.live_session(&self.user.id, session, now).is_some(),
            None => user.accepts_legacy_tokens(&self.user.id),
        };
        let user = current.filter(|user| is_alive(user)).ok_or(ErrorKind::TokenRevoked)?;
        Ok(Self { user: *user, ..self })
    }
}

/// The account that was migrated for a legacy identity; `None` unless it is active and its
/// password was never changed in Latchkey.
///
/// # Errors
/// 500 or 503 for a fault of the store.
pub async fn legacy_user(users: &impl ReadUser, identity: &str) -> Result<Option<User>, ApiError> {
    let Some(moved) = users.find_legacy_user(identity).await? else { return Ok(None) };
    let user = users.find_user(&moved.username).await?;
    Ok(user.filter(|user| user.accepts_legacy_tokens(&moved.id)))
}
