//! Strict parsing of the JOSE header.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::json;

/// Issued tokens have three members and up to eight application headers.
const MAX_MEMBERS: usize = 16;

/// Members that change how a token is read or which key verifies it. Tokens with any of them are
/// refused (RFC 7515 §4.1.11, RFC 7797 §7, RFC 8725 §3.10).
pub(crate) const REFUSED: [&str; 11] =
    ["b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5t", "x5t#S256", "x5u", "zip"];

/// The members that issuers write and verifiers read.
pub(crate) const OURS: [&str; 3] = ["alg", "kid", "typ"];

/// The header before the signature is checked. Issued tokens have all three members. Legacy tokens
/// have no `kid` and may lack `typ`.
#[derive(Deserialize)]
pub(crate) struct UnverifiedHeader {
    pub(crate) alg: String,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) kid: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) typ: Option<String>,
}

impl UnverifiedHeader {
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        let members = json::parse_object(json)?;
        if members.len() > MAX_MEMBERS || REFUSED.iter().any(|name| members.contains_key(*name)) {
            return None;
        }
        serde_json::from_value(Value::Object(members)).ok()
    }
}

fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}
