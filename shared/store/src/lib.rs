#![doc = include_str!("../README.md")]

mod aws_error;
mod dynamodb;
mod error;
mod keys;
mod kms;
mod memory;
mod secrets;
mod sessions;
mod users;
mod work_items;

pub use dynamodb::{Aws, DynamoKeyRing, DynamoUsers, DynamoWorkItems};
pub use error::{StoreError, with_causes};
pub use keys::{KeyLocation, KeySource, KeySourceError, RingSigning, TrustedKeys};
pub use kms::KmsKey;
pub use memory::{MemoryUsers, MemoryWorkItems};
pub use sessions::{
    AccountChange, AccountChangeOutcome, ChangePassword, EndSession, EndSessions, EndedSessions,
    FindSession, PasswordChange, RemoveUser, RotateSession, RotateSessionOutcome, SessionEnd,
    SessionStart, StartSession, StartSessionOutcome,
};
pub use users::{AddUser, AddUserOutcome, FindLegacyUser, FindUser, LegacyUser};
pub use work_items::{AddWorkItem, ListWorkItems, RemoveWorkItem, WorkItem, WorkItemPage};
