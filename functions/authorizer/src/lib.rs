//! The API Gateway authorizer: protects a back end in any language.
//!
//! A refusal is a decision and not an error, because the gateway answers 500 to an error. Only a
//! fault of a store is an error: a denial would reject a valid token, and the gateway would cache
//! it.

mod decision;
mod event;

use latchkey_guard::{Guard, Requirement};
use latchkey_http::{ApiError, ErrorKind, TrustedEdge};
use latchkey_session::{ReadUser, with_causes};
use latchkey_token::Timestamp;
use tracing::{error, info};

pub use decision::Decision;
use event::AuthorizerEvent;

/// Dependencies of the authorizer. The trait bounds name the calls that the function's
/// IAM policy allows on users.
#[derive(Debug)]
pub struct Authorizer<S> {
    /// Authenticates callers.
    pub guard: Guard<S>,
    /// The edge in front of the API, if there is one.
    pub edge: Option<TrustedEdge>,
}

impl<S: ReadUser> Authorizer<S> {
    /// Decides on the event in `json`. The response has the format that the event's API expects.
    ///
    /// # Errors
    /// A fault: the keys or the session could not be looked up.
    pub async fn handle(&self, json: &str, now: Timestamp) -> Result<Decision, ApiError> {
        let event = AuthorizerEvent::parse(json);
        let edge = self.edge.as_ref().filter(|edge| edge.is_required);
        if edge.is_some_and(|edge| !event.came_through(edge)) {
            info!(reason = ErrorKind::EdgeRequired.code(), "denied");
            return Ok(Decision::deny(&event));
        }
        let request = event.request(self.guard.locations());
        match self.guard.authenticate(&request, Requirement::TOKEN, now).await {
            Ok(identity) => Ok(Decision::allow(&event, &identity)),
            Err(error) if error.kind().is_fault() => {
                error!(cause = with_causes(&error), "no decision");
                Err(error)
            }
            Err(error) => {
                info!(reason = error.kind().code(), "denied");
                Ok(Decision::deny(&event))
            }
        }
    }
}
