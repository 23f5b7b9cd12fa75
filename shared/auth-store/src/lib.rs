#![doc = include_str!("../README.md")]

mod dynamodb;
mod error;
mod keys;
mod memory;
mod sessions;
mod users;
mod work_items;

pub use dynamodb::{Aws, DynamoUsers, DynamoWorkItems};
pub use error::StoreError;
pub use keys::{KeyLocation, KeySource, KeySourceError, TrustedKeys};
pub use memory::{MemoryUsers, MemoryWorkItems};
pub use sessions::{
    AccountChange, AccountChangeOutcome, ChangePassword, EndSession, EndSessions, EndedSessions,
    FindSession, RemoveUser, RotateSession, RotateSessionOutcome, SessionEnd, SessionStart,
    StartSession, StartSessionOutcome,
};
pub use users::{AddUser, AddUserOutcome, FindUser};
pub use work_items::{AddWorkItem, ListWorkItems, RemoveWorkItem, WorkItem};
