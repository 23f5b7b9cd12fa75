//! Why a caller is not let through.

use std::{borrow::Cow, time::Duration};

use latchkey_session::StoreError;
use latchkey_token::TokenError;

use crate::{CsrfError, TokenLocation};

/// Why a caller is not let through.
#[derive(Debug)]
pub enum Refusal {
    /// No token was presented.
    NoToken,
    /// Two different tokens were presented.
    TwoTokens,
    /// A browser sent two cookies of one name that differ.
    TwoCookies,
    /// The token came in a cookie, and nothing shows that our own pages sent it.
    Csrf(CsrfError),
    /// The token is not valid.
    Token(TokenError),
    /// The token is valid, its session is not.
    SessionEnded,
    /// The route asks for a password that was proved at most `max_age` ago, and for a token that
    /// came from it. Zero when any fresh token would do.
    NotFresh {
        /// The most time that may have passed since.
        max_age: Duration,
    },
    /// The user does not have the role that the route asks for.
    RoleMissing(Cow<'static, str>),
    /// The application's own check has refused the token's claims.
    ClaimsRejected,
    /// Whether the session lives could not be found out.
    Fault(StoreError),
}

impl Refusal {
    /// What was presented cannot be a token.
    pub(crate) const MALFORMED: Self = Self::Token(TokenError::NotCompact);

    /// Where the refused token was, as far as the refusal tells.
    pub(crate) const fn location(&self) -> Option<TokenLocation> {
        if let Self::TwoCookies = self { Some(TokenLocation::Cookies) } else { None }
    }

    /// The reason in a word, for the log.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no token",
            Self::TwoTokens => "two tokens",
            Self::TwoCookies => "two cookies",
            Self::Csrf(_) => "csrf",
            Self::ClaimsRejected => "claims rejected",
            Self::Token(TokenError::Expired) => "expired token",
            Self::Token(_) => "invalid token",
            Self::SessionEnded => "session ended",
            Self::NotFresh { .. } => "not fresh",
            Self::RoleMissing(_) => "role missing",
            Self::Fault(_) => "store fault",
        }
    }
}
