#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test helpers may panic"
)]

pub mod authorizer_event;
#[cfg(feature = "emulator")]
pub mod cloud;
#[cfg(feature = "emulator")]
mod emulator;
pub mod event;
pub mod fixtures;
pub mod flask;
pub mod forge;
pub mod proxy;
pub mod stale_reads;
pub mod unavailable;

#[cfg(feature = "emulator")]
pub use emulator::{dynamodb, template, template_with};
