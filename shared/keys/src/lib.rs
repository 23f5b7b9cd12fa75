#![doc = include_str!("../README.md")]

mod cache;
mod command;
mod error;
mod ring;
mod rules;
mod seal;
mod store;

pub use cache::{FetchKeys, KeyCache, MAX_STALE_AGE};
pub use command::{KeyCommand, KeyReport};
pub use error::RingError;
pub use ring::{KeyRing, KeyState, NewKey, PublicRing, RetiredKey, RingKey};
pub use rules::{KeyPolicy, MAX_PREVIOUS, MIN_PUBLIC_TIME};
pub use seal::{Open, Seal, open_current};
pub use store::{
    ReadRing, RingItem, WriteOutcome, WriteRing, create_ring, reset_ring, update_ring,
};
