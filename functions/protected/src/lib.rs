//! `/protected`: routes behind the guard, one for each thing that it can ask of a caller. Copy from
//! here.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_http::{ApiError, Guard, Identity, Requirement, json};
use latchkey_session::ReadUser;
use latchkey_token::Timestamp;
use serde_json::json;

/// What its routes use. The trait bounds are its IAM policy.
#[derive(Debug)]
pub struct Protected<S> {
    /// Who is let through.
    pub guard: Guard<S>,
}

impl<S: ReadUser> Protected<S> {
    /// Tells callers who they are.
    ///
    /// # Errors
    /// The guard's 401 and 403 answers, `not_found`, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let requirement = match request.uri().path() {
            "/protected" => Requirement::TOKEN,
            "/protected/fresh" => Requirement::FRESH,
            "/protected/admin" => Requirement::role("admin"),
            "/protected/optional" => {
                let caller = self.guard.identify_if_any(request, now).await?;
                return greet(caller.as_ref());
            }
            _ => return Err(ApiError::NotFound),
        };
        let caller = self.guard.identify(request, requirement, now).await?;
        greet(Some(&caller))
    }
}

fn greet(caller: Option<&Identity>) -> Result<Response<Body>, ApiError> {
    json(StatusCode::OK, &json!({ "logged_in_as": caller.map(Identity::username) }))
}
