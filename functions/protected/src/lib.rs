//! `/protected`: sample routes behind the guard, one for each requirement.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_guard::{Guard, Identity, Requirement};
use latchkey_http::{ApiError, Route, json, route};
use latchkey_session::ReadUser;
use latchkey_token::Timestamp;
use serde_json::json;

/// What each route requires; `None` if a token is optional.
const ROUTES: [Route<Option<Requirement>>; 4] = [
    ("GET", "/protected", Some(Requirement::TOKEN)),
    ("GET", "/protected/fresh", Some(Requirement::FRESH)),
    ("GET", "/protected/admin", Some(Requirement::role("admin"))),
    ("GET", "/protected/optional", None),
];

/// Dependencies of the routes. The trait bounds name the calls that the function's
/// IAM policy allows on users.
#[derive(Debug)]
pub struct Protected<S> {
    /// Authenticates callers.
    pub guard: Guard<S>,
}

impl<S: ReadUser> Protected<S> {
    /// Returns the caller's user name.
    ///
    /// # Errors
    /// The guard's 401 and 403, `not_found`, `method_not_allowed`, and faults of the stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let (requirement, _) = route(request, &ROUTES)?;
        let caller = match requirement {
            Some(requirement) => Some(self.guard.authenticate(request, requirement, now).await?),
            None => self.guard.authenticate_optional(request, Requirement::TOKEN, now).await?,
        };
        let username = caller.as_ref().map(Identity::username);
        json(StatusCode::OK, &json!({ "logged_in_as": username }))
    }
}
