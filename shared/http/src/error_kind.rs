//! The error table: kind, status, code, sentence and challenge.

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

/// One row of the error table: status, code, sentence, challenge.
pub(crate) struct Row(
    pub(crate) u16,
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Challenge,
);

/// Declares [`ErrorKind`] with its table: status, code, sentence and challenge of each kind.
macro_rules! error_kinds {
    ($($(#[$doc:meta])+ $kind:ident: $status:literal, $code:literal, $sentence:literal, $challenge:ident;)+) => {
        /// The kind of an [`ApiError`](crate::ApiError). It decides the HTTP status, the stable code
        /// (the `error` member of the body), the default sentence and the challenge.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorKind {
            $($(#[$doc])+ $kind,)+
        }

        impl ErrorKind {
            pub(crate) const fn row(self) -> Row {
                match self {
                    $(Self::$kind => Row($status, $code, $sentence, Challenge::$challenge),)+
                }
            }
        }
    };
}

error_kinds! {
    /// 400 `invalid_request`: the request is malformed; the sentence says how.
    InvalidRequest: 400, "invalid_request", "Invalid request", Absent;
    /// 400 `invalid_request`: `username` or `password` is missing or empty.
    MissingCredentials: 400, "invalid_request", "Missing username or password", Absent;
    /// 401 `invalid_credentials`: wrong password or unknown user, with one answer for both.
    InvalidCredentials: 401, "invalid_credentials", "Bad username or password", Plain;
    /// 401 `invalid_code`: the one-time code is wrong, expired or used, with one answer for all.
    InvalidCode: 401, "invalid_code", "Code is invalid", Plain;
    /// 401 `missing_token`: the request has no token.
    MissingToken: 401, "missing_token", "Missing Authorization Header", Plain;
    /// 401 `invalid_token`: the token is invalid, with one answer for every defect.
    InvalidToken: 401, "invalid_token", "Token is invalid", InvalidToken;
    /// 401 `token_expired`: the token was valid until its `exp`.
    TokenExpired: 401, "token_expired", "Token has expired", InvalidToken;
    /// 401 `token_revoked`: the session of the token has ended, or the account is gone or disabled.
    TokenRevoked: 401, "token_revoked", "Token has been revoked", InvalidToken;
    /// 401 `wrong_token_type`: a refresh token where an access token is required.
    AccessTokenRequired: 401, "wrong_token_type",
        "Only non-refresh tokens are allowed", InvalidToken;
    /// 401 `wrong_token_type`: an access token where a refresh token is required.
    RefreshTokenRequired: 401, "wrong_token_type", "Only refresh tokens are allowed", InvalidToken;
    /// 401 `refresh_token_reused`: the refresh token was used before; its session has been ended.
    RefreshTokenReused: 401, "refresh_token_reused",
        "Refresh token has already been used", InvalidToken;
    /// 401 `fresh_token_required`: the route requires a recent login (RFC 9470).
    FreshTokenRequired: 401, "fresh_token_required", "Fresh token required", InvalidToken;
    /// 401 `csrf_failed`: a token in a cookie without its CSRF value in the header.
    CsrfMissing: 401, "csrf_failed", "Missing CSRF token", InvalidToken;
    /// 401 `csrf_failed`: a token in a cookie with a CSRF value that is not its own.
    CsrfMismatch: 401, "csrf_failed", "CSRF double submit tokens do not match", InvalidToken;
    /// 401 `csrf_failed`: a request with cookies from a page of an origin that is not allowed.
    OriginNotAllowed: 401, "csrf_failed", "Origin is not allowed", InvalidToken;
    /// 403 `insufficient_role`: the user lacks the required role.
    InsufficientRole: 403, "insufficient_role", "Role required", InsufficientScope;
    /// 403 `claims_rejected`: the application's own check refused the caller.
    ClaimsRejected: 403, "claims_rejected", "User claims verification failed", Absent;
    /// 403 `account_disabled`: the password is right but the account is disabled.
    AccountDisabled: 403, "account_disabled", "Account is disabled", Absent;
    /// 403 `signup_closed`: the deployment takes no sign-ups.
    SignupClosed: 403, "signup_closed", "Sign-up is closed", Absent;
    /// 403 `edge_required`: the request did not come through the trusted edge.
    EdgeRequired: 403, "edge_required", "Request did not come through the edge", Absent;
    /// 404 `not_found`: no route has this path.
    NotFound: 404, "not_found", "Not found", Absent;
    /// 405 `method_not_allowed`: the path has other methods, which `Allow` lists.
    MethodNotAllowed: 405, "method_not_allowed", "Method not allowed", Absent;
    /// 409 `user_exists`: the user name is taken.
    UserExists: 409, "user_exists", "User already exists", Absent;
    /// 413 `payload_too_large`: the body is longer than 16 KiB.
    PayloadTooLarge: 413, "payload_too_large", "Request body is too large", Absent;
    /// 415 `unsupported_media_type`: the body is not `application/json` in UTF-8.
    UnsupportedMediaType: 415, "unsupported_media_type",
        "Request body must be application/json in UTF-8", Absent;
    /// 422 `weak_password`: the new password is refused; `reasons` of the body lists the codes.
    WeakPassword: 422, "weak_password", "Password is too weak", Absent;
    /// 429 `rate_limited`: too many attempts; `Retry-After` says when the next is allowed.
    RateLimited: 429, "rate_limited", "Too many attempts", Absent;
    /// 500 `internal`: a defect of the service. The log has the cause.
    Internal: 500, "internal", "Internal server error", Absent;
    /// 503 `unavailable`: a dependency did not answer; the client may retry.
    Unavailable: 503, "unavailable", "Service is unavailable, try again", Absent;
}

impl ErrorKind {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable code: the `error` member of the body. Several kinds may share one code.
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    /// Whether the refused token can never become valid, so that a client should drop it.
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

    /// Whether the service failed (500, 503), not the request.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Internal | Self::Unavailable)
    }
}
