#![doc = include_str!("../README.md")]

mod body;
mod caller;
mod cookies;
mod delivery;
mod ending;
mod error;
mod event;
mod fields;
mod guard;
mod lenient;
mod locations;
mod logging;
mod path;
mod presented;
mod response;
mod serve;
mod signing_keys;
mod start;
mod start_error;
mod tokens;

pub use body::JsonBody;
pub use caller::{Caller, legacy_user};
pub use cookie::SameSite;
pub use cookies::{CookiePair, CookiePlace, CookieSettings, CsrfError};
pub use error::{ApiError, Cause};
pub use event::{Gateway, header_value};
pub use guard::{
    Guard, GuardLayer, GuardSettings, Guarded, Identity, Refusal, Requirement, RevocationCheck,
    SessionCheck, to_context,
};
pub use lambda_http::http::HeaderName;
pub use lenient::Lenient;
pub use locations::{TokenBody, TokenLocation, TokenLocations};
pub use logging::{LogSettings, start_logging};
pub use presented::{RefreshToken, TokenReader, TokenVerifiers, claimed_username};
pub use response::{empty, json, rfc3339};
pub use serve::{
    ErrorAnswer, ErrorSettings, FLASK_JWT_PATH, GatewayAnswer, HttpSettings, allow_only, answer,
    in_time, run,
};
pub use signing_keys::SigningKeys;
pub use start::{Proven, client, new_session, start_session};
pub use start_error::StartError;
pub use tokens::{Delivery, Freshness, SessionOf, token_answer};
