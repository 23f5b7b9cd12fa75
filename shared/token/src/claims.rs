//! Claims of new tokens and of verified tokens.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AdditionalClaims, SessionId, Timestamp, TokenId, UserId};

/// The type of a token: its `type` claim and `typ` header. A verifier never accepts one type as the
/// other (RFC 8725 §3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// Opens protected routes: `type` is `access`, `typ` is `at+jwt` (RFC 9068 §2.1).
    Access,
    /// Is exchanged for the next pair of tokens: `type` is `refresh`, `typ` is `rt+jwt`.
    Refresh,
}

impl TokenType {
    /// The `typ` header: RFC 9068 §2.1 for access tokens, a private counterpart for refresh tokens.
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

/// The user and the session that tokens are issued for.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// `sub`: the user's immutable id.
    pub user: &'a UserId,
    /// `username`: the user name as typed at sign-up.
    pub username: &'a str,
    /// `sid`: the id of the session.
    pub session: &'a SessionId,
    /// When the session expires unless it is rotated first. `exp` is never later.
    pub session_expires_at: Timestamp,
    /// `roles` of access tokens. An empty slice omits the claim.
    pub roles: &'a [String],
    /// `auth_time`: when the user last proved the password (OpenID Connect Core §2).
    pub auth_time: Timestamp,
    /// Application claims of access tokens.
    pub claims: Option<&'a AdditionalClaims>,
    /// Whether the tokens go into cookies. They then carry a `csrf` claim.
    pub for_cookies: bool,
}

/// One generation of a session. Each generation has exactly one refresh token: issuing it again
/// produces the same claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// `gen`: how often the session was rotated, 0 after the login.
    pub number: u64,
    /// `jti` of the generation's refresh token.
    pub token: TokenId,
    /// `iat`: when the session was rotated to this generation.
    pub began_at: Timestamp,
}

/// The user that a token names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user of this deployment.
    User {
        /// `sub`: the user's immutable id.
        id: UserId,
        /// `username`: the user name as typed at sign-up.
        username: String,
    },
    /// A user of a legacy Flask service, which signed the token.
    Legacy {
        /// The identity in that service. The caller maps it to a user.
        identity: String,
    },
}

/// The claims of a verified access token: signature, type, issuer, audience and times are checked.
/// The session is not: it may have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub` and `username`, or the identity of a legacy token.
    pub subject: Subject,
    /// `sid`: the session; `None` for a legacy token.
    pub session: Option<SessionId>,
    /// `jti`: the id of this token; `None` for a legacy token.
    pub token: Option<TokenId>,
    /// `auth_time`: when the user last proved the password; `iat` of a legacy token.
    pub auth_time: Timestamp,
    /// `exp`: the token is expired from this second on, apart from the leeway.
    pub expires_at: Timestamp,
    /// `fresh`: the token was issued for a password, not for a refresh token.
    pub fresh: bool,
    /// `roles`: the user's roles when the token was issued; empty for a legacy token.
    pub roles: Vec<String>,
    /// `csrf`: the value that a request with this token in a cookie must repeat in a header;
    /// `None` if the token was not issued for a cookie.
    pub csrf: Option<String>,
    /// The application claims: all claims that are not reserved.
    pub claims: AdditionalClaims,
}

/// The claims of a verified refresh token, checked like [`AccessClaims`]. Whether it is the newest
/// of its session is for the session rules to decide.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefreshClaims {
    /// `sub` and `username`, or the identity of a legacy token.
    pub subject: Subject,
    /// `sid`: the session; `None` for a legacy token.
    pub session: Option<SessionId>,
    /// `gen`: how often the session had been rotated when the token was issued; 0 for a legacy
    /// token.
    pub generation: u64,
    /// `jti`: the id of this token; `None` for a legacy token.
    pub token: Option<TokenId>,
    /// `auth_time`: when the user last proved the password; `iat` of a legacy token.
    pub auth_time: Timestamp,
    /// `exp`: the token is expired from this second on, apart from the leeway.
    pub expires_at: Timestamp,
    /// `csrf`: the value that a request with this token in a cookie must repeat in a header;
    /// `None` if the token was not issued for a cookie.
    pub csrf: Option<String>,
}

/// The session that a verified token of either type names, checked like [`AccessClaims`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClaims {
    /// `sub`: the user's immutable id.
    pub user: UserId,
    /// `username`: the user name as typed at sign-up.
    pub username: String,
    /// `sid`: the id of the session.
    pub session: SessionId,
    /// `csrf`: the value that a request with this token in a cookie must repeat in a header;
    /// `None` if the token was not issued for a cookie.
    pub csrf: Option<String>,
}

/// The claims as serialised. A missing or mistyped claim fails the whole token.
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
