//! What is to be thought of a token.

use latchkey_token::TokenError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Valid,
    Expired,
    NotYetValid,
    BadSignature,
    UnknownKey,
    Malformed,
    Unverified,
}

impl Verdict {
    /// The verdict for what a check has found; `None` when there was none.
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

    /// Its name for programs.
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

    /// The verdict for people, with the reason for it.
    pub(super) fn sentence(self, reason: Option<TokenError>) -> String {
        let name = self.name().replace('_', " ").to_uppercase();
        let reason = reason.map(|reason| reason.to_string()).unwrap_or_default();
        match self {
            Self::Valid => format!(
                "{name}: one of the keys has signed it, and its time has not run out; issuer, \
                 audience and session were not checked"
            ),
            Self::Expired | Self::NotYetValid => {
                format!("{name}: one of the keys has signed it, but {reason}")
            }
            Self::BadSignature | Self::UnknownKey | Self::Malformed => {
                format!("{name}: {reason}, do not trust a word of it")
            }
            Self::Unverified => format!("{name}: nothing was checked, do not trust a word of it"),
        }
    }

    /// Whether nothing is wrong with the token, as far as it was looked at.
    pub(super) const fn is_good(self) -> bool {
        matches!(self, Self::Valid | Self::Unverified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_the_verdict_and_the_reason() {
        let told =
            |outcome: Result<(), TokenError>| Verdict::of(Some(outcome)).sentence(outcome.err());
        assert!(told(Ok(())).starts_with("VALID: one of the keys has signed it"));
        assert_eq!(
            told(Err(TokenError::Expired)),
            "EXPIRED: one of the keys has signed it, but the token has expired"
        );
        assert_eq!(
            told(Err(TokenError::IssuedInFuture)),
            "NOT YET VALID: one of the keys has signed it, but the token was issued in the future"
        );
        assert_eq!(
            told(Err(TokenError::WrongAlgorithm)),
            "BAD SIGNATURE: the token's algorithm is not its key's, do not trust a word of it"
        );
        let unverified = Verdict::of(None).sentence(None);
        assert_eq!(unverified, "UNVERIFIED: nothing was checked, do not trust a word of it");
    }
}
