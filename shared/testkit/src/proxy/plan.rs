//! The calls that a proxy has seen, and what it does with the next ones.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;
use tokio::sync::Barrier;

use super::{AwsRequest, Call, Fault};

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) calls: Vec<Call>,
    pub(super) requests: Vec<AwsRequest>,
    pub(super) faults: Vec<PlannedFault>,
    pub(super) barriers: HashMap<&'static str, HeldCalls>,
    /// Each item as it was before its last write; `None` when reads are not stale.
    pub(super) before: Option<HashMap<String, Value>>,
}

/// A fault of some of the next calls.
#[derive(Debug)]
pub(super) struct PlannedFault {
    /// The operation; `None` for any.
    pub(super) operation: Option<&'static str>,
    /// How many calls pass before.
    pub(super) passing: usize,
    /// How many calls then meet the fault.
    pub(super) times: usize,
    pub(super) fault: Fault,
}

/// Calls that wait for each other.
#[derive(Debug, Default)]
pub(super) struct HeldCalls(VecDeque<Arc<Barrier>>);

impl HeldCalls {
    /// The next `count` calls are released together.
    pub(super) fn hold(&mut self, count: usize) {
        let barrier = Arc::new(Barrier::new(count));
        self.0.extend(std::iter::repeat_n(barrier, count));
    }
}

impl Plan {
    pub(super) fn next_fault(&mut self, operation: &str) -> Option<Fault> {
        let mut planned = self.faults.iter_mut().filter(|planned| {
            planned.times > 0 && planned.operation.is_none_or(|asked| asked == operation)
        });
        let next = planned.next()?;
        if next.passing > 0 {
            next.passing -= 1;
            return None;
        }
        next.times -= 1;
        Some(next.fault)
    }

    pub(super) fn next_barrier(&mut self, operation: &str) -> Option<Arc<Barrier>> {
        self.barriers.get_mut(operation)?.0.pop_front()
    }
}
