//! A user as one item of the users table.
//!
//! Attribute names of sessions are short, because they count to the billed item size: a user with
//! three sessions fits into one write unit.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use latchkey_session::{
    AccountStatus, Client, CodeHash, Email, OneTimeCodes, Session, Sessions, User, Username,
    is_role,
};
use latchkey_token::{AdditionalClaims, OperationId, SessionId, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use tracing::warn;

use super::attributes::{
    Attributes, from_json, members_to_json, number, read_number, read_parsed, read_string,
    read_time, string, time,
};
use latchkey_session::StoreError;

pub(crate) const USERNAME: &str = "username";
pub(crate) const ID: &str = "id";
pub(crate) const STATUS: &str = "status";
pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const VERSION: &str = "version";
pub(crate) const HASH: &str = "hash";
pub(crate) const SESSION_EXPIRES: &str = "expires";
const NAME: &str = "name";
const EMAIL: &str = "email";
pub(super) const ROLES: &str = "roles";
pub(super) const CLAIMS: &str = "claims";
const CODES: &str = "codes";
const REASON: &str = "reason";
const RESTORED: &str = "restored";
const CREATED: &str = "created_at";
pub(crate) const OPERATION: &str = "op";

pub(crate) const SESSION_GENERATION: &str = "gen";
pub(crate) const SESSION_ROTATED: &str = "rotated";
const SESSION_CREATED: &str = "created";
const SESSION_AUTH_TIME: &str = "auth";
pub(crate) const SESSION_ADDRESS: &str = "ip";
pub(crate) const SESSION_USER_AGENT: &str = "ua";

pub(crate) const ACTIVE: &str = "active";
const DISABLED: &str = "disabled";

pub(crate) fn write_user(user: &User, operation: &OperationId) -> Attributes {
    let status = match user.status {
        AccountStatus::Active => ACTIVE,
        AccountStatus::Disabled => DISABLED,
    };
    let sessions = user
        .sessions
        .iter()
        .map(|(id, session)| (id.as_str().to_owned(), write_session(session)))
        .collect();
    let mut item = Attributes::from([
        (USERNAME.to_owned(), string(user.username.folded())),
        (NAME.to_owned(), string(user.username.typed())),
        (ID.to_owned(), string(user.id.as_str())),
        (STATUS.to_owned(), string(status)),
        (CREATED.to_owned(), time(user.created_at)),
        (VERSION.to_owned(), number(user.credentials_version)),
        (SESSIONS.to_owned(), AttributeValue::M(sessions)),
        (OPERATION.to_owned(), string(operation.as_str())),
    ]);
    let hash = user.password_hash.as_ref().map(SecretString::expose_secret);
    let texts = [
        (EMAIL, user.email.as_ref().map(Email::as_str)),
        (HASH, hash),
        (REASON, user.disabled_reason.as_deref()),
        (RESTORED, user.restored_from.as_deref()),
    ];
    for (name, text) in texts {
        item.extend(text.map(|text| (name.to_owned(), string(text))));
    }
    if user.codes != OneTimeCodes::default() {
        let codes = user
            .codes
            .iter()
            .map(|(hash, expires_at)| (BASE64_URL_SAFE_NO_PAD.encode(hash.0), time(expires_at)));
        item.insert(CODES.to_owned(), AttributeValue::M(codes.collect()));
    }
    // DynamoDB refuses empty sets.
    if !user.roles.is_empty() {
        item.insert(ROLES.to_owned(), AttributeValue::Ss(user.roles.clone()));
    }
    if !user.claims.is_empty() {
        let claims = user.claims.as_map().iter();
        let claims = claims.map(|(name, value)| (name.clone(), from_json(value)));
        item.insert(CLAIMS.to_owned(), AttributeValue::M(claims.collect()));
    }
    item
}

pub(crate) fn write_session(session: &Session) -> AttributeValue {
    AttributeValue::M(Attributes::from([
        (SESSION_GENERATION.to_owned(), number(session.generation)),
        (SESSION_ROTATED.to_owned(), time(session.rotated_at)),
        (SESSION_CREATED.to_owned(), time(session.created_at)),
        (SESSION_EXPIRES.to_owned(), time(session.expires_at)),
        (SESSION_AUTH_TIME.to_owned(), time(session.auth_time)),
        (SESSION_ADDRESS.to_owned(), string(&session.client.address)),
        (SESSION_USER_AGENT.to_owned(), string(&session.client.user_agent)),
        (OPERATION.to_owned(), string(session.operation.as_str())),
    ]))
}

pub(crate) fn read_user(item: &Attributes) -> Result<User, StoreError> {
    Ok(User {
        id: read_parsed(item, ID, UserId::parse)?,
        username: read_username(item)?,
        email: optional(item, EMAIL, |email| Email::parse(email.as_s().ok()?).ok()),
        password_hash: optional(item, HASH, parse_text).map(SecretString::from),
        roles: read_roles(item),
        claims: read_claims(item),
        status: read_status(item)?,
        disabled_reason: optional(item, REASON, parse_text),
        codes: optional(item, CODES, parse_codes).unwrap_or_default(),
        restored_from: optional(item, RESTORED, parse_text),
        created_at: optional(item, CREATED, parse_time).unwrap_or(Timestamp::from_unix(0)),
        credentials_version: read_number(item, VERSION)?,
        sessions: read_sessions(item)?,
    })
}

/// The name as typed, or the key if the typed name does not fold to it.
fn read_username(item: &Attributes) -> Result<Username, StoreError> {
    let key = read_string(item, USERNAME)?;
    let matches_key = |username: &Username| username.folded() == key;
    let named =
        optional(item, NAME, |name| Username::parse(name.as_s().ok()?).ok().filter(matches_key));
    named
        .or_else(|| Username::parse(key).ok().filter(matches_key))
        .ok_or(StoreError::Malformed(USERNAME))
}

/// Reads an optional attribute. An unreadable one is logged and ignored, so that it does not
/// prevent a login.
fn optional<T>(
    item: &Attributes,
    name: &'static str,
    read: impl FnOnce(&AttributeValue) -> Option<T>,
) -> Option<T> {
    let value = item.get(name)?;
    let read = read(value);
    if read.is_none() {
        warn!(user = owner(item), attribute = name, "an unreadable attribute is left out");
    }
    read
}

/// The user id, for log lines.
fn owner(item: &Attributes) -> &str {
    read_string(item, ID).unwrap_or_default()
}

fn parse_text(value: &AttributeValue) -> Option<String> {
    value.as_s().ok().cloned()
}

fn parse_codes(value: &AttributeValue) -> Option<OneTimeCodes> {
    let codes = value.as_m().ok()?.iter().map(|(hash, expires_at)| {
        let hash = BASE64_URL_SAFE_NO_PAD.decode(hash).ok()?.try_into().ok()?;
        Some((CodeHash(hash), parse_time(expires_at)?))
    });
    codes.collect::<Option<_>>().map(OneTimeCodes::new)
}

fn parse_time(value: &AttributeValue) -> Option<Timestamp> {
    value.as_n().ok()?.parse().ok().map(Timestamp::from_unix)
}

/// Ignores roles with white space or control characters, because software that splits a list of roles
/// would see two, and repeated roles, which a set cannot have.
fn read_roles(item: &Attributes) -> Vec<String> {
    let list = |value: &AttributeValue| {
        let from_list = |roles: &Vec<_>| {
            roles.iter().map(|role: &AttributeValue| role.as_s().ok().cloned()).collect()
        };
        value.as_ss().ok().cloned().or_else(|| from_list(value.as_l().ok()?))
    };
    let mut roles = optional(item, ROLES, list).unwrap_or_default();
    if !roles.iter().all(|role| is_role(role)) {
        warn!(user = owner(item), "a role that is empty or has a blank is left out");
        roles.retain(|role| is_role(role));
    }
    let mut seen = BTreeSet::new();
    roles.retain(|role| seen.insert(role.clone()));
    roles
}

/// Additional claims that an operator has written. Invalid ones are logged and ignored, so that
/// they do not prevent a login.
fn read_claims(item: &Attributes) -> AdditionalClaims {
    let members = |value: &AttributeValue| value.as_m().ok().and_then(members_to_json);
    let Some(claims) = optional(item, CLAIMS, members) else {
        return AdditionalClaims::default();
    };
    AdditionalClaims::new(claims).unwrap_or_else(|error| {
        warn!(user = owner(item), %error, "the account's claims are left out");
        AdditionalClaims::default()
    })
}

/// The user of an item, if there is one.
pub(crate) fn read_optional_user(
    item: Option<&Attributes>,
) -> Result<Option<Box<User>>, StoreError> {
    item.map(|item| read_user(item).map(Box::new)).transpose()
}

pub(crate) fn read_status(item: &Attributes) -> Result<AccountStatus, StoreError> {
    read_parsed(item, STATUS, |status| match status {
        ACTIVE => Some(AccountStatus::Active),
        DISABLED => Some(AccountStatus::Disabled),
        _ => None,
    })
}

/// The operation that last wrote the item, or the session with this id in it.
pub(crate) fn written_by<'a>(item: &'a Attributes, session: Option<&SessionId>) -> Option<&'a str> {
    let attributes = match session {
        Some(id) => sessions(item).ok()?.get(id.as_str())?.as_m().ok()?,
        None => item,
    };
    read_string(attributes, OPERATION).ok()
}

/// The map of sessions.
pub(crate) fn sessions(item: &Attributes) -> Result<&Attributes, StoreError> {
    item.get(SESSIONS).and_then(|value| value.as_m().ok()).ok_or(StoreError::Malformed(SESSIONS))
}

/// Ignores unreadable sessions, so that they prevent no login and end no other session.
fn read_sessions(item: &Attributes) -> Result<Sessions, StoreError> {
    let mut read = Sessions::new();
    for (name, session) in sessions(item)? {
        let session = session.as_m().ok().and_then(|session| read_session(session).ok());
        if let Some((id, session)) = SessionId::parse(name).zip(session) {
            read.insert(id, session);
        } else {
            warn!(user = owner(item), "an unreadable session is left out");
        }
    }
    Ok(read)
}

fn read_session(item: &Attributes) -> Result<Session, StoreError> {
    let text = |name| read_string(item, name).unwrap_or_default();
    Ok(Session {
        generation: read_number(item, SESSION_GENERATION)?,
        rotated_at: read_time(item, SESSION_ROTATED)?,
        created_at: read_time(item, SESSION_CREATED)?,
        expires_at: read_time(item, SESSION_EXPIRES)?,
        auth_time: read_time(item, SESSION_AUTH_TIME)?,
        client: Client::new(text(SESSION_ADDRESS), text(SESSION_USER_AGENT)),
        operation: read_parsed(item, OPERATION, OperationId::parse)?,
    })
}

#[cfg(test)]
mod tests;
