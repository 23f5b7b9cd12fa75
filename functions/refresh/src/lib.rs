//! `POST /refresh`: exchanges a refresh token for the next pair of tokens.

use lambda_http::{Body, Request, Response};
use latchkey_guard::{
    Presented, SessionOf, TokenReader, claimed_username, legacy_user, token_response,
};
use latchkey_http::{ApiError, AuditEvent, ErrorKind, audit, client, route, start_session};
use latchkey_session::{
    ReadUser, RefreshOutcome, RotateSessionOutcome, RotationPolicy, Session, SessionEnd,
    SessionPolicy, UpdateUser, User,
};
use latchkey_token::{Issuer, OperationId, RefreshClaims, SessionId, Subject, Timestamp, UserId};

/// Dependencies of the route. The trait bounds name the calls that the function's
/// IAM policy allows on users.
#[derive(Debug)]
pub struct Refresh<U> {
    /// Users and their sessions.
    pub users: U,
    /// Finds and verifies refresh tokens; its keys sign the next pair.
    pub reader: TokenReader,
    /// Lifetimes and grace period of refresh tokens.
    pub policy: RotationPolicy,
    /// Lifetimes and limit of the sessions that legacy tokens start.
    pub sessions: SessionPolicy,
}

/// The session to return tokens for.
struct Refreshed {
    user: User,
    id: SessionId,
    session: Session,
}

impl<U: ReadUser + UpdateUser> Refresh<U> {
    /// Exchanges the refresh token of `request` for the next pair, or returns the current pair
    /// again within the grace period. An older token ends its session.
    ///
    /// # Errors
    /// The 401 for an invalid token, `token_revoked` if its session has ended,
    /// `refresh_token_reused`, `invalid_request`, `method_not_allowed`, and faults of the stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        route(request, &[("POST", "*", ())])?;
        let presented = self.reader.refresh(request, now).await?;
        let response = self.exchange(&presented, request, now).await;
        response.map_err(|error| self.reader.locations.refuse(error, presented.location))
    }

    async fn exchange(
        &self,
        presented: &Presented<RefreshClaims>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let Presented { claims, location, keys } = presented;
        // Before any write: without a signing key there are no tokens to return.
        let key = keys.signing().ok_or_else(|| ApiError::internal("no signing key"))?;
        let issuer = Issuer::new(key, &self.reader.profile);
        let Refreshed { user, id, session } = match (&claims.subject, &claims.session) {
            (Subject::User { id, username }, Some(session)) => {
                let rotated = self.rotate(claims, (id, username, session), request, now).await;
                rotated.map_err(|error| error.for_user(id))?
            }
            (Subject::Legacy { identity }, _) => {
                self.start(identity, claims.auth_time, request, now).await?
            }
            (Subject::User { .. }, None) => return Err(ErrorKind::InvalidToken.into()),
        };
        audit(AuditEvent::Refresh, request, &user.id);
        let holder = SessionOf { user: &user, id: &id, session: &session };
        let delivery = self.reader.locations.delivery_after(claims, *location);
        token_response(issuer, holder, false, delivery, now)
    }

    async fn rotate(
        &self,
        claims: &RefreshClaims,
        (user_id, username, id): (&UserId, &str, &SessionId),
        request: &Request,
        now: Timestamp,
    ) -> Result<Refreshed, ApiError> {
        let revoked = || ApiError::from(ErrorKind::TokenRevoked);
        let username = claimed_username(username)?;
        let operation = OperationId::generate()?;
        let rotation = self.policy.rotate(claims, client(request), operation, now);
        let rotation = rotation.ok_or_else(revoked)?;
        let user = match self.users.rotate_session(&username, &rotation).await? {
            RotateSessionOutcome::Rotated(user) => user,
            RotateSessionOutcome::Refused(found) => {
                let user = found.ok_or_else(revoked)?;
                let session = user.live_session(user_id, id, now);
                match self.policy.outcome(session, claims.generation, now) {
                    RefreshOutcome::Ended => return Err(revoked()),
                    RefreshOutcome::Previous => user,
                    RefreshOutcome::Reused => {
                        let end = SessionEnd { username: &username, user: &user.id, session: id };
                        self.users.end_session(&end).await?;
                        return Err(ErrorKind::RefreshTokenReused.into());
                    }
                    // Not reachable: the condition of the write is this state.
                    RefreshOutcome::Current => {
                        return Err(ApiError::unavailable("the store refused a current token"));
                    }
                }
            }
        };
        // Tokens get the user's current roles.
        let session = user.sessions.get(id).cloned().ok_or_else(revoked)?;
        Ok(Refreshed { user: *user, id: id.clone(), session })
    }

    /// Starts a session for the user of a legacy token, as a login does. Legacy refresh tokens do
    /// not rotate, so each use starts another session, until the password is changed in Latchkey.
    async fn start(
        &self,
        identity: &str,
        auth_time: Timestamp,
        request: &Request,
        now: Timestamp,
    ) -> Result<Refreshed, ApiError> {
        if auth_time + self.sessions.lifetimes.absolute <= now {
            return Err(ErrorKind::TokenRevoked.into());
        }
        let user = legacy_user(&self.users, identity).await?.ok_or(ErrorKind::TokenRevoked)?;
        let (client, proof) = (client(request), (auth_time, None));
        let started = start_session(&self.users, &self.sessions, &user, proof, client, now).await;
        let started = started.map_err(|error| {
            // The account has changed since the token was issued.
            let has_changed =
                [ErrorKind::InvalidCredentials, ErrorKind::AccountDisabled].contains(&error.kind());
            if has_changed { ErrorKind::TokenRevoked.into() } else { error }
        })?;
        Ok(Refreshed { user, id: started.id, session: started.session })
    }
}
