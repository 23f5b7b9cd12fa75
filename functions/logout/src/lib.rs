//! `POST /logout` and `DELETE /logout`: ends a session.

use auth_api::{ApiError, TokenLocation, TokenReader, claimed_username, json};
use auth_store::{EndSession, SessionEnd};
use auth_token::Timestamp;
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde_json::json;
use tracing::info;

/// Everything that a logout may touch. Its bound is its policy: `EndSession` is
/// `dynamodb:UpdateItem`.
#[derive(Debug)]
pub struct Logout<U> {
    /// Where sessions are ended.
    pub users: U,
    /// What finds and checks tokens.
    pub reader: TokenReader,
}

impl<U: EndSession> Logout<U> {
    /// Ends the session that the access or refresh token of `request` names. One that has ended
    /// before gets the same answer. A browser's cookies are cleared.
    ///
    /// # Errors
    /// The 401 answers for a token that is none, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let (token, location) = self.reader.session(request, now).await?;
        let username = claimed_username(&token.username)?;
        let end = SessionEnd { username: &username, user: &token.user, session: &token.session };
        self.users.end_session(&end).await.map_err(ApiError::store)?;
        info!(user = token.user.as_str(), session = token.session.as_str(), "logged out");
        let mut response = json(StatusCode::OK, &json!({ "msg": "Logged out" }))?;
        if location == TokenLocation::Cookies {
            self.reader.locations.cookies.clear(response.headers_mut());
        }
        Ok(response)
    }
}
