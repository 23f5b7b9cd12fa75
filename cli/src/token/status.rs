//! The status of an inspected token.

use latchkey_token::TokenError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenStatus {
    Valid,
    Expired,
    NotYetValid,
    BadSignature,
    UnknownKey,
    Malformed,
    Unverified,
}

impl TokenStatus {
    /// `checked` is `None` if there were no keys.
    pub(super) const fn of(checked: Option<Result<(), TokenError>>) -> Self {
        let Some(checked) = checked else {
            return Self::Unverified;
        };
        match checked {
            Ok(()) => Self::Valid,
            Err(TokenError::Expired) => Self::Expired,
            Err(TokenError::NotYetValid | TokenError::IssuedInFuture) => Self::NotYetValid,
            Err(TokenError::BadSignature | TokenError::WrongAlgorithm) => Self::BadSignature,
            Err(TokenError::UnknownKey | TokenError::LegacyKeysUnread) => Self::UnknownKey,
            Err(
                TokenError::TooLong
                | TokenError::NotCompact
                | TokenError::BadHeader
                | TokenError::BadClaims
                | TokenError::WrongType(_)
                | TokenError::WrongIssuer
                | TokenError::WrongAudience
                | TokenError::LivesTooLong,
            ) => Self::Malformed,
        }
    }

    /// The name in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::BadSignature => "bad_signature",
            Self::UnknownKey => "unknown_key",
            Self::Malformed => "malformed",
            Self::Unverified => "unverified",
        }
    }

    /// The first line of the text output.
    pub(super) fn sentence(self, reason: Option<TokenError>) -> String {
        let name = self.name().replace('_', " ").to_uppercase();
        let reason = reason.map(|reason| reason.to_string()).unwrap_or_default();
        match self {
            Self::Valid => format!(
                "{name}: signed by one of the keys and not expired; issuer, audience and session were \
                 not checked"
            ),
            Self::Expired | Self::NotYetValid => {
                format!("{name}: signed by one of the keys, but {reason}")
            }
            Self::BadSignature | Self::UnknownKey | Self::Malformed => {
                format!("{name}: {reason}; do not trust this token")
            }
            Self::Unverified => format!("{name}: nothing was checked; do not trust this token"),
        }
    }

    /// False for an invalid token.
    pub(super) const fn is_success(self) -> bool {
        matches!(self, Self::Valid | Self::Unverified)
    }
}
