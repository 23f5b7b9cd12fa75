//! `POST /refresh`: exchanges a refresh token for the next pair of tokens.

mod flask;

use std::sync::Arc;

use lambda_http::{Body, Request, Response};
use latchkey_http::{
    ApiError, Delivery, ErrorAnswer, Freshness, RefreshToken, SessionOf, SigningKeys, TokenReader,
    claimed_username, client, token_answer,
};
use latchkey_session::{
    Client, Judgement, ReadUser, RotateSessionOutcome, RotationPolicy, SessionEnd, SessionPolicy,
    UpdateUser, User, Username,
};
use latchkey_token::{OperationId, RefreshClaims, Timestamp};
use tracing::{info, warn};

/// What its routes use. The trait bounds are its IAM policy.
#[derive(Debug)]
pub struct Refresh<U> {
    /// Where sessions are rotated, and ended when a token is stolen.
    pub users: U,
    /// What finds and checks tokens, and signs them.
    pub reader: TokenReader<SigningKeys>,
    /// What refresh tokens are worth.
    pub policy: RotationPolicy,
    /// How long sessions live and how many.
    pub sessions: SessionPolicy,
}

impl<U: ReadUser + UpdateUser> Refresh<U> {
    /// Exchanges the refresh token of `request` for the next pair, or hands out the current pair
    /// once more to whoever missed it. A token that was used before ends its session.
    ///
    /// # Errors
    /// The 401 answers for a token that is none, `token_revoked` when its session is over,
    /// `refresh_token_reused`, `invalid_request`, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ErrorAnswer> {
        let (token, location) = self.reader.refresh(request, now).await?;
        let answering = Answering {
            keys: self.reader.keys.get(now).await.map_err(ApiError::keys)?,
            delivery: self.reader.locations.delivery_after(&token, location),
            now,
        };
        let answer = match token {
            RefreshToken::Ours(token) => self.rotate(&token, client(request), &answering).await,
            RefreshToken::Flask(token) => self.adopt(token, request, &answering).await,
        };
        answer.map_err(|error| self.reader.locations.refuse(error, Some(location)))
    }

    async fn rotate(
        &self,
        token: &RefreshClaims,
        client: Client,
        answering: &Answering<'_>,
    ) -> Result<Response<Body>, ApiError> {
        let now = answering.now;
        let username = claimed_username(&token.username)?;
        let operation = OperationId::generate().map_err(ApiError::randomness)?;
        let Some(rotation) = self.policy.rotate(token, client, operation, now) else {
            return Err(ApiError::TokenRevoked);
        };
        match self.users.rotate_session(&username, &rotation).await.map_err(ApiError::store)? {
            RotateSessionOutcome::Rotated(user) => answering.pair_of(&user, token),
            RotateSessionOutcome::Refused(None) => Err(ApiError::TokenRevoked),
            RotateSessionOutcome::Refused(Some(user)) => {
                self.judge(&username, &user, token, answering).await
            }
        }
    }

    /// Answers a token that rotated nothing, by the state that the write met.
    async fn judge(
        &self,
        username: &Username,
        user: &User,
        token: &RefreshClaims,
        answering: &Answering<'_>,
    ) -> Result<Response<Body>, ApiError> {
        let now = answering.now;
        let session = user.live_session(&token.user, &token.session, now);
        let (user_id, session_id) = (token.user.as_str(), token.session.as_str());
        match self.policy.judge(session, token.generation, now) {
            Judgement::Ended => Err(ApiError::TokenRevoked),
            Judgement::Previous => {
                info!(user = user_id, session = session_id, "current tokens handed out again");
                answering.pair_of(user, token)
            }
            Judgement::Reused => {
                let end = SessionEnd { username, user: &token.user, session: &token.session };
                self.users.end_session(&end).await.map_err(ApiError::store)?;
                warn!(
                    user = user_id,
                    session = session_id,
                    generation = token.generation,
                    "refresh token reused, session ended"
                );
                Err(ApiError::RefreshTokenReused)
            }
            // The write would have rotated it.
            Judgement::Current => Err(ApiError::Unavailable("the session was changing".into())),
        }
    }
}

/// What an answer is made with: keys that were there before anything was written.
struct Answering<'a> {
    keys: Arc<SigningKeys>,
    delivery: Delivery<'a>,
    now: Timestamp,
}

impl Answering<'_> {
    /// The session's current pair. Roles are the user's of this moment.
    fn pair_of(&self, user: &User, token: &RefreshClaims) -> Result<Response<Body>, ApiError> {
        let id = &token.session;
        let session = user.sessions.get(id).ok_or(ApiError::TokenRevoked)?;
        self.pair(SessionOf { user, id, session })
    }

    fn pair(&self, holder: SessionOf<'_>) -> Result<Response<Body>, ApiError> {
        token_answer(&self.keys.issuer, holder, Freshness::NotFresh, self.delivery, self.now)
    }
}
