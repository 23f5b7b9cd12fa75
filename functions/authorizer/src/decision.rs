//! The authorizer's responses to API Gateway.

use std::collections::BTreeMap;

use latchkey_guard::{Identity, to_context};
use serde::Serialize;

use crate::event::AuthorizerEvent;

/// The response, in one of two formats. All context values are strings: the gateway and its
/// emulators disagree on other types.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Decision {
    /// For an HTTP API with payload format 2.0.
    #[serde(rename_all = "camelCase")]
    Simple {
        /// Whether the gateway forwards the request.
        is_authorized: bool,
        /// The caller's identity for the back end; empty in a refusal.
        context: BTreeMap<&'static str, String>,
    },
    /// For all other types of API.
    #[serde(rename_all = "camelCase")]
    Policy {
        /// The user id, or `unauthenticated`.
        principal_id: String,
        /// Allows the whole stage, or denies everything.
        policy_document: PolicyDocument,
        /// The caller's identity for the back end; empty in a refusal.
        context: BTreeMap<&'static str, String>,
    },
}

/// An IAM policy with one statement.
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

const UNAUTHENTICATED: &str = "unauthenticated";
const ANY_RESOURCE: &str = "*";

impl Decision {
    pub(crate) fn allow(event: &AuthorizerEvent, identity: &Identity) -> Self {
        let context = to_context(identity).into();
        if !event.wants_policy() {
            return Self::Simple { is_authorized: true, context };
        }
        // An allow policy needs a valid method ARN.
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
            principal_id: UNAUTHENTICATED.to_owned(),
            policy_document: policy("Deny", ANY_RESOURCE.to_owned()),
            context,
        }
    }
}

fn policy(effect: &'static str, resource: String) -> PolicyDocument {
    let statement = Statement { action: "execute-api:Invoke", effect, resource };
    PolicyDocument { version: "2012-10-17", statement: [statement] }
}

/// The resource for all routes of the API and stage in `method_arn`, whose path is ignored. The
/// gateway caches a policy for all routes, so one for a single route would refuse the caller's next
/// request.
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
    let is_single = partition.starts_with("aws")
        && [partition, region, account, api, stage].into_iter().all(is_literal);
    is_single.then(|| format!("arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/*"))
}

/// Whether an ARN part is literal: no wildcard, no policy variable except `$default`.
fn is_literal(part: &str) -> bool {
    let name = if part == "$default" { "default" } else { part };
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
