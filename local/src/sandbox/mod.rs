//! Runs functions as Lambda does: processes that poll the Runtime API.

mod api;
mod pool;
mod process;

use std::{collections::BTreeMap, sync::Arc};

pub use pool::Pool;
pub(crate) use process::ACCOUNT_VARIABLES;
pub use process::{FunctionCommand, Sandbox};

/// Pools by function name.
pub type Pools = BTreeMap<String, Arc<Pool>>;

/// Why an invocation has no response of the function. The gateway answers 500 to all of them; the log
/// has the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The process could not be started.
    #[error("could not be started: {0}")]
    NotStarted(String),
    /// The process ended before it polled for an event, or did not poll in time.
    #[error("did not initialise")]
    InitFailed,
    /// The process ended while it handled the event.
    #[error("ended while it was working")]
    Crashed,
    /// The function exceeded its timeout, and the process was killed.
    #[error("timed out and was killed")]
    TimedOut,
    /// The function reported an error.
    #[error("failed: {0}")]
    Failed(String),
}
