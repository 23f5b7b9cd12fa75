#![doc = include_str!("../README.md")]

mod email;
mod limit;
mod rotation;
mod session;
mod start;
mod store;
mod store_error;
mod user;
mod username;

pub use email::{Email, EmailError};
pub use limit::{
    AttemptLimit, AttemptLimitError, Charge, LimitCondition, LimitKey, LimitOutcome, LimitStep,
    LimitTime, LimitWrite, UpdateLimit, charge,
};
pub use rotation::{RefreshOutcome, Rotation, RotationPolicy};
pub use session::{Client, Session, SessionLifetimes, SessionState, Sessions};
pub use start::{SessionPolicy, StartedSession};
pub use store::{
    AccountChange, AccountChangeOutcome, AddUser, AddUserOutcome, EndedSessions, LegacyUser,
    PasswordChange, ReadUser, RemoveUser, RotateSessionOutcome, SessionEnd, SessionStart,
    UpdateUser,
};
pub use store_error::{StoreError, with_causes};
pub use user::{AccountStatus, User};
pub use username::{Username, UsernameError};
