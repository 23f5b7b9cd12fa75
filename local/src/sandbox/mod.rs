//! Functions as Lambda runs them: processes that ask the Runtime API for work.

mod api;
mod pool;
mod process;

use std::{collections::BTreeMap, sync::Arc};

pub use pool::Pool;
pub(crate) use process::ACCOUNT_VARIABLES;
pub use process::{FunctionCommand, Sandbox};

/// Functions by name.
pub type Pools = BTreeMap<String, Arc<Pool>>;

/// Why an invocation has no response of the function's own. The gateway answers all of them alike;
/// the log tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The process could not be started.
    #[error("could not be started: {0}")]
    NotStarted(String),
    /// The process ended before it asked for work, or did not ask in time.
    #[error("did not initialise")]
    InitFailed,
    /// The process ended while it was working.
    #[error("ended while it was working")]
    Crashed,
    /// The time limit was reached, and the process was killed.
    #[error("timed out and was killed")]
    TimedOut,
    /// The function reported an error.
    #[error("failed: {0}")]
    Failed(String),
}
