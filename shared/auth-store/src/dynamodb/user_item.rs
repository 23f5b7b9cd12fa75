//! One user as one item of the users table.
//!
//! A session's attribute names are short because an item is billed by its size, names included:
//! with these, a user with three sessions fits into one write unit.

use auth_session::{AccountStatus, Client, Email, Session, Sessions, User, Username};
use auth_token::{AdditionalClaims, OperationId, SessionId, UserId};
use aws_sdk_dynamodb::types::AttributeValue;
use secrecy::{ExposeSecret, SecretString};
use tracing::warn;

use super::attributes::{
    Attributes, from_json, members_to_json, number, read_number, read_parsed, read_string,
    read_time, string, time,
};
use crate::StoreError;

pub(crate) const USERNAME: &str = "username";
pub(crate) const ID: &str = "id";
pub(crate) const STATUS: &str = "status";
pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const VERSION: &str = "version";
pub(crate) const HASH: &str = "hash";
pub(crate) const SESSION_EXPIRES: &str = "expires";
const NAME: &str = "name";
const EMAIL: &str = "email";
const ROLES: &str = "roles";
const CLAIMS: &str = "claims";
const CREATED: &str = "created_at";
pub(crate) const OPERATION: &str = "op";

pub(crate) const SESSION_GENERATION: &str = "gen";
pub(crate) const SESSION_ROTATED: &str = "rotated";
const SESSION_CREATED: &str = "created";
const SESSION_AUTH_TIME: &str = "auth";
const SESSION_ADDRESS: &str = "ip";
const SESSION_USER_AGENT: &str = "ua";

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
        (HASH.to_owned(), string(user.password_hash.expose_secret())),
        (STATUS.to_owned(), string(status)),
        (CREATED.to_owned(), time(user.created_at)),
        (VERSION.to_owned(), number(user.credentials_version)),
        (SESSIONS.to_owned(), AttributeValue::M(sessions)),
        (OPERATION.to_owned(), string(operation.as_str())),
    ]);
    if let Some(email) = &user.email {
        item.insert(EMAIL.to_owned(), string(email.as_str()));
    }
    // A set cannot be empty.
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
    let email = match item.get(EMAIL) {
        Some(_) => Some(read_parsed(item, EMAIL, |text| Email::parse(text).ok())?),
        None => None,
    };
    let roles = match item.get(ROLES) {
        Some(AttributeValue::Ss(roles)) => roles.clone(),
        Some(_) => return Err(StoreError::Malformed(ROLES)),
        None => Vec::new(),
    };
    Ok(User {
        id: read_parsed(item, ID, UserId::parse)?,
        username: read_parsed(item, NAME, |name| Username::parse(name).ok())?,
        email,
        password_hash: SecretString::from(read_string(item, HASH)?),
        roles,
        claims: read_claims(item),
        status: read_status(item)?,
        created_at: read_time(item, CREATED)?,
        credentials_version: read_number(item, VERSION)?,
        sessions: read_sessions(item)?,
    })
}

/// Claims that an operator has written beside the account. A mistake in them is logged and costs
/// the claims, because it must not cost the user the login.
fn read_claims(item: &Attributes) -> AdditionalClaims {
    let Some(written) = item.get(CLAIMS) else {
        return AdditionalClaims::default();
    };
    let user = read_string(item, ID).unwrap_or_default();
    let Some(claims) = written.as_m().ok().and_then(members_to_json) else {
        warn!(user, "the account's claims are no map of JSON values and are left out");
        return AdditionalClaims::default();
    };
    AdditionalClaims::new(claims).unwrap_or_else(|error| {
        warn!(user, %error, "the account's claims are left out");
        AdditionalClaims::default()
    })
}

/// The user of an item that may be gone.
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

/// The operation that made the item, or the session of that name in it.
pub(crate) fn made_by<'a>(item: &'a Attributes, session: Option<&SessionId>) -> Option<&'a str> {
    let holder = match session {
        Some(id) => sessions(item).ok()?.get(id.as_str())?.as_m().ok()?,
        None => item,
    };
    read_string(holder, OPERATION).ok()
}

/// The session map.
pub(crate) fn sessions(item: &Attributes) -> Result<&Attributes, StoreError> {
    item.get(SESSIONS).and_then(|value| value.as_m().ok()).ok_or(StoreError::Malformed(SESSIONS))
}

fn read_sessions(item: &Attributes) -> Result<Sessions, StoreError> {
    sessions(item)?
        .iter()
        .map(|(id, session)| {
            let id = SessionId::parse(id).ok_or(StoreError::Malformed(SESSIONS))?;
            let session = session.as_m().map_err(|_| StoreError::Malformed(SESSIONS))?;
            Ok((id, read_session(session)?))
        })
        .collect()
}

fn read_session(item: &Attributes) -> Result<Session, StoreError> {
    let address = read_string(item, SESSION_ADDRESS)?;
    Ok(Session {
        generation: read_number(item, SESSION_GENERATION)?,
        rotated_at: read_time(item, SESSION_ROTATED)?,
        created_at: read_time(item, SESSION_CREATED)?,
        expires_at: read_time(item, SESSION_EXPIRES)?,
        auth_time: read_time(item, SESSION_AUTH_TIME)?,
        client: Client::new(address, read_string(item, SESSION_USER_AGENT)?),
        operation: read_parsed(item, OPERATION, OperationId::parse)?,
    })
}
