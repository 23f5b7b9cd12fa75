//! The authenticated caller.

use latchkey_token::{AccessClaims, UserId};

use crate::TokenLocation;

/// The authenticated caller. Only the guard makes one.
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

    /// Where the token was; `None` if the guard did not look for it in a request.
    pub const fn location(&self) -> Option<TokenLocation> {
        self.location
    }

    /// The user's immutable id: the key for the application's data.
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The user name as it was typed at sign-up, for display.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Whether the user had that role when the token was issued.
    pub fn has_role(&self, role: &str) -> bool {
        self.claims.roles.iter().any(|owned| owned == role)
    }

    /// The claims of the token.
    pub const fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}
