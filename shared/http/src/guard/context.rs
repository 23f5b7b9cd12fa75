//! The context that our authorizer gives the gateway, and that the gateway gives the back end.

use std::{collections::HashMap, fmt::Write as _};

use latchkey_token::{AccessClaims, AdditionalClaims, SessionId, Timestamp, TokenId, UserId};

use super::Identity;

/// The caller in the context that our authorizer returned; `None` unless it is complete.
pub(super) fn from_context(context: &HashMap<String, String>) -> Option<Identity> {
    let text = |name: &str| context.get(name).map(String::as_str);
    let moment = |name: &str| text(name)?.parse().ok().map(Timestamp::from_unix);
    Some(Identity::new(AccessClaims {
        user: UserId::parse(text("sub")?)?,
        username: text("username")?.to_owned(),
        session: SessionId::parse(text("sid")?)?,
        token: TokenId::parse(text("jti")?)?,
        auth_time: moment("auth_time")?,
        expires_at: moment("exp")?,
        fresh: text("fresh")?.parse().ok()?,
        roles: serde_json::from_str(text("roles")?).ok()?,
        csrf: None,
        claims: AdditionalClaims::default(),
    }))
}

/// The context that our authorizer returns for a caller; strings only, which every kind of API
/// hands on unchanged. The roles are a JSON array, because a role may be any text.
pub fn to_context(identity: &Identity) -> [(&'static str, String); 8] {
    let claims = identity.claims();
    [
        ("sub", claims.user.to_string()),
        ("username", claims.username.clone()),
        ("sid", claims.session.to_string()),
        ("jti", claims.token.to_string()),
        ("roles", ascii_array(&claims.roles)),
        ("fresh", claims.fresh.to_string()),
        ("auth_time", claims.auth_time.unix().to_string()),
        ("exp", claims.expires_at.unix().to_string()),
    ]
}

/// A JSON array in ASCII, which no gateway or header on the way can spoil.
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
