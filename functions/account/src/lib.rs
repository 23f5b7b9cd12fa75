//! `/me` and `/sessions`: what users see and change of their own accounts.
//!
//! | route | file |
//! |---|---|
//! | `GET /me`, `DELETE /me` | `me.rs` |
//! | `GET /sessions`, `DELETE /sessions`, `DELETE /sessions/{id}` | `sessions.rs` |

mod me;
mod route;
mod sessions;

use lambda_http::{Body, Request, Response};
use latchkey_http::{ApiError, Caller, TokenReader, empty};
use latchkey_password::Hasher;
use latchkey_session::{ReadUser, RemoveUser, UpdateUser};
use latchkey_token::Timestamp;

use route::Route;

/// How often a change is tried again when the account changes meanwhile.
const MAX_TRIES: usize = 8;

/// What its routes use. The trait bounds are its IAM policy.
#[derive(Debug)]
pub struct Account<U> {
    /// Where users are.
    pub users: U,
    /// What finds and checks tokens.
    pub reader: TokenReader,
    /// What verifies passwords.
    pub hasher: Hasher,
}

impl<U: ReadUser + UpdateUser + RemoveUser> Account<U> {
    /// Answers the caller, whose session is looked up at every request.
    ///
    /// # Errors
    /// The 401 answers for a token that is none or whose session is over, `invalid_credentials`,
    /// `invalid_request`, `not_found`, `method_not_allowed`, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let route = Route::of(request)?;
        let caller = Caller::read(&self.reader, &self.users, request, now).await?;
        match route {
            Route::ShowMe => me::show(&caller),
            Route::DeleteMe => self.delete_me(caller, request).await,
            Route::ListSessions => sessions::list(&caller, now),
            Route::EndSession(id) => self.end_one(&caller, request, id).await,
            Route::EndSessions => self.end_many(caller, request, now).await,
        }
    }
}

impl<U> Account<U> {
    /// The answer to a request that has ended its own session: a browser forgets the tokens.
    fn signed_out(&self, request: &Request) -> Response<Body> {
        let mut response = empty();
        self.reader.locations.clear_cookies(request, response.headers_mut());
        response
    }
}
