//! The answer of those who give out tokens.

use auth_session::{Session, User};
use auth_token::{Grant, Issuer, SessionId, Timestamp};
use lambda_http::{Body, Response, http::StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{ApiError, json};

/// A session with its name and its user.
#[derive(Clone, Copy, Debug)]
pub struct SessionOf<'a> {
    /// The user.
    pub user: &'a User,
    /// The session's name.
    pub id: &'a SessionId,
    /// The session as it is now.
    pub session: &'a Session,
}

/// Whether an access token comes from a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It does: the user has just proved it.
    Fresh,
    /// It comes from a refresh.
    NotFresh,
}

/// A pair of tokens, as RFC 6749 §5.1 writes it.
#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
    refresh_expires_in: u64,
}

/// The current pair of tokens of a session: a new access token, and the session's newest refresh
/// token.
///
/// # Errors
/// [`ApiError::Internal`] when a token cannot be signed.
pub fn token_answer(
    issuer: &Issuer,
    holder: SessionOf<'_>,
    freshness: Freshness,
    now: Timestamp,
) -> Result<Response<Body>, ApiError> {
    let SessionOf { user, id, session } = holder;
    let grant = Grant {
        user: &user.id,
        username: user.username.typed(),
        session: id,
        session_expires_at: session.expires_at,
        roles: &user.roles,
        auth_time: session.auth_time,
    };
    let is_fresh = freshness == Freshness::Fresh;
    let access = issuer.access_token(&grant, is_fresh, now).map_err(ApiError::signing)?;
    let refresh = issuer.refresh_token(&grant, &session.newest()).map_err(ApiError::signing)?;
    let answer = TokenAnswer {
        access_token: access.text.expose_secret(),
        token_type: "Bearer",
        expires_in: access.expires_at.since(now).as_secs(),
        refresh_token: refresh.text.expose_secret(),
        refresh_expires_in: refresh.expires_at.since(now).as_secs(),
    };
    json(StatusCode::OK, &answer)
}
