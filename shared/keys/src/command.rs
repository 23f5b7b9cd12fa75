//! What operators ask the `admin` function about keys, and what it answers.

use serde::{Deserialize, Serialize};

use crate::PublicRing;

/// A command about keys: the event of the `admin` function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", deny_unknown_fields)]
pub enum KeyCommand {
    /// Lists the keys.
    #[serde(rename = "keys.list")]
    List {},
    /// Does all that is due: the daily schedule's request.
    #[serde(rename = "keys.maintain")]
    Maintain {},
    /// Has the next key sign.
    #[serde(rename = "keys.rotate")]
    Rotate {
        /// Although the next key has not been public for two hours.
        #[serde(default)]
        force: bool,
    },
    /// Has every token of a key refused.
    #[serde(rename = "keys.retire")]
    Retire {
        /// The key's id.
        kid: String,
    },
    /// Makes a new key in place of private halves that cannot be opened.
    #[serde(rename = "keys.reset")]
    Reset {
        /// Retires the old keys, which go on verifying otherwise.
        #[serde(default)]
        discard: bool,
    },
}

/// The answer: the keys after a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReport {
    /// The keys.
    #[serde(flatten)]
    pub keys: PublicRing,
    /// After how many seconds every function uses a change.
    pub max_age: u64,
}
