//! The error of a request.
//!
//! A function returns an [`ApiError`]; [`run`](crate::run) logs it and writes the answer.
//! The `error` code and the status come from [`ErrorKind`]; they are stable.
//! The sentence is fixed too, apart from the ones that name a member of the request.
//! Nothing that a client sent is echoed, and a cause goes to the log only.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use lambda_http::{
    Body, Response,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use latchkey_session::StoreError;
use latchkey_token::{RandomnessError, SigningError, TokenError, TokenType};
use serde_json::{Value, json};

use crate::{
    ErrorKind,
    error_kind::{Challenge, Row},
    response::json_response,
};

/// What the log gets.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Seconds after which a client may try again when the store did not answer.
const RETRY_AFTER_SECONDS: &str = "1";

/// The shape of an error's body.
#[derive(Clone, Copy, Debug)]
pub enum ErrorShape<'a> {
    /// `{"error","msg","request_id"}`.
    Latchkey {
        /// The gateway's id of the request.
        request_id: &'a str,
        /// The member that holds the sentence.
        message_key: &'a str,
    },
    /// Flask-JWT's `{"description","error","status_code"}`.
    FlaskJwt,
}

/// Why a request is refused or failed.
#[derive(Debug)]
pub struct ApiError {
    kind: ErrorKind,
    message: Cow<'static, str>,
    reasons: Vec<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
}

impl From<ErrorKind> for ApiError {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind, kind.row().2)
    }
}

impl ApiError {
    /// An error with its own sentence.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self { kind, message, reasons: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// The request is malformed in the way that `message` says.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// A member of the body is not acceptable; `reason` completes "`member` …".
    pub fn member(member: &str, reason: impl fmt::Display) -> Self {
        Self::invalid(format!("{member} {reason}"))
    }

    /// The new password that `member` of the body proposes is weak for `reasons`, which are codes,
    /// or, without any, cannot be a password, as `error` says.
    pub fn new_password(
        member: &str,
        reasons: Vec<&'static str>,
        error: impl fmt::Display,
    ) -> Self {
        if reasons.is_empty() {
            Self::member(member, error)
        } else {
            Self { reasons, ..ErrorKind::WeakPassword.into() }
        }
    }

    /// The user lacks `role`.
    pub fn insufficient_role(role: &str) -> Self {
        Self::new(ErrorKind::InsufficientRole, format!("Role required: {role}"))
    }

    /// The route requires a login at most `max_age` ago, or any fresh token if it is zero
    /// (RFC 9470 §3).
    pub fn fresh_token_required(max_age: Duration) -> Self {
        let max_age = max_age.as_secs();
        let error = Self::from(ErrorKind::FreshTokenRequired);
        let challenge = format!(
            r#"{BEARER}, error="insufficient_user_authentication", error_description="{}", max_age={max_age}"#,
            error.message
        );
        error.with_header(WWW_AUTHENTICATE, &challenge)
    }

    /// The route has the methods `allowed` only, separated as in an `Allow` header.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        Self::from(ErrorKind::MethodNotAllowed).with_header(ALLOW, allowed)
    }

    /// A defect of the service.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..ErrorKind::Internal.into() }
    }

    /// A dependency did not answer; the client may try again.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        let error = Self { cause: Some(cause.into()), ..ErrorKind::Unavailable.into() };
        error.with_header(RETRY_AFTER, RETRY_AFTER_SECONDS)
    }

    fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        self
    }

    /// The same error, with `headers` in its answer, such as those that clear cookies.
    #[must_use]
    pub fn with_header_map(mut self, headers: &HeaderMap) -> Self {
        self.headers.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// The kind, which decides status and code.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence, the `msg` member of the body.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What failed; the log gets it, the client does not.
    pub fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }

    /// The answer.
    pub fn into_response(self, shape: ErrorShape<'_>) -> Response<Body> {
        let Row(_, code, _, challenge) = self.kind.row();
        let message = &self.message;
        let (status, body) = match shape {
            ErrorShape::Latchkey { request_id, message_key } => {
                let mut body =
                    json!({ "error": code, message_key: message, "request_id": request_id });
                if let (ErrorKind::WeakPassword, Value::Object(members)) = (self.kind, &mut body) {
                    members.insert("reasons".to_owned(), self.reasons.into());
                }
                (self.kind.status(), body)
            }
            ErrorShape::FlaskJwt => flask_jwt_body(self.kind, message),
        };
        let mut response = json_response(status, body.to_string());
        let headers = response.headers_mut();
        let bearer = match challenge {
            Challenge::Absent if status == StatusCode::UNAUTHORIZED => Some(BEARER.to_owned()),
            Challenge::Absent => None,
            Challenge::Plain => Some(BEARER.to_owned()),
            Challenge::InvalidToken => {
                Some(format!(r#"{BEARER}, error="invalid_token", error_description="{message}""#))
            }
            Challenge::InsufficientScope => {
                Some(format!(r#"{BEARER}, error="insufficient_scope""#))
            }
        };
        if let Some(Ok(challenge)) = bearer.map(HeaderValue::try_from) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.headers.iter().any(|(name, _)| name == WWW_AUTHENTICATE) {
            headers.remove(WWW_AUTHENTICATE);
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

const BEARER: &str = r#"Bearer realm="latchkey""#;

/// Flask-JWT's body, with its one answer to credentials that are missing or wrong.
fn flask_jwt_body(kind: ErrorKind, message: &str) -> (StatusCode, Value) {
    let is_login = matches!(kind, ErrorKind::InvalidCredentials | ErrorKind::MissingCredentials);
    let (status, error, description) = if is_login {
        (StatusCode::UNAUTHORIZED, "Bad Request", "Invalid credentials")
    } else {
        (kind.status(), kind.status().canonical_reason().unwrap_or_default(), message)
    };
    let code = status.as_u16();
    (status, json!({ "description": description, "error": error, "status_code": code }))
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code())
    }
}

impl StdError for ApiError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::Malformed(_) => Self::internal(error),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => ErrorKind::TokenExpired.into(),
            TokenError::WrongType(TokenType::Refresh) => ErrorKind::AccessTokenRequired.into(),
            TokenError::WrongType(TokenType::Access) => ErrorKind::RefreshTokenRequired.into(),
            TokenError::LegacyKeysUnread => Self::unavailable(error),
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
            | TokenError::LivesTooLong => ErrorKind::InvalidToken.into(),
        }
    }
}

impl From<SigningError> for ApiError {
    fn from(error: SigningError) -> Self {
        Self::internal(error)
    }
}

impl From<RandomnessError> for ApiError {
    fn from(error: RandomnessError) -> Self {
        Self::internal(error)
    }
}
