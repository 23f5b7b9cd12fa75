//! `POST /logout` and `DELETE /logout`: ends a session.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_guard::{TokenReader, claimed_username};
use latchkey_http::{ApiError, AuditEvent, audit, json, route};
use latchkey_session::{SessionEnd, UpdateUser};
use latchkey_token::Timestamp;
use serde_json::json;

/// Dependencies of the routes. The trait bounds name the calls that the function's
/// IAM policy allows on users.
#[derive(Debug)]
pub struct Logout<U> {
    /// Users and their sessions.
    pub users: U,
    /// Finds and verifies tokens.
    pub reader: TokenReader,
}

impl<U: UpdateUser> Logout<U> {
    /// Ends the sessions of all valid access and refresh tokens in `request`, and clears cookies.
    /// The response is the same if a session has already ended.
    ///
    /// # Errors
    /// The 401 if no token is valid, `invalid_request` for two different tokens, `method_not_allowed`,
    /// and faults of the stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        route(request, &[("POST", "*", ()), ("DELETE", "*", ())])?;
        for token in self.reader.sessions(request, now).await? {
            let username = claimed_username(&token.username)?;
            let (user, session) = (&token.user, &token.session);
            let end = SessionEnd { username: &username, user, session };
            self.users.end_session(&end).await?;
            audit(AuditEvent::Logout, request, user);
        }
        let mut response = json(StatusCode::OK, &json!({ "msg": "Logged out" }))?;
        self.reader.locations.clear_cookies(request, response.headers_mut());
        Ok(response)
    }
}
