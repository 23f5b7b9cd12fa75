//! `/me` and `/sessions`: users read and change their own accounts.
//!
//! | route | file |
//! |---|---|
//! | `GET /me`, `DELETE /me` | `me.rs` |
//! | `GET /sessions`, `DELETE /sessions`, `DELETE /sessions/{id}` | `sessions.rs` |

mod me;
mod sessions;

use lambda_http::{Body, Request, Response};
use latchkey_guard::{Caller, TokenReader};
use latchkey_http::{ApiError, AttemptLimits, ErrorKind, Route, empty, route};
use latchkey_password::{HashError, Hasher, Password, Verdict};
use latchkey_session::{ReadUser, RemoveUser, UpdateLimit, UpdateUser};
use latchkey_token::Timestamp;
use secrecy::SecretString;
use tracing::error;

/// Attempts per request when the account changes concurrently.
const MAX_TRIES: usize = 8;

#[derive(Clone, Copy)]
enum Action {
    ShowMe,
    DeleteMe,
    ListSessions,
    EndSession,
    EndSessions,
}

const ROUTES: [Route<Action>; 5] = [
    ("GET", "/me", Action::ShowMe),
    ("DELETE", "/me", Action::DeleteMe),
    ("GET", "/sessions", Action::ListSessions),
    ("DELETE", "/sessions", Action::EndSessions),
    ("DELETE", "/sessions/{}", Action::EndSession),
];

/// Dependencies of the routes. The trait bounds name the calls that the function's
/// IAM policy allows on users and limits.
#[derive(Debug)]
pub struct Account<U, L> {
    /// Users and their sessions.
    pub users: U,
    /// Finds and verifies tokens.
    pub reader: TokenReader,
    /// Limits of password checks.
    pub limits: AttemptLimits<L>,
    /// Verifies passwords.
    pub hasher: Hasher,
}

impl<U: ReadUser + UpdateUser + RemoveUser, L: UpdateLimit> Account<U, L> {
    /// Serves one request. Always looks the caller's session up.
    ///
    /// # Errors
    /// The 401 for an invalid token or an ended session, `invalid_credentials`, `invalid_request`,
    /// `rate_limited`, `not_found`, `method_not_allowed`, and faults of the stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let (action, parameter) = route(request, &ROUTES)?;
        let caller = Caller::read(&self.reader, &self.users, request, now).await?;
        let user = caller.user.id.clone();
        let outcome = match action {
            Action::ShowMe => me::show(&caller),
            Action::DeleteMe => self.delete_me(caller, request, now).await,
            Action::ListSessions => sessions::list(&caller, now),
            Action::EndSession => self.end_one(&caller, request, parameter).await,
            Action::EndSessions => self.end_many(caller, request, now).await,
        };
        outcome.map_err(|error| error.for_user(&user))
    }
}

impl<U, L> Account<U, L> {
    /// Verifies the caller's password.
    fn check_password(&self, caller: &Caller, password: &SecretString) -> Result<(), ApiError> {
        let wrong = ErrorKind::InvalidCredentials;
        let password = Password::parse(password).map_err(|_| wrong)?;
        match self.hasher.verify_or_dummy(&password, caller.user.password_hash.as_ref()) {
            Ok(Verdict::Match { .. }) => Ok(()),
            Ok(Verdict::Mismatch) => Err(wrong.into()),
            Err(unverifiable @ HashError::Unverifiable) => {
                error!(user = caller.user.id.as_str(), "{unverifiable}");
                Err(wrong.into())
            }
            Err(failed) => Err(ApiError::internal(failed)),
        }
    }

    /// The response after the caller's own session has ended: clears the browser's cookies.
    fn signed_out(&self, request: &Request) -> Response<Body> {
        let mut response = empty();
        self.reader.locations.clear_cookies(request, response.headers_mut());
        response
    }
}
