//! The claims of tokens: of new ones and of verified ones.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AdditionalClaims, SessionId, Timestamp, TokenId, UserId};

/// The type of a token: its `type` claim. A token of one type is never accepted as one of the other
/// (RFC 8725 §3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// Grants access to protected routes.
    Access,
    /// Is exchanged for the next pair of tokens.
    Refresh,
}

impl TokenType {
    /// The `typ` header: RFC 9068 §2.1 for access tokens, its counterpart for refresh tokens.
    pub(crate) const fn header_name(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }

    /// Reads a `typ` header, with or without `application/` (RFC 7515 §4.1.9).
    pub(crate) fn from_header(typ: &str) -> Option<Self> {
        let name = typ.strip_prefix("application/").unwrap_or(typ);
        [Self::Access, Self::Refresh].into_iter().find(|kind| kind.header_name() == name)
    }
}

/// The user and the session for which tokens are issued.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The user's immutable identifier, `sub`.
    pub user: &'a UserId,
    /// The user name as it was typed at sign-up.
    pub username: &'a str,
    /// The session, `sid`.
    pub session: &'a SessionId,
    /// When the session expires unless it is rotated before. No token expires later.
    pub session_expires_at: Timestamp,
    /// The user's roles.
    pub roles: &'a [String],
    /// When the user last proved the password.
    pub auth_time: Timestamp,
    /// Claims of the application, for access tokens.
    pub claims: Option<&'a AdditionalClaims>,
    /// Whether the tokens are for cookies, and so carry a CSRF secret.
    pub for_cookies: bool,
}

/// The one refresh token of a generation of its session. Its claims are the same each time that it
/// is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// How often the session was rotated, `gen`.
    pub number: u64,
    /// The token, `jti`.
    pub token: TokenId,
    /// When the session was rotated to it, `iat`.
    pub began_at: Timestamp,
}

/// The user that a token names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user of this service.
    User {
        /// The user's immutable identifier, `sub`.
        id: UserId,
        /// The user name as it was typed at sign-up.
        username: String,
    },
    /// A user of the legacy service that signed the token.
    Legacy {
        /// The identity in that service. The legacy table says which user it is.
        identity: String,
    },
}

/// The claims of an access token whose signature, type, issuer, audience and times were checked.
/// Its session may have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user, `sub`.
    pub subject: Subject,
    /// The session, `sid`; `None` for a legacy token.
    pub session: Option<SessionId>,
    /// This token, `jti`; `None` for a legacy token.
    pub token: Option<TokenId>,
    /// When the user last proved the password; a legacy token's `iat`.
    pub auth_time: Timestamp,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// Whether the token was issued for a password and not for a refresh token.
    pub fresh: bool,
    /// The user's roles when the token was issued.
    pub roles: Vec<String>,
    /// The CSRF secret that a request with the token in a cookie must repeat.
    pub csrf: Option<String>,
    /// The claims of the application.
    pub claims: AdditionalClaims,
}

/// The claims of a refresh token, checked like [`AccessClaims`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefreshClaims {
    /// The user, `sub`.
    pub subject: Subject,
    /// The session, `sid`; `None` for a legacy token.
    pub session: Option<SessionId>,
    /// How often the session had been rotated when the token was issued, `gen`.
    pub generation: u64,
    /// This token, `jti`; `None` for a legacy token.
    pub token: Option<TokenId>,
    /// When the user last proved the password; a legacy token's `iat`.
    pub auth_time: Timestamp,
    /// When the token expires.
    pub expires_at: Timestamp,
    /// The CSRF secret that a request with the token in a cookie must repeat.
    pub csrf: Option<String>,
}

/// The session of a token of either type, checked like [`AccessClaims`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClaims {
    /// The user, `sub`.
    pub user: UserId,
    /// The user name as it was typed at sign-up.
    pub username: String,
    /// The session, `sid`.
    pub session: SessionId,
    /// The CSRF secret that a request with the token in a cookie must repeat.
    pub csrf: Option<String>,
}

/// The claims as they are written. A missing or mistyped one fails the whole token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Payload {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: UserId,
    pub(crate) username: String,
    pub(crate) sid: SessionId,
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    pub(crate) generation: Option<u64>,
    pub(crate) jti: TokenId,
    pub(crate) iat: Timestamp,
    pub(crate) nbf: Timestamp,
    pub(crate) exp: Timestamp,
    pub(crate) auth_time: Timestamp,
    #[serde(rename = "type")]
    pub(crate) token_type: TokenType,
    pub(crate) fresh: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) csrf: Option<String>,
    #[serde(flatten)]
    pub(crate) additional: Map<String, Value>,
}
