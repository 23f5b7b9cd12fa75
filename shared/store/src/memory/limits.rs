//! The in-memory limits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use latchkey_session::{ClearLimit, LimitKey, LimitOutcome, LimitWrite, StoreError, UpdateLimit};
use latchkey_token::Timestamp;

use super::lock;

/// In-memory attempt limits. Clones share the buckets.
#[derive(Clone, Debug, Default)]
pub struct MemoryLimits(Arc<Mutex<HashMap<LimitKey, Timestamp>>>);

impl UpdateLimit for MemoryLimits {
    async fn update_limit(
        &self,
        key: &LimitKey,
        write: &LimitWrite,
    ) -> Result<LimitOutcome, StoreError> {
        let mut buckets = lock(&self.0);
        let found = buckets.get(key).copied();
        Ok(match write.apply(found) {
            Some(time) => {
                buckets.insert(key.clone(), time);
                LimitOutcome::Written
            }
            None => LimitOutcome::Unchanged(found),
        })
    }
}

impl ClearLimit for MemoryLimits {
    async fn clear_limit(&self, key: &LimitKey) -> Result<(), StoreError> {
        lock(&self.0).remove(key);
        Ok(())
    }
}
