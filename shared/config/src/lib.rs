#![doc = include_str!("../README.md")]

mod environment;
mod functions;
mod guard;
mod keys;
mod locations;
mod settings;
mod variables;

pub use environment::{ConfigError, Environment, log_settings};
pub use functions::{FUNCTIONS, check, variables_of};
pub use guard::GuardSettings;
pub use variables::{SECTIONS, Values, Variable};
