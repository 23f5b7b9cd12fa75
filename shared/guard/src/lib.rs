#![doc = include_str!("../README.md")]

mod account;
mod context;
mod cookies;
mod delivery;
mod fields;
mod guard;
mod identity;
mod layer;
mod locations;
mod logout;
mod reader;
mod requirement;
mod revocation;
mod token_response;

pub use account::{Caller, legacy_user};
pub use context::to_context;
pub use cookie::SameSite;
pub use cookies::{CookiePair, CookiePlace, CookieSettings};
pub use guard::Guard;
pub use identity::Identity;
pub use lambda_http::http::HeaderName;
pub use layer::{GuardLayer, Guarded};
pub use locations::{TokenLocation, TokenLocations};
pub use reader::{Presented, TokenReader, claimed_username};
pub use requirement::Requirement;
pub use revocation::RevocationCheck;
pub use token_response::{Delivery, SessionOf, token_response};
