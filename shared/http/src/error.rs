//! Every error answer there is: the one place that knows their statuses, codes and sentences.
//! Longer than the rest because that is one place.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use lambda_http::{
    Body, Response,
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use latchkey_keys::RingError;
use latchkey_password::{HashError, NewPasswordError, PasswordError, Weakness};
use latchkey_session::StoreError;
use latchkey_token::{RandomnessError, SigningError, TokenError, TokenType};
use serde_json::{Value, json};

use crate::{CsrfError, Refusal, response::json_response};

/// What a client is told when it does not get what it asked for.
///
/// The `code` is stable, the sentence is fixed. Nothing that the client sent is echoed and nothing
/// internal is shown: a cause goes to the log.
#[derive(Debug)]
pub enum ApiError {
    /// The request is malformed; the sentence says which member and why.
    InvalidRequest(Cow<'static, str>),
    /// User name or password is missing or empty.
    MissingCredentials,
    /// User name and password do not belong together, or there is no such user.
    InvalidCredentials,
    /// A protected route was called without a token; the sentence says where it is looked for.
    MissingToken(Cow<'static, str>),
    /// The token is not one of ours: one answer for every defect.
    InvalidToken,
    /// The token was valid until its `exp`.
    TokenExpired,
    /// The token's session has ended, or the account is disabled, deleted or another one.
    TokenRevoked,
    /// A genuine token of the other type; the type that the route takes is given.
    WrongTokenType(TokenType),
    /// The refresh token was used before; its session has been ended.
    RefreshTokenReused,
    /// The route asks for a token that came from a password less than this time ago; zero when any
    /// fresh token would do.
    FreshTokenRequired(Duration),
    /// A request that brings its token in a cookie does not show that it is from our own pages.
    CsrfFailed(CsrfError),
    /// The user lacks this role.
    InsufficientRole(Cow<'static, str>),
    /// The application's own check of the token's claims has failed.
    ClaimsRejected,
    /// The password was right but the account is switched off.
    AccountDisabled,
    /// There is no such route.
    NotFound,
    /// The route exists for the given methods only.
    MethodNotAllowed(&'static str),
    /// The user name is taken.
    UserExists,
    /// The body is longer than 16 KiB.
    PayloadTooLarge,
    /// The body is not plain `application/json`.
    UnsupportedMediaType,
    /// The new password is not acceptable.
    WeakPassword(Vec<Weakness>),
    /// A defect of ours.
    Internal(Cause),
    /// The store does not answer; the client may try again.
    Unavailable(Cause),
}

/// How an error is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ErrorWording<'a> {
    /// As on every route but one.
    Ours {
        /// The gateway's name for the request.
        request_id: &'a str,
        /// The member that holds the sentence.
        message_key: &'a str,
    },
    /// As Flask-JWT writes it.
    FlaskJwt,
}

/// What goes to the log.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Seconds after which a client may try again when the store did not answer.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

impl ApiError {
    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::InvalidRequest(_) | Self::MissingCredentials => StatusCode::BAD_REQUEST,
            Self::InvalidCredentials
            | Self::MissingToken(_)
            | Self::CsrfFailed(_)
            | Self::InvalidToken
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::WrongTokenType(_)
            | Self::RefreshTokenReused
            | Self::FreshTokenRequired(_) => StatusCode::UNAUTHORIZED,
            Self::InsufficientRole(_) | Self::ClaimsRejected | Self::AccountDisabled => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::UserExists => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::WeakPassword(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable code, the `error` member of the body.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::MissingCredentials => "invalid_request",
            Self::InvalidCredentials => "invalid_credentials",
            Self::MissingToken(_) => "missing_token",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::WrongTokenType(_) => "wrong_token_type",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::FreshTokenRequired(_) => "fresh_token_required",
            Self::CsrfFailed(_) => "csrf_failed",
            Self::InsufficientRole(_) => "insufficient_role",
            Self::ClaimsRejected => "claims_rejected",
            Self::AccountDisabled => "account_disabled",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::UserExists => "user_exists",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::WeakPassword(_) => "weak_password",
            Self::Internal(_) => "internal",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// The sentence, the `msg` member of the body.
    pub fn message(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::InvalidRequest(sentence) | Self::MissingToken(sentence) => sentence,
            Self::MissingCredentials => "Missing username or password",
            Self::InvalidCredentials => "Bad username or password",
            Self::InvalidToken => "Token is invalid",
            Self::TokenExpired => "Token has expired",
            Self::TokenRevoked => "Token has been revoked",
            Self::WrongTokenType(TokenType::Access) => "Only non-refresh tokens are allowed",
            Self::WrongTokenType(TokenType::Refresh) => "Only refresh tokens are allowed",
            Self::RefreshTokenReused => "Refresh token has already been used",
            Self::FreshTokenRequired(_) => "Fresh token required",
            Self::CsrfFailed(CsrfError::Missing) => "Missing CSRF token",
            Self::CsrfFailed(CsrfError::Mismatch) => "CSRF double submit tokens do not match",
            Self::CsrfFailed(CsrfError::Origin) => "Origin is not allowed",
            Self::ClaimsRejected => "User claims verification failed",
            Self::InsufficientRole(role) => return format!("Role required: {role}").into(),
            Self::AccountDisabled => "Account is disabled",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed(_) => "Method not allowed",
            Self::UserExists => "User already exists",
            Self::PayloadTooLarge => "Request body is too large",
            Self::UnsupportedMediaType => "Request body must be application/json in UTF-8",
            Self::WeakPassword(_) => "Password is too weak",
            Self::Internal(_) => "Internal server error",
            Self::Unavailable(_) => "Service is unavailable, try again",
        })
    }

    /// Whether it says that the token which was presented is of no use, and never will be.
    pub(crate) const fn is_verdict_on_token(&self) -> bool {
        matches!(
            self,
            Self::InvalidToken
                | Self::TokenExpired
                | Self::TokenRevoked
                | Self::WrongTokenType(_)
                | Self::RefreshTokenReused
        )
    }

    /// What went wrong on our side; the log has it, the client does not.
    pub fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        if let Self::Internal(cause) | Self::Unavailable(cause) = self {
            Some(&**cause)
        } else {
            None
        }
    }

    /// A fault of the store.
    pub fn store(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable(Box::new(error)),
            StoreError::Malformed(_) => Self::Internal(Box::new(error)),
        }
    }

    /// There are no keys.
    pub fn keys(error: RingError) -> Self {
        Self::store(error.into())
    }

    /// A token could not be signed.
    pub fn signing(error: SigningError) -> Self {
        Self::Internal(Box::new(error))
    }

    /// A password could not be hashed.
    pub fn hash(error: HashError) -> Self {
        Self::Internal(Box::new(error))
    }

    /// There were no random bytes.
    pub fn randomness(error: RandomnessError) -> Self {
        Self::Internal(Box::new(error))
    }

    /// A member of the body is not acceptable; `reason` completes "`member` …".
    pub fn member(member: &str, reason: impl fmt::Display) -> Self {
        Self::InvalidRequest(format!("{member} {reason}").into())
    }

    /// A presented password cannot be one.
    pub fn password(error: PasswordError) -> Self {
        Self::member("password", error)
    }

    /// The new password that `member` of the body proposes was refused.
    pub fn new_password(member: &str, error: NewPasswordError) -> Self {
        match error {
            NewPasswordError::Unusable(unusable) => Self::member(member, unusable),
            NewPasswordError::Weak(weaknesses) => Self::WeakPassword(weaknesses),
        }
    }

    /// The guard did not let a request through. `wanted` is the type of token that the route takes.
    pub fn refusal(refusal: Refusal, wanted: TokenType) -> Self {
        match refusal {
            Refusal::NoToken => Self::MissingToken("Missing Authorization Header".into()),
            Refusal::TwoTokens => {
                Self::InvalidRequest("The token must be sent in one place only".into())
            }
            Refusal::Token(TokenError::Expired) => Self::TokenExpired,
            Refusal::Token(TokenError::WrongType(_)) => Self::WrongTokenType(wanted),
            // A browser's user cannot do anything about two cookies but log in or out.
            Refusal::TwoCookies
            | Refusal::Token(
                TokenError::TooLong
                | TokenError::NotCompact
                | TokenError::BadHeader
                | TokenError::UnknownKey
                | TokenError::WrongAlgorithm
                | TokenError::BadSignature
                | TokenError::BadClaims
                | TokenError::WrongIssuer
                | TokenError::WrongAudience
                | TokenError::NotYetValid
                | TokenError::IssuedInFuture
                | TokenError::LivesTooLong,
            ) => Self::InvalidToken,
            Refusal::Csrf(error) => Self::CsrfFailed(error),
            Refusal::SessionEnded => Self::TokenRevoked,
            Refusal::ClaimsRejected => Self::ClaimsRejected,
            Refusal::NotFresh { max_age } => Self::FreshTokenRequired(max_age),
            Refusal::RoleMissing(role) => Self::InsufficientRole(role),
            Refusal::Fault(fault) => Self::store(fault),
        }
    }

    /// The answer, with the gateway's name for the request so that a client can quote it.
    pub(crate) fn into_response(self, wording: ErrorWording<'_>) -> Response<Body> {
        let (status, body) = match wording {
            ErrorWording::Ours { request_id, message_key } => {
                (self.status(), self.our_body(request_id, message_key))
            }
            ErrorWording::FlaskJwt => self.flask_jwt_body(),
        };
        let mut response = json_response(status, body.to_string());
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge(status) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Self::MethodNotAllowed(allowed) = self {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        if let Self::Unavailable(_) = self {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }

    fn our_body(&self, request_id: &str, message_key: &str) -> Value {
        let mut body = json!({
            "error": self.code(), message_key: self.message(), "request_id": request_id,
        });
        if let (Self::WeakPassword(weaknesses), Some(members)) = (self, body.as_object_mut()) {
            let reasons: Vec<_> = weaknesses.iter().copied().map(reason_name).collect();
            members.insert("reasons".to_owned(), reasons.into());
        }
        body
    }

    /// The errors of `POST /auth` in Flask-JWT's shape, and its one answer to credentials that are
    /// missing or wrong.
    fn flask_jwt_body(&self) -> (StatusCode, Value) {
        let is_bad_login = matches!(self, Self::InvalidCredentials | Self::MissingCredentials);
        let (status, error, description) = if is_bad_login {
            (StatusCode::UNAUTHORIZED, "Bad Request", "Invalid credentials".into())
        } else {
            let status = self.status();
            (status, status.canonical_reason().unwrap_or_default(), self.message())
        };
        let body = json!({
            "description": description, "error": error, "status_code": status.as_u16(),
        });
        (status, body)
    }

    /// The `WWW-Authenticate` header that every 401 carries, and a 403 for want of a role (RFC
    /// 9110 §11.6.1, RFC 6750 §3).
    fn challenge(&self, status: StatusCode) -> Option<HeaderValue> {
        const PLAIN: HeaderValue = HeaderValue::from_static(r#"Bearer realm="latchkey""#);
        // The role would need quoting, and the body has it.
        const SCOPE: HeaderValue =
            HeaderValue::from_static(r#"Bearer realm="latchkey", error="insufficient_scope""#);

        if matches!(self, Self::InsufficientRole(_)) {
            return Some(SCOPE);
        }
        if status != StatusCode::UNAUTHORIZED {
            return None;
        }
        let no_token = matches!(
            self,
            Self::InvalidCredentials | Self::MissingCredentials | Self::MissingToken(_)
        );
        if no_token {
            return Some(PLAIN);
        }
        let description = self.message();
        let challenge = if let Self::FreshTokenRequired(max_age) = self {
            // RFC 9470 §3. Zero asks for a login in any case.
            let max_age = max_age.as_secs();
            format!(
                r#"Bearer realm="latchkey", error="insufficient_user_authentication", error_description="{description}", max_age={max_age}"#
            )
        } else {
            format!(
                r#"Bearer realm="latchkey", error="invalid_token", error_description="{description}""#
            )
        };
        HeaderValue::try_from(challenge).ok()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

const fn reason_name(weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::TooShort => "too_short",
        Weakness::TooLong => "too_long",
        Weakness::TooCommon => "too_common",
        Weakness::ContainsUsername => "contains_username",
        Weakness::Unchanged => "unchanged",
    }
}
