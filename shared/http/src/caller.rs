//! The account that a request's access token names, read whole.

use lambda_http::Request;
use latchkey_password::{HashError, Hasher, Password, Verdict};
use latchkey_session::{ReadUser, User};
use latchkey_token::{FlaskClaims, SessionId, Timestamp, TokenType};
use secrecy::SecretString;
use tracing::error;

use crate::{
    ApiError, Refusal, TokenLocation, TokenReader, TokenVerifiers, claimed_username,
    presented::AccessToken,
};

/// The user who calls, as just read: one read tells both who it is and whether the session is alive.
#[derive(Debug)]
pub struct Caller {
    /// The account.
    pub user: User,
    /// The live session that the token names; `None` for a legacy token, which names none.
    pub session: Option<SessionId>,
    /// Where the token was.
    pub location: TokenLocation,
}

impl Caller {
    /// Verifies the access token of `request` and reads its account.
    ///
    /// # Errors
    /// The 401 answers for a bad token and for a session that has ended, and our own faults.
    pub async fn read<K>(
        reader: &TokenReader<K>,
        users: &impl ReadUser,
        request: &Request,
        now: Timestamp,
    ) -> Result<Self, ApiError>
    where
        K: AsRef<TokenVerifiers> + Send + Sync + 'static,
    {
        let refused = |refusal: Refusal| reader.locations.refusal(refusal, TokenType::Access);
        let (token, location) = reader.access(request, now).await.map_err(refused)?;
        let (user, session) = match token {
            AccessToken::Ours(claims) => {
                let username = claimed_username(&claims.username)?;
                let found = users.find_user(&username).await.map_err(ApiError::store)?;
                let is_alive =
                    |user: &User| user.live_session(&claims.user, &claims.session, now).is_some();
                let user = found.filter(is_alive).ok_or(ApiError::TokenRevoked)?;
                (user, Some(claims.session))
            }
            AccessToken::Flask(claims) => (legacy_user(users, &claims).await?, None),
        };
        Ok(Self { user, session, location })
    }

    /// The same caller with the account as it is now, after a change that met another.
    ///
    /// # Errors
    /// [`ApiError::TokenRevoked`] when the session that asks has ended.
    pub fn again(self, current: Option<Box<User>>, now: Timestamp) -> Result<Self, ApiError> {
        let is_alive = |user: &User| match &self.session {
            Some(session) => user.live_session(&self.user.id, session, now).is_some(),
            None => user.accepts_legacy_tokens(&self.user.id),
        };
        let user = current.filter(|user| is_alive(user)).ok_or(ApiError::TokenRevoked)?;
        Ok(Self { user: *user, ..self })
    }

    /// Checks that `password` is the caller's.
    ///
    /// # Errors
    /// [`ApiError::InvalidCredentials`], and our own faults.
    pub fn prove(&self, hasher: &Hasher, password: &SecretString) -> Result<Password, ApiError> {
        let password = Password::parse(password).map_err(|_| ApiError::InvalidCredentials)?;
        match hasher.verify(&password, &self.user.password_hash) {
            Ok(Verdict::Match { .. }) => Ok(password),
            Ok(Verdict::Mismatch) => Err(ApiError::InvalidCredentials),
            Err(unverifiable @ HashError::Unverifiable) => {
                error!(user = self.user.id.as_str(), "{unverifiable}");
                Err(ApiError::InvalidCredentials)
            }
            Err(failed @ HashError::Failed) => Err(ApiError::hash(failed)),
        }
    }
}

/// The account that a legacy token speaks of. It must be the one that was moved, be active, and
/// never have changed its password here.
///
/// # Errors
/// [`ApiError::TokenRevoked`] when there is no such account, and our own faults.
pub async fn legacy_user(users: &impl ReadUser, token: &FlaskClaims) -> Result<User, ApiError> {
    let legacy = users.find_legacy_user(&token.identity).await.map_err(ApiError::store)?;
    let legacy = legacy.ok_or(ApiError::TokenRevoked)?;
    let user = users.find_user(&legacy.username).await.map_err(ApiError::store)?;
    user.filter(|user| user.accepts_legacy_tokens(&legacy.id)).ok_or(ApiError::TokenRevoked)
}
