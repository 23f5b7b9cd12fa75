//! Administration: the signing keys and the users.
//!
//! Only IAM principals invoke it: operators with the `latchkey` program, and a daily schedule. It
//! can encrypt private keys but not decrypt them, and it neither sees nor sets passwords.

mod keys;
mod restore;
mod users;

use lambda_runtime::Diagnostic;
use latchkey_http::{AuditEvent, OperatorAction, audit_operator};
use latchkey_keys::{KeyCommand, KeyState, ReadRing, RingError, Seal, WriteRing};
use latchkey_session::{
    AddUser, ChangeAccount, ClearLimit, ListUsers, ReadBackup, RemoveUser, StoreError, UserCommand,
};
use latchkey_store::WorkItemTable;
use latchkey_token::{Timestamp, UserId};
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
    Request(String),
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
            | Self::User(UserError::Store(StoreError::Unavailable(_))) => {
                ("Unavailable", "unavailable")
            }
            Self::User(UserError::Conflict(_)) => ("Refused", "conflict"),
            Self::Ring(_) | Self::User(_) => ("Refused", "refused"),
        }
    }

    /// The account of a refused command.
    const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(error) => error.user(),
            Self::Request(_) | Self::Ring(_) => None,
        }
    }
}

impl From<AdminError> for Diagnostic {
    fn from(error: AdminError) -> Self {
        let (error_type, _) = error.kind();
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// The longest text of an operator in an event or an error, in characters.
const MAX_CHARS: usize = 256;

fn short(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

/// Writes the audit event of a command, or those of the restored accounts.
fn audit(
    event: AuditEvent,
    action: OperatorAction<'_>,
    restored: &[UserId],
    outcome: &Result<Outcome, AdminError>,
) {
    for user in restored {
        audit_operator(event, &OperatorAction { user: Some(user), ..action });
    }
    let (user, key) = match outcome {
        Ok(done) => (done.user.as_ref(), done.key.as_deref()),
        Err(error) => (error.user(), None),
    };
    let failure = outcome.as_ref().err().map(|error| error.kind().1);
    if restored.is_empty() || failure.is_some() {
        audit_operator(event, &OperatorAction { user, key, failure, ..action });
    }
}

enum Command {
    Keys(KeyCommand),
    Users(UserCommand),
}

impl Command {
    fn parse(name: &str, event: Value) -> Result<Self, serde_json::Error> {
        Ok(if name.starts_with("users.") {
            Self::Users(serde_json::from_value(event)?)
        } else {
            Self::Keys(serde_json::from_value(event)?)
        })
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
    /// Every variant of [`AdminError`]. A command on one account has changed nothing, except that
    /// after `Unavailable` the write may have succeeded. `users.restore` and `users.purge` may have
    /// changed a part of their page.
    pub async fn handle(
        &self,
        mut event: Value,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Value, AdminError> {
        let caller = event.as_object_mut().and_then(|members| members.remove("caller"));
        let caller = caller.as_ref().and_then(Value::as_str).filter(|caller| !caller.is_empty());
        let name = event.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
        let command = Command::parse(&name, event);
        let mut restored = Vec::new();
        let outcome = match &command {
            Ok(command) => self.run(command, &mut restored, now).await,
            Err(error) => Err(AdminError::Request(short(&error.to_string()))),
        };
        if let Some(event) = AuditEvent::of_command(&name) {
            // The schedule has no name.
            let unknown = (event != AuditEvent::KeyMaintenance).then_some("unknown");
            let caller = caller.or(unknown).map(short);
            let comment = command.as_ref().ok().and_then(Command::comment).map(short);
            let action = OperatorAction {
                claimed_caller: caller.as_deref(),
                request_id,
                comment: comment.as_deref(),
                ..OperatorAction::default()
            };
            audit(event, action, &restored, &outcome);
        }
        outcome.map(|outcome| outcome.answer)
    }

    /// Runs a command. Adds the ids of restored accounts to `restored`, also before a failure.
    async fn run(
        &self,
        command: &Command,
        restored: &mut Vec<UserId>,
        now: Timestamp,
    ) -> Result<Outcome, AdminError> {
        match command {
            Command::Keys(command) => {
                // Boxed because a call of the AWS SDK is a future of many kilobytes.
                let report = Box::pin(self.keys.run(command, now)).await?;
                let key = match command {
                    KeyCommand::Retire { kid } => Some(kid.clone()),
                    KeyCommand::List {}
                    | KeyCommand::Maintain {}
                    | KeyCommand::Rotate { .. }
                    | KeyCommand::Reset { .. } => {
                        report.keys.kid(KeyState::Current).map(str::to_owned)
                    }
                };
                Ok(Outcome { answer: json!(report), user: None, key })
            }
            Command::Users(command) => Ok(Box::pin(self.users.run(command, restored, now)).await?),
        }
    }
}
