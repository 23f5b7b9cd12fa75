//! Who is calling.

use latchkey_token::{AccessClaims, UserId};

use crate::TokenLocation;

/// Who is calling. Only the guard makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    claims: AccessClaims,
    location: Option<TokenLocation>,
}

impl Identity {
    /// The claims must have been checked.
    pub(super) const fn new(claims: AccessClaims) -> Self {
        Self { claims, location: None }
    }

    pub(super) fn found_in(self, location: TokenLocation) -> Self {
        Self { location: Some(location), ..self }
    }

    /// Where the token was; `None` when somebody else looked for it.
    pub const fn location(&self) -> Option<TokenLocation> {
        self.location
    }

    /// The user's immutable identifier: what data is filed under.
    pub const fn user(&self) -> &UserId {
        &self.claims.user
    }

    /// The user name as it was typed at sign-up: what people are shown.
    pub fn username(&self) -> &str {
        &self.claims.username
    }

    /// Whether the user had that role when the token was issued.
    pub fn has_role(&self, role: &str) -> bool {
        self.claims.roles.iter().any(|owned| owned == role)
    }

    /// Everything that the token says.
    pub const fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}
