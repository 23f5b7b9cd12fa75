//! `POST /signup`: creates an account.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_http::{
    ApiError, AttemptLimits, AuditEvent, ErrorKind, JsonBody, audit, json, rfc3339, route,
};
use latchkey_password::{Hasher, PasswordPolicy};
use latchkey_session::{AddUser, AddUserOutcome, Email, UpdateLimit, User};
use latchkey_token::{OperationId, Timestamp, UserId};
use serde::Serialize;

#[derive(Serialize)]
struct SignupAnswer<'a> {
    msg: &'static str,
    user: UserAnswer<'a>,
}

#[derive(Serialize)]
struct UserAnswer<'a> {
    id: &'a UserId,
    username: &'a str,
    email: Option<&'a str>,
    created_at: String,
}

/// Dependencies of the routes. The trait bounds name the calls that the function's
/// IAM policy allows on users and limits.
#[derive(Debug)]
pub struct Signup<U, L> {
    /// The store of users.
    pub users: U,
    /// Whether anyone may sign up.
    pub is_open: bool,
    /// Limits of sign-ups.
    pub limits: AttemptLimits<L>,
    /// Rules for passwords.
    pub passwords: PasswordPolicy,
    /// Hashes passwords.
    pub hasher: Hasher,
}

impl<U: AddUser, L: UpdateLimit> Signup<U, L> {
    /// Creates an account from `username`, `password` and an optional `email`.
    ///
    /// # Errors
    /// `method_not_allowed`, the errors of [`JsonBody::parse`], `weak_password`, `user_exists`,
    /// `signup_closed`, `rate_limited`, and faults of the stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        route(request, &[("POST", "*", ())])?;
        if !self.is_open {
            return Err(ErrorKind::SignupClosed.into());
        }
        let body = JsonBody::parse(request)?;
        let (username, password) = body.credentials()?;
        // Forms send an empty string for an omitted address.
        let email = body.optional("email")?.filter(|email| !email.is_empty());
        let email = email
            .map(Email::parse)
            .transpose()
            .map_err(|error| ApiError::member("email", error))?;
        let password = self
            .passwords
            .accept(&password, &[username.folded(), email.as_ref().map_or("", Email::as_str)])
            .map_err(|error| ApiError::new_password("password", error.codes(), error))?;

        self.limits.admit_signup(request, now).await?;
        // A taken name costs a hash too: the response time reveals no more than the response.
        let hash = self.hasher.hash(&password).map_err(ApiError::internal)?;
        let mut user = User::new(UserId::generate()?, username, email, now);
        user.password_hash = Some(hash);
        let operation = OperationId::generate()?;
        match self.users.add_user(&user, &operation).await? {
            AddUserOutcome::Added => {
                audit(AuditEvent::SignUp, request, &user.id);
                let user = UserAnswer {
                    id: &user.id,
                    username: user.username.typed(),
                    email: user.email.as_ref().map(Email::as_str),
                    created_at: rfc3339(user.created_at),
                };
                json(StatusCode::CREATED, &SignupAnswer { msg: "User created", user })
            }
            AddUserOutcome::NameTaken => Err(ErrorKind::UserExists.into()),
        }
    }
}
