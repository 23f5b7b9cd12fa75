//! `POST /login`: starts a session and answers its first tokens.

use auth_api::{ApiError, Freshness, Gateway, JsonBody, SessionOf, token_answer};
use auth_password::{HashError, Hasher, Password, Verdict};
use auth_session::{AccountStatus, Client, SessionPolicy, StartedSession, User};
use auth_store::{FindUser, SessionStart, StartSession, StartSessionOutcome};
use auth_token::{Issuer, OperationId, SessionId, Timestamp};
use lambda_http::{Body, Request, Response, http::header::USER_AGENT};
use secrecy::SecretString;
use tracing::{error, info};

/// How often a login makes room for its session anew when others come or go meanwhile.
const MAX_STARTS: usize = 8;

/// Everything that a login may touch. Its bounds are its policy: `FindUser` is
/// `dynamodb:GetItem`, `StartSession` is `dynamodb:UpdateItem`.
#[derive(Debug)]
pub struct Login<U> {
    /// Where users are found and their sessions started.
    pub users: U,
    /// What verifies passwords.
    pub hasher: Hasher,
    /// What signs tokens.
    pub issuer: Issuer,
    /// How long sessions live and how many.
    pub sessions: SessionPolicy,
}

/// A user who has proved the password, and a stronger hash of it if the stored one is outdated.
struct Proven {
    user: User,
    password_hash: Option<SecretString>,
}

impl<U: FindUser + StartSession> Login<U> {
    /// Exchanges `username` and `password` for tokens.
    ///
    /// # Errors
    /// `invalid_request`, `invalid_credentials` (one answer, one hash and the same calls whether
    /// the user exists or not), `account_disabled`, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let body = JsonBody::parse(request)?;
        let (username, password) = body.credentials()?;
        let password = Password::parse(&password).map_err(ApiError::password)?;

        let found = self.users.find_user(&username).await.map_err(ApiError::store)?;
        let proven = self.prove(found, &password)?;
        if proven.user.status == AccountStatus::Disabled {
            return Err(ApiError::AccountDisabled);
        }
        let (user, started) = self.start(proven, client(request), now).await?;
        info!(user = user.id.as_str(), session = started.id.as_str(), "logged in");
        let holder = SessionOf { user: &user, id: &started.id, session: &started.session };
        token_answer(&self.issuer, holder, Freshness::Fresh, now)
    }

    fn prove(&self, found: Option<User>, password: &Password) -> Result<Proven, ApiError> {
        let Some(user) = found else {
            self.hasher.verify_nothing(password).map_err(ApiError::hash)?;
            return Err(ApiError::InvalidCredentials);
        };
        match self.hasher.verify(password, &user.password_hash) {
            Ok(Verdict::Match { needs_rehash }) => {
                let password_hash = needs_rehash.then(|| self.hasher.hash_again(password));
                let password_hash = password_hash.transpose().map_err(ApiError::hash)?;
                Ok(Proven { user, password_hash })
            }
            Ok(Verdict::Mismatch) => Err(ApiError::InvalidCredentials),
            Err(unverifiable @ HashError::Unverifiable) => {
                error!(user = user.id.as_str(), "{unverifiable}");
                self.hasher.verify_nothing(password).map_err(ApiError::hash)?;
                Err(ApiError::InvalidCredentials)
            }
            Err(failed @ HashError::Failed) => Err(ApiError::hash(failed)),
        }
    }

    /// Writes the session, on condition that the credentials are still those that were proved.
    async fn start(
        &self,
        proven: Proven,
        client: Client,
        now: Timestamp,
    ) -> Result<(User, StartedSession), ApiError> {
        let Proven { mut user, password_hash } = proven;
        let id = SessionId::generate().map_err(ApiError::randomness)?;
        let operation = OperationId::generate().map_err(ApiError::randomness)?;
        for _ in 0..MAX_STARTS {
            let started = self.sessions.start(
                &user.sessions,
                id.clone(),
                operation.clone(),
                client.clone(),
                now,
            );
            let start = SessionStart {
                username: &user.username,
                user: &user.id,
                credentials_version: user.credentials_version,
                started: &started,
                password_hash: password_hash.as_ref(),
            };
            match self.users.start_session(&start).await.map_err(ApiError::store)? {
                StartSessionOutcome::Started => return Ok((user, started)),
                StartSessionOutcome::Changed(Some(current)) if is_as_proved(&user, &current) => {
                    user = *current;
                }
                StartSessionOutcome::Changed(_) => return Err(ApiError::InvalidCredentials),
            }
        }
        Err(ApiError::Unavailable("too many logins of one user at once".into()))
    }
}

/// Whether the password that was proved for `user` is still the password of the account.
fn is_as_proved(user: &User, current: &User) -> bool {
    user.id == current.id && user.credentials_version == current.credentials_version
}

fn client(request: &Request) -> Client {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Client::new(Gateway::of(request).source_ip.as_str(), user_agent.unwrap_or_default())
}
