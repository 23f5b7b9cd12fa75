#![doc = include_str!("../README.md")]

mod body;
mod error;
mod event;
mod guard;
mod logging;
mod response;
mod serve;

pub use body::JsonBody;
pub use error::{ApiError, Cause};
pub use event::Gateway;
pub use guard::{
    Guard, GuardSettings, Identity, Refusal, RevocationCheck, bearer_token, to_context,
};
pub use logging::{LogSettings, start_logging};
pub use response::{TokenAnswer, empty, json, rfc3339};
pub use serve::{GatewayAnswer, allow_only, answer, run};
