//! Answers to the user commands of the `admin` function.

use latchkey_token::{Timestamp, UserId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AccountStatus, Email, OneTimeCode, User};

/// A user in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSummary {
    /// The immutable id.
    pub id: UserId,
    /// The name as typed.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The roles.
    pub roles: Vec<String>,
    /// `active` or `disabled`.
    pub status: String,
    /// When the account was created.
    pub created_at: Timestamp,
    /// Number of live sessions.
    pub sessions: usize,
    /// When one of the live sessions was started or refreshed last.
    pub last_used_at: Option<Timestamp>,
}

/// The answer to `users.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserList {
    /// The users, in no particular order.
    pub users: Vec<UserSummary>,
    /// Names of users whose items are unreadable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// `after` of the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A live session of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReport {
    /// The id.
    pub id: String,
    /// When it started.
    pub created_at: Timestamp,
    /// When it was started or refreshed last.
    pub last_used_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The address of the client at that time.
    pub ip: String,
    /// The `User-Agent` of the client at that time.
    pub user_agent: String,
}

/// A one-time code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuedCode {
    /// The code, to hand over to the user. It is shown once.
    #[serde(serialize_with = "expose")]
    pub code: SecretString,
    /// When it expires.
    pub expires_at: Timestamp,
}

fn expose<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl IssuedCode {
    /// The code for the answer.
    pub fn new(code: &OneTimeCode, expires_at: Timestamp) -> Self {
        Self { code: code.text().clone(), expires_at }
    }
}

/// The answer to the other commands on one account: the user after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserReport {
    /// The user.
    #[serde(flatten)]
    pub user: UserSummary,
    /// The claims of access tokens.
    pub claims: Map<String, Value>,
    /// Whether the account has a password.
    pub has_password: bool,
    /// Why an operator disabled the account.
    pub disabled_reason: Option<String>,
    /// The backup that the account was restored from.
    pub restored_from: Option<String>,
    /// When the valid one-time codes expire.
    pub codes: Vec<Timestamp>,
    /// The live sessions, latest use first.
    pub live_sessions: Vec<SessionReport>,
    /// The new one-time code, of `users.create` and `users.reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<IssuedCode>,
}

/// The answer to `users.delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedUser {
    /// The id of the account that is gone.
    pub deleted: UserId,
}

/// The answer to `users.restore`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredUsers {
    /// The number of accounts that were missing and are back.
    pub added: u64,
    /// The number of accounts that were set back to the copy.
    pub overwritten: u64,
    /// The number of accounts that exist and were left as they are.
    pub kept: u64,
    /// Names that belong to another account now, which was left as it is.
    pub other_owners: Vec<String>,
    /// Names whose item, in the copy or in the table, is unreadable; the table is left as it is.
    pub unreadable: Vec<String>,
    /// `after` of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer to `users.purge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgedRows {
    /// The number of removed rows.
    pub removed: u64,
    /// Whether rows are left: repeat the command.
    pub more: bool,
}

impl UserSummary {
    /// A user at `now`.
    pub fn new(user: &User, now: Timestamp) -> Self {
        let live = || user.sessions.values().filter(|session| session.expires_at > now);
        Self {
            id: user.id.clone(),
            username: user.username.typed().to_owned(),
            email: user.email.as_ref().map(Email::as_str).map(str::to_owned),
            roles: user.roles.clone(),
            status: match user.status {
                AccountStatus::Active => "active".to_owned(),
                AccountStatus::Disabled => "disabled".to_owned(),
            },
            created_at: user.created_at,
            sessions: live().count(),
            last_used_at: live().map(|session| session.rotated_at).max(),
        }
    }
}

impl UserReport {
    /// A user at `now`.
    pub fn new(user: &User, now: Timestamp) -> Self {
        let live = user.sessions.iter().filter(|(_, session)| session.expires_at > now);
        let mut live_sessions: Vec<_> = live
            .map(|(id, session)| SessionReport {
                id: id.to_string(),
                created_at: session.created_at,
                last_used_at: session.rotated_at,
                expires_at: session.expires_at,
                ip: session.client.address.clone(),
                user_agent: session.client.user_agent.clone(),
            })
            .collect();
        live_sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
        let codes = user.codes.iter().map(|(_, expires_at)| expires_at);
        Self {
            user: UserSummary::new(user, now),
            claims: user.claims.as_map().clone(),
            has_password: user.password_hash.is_some(),
            disabled_reason: user.disabled_reason.clone(),
            restored_from: user.restored_from.clone(),
            codes: codes.filter(|expires_at| *expires_at > now).collect(),
            live_sessions,
            code: None,
        }
    }
}
