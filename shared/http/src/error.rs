//! The error of a request.
//!
//! A handler returns an [`ApiError`]; [`run`](crate::run) logs it and writes the response.
//! [`ErrorKind`] decides status and code, which are stable.
//! The sentence is fixed too, unless it names a member of the request.
//! Responses never echo input; causes go to the log only.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use lambda_http::{
    Body, Response,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use latchkey_session::StoreError;
use latchkey_token::{RandomnessError, SigningError, TokenError, TokenType, UserId};
use serde_json::{Value, json};

use crate::{
    ErrorKind,
    error_kind::{Challenge, Row},
    response::json_response,
};

/// The cause of a fault, for the log only.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// `Retry-After` of a 503, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// The shape of an error body.
#[derive(Clone, Copy, Debug)]
pub enum ErrorShape<'a> {
    /// `{"error","msg","request_id"}`.
    Latchkey {
        /// API Gateway's id of the request.
        request_id: &'a str,
        /// Name of the member with the sentence, by default `msg`.
        message_key: &'a str,
    },
    /// The shape of Flask-JWT: `{"description","error","status_code"}`.
    FlaskJwt,
}

/// A refused or failed request: kind, sentence, and optionally response headers and a cause.
///
/// `?` converts [`StoreError`], [`TokenError`], [`SigningError`], [`RandomnessError`] and
/// [`ErrorKind`].
#[derive(Debug)]
pub struct ApiError {
    kind: ErrorKind,
    message: Cow<'static, str>,
    reasons: Vec<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
    user: Option<UserId>,
}

impl From<ErrorKind> for ApiError {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind, kind.row().2)
    }
}

impl ApiError {
    /// An error with a sentence of your own. Status, code and challenge follow from `kind`.
    ///
    /// The challenge of a 401 repeats the sentence in `error_description`: use printable ASCII
    /// without `"` and `\` (RFC 6750 §3).
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self { kind, message, reasons: Vec::new(), headers: Vec::new(), cause: None, user: None }
    }

    /// 400 `invalid_request`: `message` says what is malformed.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// 400 `invalid_request` for a member of the body. `reason` completes the sentence
    /// "`member` …".
    pub fn member(member: &str, reason: impl fmt::Display) -> Self {
        Self::invalid(format!("{member} {reason}"))
    }

    /// Refuses the new password in `member` of the body: 422 `weak_password` with the codes
    /// `reasons`, or, if there are none, 400 `invalid_request` with the sentence `error`.
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

    /// 403 `insufficient_role`: the user lacks `role`, which the sentence names.
    pub fn insufficient_role(role: &str) -> Self {
        Self::new(ErrorKind::InsufficientRole, format!("Role required: {role}"))
    }

    /// 401 `fresh_token_required`. The challenge carries `max_age` in seconds; 0 means any fresh
    /// token (RFC 9470 §3).
    pub fn fresh_token_required(max_age: Duration) -> Self {
        let max_age = max_age.as_secs();
        let error = Self::from(ErrorKind::FreshTokenRequired);
        let challenge = format!(
            r#"{BEARER}, error="insufficient_user_authentication", error_description="{}", max_age={max_age}"#,
            error.message
        );
        error.with_header(WWW_AUTHENTICATE, &challenge)
    }

    /// 429 `rate_limited` with `Retry-After` in seconds (RFC 6585 §4): the next attempt is allowed
    /// after `wait`.
    pub fn rate_limited(wait: Duration) -> Self {
        let seconds = wait.as_secs().max(1).to_string();
        Self::from(ErrorKind::RateLimited).with_header(RETRY_AFTER, &seconds)
    }

    /// 405 `method_not_allowed` with `allowed` as the `Allow` header (RFC 9110 §10.2.1).
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        Self::from(ErrorKind::MethodNotAllowed).with_header(ALLOW, allowed)
    }

    /// 500 `internal`: a defect of the service. The log gets `cause`.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..ErrorKind::Internal.into() }
    }

    /// 503 `unavailable` with `Retry-After: 1`: a dependency did not answer. The log gets `cause`.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        let error = Self { cause: Some(cause.into()), ..ErrorKind::Unavailable.into() };
        error.with_header(RETRY_AFTER, RETRY_AFTER_SECONDS)
    }

    fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        self
    }

    /// Adds response headers, such as the `Set-Cookie` headers that clear cookies. A
    /// `WWW-Authenticate` among them replaces the challenge of the kind.
    #[must_use]
    pub fn with_header_map(mut self, headers: &HeaderMap) -> Self {
        self.headers.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// Names the account that the request was about, for the audit event.
    #[must_use]
    pub fn for_user(self, user: &UserId) -> Self {
        Self { user: Some(user.clone()), ..self }
    }

    /// The account that the request was about, if it is known.
    pub(crate) const fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// The kind, which decides status and code. Match on it to handle errors.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence: the `msg` member of the body.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The cause of a fault. It goes to the log, never to the client.
    pub fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }

    /// The response with status, headers, and a body in the given shape.
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

/// The body of Flask-JWT. Missing and wrong credentials share one answer there.
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
