//! `GET /me` and `DELETE /me`.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_guard::Caller;
use latchkey_http::{ApiError, AuditEvent, ErrorKind, JsonBody, audit, json, rfc3339};
use latchkey_session::{AccountChange, AccountChangeOutcome, Email, RemoveUser, UpdateLimit};
use latchkey_token::{OperationId, Timestamp, UserId};
use serde::Serialize;

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

impl<U: RemoveUser, L: UpdateLimit> Account<U, L> {
    /// Deletes the caller's account and all its sessions. The body must have the password.
    pub(crate) async fn delete_me(
        &self,
        caller: Caller,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let password = JsonBody::parse(request)?.secret("password")?;
        self.limits.admit_user(request, &caller.user, now).await?;
        self.check_password(&caller, &password)?;
        let operation = &OperationId::generate()?;
        let (user, session) = (&caller.user, caller.session.as_ref());
        let change = AccountChange { user, session, operation };
        match self.users.remove_user(&change).await? {
            AccountChangeOutcome::Made => {
                audit(AuditEvent::AccountDeletion, request, &user.id);
                Ok(self.signed_out(request))
            }
            AccountChangeOutcome::Changed(current) => {
                // The session ended, or the password changed after the check.
                let is_same_password = current
                    .is_some_and(|current| current.credentials_version == user.credentials_version);
                Err(if is_same_password {
                    ErrorKind::TokenRevoked.into()
                } else {
                    ErrorKind::InvalidCredentials.into()
                })
            }
        }
    }
}
