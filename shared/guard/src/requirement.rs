//! Requirements of a route.

use std::time::Duration;

use latchkey_http::ApiError;
use latchkey_token::Timestamp;

use crate::Identity;

/// What a route requires beyond a valid access token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    freshness: Option<Freshness>,
    role: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    Fresh,
    Within(Duration),
}

impl Requirement {
    /// Any valid access token.
    pub const TOKEN: Self = Self { freshness: None, role: None };

    /// A fresh token: issued for a password, not for a refresh token. Otherwise 401
    /// `fresh_token_required`.
    pub const FRESH: Self = Self { freshness: Some(Freshness::Fresh), role: None };

    /// A fresh token whose user proved the password less than `max_age` ago, in whole seconds.
    /// Otherwise 401 `fresh_token_required`, with `max_age` in the challenge (RFC 9470 §3).
    pub const fn fresh_within(max_age: Duration) -> Self {
        Self { freshness: Some(Freshness::Within(max_age)), role: None }
    }

    /// A user who had `role` when the token was issued. Otherwise 403 `insufficient_role`.
    pub const fn role(role: &'static str) -> Self {
        Self { freshness: None, role: Some(role) }
    }

    /// Adds a role to the requirement, in place of an earlier one.
    #[must_use]
    pub const fn and_role(self, role: &'static str) -> Self {
        Self { role: Some(role), ..self }
    }

    pub(crate) fn check(self, caller: &Identity, now: Timestamp) -> Result<(), ApiError> {
        let claims = caller.claims();
        let (is_met, max_age) = match self.freshness {
            None => (true, Duration::ZERO),
            Some(Freshness::Fresh) => (claims.fresh, Duration::ZERO),
            Some(Freshness::Within(max_age)) => {
                (claims.fresh && now < claims.auth_time + max_age, max_age)
            }
        };
        if !is_met {
            return Err(ApiError::fresh_token_required(max_age));
        }
        match self.role {
            Some(role) if !caller.has_role(role) => Err(ApiError::insufficient_role(role)),
            Some(_) | None => Ok(()),
        }
    }
}
