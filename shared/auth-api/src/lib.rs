#![doc = include_str!("../README.md")]

mod body;
mod cookies;
mod error;
mod event;
mod guard;
mod locations;
mod logging;
mod presented;
mod response;
mod serve;
mod start;
mod start_error;
mod tokens;

pub use body::JsonBody;
pub use cookie::SameSite;
pub use cookies::{CookiePair, CookiePlace, CookieSettings, CsrfError};
pub use error::{ApiError, Cause};
pub use event::Gateway;
pub use guard::{
    Guard, GuardLayer, GuardSettings, Guarded, Identity, Refusal, Requirement, RevocationCheck,
    SessionCheck, to_context,
};
pub use lambda_http::http::HeaderName;
pub use locations::{TokenBody, TokenLocation, TokenLocations, bearer_token};
pub use logging::{LogSettings, start_logging};
pub use presented::{RefreshToken, TokenReader, TokenVerifiers, claimed_username};
pub use response::{empty, json, rfc3339};
pub use serve::{ErrorSettings, FLASK_JWT_PATH, GatewayAnswer, allow_only, answer, in_time, run};
pub use start::{Proven, client, start_session};
pub use start_error::StartError;
pub use tokens::{Delivery, Freshness, SessionOf, token_answer};
