//! `POST /logout` and `DELETE /logout`: ends a session.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_http::{ApiError, ErrorAnswer, TokenReader, claimed_username, json};
use latchkey_session::{SessionEnd, UpdateUser};
use latchkey_token::Timestamp;
use serde_json::json;
use tracing::info;

/// What its routes use. The trait bounds are its IAM policy.
#[derive(Debug)]
pub struct Logout<U> {
    /// Where sessions are ended.
    pub users: U,
    /// What finds and checks tokens.
    pub reader: TokenReader,
}

impl<U: UpdateUser> Logout<U> {
    /// Ends the sessions that the valid access and refresh tokens of `request` name. One that has
    /// ended before gets the same answer. A browser's cookies are cleared.
    ///
    /// # Errors
    /// The 401 answers for tokens of which none is valid, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ErrorAnswer> {
        for token in self.reader.sessions(request, now).await? {
            let username = claimed_username(&token.username)?;
            let (user, session) = (&token.user, &token.session);
            let end = SessionEnd { username: &username, user, session };
            self.users.end_session(&end).await.map_err(ApiError::store)?;
            info!(user = user.as_str(), session = session.as_str(), "logged out");
        }
        let mut response = json(StatusCode::OK, &json!({ "msg": "Logged out" }))?;
        self.reader.locations.clear_cookies(request, response.headers_mut());
        Ok(response)
    }
}
