//! Those who come with a Flask service's refresh token get a session of ours.

use lambda_http::{Body, Request, Response};
use latchkey_http::{ApiError, Proven, SessionOf, client, legacy_user, start_session};
use latchkey_session::{ReadUser, UpdateUser};
use latchkey_token::FlaskClaims;
use tracing::info;

use crate::{Answering, Refresh};

impl<U: ReadUser + UpdateUser> Refresh<U> {
    /// Starts a session for the user whom the token names. A Flask service does not know whether a
    /// token was used, so that each use starts one; a change of the password here ends that.
    pub(crate) async fn adopt(
        &self,
        token: FlaskClaims,
        request: &Request,
        answering: &Answering<'_>,
    ) -> Result<Response<Body>, ApiError> {
        let now = answering.now;
        if token.issued_at + self.sessions.lifetimes.absolute <= now {
            return Err(ApiError::TokenRevoked);
        }
        let user = legacy_user(&self.users, &token).await?;
        let proven = Proven { user, auth_time: token.issued_at, password_hash: None };
        let started =
            start_session(&self.users, &self.sessions, proven, client(request), now).await;
        // The credentials have changed since the token was made.
        let (user, started) = started.map_err(|refused| {
            let has_changed =
                matches!(refused, ApiError::InvalidCredentials | ApiError::AccountDisabled);
            if has_changed { ApiError::TokenRevoked } else { refused }
        })?;
        let (id, session) = (&started.id, &started.session);
        info!(user = user.id.as_str(), session = id.as_str(), "Flask session taken over");
        answering.pair(SessionOf { user: &user, id, session })
    }
}
