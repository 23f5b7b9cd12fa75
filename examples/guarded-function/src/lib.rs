//! A Lambda function with routes of its own behind the guard.
//!
//! | route | who may call it |
//! |---|---|
//! | `GET /greeting` | anyone; a caller with a token is greeted by name |
//! | `GET /profile` | a valid access token |
//! | `DELETE /profile` | a fresh token |
//! | `POST /payments` | a fresh token, with a login less than 10 minutes ago |
//! | `GET /reports/{name}` | the role `admin` |
//!
//! All callers must belong to the tenant `acme`, which a claim of the application names.

use std::time::Duration;

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_guard::{Guard, Identity, Requirement};
use latchkey_http::{ApiError, ErrorKind, Route, empty, json, route};
use latchkey_session::ReadUser;
use latchkey_token::Timestamp;
use serde_json::json;

/// The tenant whose users may call.
const TENANT: &str = "acme";

/// How recent the login of a payment must be.
const PAYMENT_LOGIN: Duration = Duration::from_mins(10);

/// What a route does.
#[derive(Clone, Copy)]
enum Action {
    Greet,
    ShowProfile,
    ClearProfile,
    Pay,
    ShowReport,
}

const ROUTES: [Route<Action>; 5] = [
    ("GET", "/greeting", Action::Greet),
    ("GET", "/profile", Action::ShowProfile),
    ("DELETE", "/profile", Action::ClearProfile),
    ("POST", "/payments", Action::Pay),
    ("GET", "/reports/{}", Action::ShowReport),
];

/// Refusals in the words of this API. Status, code and challenge stay the guard's.
const WORDS: [(ErrorKind, &str); 4] = [
    (ErrorKind::MissingToken, "Please log in"),
    (ErrorKind::TokenExpired, "Please log in again"),
    (ErrorKind::TokenRevoked, "Please log in again"),
    (ErrorKind::ClaimsRejected, "Your account belongs to another tenant"),
];

/// The function. `S` reads users, for the revocation check.
#[derive(Debug)]
pub struct GuardedFunction<S> {
    guard: Guard<S>,
}

impl<S: ReadUser> GuardedFunction<S> {
    /// The function behind `guard`, which also checks the tenant of every caller.
    pub fn new(guard: Guard<S>) -> Self {
        let guard = guard
            .verify_with(|caller| caller.claims().claims.get("tenant") == Some(&json!(TENANT)));
        Self { guard }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// As [`Guard::authenticate`], in the words of this API; 404 and 405 for other routes.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        self.answer(request, now).await.map_err(in_own_words)
    }

    async fn answer(&self, request: &Request, now: Timestamp) -> Result<Response<Body>, ApiError> {
        let caller = async |requirement| self.guard.authenticate(request, requirement, now).await;
        let (action, parameter) = route(request, &ROUTES)?;
        match action {
            Action::Greet => {
                let optional =
                    self.guard.authenticate_optional(request, Requirement::TOKEN, now).await?;
                let name = optional.as_ref().map_or("stranger", Identity::username);
                json(StatusCode::OK, &json!({ "greeting": format!("Hello, {name}") }))
            }
            Action::ShowProfile => {
                let caller = caller(Requirement::TOKEN).await?;
                // The id is the key of the application's data: a user name can be reused.
                let (id, name) = (caller.user().as_str(), caller.username());
                json(StatusCode::OK, &json!({ "id": id, "username": name, "tenant": TENANT }))
            }
            Action::ClearProfile => {
                caller(Requirement::FRESH).await?;
                Ok(empty())
            }
            Action::Pay => {
                let payer = caller(Requirement::fresh_within(PAYMENT_LOGIN)).await?;
                json(StatusCode::CREATED, &json!({ "paid_by": payer.user().as_str() }))
            }
            Action::ShowReport => {
                caller(Requirement::role("admin")).await?;
                json(StatusCode::OK, &json!({ "report": parameter }))
            }
        }
    }
}

fn in_own_words(error: ApiError) -> ApiError {
    let own = WORDS.iter().find(|(kind, _)| *kind == error.kind());
    own.map_or(error, |(kind, words)| ApiError::new(*kind, *words))
}
