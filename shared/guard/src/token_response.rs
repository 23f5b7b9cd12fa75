//! The response that carries tokens.

use lambda_http::{Body, Response, http::StatusCode};
use latchkey_session::{Session, User};
use latchkey_token::{Grant, IssuedToken, Issuer, SessionId, Timestamp, TokenType};
use secrecy::ExposeSecret;
use serde::Serialize;

use latchkey_http::{ApiError, json};

use crate::CookieSettings;

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

/// Where a response puts the tokens.
#[derive(Clone, Copy, Debug)]
pub enum Delivery<'a> {
    /// In the body.
    Body {
        /// What is written before the access token in its header.
        token_type: &'a str,
    },
    /// In cookies, and so in no place that a script can read.
    Cookies(&'a CookieSettings),
    /// The access token in the body, and the refresh token in a cookie.
    RefreshCookie {
        /// What is written before the access token in its header.
        token_type: &'a str,
        /// The cookies.
        cookies: &'a CookieSettings,
    },
    /// The access token alone, in the body, as Flask-JWT does.
    AccessToken,
}

/// A pair of tokens, as RFC 6749 §5.1 writes it.
#[derive(Serialize)]
struct TokenPair<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    refresh_expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_refresh_token: Option<&'a str>,
}

/// What is said of tokens that are in cookies.
#[derive(Serialize)]
struct CookieBody<'a> {
    msg: &'static str,
    expires_in: u64,
    refresh_expires_in: u64,
    csrf_access_token: Option<&'a str>,
    csrf_refresh_token: Option<&'a str>,
}

#[derive(Serialize)]
struct AccessTokenBody<'a> {
    access_token: &'a str,
}

/// The current pair of tokens of a session: a new access token, and the session's newest refresh
/// token.
///
/// # Errors
/// `internal` when a token cannot be signed, or is too long for the cookie that it is
/// to be in.
pub fn token_response(
    issuer: Issuer<'_>,
    holder: SessionOf<'_>,
    is_fresh: bool,
    delivery: Delivery<'_>,
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
        claims: Some(&user.claims),
        for_cookies: matches!(delivery, Delivery::Cookies(_)),
    };
    let access = issuer.access_token(&grant, is_fresh, now)?;
    let refresh = match delivery {
        Delivery::RefreshCookie { .. } => issuer.lone_refresh_token(&grant, &session.newest()),
        Delivery::Body { .. } | Delivery::Cookies(_) | Delivery::AccessToken => {
            issuer.refresh_token(&grant, &session.newest())
        }
    };
    let refresh = refresh?;
    let life = |token: &IssuedToken| token.expires_at.since(now).as_secs();
    match delivery {
        Delivery::AccessToken => {
            let access_token = access.text.expose_secret();
            json(StatusCode::OK, &AccessTokenBody { access_token })
        }
        Delivery::Cookies(cookies) => {
            let answer = CookieBody {
                msg: if is_fresh { "login successful" } else { "refresh successful" },
                expires_in: life(&access),
                refresh_expires_in: life(&refresh),
                csrf_access_token: access.csrf.as_deref(),
                csrf_refresh_token: refresh.csrf.as_deref(),
            };
            let mut response = json(StatusCode::OK, &answer)?;
            cookies.set(response.headers_mut(), TokenType::Access, &access, now)?;
            cookies.set(response.headers_mut(), TokenType::Refresh, &refresh, now)?;
            Ok(response)
        }
        Delivery::Body { token_type } => {
            let answer = TokenPair {
                access_token: access.text.expose_secret(),
                token_type,
                expires_in: life(&access),
                refresh_token: Some(refresh.text.expose_secret()),
                refresh_expires_in: life(&refresh),
                csrf_refresh_token: None,
            };
            json(StatusCode::OK, &answer)
        }
        Delivery::RefreshCookie { token_type, cookies } => {
            let answer = TokenPair {
                access_token: access.text.expose_secret(),
                token_type,
                expires_in: life(&access),
                refresh_token: None,
                refresh_expires_in: life(&refresh),
                csrf_refresh_token: refresh.csrf.as_deref(),
            };
            let mut response = json(StatusCode::OK, &answer)?;
            cookies.set(response.headers_mut(), TokenType::Refresh, &refresh, now)?;
            Ok(response)
        }
    }
}
