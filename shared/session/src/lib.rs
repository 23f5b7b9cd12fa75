#![doc = include_str!("../README.md")]

mod account;
mod claim;
mod code;
mod command;
mod edit;
mod email;
mod limit;
mod report;
mod rotation;
mod session;
mod start;
mod store;
mod store_error;
mod user;
mod username;

pub use account::{Account, AccountWrite, ChangeAccount, ListUsers, ReadBackup, UserPage};
pub use claim::storable_claim;
pub use code::{CODE_LIFETIME, CodeHash, OneTimeCode, OneTimeCodes};
pub use command::UserCommand;
pub use edit::{AccountEdit, EditError, EditOutcome, edit_account, edit_read_account, is_role};
pub use email::{Email, EmailError};
pub use limit::{
    AttemptLimit, AttemptLimitError, Charge, ClearLimit, LimitCondition, LimitKey, LimitOutcome,
    LimitStep, LimitTime, LimitWrite, UpdateLimit, charge, network_of,
};
pub use report::{
    DeletedUser, IssuedCode, PurgedRows, RestoredUsers, SessionReport, UserList, UserReport,
    UserSummary,
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
