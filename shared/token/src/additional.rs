//! Claims and headers of an application.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::header;

/// The claims that an application cannot set.
pub(crate) const RESERVED_CLAIMS: [&str; 15] = [
    "aud",
    "auth_time",
    "csrf",
    "exp",
    "fresh",
    "gen",
    "iat",
    "iss",
    "jti",
    "nbf",
    "roles",
    "sid",
    "sub",
    "type",
    "username",
];

/// A verifier accepts tokens of 8 KiB, API Gateway 10,240 bytes of headers in all, and base64 turns
/// three bytes into four.
const MAX_CLAIMS_BYTES: usize = 4 * 1024;
const MAX_HEADERS_BYTES: usize = 512;
/// With `alg`, `kid` and `typ`, fewer than a verifier accepts.
const MAX_HEADERS: usize = 8;

/// Why claims or headers of an application are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdditionalError {
    /// The name has a fixed meaning.
    #[error("{0:?} is reserved")]
    Reserved(String),
    /// As JSON, the claims have more than 4 KiB or the headers more than 512 bytes, or there are more
    /// than eight headers: a token with them would be refused.
    #[error("the additional members are too many or too long")]
    TooLarge,
}

/// Claims of an application: any JSON under any name that is not reserved, 4 KiB at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AdditionalClaims(Map<String, Value>);

impl AdditionalClaims {
    /// Checks names and size.
    ///
    /// # Errors
    /// [`AdditionalError::Reserved`] and [`AdditionalError::TooLarge`].
    pub fn new(claims: Map<String, Value>) -> Result<Self, AdditionalError> {
        check(&claims, &RESERVED_CLAIMS, MAX_CLAIMS_BYTES)?;
        Ok(Self(claims))
    }

    /// The claim with that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether there are no claims.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All claims.
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The claims of a verified token besides the reserved ones.
    pub(crate) const fn of_token(rest: Map<String, Value>) -> Self {
        Self(rest)
    }
}

/// Headers of an application; a verifier skips them.
pub(crate) fn check_headers(headers: &Map<String, Value>) -> Result<(), AdditionalError> {
    check(headers, &[header::REFUSED.as_slice(), &header::OURS].concat(), MAX_HEADERS_BYTES)?;
    if headers.len() > MAX_HEADERS { Err(AdditionalError::TooLarge) } else { Ok(()) }
}

fn check(
    members: &Map<String, Value>,
    reserved: &[&str],
    max_bytes: usize,
) -> Result<(), AdditionalError> {
    if let Some(name) = members.keys().find(|name| reserved.contains(&name.as_str())) {
        return Err(AdditionalError::Reserved(name.clone()));
    }
    let bytes = serde_json::to_string(members).map_or(usize::MAX, |json| json.len());
    if bytes > max_bytes { Err(AdditionalError::TooLarge) } else { Ok(()) }
}
