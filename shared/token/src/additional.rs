//! Application claims and headers of access tokens.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::header;

/// Claim names that an application cannot set.
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

/// Leaves room below the verifier's 8 KiB per token and API Gateway's 10,240 bytes of headers:
/// base64 adds a third.
const MAX_CLAIMS_BYTES: usize = 4 * 1024;
const MAX_HEADERS_BYTES: usize = 512;
/// With `alg`, `kid` and `typ` this stays below the 16 header members that a verifier accepts.
const MAX_HEADERS: usize = 8;

/// Why [`AdditionalClaims::new`] or [`Issuer::with_headers`](crate::Issuer::with_headers) refuses
/// application claims or headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdditionalError {
    /// The named claim or header has a fixed meaning in tokens, such as `sub` or `kid`.
    #[error("{0:?} is reserved")]
    Reserved(String),
    /// As JSON, the claims exceed 4 KiB or the headers exceed 512 bytes, or there are more than
    /// eight headers. Verifiers would refuse such tokens.
    #[error("the additional members are too many or too long")]
    TooLarge,
}

/// Application claims of an access token: any JSON under any name that is not
/// [reserved](crate#claims-and-headers-of-an-application), at most 4 KiB as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AdditionalClaims(Map<String, Value>);

impl AdditionalClaims {
    /// Validates names and size.
    ///
    /// # Errors
    /// [`AdditionalError::Reserved`] for a reserved name; [`AdditionalError::TooLarge`] for more
    /// than 4 KiB of JSON.
    pub fn new(claims: Map<String, Value>) -> Result<Self, AdditionalError> {
        check(&claims, &RESERVED_CLAIMS, MAX_CLAIMS_BYTES)?;
        Ok(Self(claims))
    }

    /// The value of the claim `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether there are no claims.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All claims by name.
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The claims of a verified token that are not reserved. Their size is not checked again.
    pub(crate) const fn of_token(rest: Map<String, Value>) -> Self {
        Self(rest)
    }
}

/// Validates application headers. Verifiers ignore them.
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
