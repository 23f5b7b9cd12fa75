//! User commands of the `admin` function.

use latchkey_token::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A user command: the event of the `admin` function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", deny_unknown_fields)]
pub enum UserCommand {
    /// Lists users, by pages.
    #[serde(rename = "users.list")]
    List {
        /// `next` of the page before.
        #[serde(default)]
        after: Option<String>,
        /// Users of the page, 1 to 1000; default: 200.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Shows a user.
    #[serde(rename = "users.show")]
    Show {
        /// The user name.
        username: String,
    },
    /// Creates a user without a password, and a one-time code that sets one.
    #[serde(rename = "users.create")]
    Create {
        /// The user name.
        username: String,
        /// The e-mail address.
        #[serde(default)]
        email: Option<String>,
        /// The roles.
        #[serde(default)]
        roles: Vec<String>,
    },
    /// Disables an account. Ends all sessions and codes.
    #[serde(rename = "users.disable")]
    Disable {
        /// The user name.
        username: String,
        /// The reason, up to 256 characters.
        reason: String,
    },
    /// Enables an account. Revives no session.
    #[serde(rename = "users.enable")]
    Enable {
        /// The user name.
        username: String,
    },
    /// Adds and removes roles.
    #[serde(rename = "users.roles")]
    Roles {
        /// The user name.
        username: String,
        /// Roles to add.
        #[serde(default)]
        add: Vec<String>,
        /// Roles to remove.
        #[serde(default)]
        remove: Vec<String>,
    },
    /// Sets and removes claims of access tokens.
    #[serde(rename = "users.claims")]
    Claims {
        /// The user name.
        username: String,
        /// Claims to set.
        #[serde(default)]
        set: Map<String, Value>,
        /// Names of claims to remove.
        #[serde(default)]
        remove: Vec<String>,
    },
    /// Clears the attempt limits of an account, and of an address if one is given.
    #[serde(rename = "users.unlock")]
    Unlock {
        /// The user name.
        username: String,
        /// A client address.
        #[serde(default)]
        address: Option<String>,
    },
    /// Ends all sessions.
    #[serde(rename = "users.end-sessions")]
    EndSessions {
        /// The user name.
        username: String,
        /// The backup that the account was restored from. Ends its codes too.
        #[serde(default)]
        restored_from: Option<String>,
    },
    /// Removes the password and creates a one-time code. Ends all sessions.
    #[serde(rename = "users.reset")]
    Reset {
        /// The user name.
        username: String,
    },
    /// Deletes an account and its sessions. The rows of the sample stay, see `Purge`.
    #[serde(rename = "users.delete")]
    Delete {
        /// The user name.
        username: String,
        /// The id of the account that the operator saw.
        id: UserId,
    },
    /// Takes users back from a restored copy of the users table, by pages. Ends all their sessions.
    #[serde(rename = "users.restore")]
    Restore {
        /// The name of the copy: `<stack>-restored-` and more.
        table: String,
        /// Also sets password, roles, claims and status of accounts that exist back to the copy's.
        #[serde(default)]
        overwrite: bool,
        /// `next` of the page before.
        #[serde(default)]
        after: Option<String>,
    },
    /// Removes rows that a deleted account has left in the sample's table.
    #[serde(rename = "users.purge")]
    Purge {
        /// The id of the deleted account.
        id: UserId,
    },
}
