//! Lambda authorizers: identity, question, decision, cache.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use super::{Gateway, event::Incoming};
use crate::template::Authorizer;

/// What the gateway makes of a caller.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// Let through, with the authorizer's context.
    Allowed(Map<String, Value>),
    /// Refused by the authorizer.
    Denied,
    /// Refused unasked: a source of identity is missing.
    NoIdentity,
    /// The authorizer failed, or its answer was not one.
    Broken,
}

/// The authorizer's name and the values that identify the caller. A cached decision holds for
/// every route and without a look at the token.
type Key = (String, Vec<String>);

/// Decisions that may be reused.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<Key, (Instant, Verdict)>>);

impl Cache {
    fn get(&self, key: &Key, now: Instant) -> Option<Verdict> {
        let mut decisions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        decisions.retain(|_, (until, _)| *until > now);
        decisions.get(key).map(|(_, verdict)| verdict.clone())
    }

    fn put(&self, key: Key, verdict: Verdict, until: Instant) {
        let mut decisions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        decisions.insert(key, (until, verdict));
    }
}

impl Gateway {
    pub(super) async fn authorize(&self, name: &str, incoming: &Incoming) -> Verdict {
        let Some(authorizer) = self.template.authorizers.get(name) else {
            return Verdict::Broken;
        };
        let identity: Option<Vec<_>> = authorizer
            .headers
            .iter()
            .map(|header| incoming.headers.get(header).filter(|value| !value.is_empty()).cloned())
            .collect();
        let Some(identity) = identity else {
            return Verdict::NoIdentity;
        };
        let key = (name.to_owned(), identity);
        let now = Instant::now();
        if let Some(verdict) = self.decisions.get(&key, now) {
            return verdict;
        }
        let verdict = self.ask(authorizer, &key.1, incoming).await;
        let reuse = Duration::from_secs(authorizer.cache_seconds);
        if !reuse.is_zero() && matches!(verdict, Verdict::Allowed(_) | Verdict::Denied) {
            self.decisions.put(key, verdict.clone(), now + reuse);
        }
        verdict
    }

    async fn ask(
        &self,
        authorizer: &Authorizer,
        identity: &[String],
        incoming: &Incoming,
    ) -> Verdict {
        let event = incoming.authorizer_event(identity);
        let answer = self.invoke(&authorizer.function, event.into()).await;
        answer.and_then(|answer| read_decision(&answer)).unwrap_or(Verdict::Broken)
    }
}

/// A simple answer of format 2.0; `None` when it is not one.
fn read_decision(answer: &[u8]) -> Option<Verdict> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let is_authorized = answer.get("isAuthorized")?.as_bool()?;
    let context = match answer.get("context") {
        None => Map::new(),
        Some(context) => context.as_object()?.clone(),
    };
    Some(if is_authorized { Verdict::Allowed(context) } else { Verdict::Denied })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_boolean_decides() {
        assert!(matches!(
            read_decision(br#"{"isAuthorized":true,"context":{"sub":"x"}}"#),
            Some(Verdict::Allowed(context)) if context["sub"] == "x"
        ));
        assert!(matches!(read_decision(br#"{"isAuthorized":false}"#), Some(Verdict::Denied)));
        for answer in [
            "",
            "{}",
            "null",
            r#"{"isAuthorized":"true"}"#,
            r#"{"isAuthorized":1}"#,
            r#"{"isAuthorized":true,"context":null}"#,
            r#"{"isAuthorized":true,"context":[]}"#,
        ] {
            assert!(read_decision(answer.as_bytes()).is_none(), "{answer}");
        }
    }

    #[test]
    fn a_decision_is_reused_until_its_time_and_only_for_its_caller() {
        let (cache, now) = (Cache::default(), Instant::now());
        let key = |caller: &str| ("a".to_owned(), vec![caller.to_owned()]);
        cache.put(key("x"), Verdict::Denied, now + Duration::from_secs(5));
        assert!(cache.get(&key("x"), now + Duration::from_secs(4)).is_some());
        assert!(cache.get(&key("y"), now).is_none());
        assert!(cache.get(&key("x"), now + Duration::from_secs(5)).is_none());
    }
}
