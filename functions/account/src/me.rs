//! `GET /me` and `DELETE /me`.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_http::{ApiError, Caller, JsonBody, json, rfc3339};
use latchkey_session::{AccountChange, AccountChangeOutcome, Email, RemoveUser};
use latchkey_token::{OperationId, UserId};
use serde::Serialize;
use tracing::info;

use crate::Account;

#[derive(Serialize)]
struct MeAnswer<'a> {
    id: &'a UserId,
    username: &'a str,
    email: Option<&'a str>,
    roles: &'a [String],
    created_at: String,
}

pub(crate) fn show(caller: &Caller) -> Result<Response<Body>, ApiError> {
    let user = &caller.user;
    let answer = MeAnswer {
        id: &user.id,
        username: user.username.typed(),
        email: user.email.as_ref().map(Email::as_str),
        roles: &user.roles,
        created_at: rfc3339(user.created_at),
    };
    json(StatusCode::OK, &answer)
}

impl<U: RemoveUser> Account<U> {
    /// Removes the account, with all its sessions, of a caller who proves the password.
    pub(crate) async fn delete_me(
        &self,
        caller: Caller,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let password = JsonBody::parse(request)?.secret("password")?;
        caller.prove(&self.hasher, &password)?;
        let operation = &OperationId::generate().map_err(ApiError::randomness)?;
        let (user, session) = (&caller.user, caller.session.as_ref());
        let change = AccountChange { user, session, operation };
        match self.users.remove_user(&change).await.map_err(ApiError::store)? {
            AccountChangeOutcome::Made => {
                info!(user = user.id.as_str(), "account deleted");
                Ok(self.signed_out(request))
            }
            AccountChangeOutcome::Changed(current) => {
                // The session was ended, or the password that was proved is no longer the one.
                let is_same_password = current
                    .is_some_and(|current| current.credentials_version == user.credentials_version);
                Err(if is_same_password {
                    ApiError::TokenRevoked
                } else {
                    ApiError::InvalidCredentials
                })
            }
        }
    }
}
