#![doc = include_str!("../README.md")]

mod body;
mod error;
mod event;
mod guard;
mod logging;
mod presented;
mod response;
mod serve;
mod tokens;

pub use body::JsonBody;
pub use error::{ApiError, Cause};
pub use event::Gateway;
pub use guard::{
    Guard, GuardLayer, GuardSettings, Guarded, Identity, Refusal, Requirement, RevocationCheck,
    SessionCheck, to_context,
};
pub use logging::{LogSettings, start_logging};
pub use presented::{
    access_claims, bearer_token, claimed_username, refresh_claims, session_claims,
};
pub use response::{empty, json, rfc3339};
pub use serve::{GatewayAnswer, allow_only, answer, run};
pub use tokens::{Freshness, SessionOf, token_answer};
