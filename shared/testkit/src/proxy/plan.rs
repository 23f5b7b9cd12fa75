//! Recorded calls of a proxy, and the faults of the next ones.

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
    /// Each item as it was before its last write; `None` unless stale reads are enabled.
    pub(super) before: Option<HashMap<String, Value>>,
}

/// A fault for some of the next calls.
#[derive(Debug)]
pub(super) struct PlannedFault {
    /// The operation; `None` for any.
    pub(super) operation: Option<&'static str>,
    /// How many calls pass first.
    pub(super) passing: usize,
    /// How many calls then get the fault.
    pub(super) times: usize,
    pub(super) fault: Fault,
}

/// The barriers of held calls.
#[derive(Debug, Default)]
pub(super) struct HeldCalls(VecDeque<Arc<Barrier>>);

impl HeldCalls {
    /// Adds a barrier for the next `count` calls.
    pub(super) fn hold(&mut self, count: usize) {
        let barrier = Arc::new(Barrier::new(count));
        self.0.extend(std::iter::repeat_n(barrier, count));
    }
}

impl Plan {
    pub(super) fn next_fault(&mut self, operation: &str) -> Option<Fault> {
        let mut planned = self.faults.iter_mut().filter(|planned| {
            planned.times > 0 && planned.operation.is_none_or(|name| name == operation)
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
