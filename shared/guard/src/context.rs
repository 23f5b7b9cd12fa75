//! The context that the authorizer passes to the back end through API Gateway.

use std::{collections::HashMap, fmt::Write as _};

use latchkey_token::{
    AccessClaims, AdditionalClaims, SessionId, Subject, Timestamp, TokenId, UserId,
};

use crate::Identity;

/// The caller in an authorizer context; `None` unless the context is complete.
pub(crate) fn from_context(context: &HashMap<String, String>) -> Option<Identity> {
    let text = |name: &str| context.get(name).map(String::as_str);
    let time = |name: &str| text(name)?.parse().ok().map(Timestamp::from_unix);
    let (id, username) = (UserId::parse(text("sub")?)?, text("username")?.to_owned());
    // A legacy token has neither id.
    let (session, token) = match (text("sid")?, text("jti")?) {
        ("", "") => (None, None),
        (session, token) => (Some(SessionId::parse(session)?), Some(TokenId::parse(token)?)),
    };
    let claims = AccessClaims {
        subject: Subject::User { id: id.clone(), username: username.clone() },
        session,
        token,
        auth_time: time("auth_time")?,
        expires_at: time("exp")?,
        fresh: text("fresh")?.parse().ok()?,
        roles: serde_json::from_str(text("roles")?).ok()?,
        csrf: None,
        claims: AdditionalClaims::default(),
    };
    Some(Identity::new(id, username, claims))
}

/// The authorizer context of a caller: `sub`, `username`, `sid`, `jti`, `roles` (a JSON array),
/// `fresh`, `auth_time` and `exp` (Unix seconds). All values are strings, which every type of API
/// passes on unchanged. A legacy token has empty `sid` and `jti`.
pub fn to_context(caller: &Identity) -> [(&'static str, String); 8] {
    let claims = caller.claims();
    [
        ("sub", caller.user().to_string()),
        ("username", caller.username().to_owned()),
        ("sid", claims.session.as_ref().map(SessionId::to_string).unwrap_or_default()),
        ("jti", claims.token.as_ref().map(TokenId::to_string).unwrap_or_default()),
        ("roles", ascii_array(&claims.roles)),
        ("fresh", claims.fresh.to_string()),
        ("auth_time", claims.auth_time.unix().to_string()),
        ("exp", claims.expires_at.unix().to_string()),
    ]
}

/// A JSON array in ASCII, which survives every gateway and header.
fn ascii_array(texts: &[String]) -> String {
    let json = serde_json::Value::from(texts).to_string();
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _: Result<(), _> = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}
