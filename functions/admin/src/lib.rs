//! Administration: the signing keys and the users.
//!
//! Only IAM principals invoke it: operators with the `latchkey` program, and a daily schedule. It
//! can encrypt private keys but not decrypt them, and it neither sees nor sets passwords.

mod keys;
mod users;

use lambda_runtime::Diagnostic;
use latchkey_http::{AuditEvent, OperatorAction, audit_operator};
use latchkey_keys::{KeyCommand, KeyState, ReadRing, RingError, Seal, WriteRing};
use latchkey_session::{
    AddUser, ChangeAccount, ClearLimit, ListUsers, ReadBackup, RemoveUser, StoreError, UserCommand,
};
use latchkey_store::WorkItemTable;
use latchkey_token::{Timestamp, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

pub use keys::KeyAdmin;
pub use users::{UserAdmin, UserError};

/// The function.
#[derive(Debug)]
pub struct Admin<R, K, U, L, W> {
    /// Runs key commands.
    pub keys: KeyAdmin<R, K>,
    /// Runs user commands.
    pub users: UserAdmin<U, L, W>,
}

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The event is not a command.
    #[error("not a command, such as {{\"command\":\"keys.list\"}}: {0}")]
    Request(serde_json::Error),
    /// The key ring cannot be read or changed.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The user cannot be read or changed.
    #[error(transparent)]
    User(#[from] UserError),
}

impl AdminError {
    /// The type of the function's error, and the error code in audit events. After `Unavailable` the
    /// change may have been made.
    const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Request(_) | Self::User(UserError::Argument(..)) => {
                ("Request", "invalid_request")
            }
            Self::User(UserError::NotFound) => ("NotFound", "not_found"),
            Self::Ring(RingError::Unavailable(_) | RingError::Conflict)
            | Self::User(UserError::Conflict | UserError::Store(StoreError::Unavailable(_))) => {
                ("Unavailable", "unavailable")
            }
            Self::Ring(_) | Self::User(_) => ("Refused", "refused"),
        }
    }
}

impl From<AdminError> for Diagnostic {
    fn from(error: AdminError) -> Self {
        let (error_type, _) = error.kind();
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// The members that every command may have.
#[derive(Deserialize)]
struct Envelope {
    command: String,
    /// Who calls, by the `latchkey` program's own account.
    #[serde(default)]
    caller: Option<String>,
}

enum Command {
    Keys(KeyCommand),
    Users(UserCommand),
}

impl Command {
    fn parse(mut event: Value) -> Result<(Self, Envelope), serde_json::Error> {
        let envelope = Envelope::deserialize(&event)?;
        if let Some(members) = event.as_object_mut() {
            members.remove("caller");
        }
        let command = if envelope.command.starts_with("users.") {
            Self::Users(serde_json::from_value(event)?)
        } else {
            Self::Keys(serde_json::from_value(event)?)
        };
        Ok((command, envelope))
    }

    /// What the operator wrote in it.
    fn comment(&self) -> Option<&str> {
        match self {
            Self::Users(UserCommand::Disable { reason, .. }) => Some(reason),
            Self::Users(UserCommand::EndSessions { restored_from, .. }) => restored_from.as_deref(),
            Self::Users(UserCommand::Restore { table, .. }) => Some(table),
            Self::Users(_) | Self::Keys(_) => None,
        }
    }
}

/// An answer, and what the audit event says about it.
pub(crate) struct Outcome {
    pub(crate) answer: Value,
    pub(crate) user: Option<UserId>,
    pub(crate) key: Option<String>,
}

impl<R, K, U, L, W> Admin<R, K, U, L, W>
where
    R: ReadRing + WriteRing,
    K: Seal,
    U: AddUser + ChangeAccount + ListUsers + ReadBackup + RemoveUser,
    L: ClearLimit,
    W: WorkItemTable,
{
    /// Runs a command and writes its audit event. `request_id` is that of the invocation.
    ///
    /// # Errors
    /// Every variant of [`AdminError`]. Nothing has changed, except that after `Unavailable` the
    /// write may have succeeded.
    pub async fn handle(
        &self,
        event: Value,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Value, AdminError> {
        let (command, envelope) = Command::parse(event).map_err(AdminError::Request)?;
        let outcome = self.run(&command, now).await;
        if let Some(event) = AuditEvent::of_command(&envelope.command) {
            let done = outcome.as_ref().ok();
            audit_operator(
                event,
                &OperatorAction {
                    claimed_caller: envelope.caller.as_deref(),
                    request_id,
                    user: done.and_then(|done| done.user.as_ref()),
                    key: done.and_then(|done| done.key.as_deref()),
                    comment: command.comment(),
                    failure: outcome.as_ref().err().map(|error| error.kind().1),
                },
            );
        }
        outcome.map(|outcome| outcome.answer)
    }

    async fn run(&self, command: &Command, now: Timestamp) -> Result<Outcome, AdminError> {
        match command {
            Command::Keys(command) => {
                // Boxed because a call of the AWS SDK is a future of many kilobytes.
                let report = Box::pin(self.keys.run(command, now)).await?;
                let key = report.keys.kid(KeyState::Current).map(str::to_owned);
                Ok(Outcome { answer: json!(report), user: None, key })
            }
            Command::Users(command) => Ok(Box::pin(self.users.run(command, now)).await?),
        }
    }
}
