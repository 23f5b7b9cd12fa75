//! Operators' changes of accounts, and the reset of a password by a one-time code.

use std::collections::BTreeSet;

use latchkey_token::{AdditionalClaims, AdditionalError, OperationId, Timestamp, UserId};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{
    Account, AccountChangeOutcome, AccountStatus, AccountWrite, ChangeAccount, CodeHash,
    OneTimeCodes, StoreError, User, Username, storable_claim,
};

/// The longest name, roles and claims together, as JSON text. In base64, with the other claims and
/// the signature of an RSA key of 8192 bits, a token stays below the verifier's 8 KiB.
const MAX_TOKEN_CONTENT_BYTES: usize = 4_352;

/// A change that an account can get.
#[derive(Clone, Debug)]
pub enum AccountEdit {
    /// Disables the account, for this reason. Ends all sessions and codes.
    Disable(String),
    /// Enables the account. Revives no session.
    Enable,
    /// Adds and removes roles.
    Roles {
        /// Roles to add.
        add: Vec<String>,
        /// Roles to remove.
        remove: Vec<String>,
    },
    /// Sets and removes claims of access tokens.
    Claims {
        /// Claims to set.
        set: Map<String, Value>,
        /// Names of claims to remove.
        remove: Vec<String>,
    },
    /// Ends all sessions. The text says from which backup the account was restored, if it was.
    EndSessions(Option<String>),
    /// Removes the password and adds a one-time code. Ends all sessions.
    Reset(CodeHash),
    /// Sets the password, by a one-time code. Ends all sessions and codes.
    SetPassword(CodeHash, SecretString),
    /// Takes password, roles, claims and status of a backup. Ends all sessions and codes.
    Restore(Box<User>, String),
}

/// Why an account cannot get a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The account is disabled.
    #[error("the account is disabled: enable it first")]
    Disabled,
    /// The name belongs to another account than that of the backup.
    #[error("the name has another owner")]
    Owner,
    /// The code is wrong, used or expired.
    #[error("the code is invalid")]
    Code,
    /// A role is empty or has white space or control characters.
    #[error("{0:?} is not a role: it is empty or has white space or control characters")]
    Role(String),
    /// Name, roles and claims are too long for a token.
    #[error("name, roles and claims together exceed 4352 bytes as JSON: tokens would be too long")]
    TooLong,
    /// A claim is reserved, or the claims are too long for a token.
    #[error("claims: {0}")]
    Claims(#[from] AdditionalError),
    /// DynamoDB would refuse or change the named claim.
    #[error(
        "the claim {0:?} cannot be stored: it has an empty name, more than 16 levels, or a number \
         that is no 64-bit integer and not between 0.0001 and 10^15 (use a string)"
    )]
    Claim(String),
    /// The named attribute of the item is unreadable, so the change could lose something.
    #[error("the attribute {0:?} of the account is unreadable: repair it in the table first")]
    Unreadable(&'static str),
    /// A text of an operator is too long or empty.
    #[error("a reason needs 1 to 256 characters")]
    Text,
}

/// Whether `role` is one role also for software that splits a list of roles at white space.
pub fn is_role(role: &str) -> bool {
    !role.is_empty() && !role.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The longest text of an operator, in characters.
const MAX_TEXT_CHARS: usize = 256;

fn text(given: &str) -> Result<String, EditError> {
    let trimmed = given.trim();
    if trimmed.is_empty() || trimmed.chars().count() > MAX_TEXT_CHARS {
        return Err(EditError::Text);
    }
    Ok(trimmed.to_owned())
}

impl AccountEdit {
    /// Whether the change keeps a part of an attribute and writes it again.
    fn replaces(&self, attribute: &str) -> bool {
        match self {
            Self::Roles { .. } => attribute == "roles",
            Self::Claims { .. } => attribute == "claims",
            Self::Disable(_)
            | Self::Enable
            | Self::EndSessions(_)
            | Self::Reset(_)
            | Self::SetPassword(..)
            | Self::Restore(..) => false,
        }
    }

    /// The user after the change; `None` if it changes nothing.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn apply(&self, user: &User, now: Timestamp) -> Result<Option<User>, EditError> {
        let mut new = user.clone();
        match self {
            Self::Disable(reason) => {
                new.status = AccountStatus::Disabled;
                new.disabled_reason = Some(text(reason)?);
                if (new.status, &new.disabled_reason) == (user.status, &user.disabled_reason) {
                    return Ok(None);
                }
                new.codes = OneTimeCodes::default();
            }
            Self::Enable => {
                if user.status == AccountStatus::Active {
                    return Ok(None);
                }
                new.status = AccountStatus::Active;
                new.disabled_reason = None;
                return Ok(Some(new));
            }
            Self::Roles { add, remove } => {
                new.roles = roles(user, add, remove)?;
                return if new.roles == user.roles { Ok(None) } else { fitting(new).map(Some) };
            }
            Self::Claims { set, remove } => {
                new.claims = claims(user, set, remove)?;
                return if new.claims == user.claims { Ok(None) } else { fitting(new).map(Some) };
            }
            Self::EndSessions(restored_from) => {
                if let Some(from) = restored_from {
                    new.restored_from = Some(text(from)?);
                    new.codes = OneTimeCodes::default();
                }
            }
            Self::Reset(_) | Self::SetPassword(..) if user.status == AccountStatus::Disabled => {
                return Err(EditError::Disabled);
            }
            Self::Reset(code) => {
                new.password_hash = None;
                new.codes.add(*code, now);
            }
            Self::SetPassword(code, hash) => {
                if !user.codes.accept(*code, now) {
                    return Err(EditError::Code);
                }
                new.password_hash = Some(hash.clone());
                new.codes = OneTimeCodes::default();
            }
            Self::Restore(backup, from) => {
                if backup.id != user.id {
                    return Err(EditError::Owner);
                }
                new.password_hash.clone_from(&backup.password_hash);
                new.roles.clone_from(&backup.roles);
                new.claims = backup.claims.clone();
                new.status = backup.status;
                new.disabled_reason.clone_from(&backup.disabled_reason);
                new.restored_from = Some(text(from)?);
                new.codes = OneTimeCodes::default();
                new.credentials_version = backup.credentials_version;
            }
        }
        // A restored version counts too: no session of the backup is at the new version.
        let version = new.credentials_version.max(user.credentials_version);
        new.credentials_version = version.saturating_add(1);
        new.sessions.clear();
        Ok(Some(new))
    }
}

fn roles(user: &User, add: &[String], remove: &[String]) -> Result<Vec<String>, EditError> {
    if let Some(bad) = add.iter().find(|role| !is_role(role)) {
        return Err(EditError::Role(bad.clone()));
    }
    // A set in DynamoDB has no order.
    let mut roles: BTreeSet<_> = user.roles.iter().chain(add).cloned().collect();
    roles.retain(|role| !remove.contains(role));
    Ok(roles.into_iter().collect())
}

/// The user, if a token has room for name, roles and claims.
fn fitting(user: User) -> Result<User, EditError> {
    let (name, roles) = (Value::from(user.username.typed()), Value::from(&user.roles[..]));
    let claims = Value::Object(user.claims.as_map().clone());
    let bytes = [name, roles, claims].map(|part| part.to_string().len());
    if bytes.iter().sum::<usize>() > MAX_TOKEN_CONTENT_BYTES {
        return Err(EditError::TooLong);
    }
    Ok(user)
}

fn claims(
    user: &User,
    set: &Map<String, Value>,
    remove: &[String],
) -> Result<AdditionalClaims, EditError> {
    let mut claims = user.claims.as_map().clone();
    for (name, value) in set {
        let storable = storable_claim(value).filter(|_| !name.is_empty());
        claims.insert(name.clone(), storable.ok_or_else(|| EditError::Claim(name.clone()))?);
    }
    claims.retain(|name, _| !remove.contains(name));
    Ok(AdditionalClaims::new(claims)?)
}

/// How often a change is tried when other writes go first.
const MAX_TRIES: usize = 5;

/// The outcome of [`edit_account`].
#[derive(Debug)]
pub enum EditOutcome {
    /// The account has the change, carried by this user.
    Made(Box<User>),
    /// There is no such user.
    NotFound,
    /// This account cannot get the change.
    Refused(UserId, EditError),
    /// Other changes of this account won each race.
    Conflict(UserId),
}

/// Reads an account and changes it as [`edit_read_account`] does.
///
/// # Errors
/// Every variant of [`StoreError`]; the change may have been made or not.
pub async fn edit_account(
    store: &impl ChangeAccount,
    username: &Username,
    edit: &AccountEdit,
    now: Timestamp,
) -> Result<EditOutcome, StoreError> {
    match store.find_account(username).await? {
        Some(read) => edit_read_account(store, read, edit, now).await,
        None => Ok(EditOutcome::NotFound),
    }
}

/// Changes an account that was read, in one conditional write. After a concurrent change it reads
/// the account again.
///
/// # Errors
/// Every variant of [`StoreError`]; the change may have been made or not.
pub async fn edit_read_account(
    store: &impl ChangeAccount,
    mut read: Account,
    edit: &AccountEdit,
    now: Timestamp,
) -> Result<EditOutcome, StoreError> {
    for tried in 1..=MAX_TRIES {
        if let Some(name) = read.unreadable.iter().find(|name| edit.replaces(name)) {
            return Ok(EditOutcome::Refused(read.user.id, EditError::Unreadable(name)));
        }
        let new = match edit.apply(&read.user, now) {
            Ok(Some(new)) => new,
            Ok(None) => return Ok(EditOutcome::Made(Box::new(read.user))),
            Err(error) => return Ok(EditOutcome::Refused(read.user.id, error)),
        };
        let operation = &OperationId::generate().map_err(StoreError::unavailable)?;
        let write = AccountWrite { read: &read, new: &new, operation };
        match store.write_account(&write).await? {
            AccountChangeOutcome::Made => return Ok(EditOutcome::Made(Box::new(new))),
            AccountChangeOutcome::Changed(None) => return Ok(EditOutcome::NotFound),
            AccountChangeOutcome::Changed(Some(_)) => {}
        }
        if tried < MAX_TRIES {
            let Some(current) = store.find_account(&read.user.username).await? else {
                return Ok(EditOutcome::NotFound);
            };
            read = current;
        }
    }
    Ok(EditOutcome::Conflict(read.user.id))
}
