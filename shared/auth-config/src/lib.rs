#![doc = include_str!("../README.md")]

mod environment;
mod functions;
mod groups;

pub use environment::{ConfigError, Environment, Variables};
pub use functions::{
    AuthorizerConfig, DiscoveryConfig, LoginConfig, ON_A_LAPTOP, ProtectedConfig, SignupConfig,
    WorkItemsConfig, log_settings, variables_of,
};
