//! Key commands of the `admin` function, and their answer.

use serde::{Deserialize, Serialize};

use crate::PublicRing;

/// A key command: the event of the `admin` function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", deny_unknown_fields)]
pub enum KeyCommand {
    /// Lists the keys.
    #[serde(rename = "keys.list")]
    List {},
    /// Does all maintenance that is due. The daily schedule sends it.
    #[serde(rename = "keys.maintain")]
    Maintain {},
    /// Promotes the next key, which signs from then on.
    #[serde(rename = "keys.rotate")]
    Rotate {
        /// Promotes the next key even if it was not public for 2 hours.
        #[serde(default)]
        force: bool,
    },
    /// Retires a key: all its tokens are refused.
    #[serde(rename = "keys.retire")]
    Retire {
        /// The `kid` of the key.
        kid: String,
    },
    /// Replaces private halves that KMS cannot decrypt by a new key.
    #[serde(rename = "keys.reset")]
    Reset {
        /// Retires the old keys, which otherwise keep verifying.
        #[serde(default)]
        discard: bool,
    },
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReport {
    /// The public ring after the command.
    #[serde(flatten)]
    pub keys: PublicRing,
    /// Seconds after which all functions use the change (`KEYS_MAX_AGE`).
    pub max_age: u64,
}
