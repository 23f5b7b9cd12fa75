#![doc = include_str!("../README.md")]

mod email;
mod rotation;
mod session;
mod start;
mod user;
mod username;

pub use email::{Email, EmailError};
pub use rotation::{Judgement, Rotation, RotationPolicy};
pub use session::{Client, Session, SessionLifetimes, SessionState, Sessions};
pub use start::{SessionPolicy, StartedSession};
pub use user::{AccountStatus, User};
pub use username::{Username, UsernameError};
