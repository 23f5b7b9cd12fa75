//! `GET /protected`: a route that only a logged-in user gets an answer from. Copy from here.

use auth_api::{ApiError, Guard, json};
use auth_store::FindSession;
use auth_token::Timestamp;
use lambda_http::{Body, Request, Response, http::StatusCode};
use serde_json::json;

/// Everything that the route may touch. Its bound is its policy: `FindSession` is
/// `dynamodb:GetItem`.
#[derive(Debug)]
pub struct Protected<S> {
    /// Who is let through.
    pub guard: Guard<S>,
}

impl<S: FindSession> Protected<S> {
    /// Tells the caller who they are.
    ///
    /// # Errors
    /// The guard's 401 answers, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let caller = self.guard.identify(request, now).await?;
        json(StatusCode::OK, &json!({ "logged_in_as": caller.username() }))
    }
}
