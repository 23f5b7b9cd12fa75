//! Who is calling.

use auth_token::{AccessClaims, UserId};

/// Who is calling. Only the guard makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(AccessClaims);

impl Identity {
    /// The claims must have been checked.
    pub(super) const fn new(claims: AccessClaims) -> Self {
        Self(claims)
    }

    /// The user's immutable identifier: what data is filed under.
    pub const fn user(&self) -> &UserId {
        &self.0.user
    }

    /// The user name as it was typed at sign-up: what people are shown.
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// Whether the user had that role when the token was issued.
    pub fn has_role(&self, role: &str) -> bool {
        self.0.roles.iter().any(|owned| owned == role)
    }

    /// Everything that the token says.
    pub const fn claims(&self) -> &AccessClaims {
        &self.0
    }
}
