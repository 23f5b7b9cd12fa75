//! `POST /password`.

use auth_api::{ApiError, JsonBody, empty};
use auth_session::Email;
use auth_store::{AccountChangeOutcome, ChangePassword};
use auth_token::Timestamp;
use lambda_http::{Body, Request, Response};
use tracing::info;

use crate::{
    Account,
    caller::{Caller, MAX_TRIES},
};

impl<U: ChangePassword> Account<U> {
    /// Replaces the password of a caller who proves the current one, and ends every other session.
    pub(crate) async fn change_password(
        &self,
        mut caller: Caller,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let body = JsonBody::parse(request)?;
        let (current, new) = (body.secret("current_password")?, body.secret("new_password")?);
        let username = caller.user.username.folded();
        let email = caller.user.email.as_ref().map_or("", Email::as_str);
        let new = self
            .passwords
            .accept(&new, &[username, email])
            .map_err(|error| ApiError::new_password("new_password", error))?;
        self.prove(&caller, &current)?;
        let hash = self.hasher.hash(&new).map_err(ApiError::hash)?;
        let proved = caller.user.credentials_version;
        for _ in 0..MAX_TRIES {
            let changed = self.users.change_password(&caller.change(), &hash).await;
            match changed.map_err(ApiError::store)? {
                AccountChangeOutcome::Made => {
                    info!(user = caller.id().as_str(), "password changed, other sessions ended");
                    return Ok(empty());
                }
                AccountChangeOutcome::Changed(current) => caller = caller.again(current, now)?,
            }
            if caller.user.credentials_version != proved {
                return Err(ApiError::InvalidCredentials);
            }
        }
        Err(ApiError::Unavailable("the session is being refreshed all the time".into()))
    }
}
