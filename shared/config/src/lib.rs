#![doc = include_str!("../README.md")]

mod environment;
mod functions;
mod groups;
mod keys;
mod places;
mod variables;

pub use environment::{ConfigError, Environment, Variables};
pub use functions::{
    AccountConfig, AdminConfig, AuthorizerConfig, DiscoveryConfig, LoginConfig, LogoutConfig,
    PasswordConfig, ProtectedConfig, RefreshConfig, SignupConfig, WorkItemsConfig, check,
    log_settings,
};
pub use variables::{is_left_to_its_default, variables_of};
