//! Strict parsing of JSON request bodies.

use std::fmt;

use lambda_http::{
    Request,
    http::{
        HeaderMap, HeaderName,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use latchkey_session::Username;
use latchkey_token::parse_object;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{
    ApiError, ErrorKind,
    fields::{elements, split_unquoted},
};

/// The longest body that is parsed, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// A request body: one JSON object. Unknown members have no effect.
pub struct JsonBody(Map<String, Value>);

/// Prints no members, because bodies hold passwords.
impl fmt::Debug for JsonBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonBody").finish_non_exhaustive()
    }
}

impl JsonBody {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// - 413 [`PayloadTooLarge`](ErrorKind::PayloadTooLarge) over 16 KiB.
    /// - 415 [`UnsupportedMediaType`](ErrorKind::UnsupportedMediaType) unless the request has one
    ///   `Content-Type: application/json`, with charset UTF-8 if any, and no `Content-Encoding`
    ///   other than `identity`.
    /// - 400 [`InvalidRequest`](ErrorKind::InvalidRequest) unless the body is one JSON object in
    ///   UTF-8 without repeated members.
    pub fn parse(request: &Request) -> Result<Self, ApiError> {
        Self::read(request.headers(), request.body())
    }

    /// Parses a body that arrived with `headers`.
    ///
    /// # Errors
    /// As [`JsonBody::parse`].
    pub fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, ApiError> {
        if bytes.len() > MAX_BODY_BYTES {
            return Err(ErrorKind::PayloadTooLarge.into());
        }
        if !is_plain_json(headers) {
            return Err(ErrorKind::UnsupportedMediaType.into());
        }
        let malformed = "The request body must be one JSON object without repeated members";
        parse_object(bytes).map(Self).ok_or_else(|| ApiError::invalid(malformed))
    }

    /// The member as JSON of any type; `None` if it is missing.
    pub fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member)
    }

    /// A required string, which may be empty.
    ///
    /// # Errors
    /// 400 [`InvalidRequest`](ErrorKind::InvalidRequest) if the member is missing, `null` or not a
    /// string.
    pub fn required(&self, member: &str) -> Result<&str, ApiError> {
        self.optional(member)?.ok_or_else(|| ApiError::member(member, "is missing"))
    }

    /// An optional string; `None` if the member is missing or `null`.
    ///
    /// # Errors
    /// 400 [`InvalidRequest`](ErrorKind::InvalidRequest) if the member has another type.
    pub fn optional(&self, member: &str) -> Result<Option<&str>, ApiError> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::member(member, "must be a string")),
        }
    }

    /// A required password, which is not empty.
    ///
    /// # Errors
    /// 400 [`InvalidRequest`](ErrorKind::InvalidRequest) if the member is missing, empty or not a
    /// string.
    pub fn secret(&self, member: &str) -> Result<SecretString, ApiError> {
        match self.required(member)? {
            "" => Err(ApiError::member(member, "is missing")),
            text => Ok(SecretString::from(text)),
        }
    }

    /// The member `username`.
    ///
    /// # Errors
    /// 400 [`InvalidRequest`](ErrorKind::InvalidRequest) if the member is missing, not a string or
    /// not a valid user name.
    pub fn username(&self) -> Result<Username, ApiError> {
        let username = self.required("username")?;
        Username::parse(username).map_err(|error| ApiError::member("username", error))
    }

    /// The members `username` and `password`.
    ///
    /// # Errors
    /// 400 [`MissingCredentials`](ErrorKind::MissingCredentials) if one is missing or empty;
    /// 400 [`InvalidRequest`](ErrorKind::InvalidRequest) if one is not a string, or `username` is
    /// not a valid user name.
    pub fn credentials(&self) -> Result<(Username, SecretString), ApiError> {
        let (username, password) = (self.credential("username")?, self.credential("password")?);
        let username =
            Username::parse(username).map_err(|error| ApiError::member("username", error))?;
        Ok((username, SecretString::from(password)))
    }

    fn credential(&self, member: &str) -> Result<&str, ApiError> {
        match self.0.get(member) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            None | Some(Value::String(_)) => Err(ErrorKind::MissingCredentials.into()),
            Some(_) => Err(ApiError::member(member, "must be a string")),
        }
    }
}

/// Whether the headers declare uncompressed JSON in UTF-8. Browsers send this type to another
/// origin only after a CORS preflight, which is why no other type is accepted.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else {
        return false;
    };
    let mut parts = split_unquoted(content_type.as_bytes(), b';');
    let is_json =
        parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/json"));
    let mut codings = elements(headers, &CONTENT_ENCODING);
    is_json
        && parts.all(|parameter| parameter.is_empty() || is_parameter_of_json(parameter))
        && codings.all(|coding| coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether this is a parameter (RFC 9110 §5.6.6). A `charset` must be UTF-8 in one of its usual
/// spellings.
fn is_parameter_of_json(parameter: &[u8]) -> bool {
    let is_token = |text: &[u8]| HeaderName::from_bytes(text).is_ok();
    let end = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
    let (name, value) = parameter.split_at_checked(end).unwrap_or_default();
    let Some(value) = value.strip_prefix(b"=").filter(|_| is_token(name)) else {
        return false;
    };
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    let is_utf8 =
        |value: &[u8]| [&b"utf-8"[..], b"utf8"].iter().any(|utf8| value.eq_ignore_ascii_case(utf8));
    let is_fine = |value: &[u8]| !name.eq_ignore_ascii_case(b"charset") || is_utf8(value);
    match quoted {
        Some(quoted) => {
            is_fine(&quoted.iter().copied().filter(|b| *b != b'\\').collect::<Vec<_>>())
        }
        None => is_token(value) && is_fine(value),
    }
}
