//! Lambda authorizers: identity sources, decisions and their cache.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use super::{HttpGateway, event::RequestEvent};

#[derive(Clone, Debug)]
pub(super) enum AuthorizerDecision {
    /// Allowed, with the authorizer's context.
    Allowed(Map<String, Value>),
    /// Denied by the authorizer.
    Denied,
    /// An identity source is missing, so the authorizer is not invoked.
    NoIdentity,
    /// The authorizer failed, or its response was malformed.
    Failed,
}

/// The authorizer's name and the values of the identity sources. As in API Gateway, a cached decision
/// applies to every route.
type CacheKey = (String, Vec<String>);

#[derive(Debug, Default)]
pub(super) struct DecisionCache(Mutex<HashMap<CacheKey, (Instant, AuthorizerDecision)>>);

impl DecisionCache {
    fn get(&self, key: &CacheKey, now: Instant) -> Option<AuthorizerDecision> {
        let mut decisions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        decisions.retain(|_, (expires_at, _)| *expires_at > now);
        decisions.get(key).map(|(_, decision)| decision.clone())
    }

    fn put(&self, key: CacheKey, decision: AuthorizerDecision, expires_at: Instant) {
        let mut decisions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        decisions.insert(key, (expires_at, decision));
    }
}

impl HttpGateway {
    pub(super) async fn authorize(&self, name: &str, request: &RequestEvent) -> AuthorizerDecision {
        let Some(authorizer) = self.template.authorizers.get(name) else {
            return AuthorizerDecision::Failed;
        };
        let sources = authorizer.headers.iter();
        let values =
            sources.map(|header| request.headers.get(header).filter(|value| !value.is_empty()));
        let Some(identity) = values.map(Option::<&String>::cloned).collect() else {
            return AuthorizerDecision::NoIdentity;
        };
        let key: CacheKey = (name.to_owned(), identity);
        let now = Instant::now();
        if let Some(decision) = self.decisions.get(&key, now) {
            return decision;
        }
        let event = request.authorizer_event(&key.1);
        let response = self.invoke(&authorizer.function, event.into()).await;
        let Some(decision) = response.and_then(|response| read_decision(&response)) else {
            return AuthorizerDecision::Failed;
        };
        if authorizer.cache_seconds > 0 {
            let expires_at = now + Duration::from_secs(authorizer.cache_seconds);
            self.decisions.put(key, decision.clone(), expires_at);
        }
        decision
    }
}

/// Parses a simple response of format 2.0; `None` for a malformed one.
fn read_decision(response: &[u8]) -> Option<AuthorizerDecision> {
    let response: Value = serde_json::from_slice(response).ok()?;
    let is_authorized = response.get("isAuthorized")?.as_bool()?;
    let context = match response.get("context") {
        None => Map::new(),
        Some(context) => context.as_object()?.clone(),
    };
    Some(if is_authorized {
        AuthorizerDecision::Allowed(context)
    } else {
        AuthorizerDecision::Denied
    })
}
