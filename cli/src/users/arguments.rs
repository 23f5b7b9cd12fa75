//! The command line of `latchkey users`.

use std::net::IpAddr;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use latchkey_session::{EditError, storable_claim};
use latchkey_token::{UserId, parse_json};
use serde_json::Value;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// List users, page by page.
    List(ListFilter),
    /// Show a user with claims and live sessions.
    Show {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Create a user without a password, and print a one-time code that sets one.
    Create {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// E-mail address.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// Role; may be repeated.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Refuse logins and tokens of a user. Ends all sessions and one-time codes.
    Disable {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Reason, which `show` and the audit event have; at most 256 characters.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Allow logins of a disabled user again. Revives no session.
    Enable {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Add and remove roles.
    #[command(group = ArgGroup::new("change").args(["add", "remove"]).multiple(true).required(true))]
    Roles {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Role to add; may be repeated.
        #[arg(long, value_name = "ROLE")]
        add: Vec<String>,
        /// Role to remove; may be repeated.
        #[arg(long, value_name = "ROLE")]
        remove: Vec<String>,
    },
    /// Set and remove claims of access tokens.
    #[command(group = ArgGroup::new("change").args(["set", "remove"]).multiple(true).required(true))]
    Claims {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Claim to set, such as 'plan="pro"' or 'seats=3'; may be repeated.
        #[arg(long, value_name = "NAME=JSON", value_parser = parse_claim)]
        set: Vec<(String, Value)>,
        /// Claim to remove; may be repeated.
        #[arg(long, value_name = "NAME")]
        remove: Vec<String>,
    },
    /// Clear the attempt limits of a user, and of an address.
    Unlock {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// IP address of a client.
        #[arg(long, value_name = "IP")]
        address: Option<IpAddr>,
    },
    /// End all sessions of a user, or of every user. This cannot be undone.
    EndSessions {
        /// User name.
        #[arg(allow_hyphen_values = true, required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Every user.
        #[arg(long)]
        all: bool,
        /// The backup from which the accounts were restored. Ends one-time codes too.
        #[arg(long, value_name = "TEXT")]
        restored_from: Option<String>,
        /// Skip the confirmation of --all.
        #[arg(long)]
        yes: bool,
    },
    /// Remove the password and print a one-time code that sets a new one. Ends all sessions.
    Reset {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Delete a user, the sessions, and the rows of the user's id.
    Delete {
        /// User name.
        #[arg(allow_hyphen_values = true)]
        name: String,
        /// Keep the rows.
        #[arg(long)]
        keep_rows: bool,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Take users back from a restored copy of the users table. Ends all their sessions.
    Restore {
        /// Name of the copy: the stack's name, `-restored-` and more.
        table: String,
        /// Also set existing accounts back to the copy: password, roles, claims and status.
        #[arg(long)]
        overwrite: bool,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Remove the rows that a deleted user has left.
    Purge {
        /// Id of the deleted user.
        #[arg(allow_hyphen_values = true, value_parser = parse_id)]
        id: UserId,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
}

impl UsersCommand {
    /// Whether it asks for a confirmation.
    pub(super) const fn asks(&self) -> bool {
        match self {
            Self::Reset { yes, .. }
            | Self::Delete { yes, .. }
            | Self::Purge { yes, .. }
            | Self::Restore { yes, .. }
            | Self::EndSessions { name: None, yes, .. } => !*yes,
            Self::List(_)
            | Self::Show { .. }
            | Self::Create { .. }
            | Self::Disable { .. }
            | Self::Enable { .. }
            | Self::Roles { .. }
            | Self::Claims { .. }
            | Self::Unlock { .. }
            | Self::EndSessions { name: Some(_), .. } => false,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ListFilter {
    /// Only users with this status.
    #[arg(long, value_enum)]
    pub(super) status: Option<Status>,
    /// Only users with this role.
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Status {
    Active,
    Disabled,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

fn parse_claim(text: &str) -> Result<(String, Value), String> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err("give NAME=JSON, such as 'plan=\"pro\"'".to_owned());
    };
    let Some(parsed) = parse_json(value.as_bytes()) else {
        return Err(format!(
            "the value is not JSON; quote a string: '{name}={}'",
            Value::from(value)
        ));
    };
    let stored = storable_claim(&parsed);
    let stored = stored.ok_or_else(|| EditError::Claim(name.to_owned()).to_string())?;
    Ok((name.to_owned(), stored))
}

fn parse_id(text: &str) -> Result<UserId, &'static str> {
    UserId::parse(text)
        .ok_or("not the id of a user; `latchkey users show` and audit events have it")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_a_name_and_a_json_value() {
        for (text, name, value) in [
            ("plan=\"pro\"", "plan", json!("pro")),
            ("seats=3", "seats", json!(3)),
            ("a=", "a", Value::Null),
            ("a={\"b\":\"c=d\"}", "a", json!({ "b": "c=d" })),
            ("https://example.com/x=[true]", "https://example.com/x", json!([true])),
        ] {
            let parsed = parse_claim(text);
            if text == "a=" {
                assert_eq!(parsed.unwrap_err(), "the value is not JSON; quote a string: 'a=\"\"'");
            } else {
                assert_eq!(parsed, Ok((name.to_owned(), value)), "{text}");
            }
        }
        let bare = parse_claim("plan=pro").unwrap_err();
        assert_eq!(bare, "the value is not JSON; quote a string: 'plan=\"pro\"'");
        for text in ["a={\"x\":1,\"x\":2}", "a=1,\"b\":2", "a=1}", "a=NaN"] {
            assert!(parse_claim(text).unwrap_err().contains("not JSON"), "{text}");
        }
        assert_eq!(parse_claim("a=1.0"), Ok(("a".to_owned(), json!(1))));
        for text in ["a=1e300", "a=123456789012345678901234567890", "a={\"\":1}"] {
            assert!(parse_claim(text).unwrap_err().contains("cannot be stored"), "{text}");
        }
        for text in ["", "plan", "=1"] {
            assert!(parse_claim(text).unwrap_err().contains("NAME=JSON"), "{text}");
        }
    }
}
