//! The authenticated caller.

use latchkey_token::{AccessClaims, UserId};

use crate::TokenLocation;

/// The authenticated caller. Only a [`Guard`](crate::Guard) creates one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    user: UserId,
    username: String,
    claims: AccessClaims,
    location: Option<TokenLocation>,
}

impl Identity {
    pub(crate) const fn new(user: UserId, username: String, claims: AccessClaims) -> Self {
        Self { user, username, claims, location: None }
    }

    pub(crate) fn found_in(self, location: TokenLocation) -> Self {
        Self { location: Some(location), ..self }
    }

    /// Where in the request the token was; `None` for a caller from an authorizer context or from
    /// [`Guard::authenticate_token`](crate::Guard::authenticate_token).
    pub const fn location(&self) -> Option<TokenLocation> {
        self.location
    }

    /// The user's immutable id. Use it as the key of the application's data: a user name can pass
    /// to another person, an id cannot.
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The user name as typed at sign-up, for display.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Whether the user had `role` when the token was issued. Compared byte for byte.
    pub fn has_role(&self, role: &str) -> bool {
        self.claims.roles.iter().any(|owned| owned == role)
    }

    /// The claims of the access token. Application claims are in
    /// [`AccessClaims::claims`]; they are empty for a caller from an authorizer context.
    pub const fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}
