//! What a verified token says, and what a new one is to say.

use crate::{AdditionalClaims, SessionId, Timestamp, TokenId, UserId};

/// The two kinds of token. Neither is ever accepted in place of the other (RFC 8725 §3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// Opens protected routes.
    Access,
    /// Buys the next pair of tokens.
    Refresh,
}

impl TokenType {
    /// The `typ` header of the tokens that we issue: RFC 9068 §2.1, and its counterpart.
    pub(crate) const fn header_name(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }

    /// The type that a `typ` header names, with or without `application/` (RFC 7515 §4.1.9).
    pub(crate) fn from_header(typ: &str) -> Option<Self> {
        let name = typ.strip_prefix("application/").unwrap_or(typ);
        [Self::Access, Self::Refresh].into_iter().find(|kind| kind.header_name() == name)
    }

    /// The `type` claim.
    pub(crate) const fn claim_name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// What new tokens are made from: a user, and the session that the tokens belong to.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The user's immutable identifier, `sub`.
    pub user: &'a UserId,
    /// The user name as it was typed at sign-up.
    pub username: &'a str,
    /// The session, `sid`.
    pub session: &'a SessionId,
    /// When the session expires unless it is rotated before; no token lives longer.
    pub session_expires_at: Timestamp,
    /// The user's roles.
    pub roles: &'a [String],
    /// When the user last proved the password.
    pub auth_time: Timestamp,
    /// Claims of the application's own, for access tokens.
    pub claims: Option<&'a AdditionalClaims>,
    /// Whether the tokens go into cookies, and so carry a secret against forged requests.
    pub for_cookies: bool,
}

/// The one refresh token of a generation of its session. However often it is handed out, it says
/// the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// How often the session had been rotated, `gen`.
    pub number: u64,
    /// The token, `jti`.
    pub token: TokenId,
    /// When the session was rotated to it, `iat`.
    pub began_at: Timestamp,
}

/// The claims of an access token whose signature, type, issuer, audience and times were checked.
///
/// Whether its session still lives is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user, `sub`.
    pub user: UserId,
    /// The user name as it was typed at sign-up.
    pub username: String,
    /// The session, `sid`.
    pub session: SessionId,
    /// This token, `jti`.
    pub token: TokenId,
    /// When the user last proved the password.
    pub auth_time: Timestamp,
    /// When the token stops being valid.
    pub expires_at: Timestamp,
    /// Whether the token came from a password and not from a refresh.
    pub fresh: bool,
    /// The user's roles when the token was issued.
    pub roles: Vec<String>,
    /// What a request that brings the token in a cookie must say as well.
    pub csrf: Option<String>,
    /// Everything else that the token says.
    pub claims: AdditionalClaims,
}

/// The claims of a refresh token, checked like [`AccessClaims`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefreshClaims {
    /// The user, `sub`.
    pub user: UserId,
    /// The user name as it was typed at sign-up.
    pub username: String,
    /// The session, `sid`.
    pub session: SessionId,
    /// How often the session had been rotated when the token was issued, `gen`.
    pub generation: u64,
    /// This token, `jti`.
    pub token: TokenId,
    /// When the user last proved the password.
    pub auth_time: Timestamp,
    /// When the token stops being valid.
    pub expires_at: Timestamp,
    /// What a request that brings the token in a cookie must say as well.
    pub csrf: Option<String>,
}

/// The session that a token of either type names, checked like [`AccessClaims`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClaims {
    /// The user, `sub`.
    pub user: UserId,
    /// The user name as it was typed at sign-up.
    pub username: String,
    /// The session, `sid`.
    pub session: SessionId,
    /// What a request that brings the token in a cookie must say as well.
    pub csrf: Option<String>,
}
