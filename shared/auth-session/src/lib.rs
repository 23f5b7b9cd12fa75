#![doc = include_str!("../README.md")]

mod email;
mod session;
mod user;
mod username;

pub use email::{Email, EmailError};
pub use session::{Client, Session, SessionPolicy, SessionState, StartedSession};
pub use user::{AccountStatus, User};
pub use username::{Username, UsernameError};
