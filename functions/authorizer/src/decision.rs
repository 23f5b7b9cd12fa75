//! What API Gateway is told.

use std::collections::BTreeMap;

use latchkey_guard::{Identity, to_context};
use serde::Serialize;

use crate::event::AuthorizerEvent;

/// The answer, in one of the two shapes. The context is always an object of strings: the gateway
/// and its emulators disagree on anything else.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Decision {
    /// For an HTTP API with format 2.0.
    #[serde(rename_all = "camelCase")]
    Simple {
        /// Whether the caller is let through.
        is_authorized: bool,
        /// What the back end learns.
        context: BTreeMap<&'static str, String>,
    },
    /// For every other kind of API.
    #[serde(rename_all = "camelCase")]
    Policy {
        /// The user, or a fixed text when there is none.
        principal_id: String,
        /// What the caller may call.
        policy_document: PolicyDocument,
        /// What the back end learns.
        context: BTreeMap<&'static str, String>,
    },
}

/// An IAM policy of one statement.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: &'static str,
    resource: String,
}

const NOBODY: &str = "unauthenticated";
const EVERYTHING: &str = "*";

impl Decision {
    pub(crate) fn allow(event: &AuthorizerEvent, identity: &Identity) -> Self {
        let context = to_context(identity).into();
        if !event.wants_policy() {
            return Self::Simple { is_authorized: true, context };
        }
        // Without a route to speak of there is nothing that could be allowed.
        match event.method_arn().and_then(stage_wide) {
            Some(resource) => Self::Policy {
                principal_id: identity.user().to_string(),
                policy_document: policy("Allow", resource),
                context,
            },
            None => Self::deny(event),
        }
    }

    pub(crate) fn deny(event: &AuthorizerEvent) -> Self {
        let context = BTreeMap::new();
        if !event.wants_policy() || event.method_arn().is_none() {
            return Self::Simple { is_authorized: false, context };
        }
        Self::Policy {
            principal_id: NOBODY.to_owned(),
            policy_document: policy("Deny", EVERYTHING.to_owned()),
            context,
        }
    }
}

fn policy(effect: &'static str, resource: String) -> PolicyDocument {
    let statement = Statement { action: "execute-api:Invoke", effect, resource };
    PolicyDocument { version: "2012-10-17", statement: [statement] }
}

/// Every route of the API and stage that `method_arn` names. The gateway caches a policy for all
/// of them, so one for a single route would refuse the caller's next request. What the path holds,
/// and how long it is, does not matter.
fn stage_wide(method_arn: &str) -> Option<String> {
    let mut parts = method_arn.splitn(6, ':');
    let mut next = || parts.next();
    let (Some("arn"), Some(partition), Some("execute-api")) = (next(), next(), next()) else {
        return None;
    };
    let (region, account, route) = (next()?, next()?, next()?);
    let mut segments = route.splitn(3, '/');
    let (api, stage) = (segments.next()?, segments.next()?);
    segments.next()?;
    let is_one = partition.starts_with("aws")
        && [partition, region, account, api, stage].into_iter().all(is_plain);
    is_one.then(|| format!("arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/*"))
}

/// Whether a part names one thing: no wildcard, no variable of a policy except `$default`.
fn is_plain(part: &str) -> bool {
    let name = if part == "$default" { "default" } else { part };
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
