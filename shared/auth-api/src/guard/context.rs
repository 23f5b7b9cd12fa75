//! The context that our authorizer gives the gateway, and that the gateway gives the back end.

use std::collections::HashMap;

use auth_token::{AccessClaims, AdditionalClaims, SessionId, Timestamp, TokenId, UserId};

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
        roles: text("roles")?.split_whitespace().map(str::to_owned).collect(),
        csrf: None,
        claims: AdditionalClaims::default(),
    }))
}

/// The context that our authorizer returns for a caller; strings only, which every kind of API
/// hands on unchanged.
pub fn to_context(identity: &Identity) -> [(&'static str, String); 8] {
    let claims = identity.claims();
    [
        ("sub", claims.user.to_string()),
        ("username", claims.username.clone()),
        ("sid", claims.session.to_string()),
        ("jti", claims.token.to_string()),
        ("roles", claims.roles.join(" ")),
        ("fresh", claims.fresh.to_string()),
        ("auth_time", claims.auth_time.unix().to_string()),
        ("exp", claims.expires_at.unix().to_string()),
    ]
}
