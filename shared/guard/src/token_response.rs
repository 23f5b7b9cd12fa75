//! Token responses.

use lambda_http::{Body, Response, http::StatusCode};
use latchkey_session::{Session, User};
use latchkey_token::{Grant, IssuedToken, Issuer, SessionId, Timestamp, TokenType};
use secrecy::ExposeSecret;
use serde::Serialize;

use latchkey_http::{ApiError, json};

use crate::CookieSettings;

/// A session with its id and its user.
#[derive(Clone, Copy, Debug)]
pub struct SessionOf<'a> {
    /// The owner of the session: supplies `sub`, `username`, roles and application claims.
    pub user: &'a User,
    /// The id of the session: `sid`.
    pub id: &'a SessionId,
    /// The session as written last: supplies generation, expiry and `auth_time`.
    pub session: &'a Session,
}

/// Where a token response puts the tokens.
#[derive(Clone, Copy, Debug)]
pub enum Delivery<'a> {
    /// Both tokens in the body (RFC 6749 §5.1).
    Body {
        /// The member `token_type`: the scheme before the access token, such as `Bearer`.
        token_type: &'a str,
    },
    /// Both tokens in `HttpOnly` cookies. The body has the lifetimes and the `csrf` values.
    Cookies(&'a CookieSettings),
    /// The access token in the body, the refresh token in a cookie.
    RefreshCookie {
        /// The member `token_type`: the scheme before the access token, such as `Bearer`.
        token_type: &'a str,
        /// Names and attributes of the cookies.
        cookies: &'a CookieSettings,
    },
    /// Only the access token, in the body: the response of Flask-JWT.
    AccessToken,
}

/// The body of a token response (RFC 6749 §5.1). Tokens in cookies are omitted.
#[derive(Default, Serialize)]
struct TokenBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_access_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_refresh_token: Option<&'a str>,
}

/// Signs and delivers the current tokens of a session: a new access token and the session's newest
/// refresh token. `is_fresh` marks the access token as issued for a password. Lifetimes in the body
/// are in seconds.
///
/// # Errors
/// 500 [`Internal`](latchkey_http::ErrorKind::Internal) if a token cannot be signed or is too long
/// for its cookie (4096 bytes).
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
    let access_text = Some(access.text.expose_secret());
    if let Delivery::AccessToken = delivery {
        return json(
            StatusCode::OK,
            &TokenBody { access_token: access_text, ..Default::default() },
        );
    }
    let refresh = if let Delivery::RefreshCookie { .. } = delivery {
        issuer.lone_refresh_token(&grant, &session.newest())?
    } else {
        issuer.refresh_token(&grant, &session.newest())?
    };
    let lifetime = |token: &IssuedToken| Some(token.expires_at.since(now).as_secs());
    let mut body = TokenBody {
        expires_in: lifetime(&access),
        refresh_expires_in: lifetime(&refresh),
        csrf_refresh_token: refresh.csrf.as_deref(),
        ..Default::default()
    };
    let (access_cookie, refresh_cookie) = match delivery {
        Delivery::Cookies(cookies) => {
            body.msg = Some(if is_fresh { "login successful" } else { "refresh successful" });
            body.csrf_access_token = access.csrf.as_deref();
            (Some(cookies), Some(cookies))
        }
        Delivery::RefreshCookie { token_type, cookies } => {
            (body.access_token, body.token_type) = (access_text, Some(token_type));
            (None, Some(cookies))
        }
        Delivery::Body { token_type } => {
            (body.access_token, body.token_type) = (access_text, Some(token_type));
            body.refresh_token = Some(refresh.text.expose_secret());
            (None, None)
        }
        Delivery::AccessToken => (None, None),
    };
    let mut response = json(StatusCode::OK, &body)?;
    let headers = response.headers_mut();
    if let Some(cookies) = access_cookie {
        cookies.set(headers, TokenType::Access, &access, now)?;
    }
    if let Some(cookies) = refresh_cookie {
        cookies.set(headers, TokenType::Refresh, &refresh, now)?;
    }
    Ok(response)
}
