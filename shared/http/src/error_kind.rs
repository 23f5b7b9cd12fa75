//! The table of errors: kind, status, code, sentence and challenge.

use lambda_http::http::StatusCode;

/// The `WWW-Authenticate` header of an error (RFC 9110 §11.6.1, RFC 6750 §3).
#[derive(Clone, Copy)]
pub(crate) enum Challenge {
    Absent,
    /// No token was presented.
    Plain,
    /// `error="invalid_token"`.
    InvalidToken,
    /// `error="insufficient_scope"`.
    InsufficientScope,
}

/// One row of the table of errors.
pub(crate) struct Row(
    pub(crate) u16,
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Challenge,
);

/// The kind of an [`ApiError`](crate::ApiError).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is malformed; the sentence says how.
    InvalidRequest,
    /// User name or password is missing or empty.
    MissingCredentials,
    /// Wrong password, or no such user.
    InvalidCredentials,
    /// No token was presented.
    MissingToken,
    /// The token is not valid: one answer for every defect.
    InvalidToken,
    /// The token was valid until its `exp`.
    TokenExpired,
    /// The session of the token has ended.
    TokenRevoked,
    /// A refresh token where an access token is required.
    AccessTokenRequired,
    /// An access token where a refresh token is required.
    RefreshTokenRequired,
    /// The refresh token was used before; its session has been ended.
    RefreshTokenReused,
    /// The route requires a recent login (RFC 9470).
    FreshTokenRequired,
    /// A token in a cookie, without its CSRF value.
    CsrfMissing,
    /// A token in a cookie, with the CSRF value of another token.
    CsrfMismatch,
    /// A token in a cookie, from a page of another origin.
    OriginNotAllowed,
    /// The user lacks a role.
    InsufficientRole,
    /// The application's own check refused the claims.
    ClaimsRejected,
    /// The password is right but the account is disabled.
    AccountDisabled,
    /// No such route.
    NotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// The user name is taken.
    UserExists,
    /// The body is longer than 16 KiB.
    PayloadTooLarge,
    /// The body is not `application/json` in UTF-8.
    UnsupportedMediaType,
    /// The new password is refused, with `reasons`.
    WeakPassword,
    /// A defect of the service.
    Internal,
    /// The store did not answer; the client may try again.
    Unavailable,
}

impl ErrorKind {
    pub(crate) const fn row(self) -> Row {
        use Challenge::{Absent, InsufficientScope, InvalidToken, Plain};
        match self {
            Self::InvalidRequest => Row(400, "invalid_request", "Invalid request", Absent),
            Self::MissingCredentials => {
                Row(400, "invalid_request", "Missing username or password", Absent)
            }
            Self::InvalidCredentials => {
                Row(401, "invalid_credentials", "Bad username or password", Plain)
            }
            Self::MissingToken => Row(401, "missing_token", "Missing Authorization Header", Plain),
            Self::InvalidToken => Row(401, "invalid_token", "Token is invalid", InvalidToken),
            Self::TokenExpired => Row(401, "token_expired", "Token has expired", InvalidToken),
            Self::TokenRevoked => Row(401, "token_revoked", "Token has been revoked", InvalidToken),
            Self::AccessTokenRequired => {
                Row(401, "wrong_token_type", "Only non-refresh tokens are allowed", InvalidToken)
            }
            Self::RefreshTokenRequired => {
                Row(401, "wrong_token_type", "Only refresh tokens are allowed", InvalidToken)
            }
            Self::RefreshTokenReused => Row(
                401,
                "refresh_token_reused",
                "Refresh token has already been used",
                InvalidToken,
            ),
            Self::FreshTokenRequired => {
                Row(401, "fresh_token_required", "Fresh token required", InvalidToken)
            }
            Self::CsrfMissing => Row(401, "csrf_failed", "Missing CSRF token", InvalidToken),
            Self::CsrfMismatch => {
                Row(401, "csrf_failed", "CSRF double submit tokens do not match", InvalidToken)
            }
            Self::OriginNotAllowed => {
                Row(401, "csrf_failed", "Origin is not allowed", InvalidToken)
            }
            Self::InsufficientRole => {
                Row(403, "insufficient_role", "Role required", InsufficientScope)
            }
            Self::ClaimsRejected => {
                Row(403, "claims_rejected", "User claims verification failed", Absent)
            }
            Self::AccountDisabled => Row(403, "account_disabled", "Account is disabled", Absent),
            Self::NotFound => Row(404, "not_found", "Not found", Absent),
            Self::MethodNotAllowed => Row(405, "method_not_allowed", "Method not allowed", Absent),
            Self::UserExists => Row(409, "user_exists", "User already exists", Absent),
            Self::PayloadTooLarge => {
                Row(413, "payload_too_large", "Request body is too large", Absent)
            }
            Self::UnsupportedMediaType => Row(
                415,
                "unsupported_media_type",
                "Request body must be application/json in UTF-8",
                Absent,
            ),
            Self::WeakPassword => Row(422, "weak_password", "Password is too weak", Absent),
            Self::Internal => Row(500, "internal", "Internal server error", Absent),
            Self::Unavailable => {
                Row(503, "unavailable", "Service is unavailable, try again", Absent)
            }
        }
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable code, the `error` member of the body.
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    /// Whether the presented token can never be valid again.
    pub const fn is_final_for_token(self) -> bool {
        matches!(
            self,
            Self::InvalidToken
                | Self::TokenExpired
                | Self::TokenRevoked
                | Self::AccessTokenRequired
                | Self::RefreshTokenRequired
                | Self::RefreshTokenReused
        )
    }

    /// Whether the service failed, and not the request.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Internal | Self::Unavailable)
    }
}
