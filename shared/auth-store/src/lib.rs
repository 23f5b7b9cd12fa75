#![doc = include_str!("../README.md")]

mod dynamodb;
mod error;
mod keys;
mod memory;
mod rings;
mod secrets;
mod sessions;
mod users;
mod work_items;

pub use dynamodb::{Aws, DynamoKeys, DynamoUsers, DynamoWorkItems};
pub use error::{StoreError, with_causes};
pub use keys::{KeptKeys, KeyLocation, KeySource, KeySourceError, TrustedKeys};
pub use memory::{MemoryUsers, MemoryWorkItems};
pub use rings::{
    DescribeRings, FindPublishedRing, FindRing, MoveRing, Publication, PublishOutcome, PublishRing,
    PublishedText, PutRing, RingStage, RingVersions, StartRotation,
};
pub use secrets::SecretRings;
pub use sessions::{
    AccountChange, AccountChangeOutcome, ChangePassword, EndSession, EndSessions, EndedSessions,
    FindSession, PasswordChange, RemoveUser, RotateSession, RotateSessionOutcome, SessionEnd,
    SessionStart, StartSession, StartSessionOutcome,
};
pub use users::{AddUser, AddUserOutcome, FindLegacyUser, FindUser, LegacyUser};
pub use work_items::{AddWorkItem, ListWorkItems, RemoveWorkItem, WorkItem, WorkItemPage};
