//! A model of attempts by several processes on one bucket, checked over all interleavings, with
//! writes that arrive late and a bucket that a wrong clock has written.
#![cfg(test)]

use std::{collections::BTreeSet, time::Duration};

use latchkey_session::{AttemptLimit, LimitCondition, LimitStep, LimitTime, LimitWrite};
use latchkey_token::Timestamp;
use stateright::{Checker as _, Model, Property};

const BURST: u64 = 2;
const INTERVAL: u64 = 2;
/// A clock of the model begins here, so that a stored time can lie before it.
const START: u64 = 1_000;
const HORIZON: u64 = 4;
const PROCESSES: usize = 3;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix(START + second)
}

/// A write that a process has sent, in an order that the model can hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Sent {
    began: u64,
    /// The stored time that the process met; `None` for its first write.
    found: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    second: u64,
    stored: Option<u64>,
    /// What each process does next; `None` for one without an attempt.
    processes: [Option<Sent>; PROCESSES],
    /// Writes whose copy may still arrive.
    late: BTreeSet<Sent>,
    allowed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Begin(usize),
    Write(usize),
    Deliver(Sent),
    Tick,
}

struct LimitModel {
    limit: AttemptLimit,
    stored: Option<u64>,
}

impl LimitModel {
    fn step(&self, sent: Sent) -> LimitStep {
        match sent.found {
            None => self.limit.first_step(at(sent.began)),
            Some(found) => self.limit.next_step(Timestamp::from_unix(found), at(sent.began)),
        }
    }
}

fn apply(write: &LimitWrite, stored: Option<u64>) -> Option<u64> {
    write.apply(stored.map(Timestamp::from_unix)).map(Timestamp::unix)
}

impl Model for LimitModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let (processes, late) = ([None; PROCESSES], BTreeSet::new());
        vec![State { second: 0, stored: self.stored, processes, late, allowed: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (process, attempt) in state.processes.iter().enumerate() {
            actions.push(match attempt {
                None => Action::Begin(process),
                Some(_) => Action::Write(process),
            });
        }
        actions.extend(state.late.iter().copied().map(Action::Deliver));
        if state.second < HORIZON {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Tick => next.second += 1,
            Action::Begin(process) => {
                next.processes[process] = Some(Sent { began: state.second, found: None });
            }
            Action::Write(process) => {
                let sent = state.processes[process]?;
                next.processes[process] = None;
                let (write, is_charge) = match self.step(sent) {
                    LimitStep::Charge(write) => (write, true),
                    LimitStep::Repair(write) => (write, false),
                    LimitStep::Refuse(_) => return Some(next),
                };
                if let Some(stored) = apply(&write, state.stored) {
                    next.stored = Some(stored);
                    next.allowed += u64::from(is_charge);
                    next.late.insert(sent);
                } else if sent.found.is_none() {
                    next.processes[process] = Some(Sent { found: state.stored, ..sent });
                }
            }
            Action::Deliver(sent) => {
                next.late.remove(&sent);
                if let LimitStep::Charge(write) | LimitStep::Repair(write) = self.step(sent) {
                    next.stored = apply(&write, state.stored).or(state.stored);
                }
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never more than the limit", |_, state: &State| {
                state.allowed <= BURST + state.second / INTERVAL
            }),
            Property::sometimes("the whole limit is used", |_, state: &State| {
                state.allowed == BURST + HORIZON / INTERVAL
            }),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.late.len() <= 1
    }
}

#[test]
fn no_order_of_attempts_and_late_writes_allows_more_than_the_limit() {
    for stored in [None, Some(0), Some(START + 1)] {
        let limit = format!("{BURST}/{INTERVAL}").parse().unwrap();
        let model = LimitModel { limit, stored };
        let checker = model.checker().threads(2).spawn_bfs().join();
        checker.assert_no_discovery("never more than the limit");
        assert!(checker.unique_state_count() > 1_000, "{}", checker.unique_state_count());
        if stored != Some(START + 1) {
            checker.assert_any_discovery("the whole limit is used");
        }
    }
}

#[test]
fn a_bucket_of_a_wrong_clock_is_repaired_and_then_holds_the_limit() {
    let limit: AttemptLimit = format!("{BURST}/{INTERVAL}").parse().unwrap();
    let far = at(1_000_000);
    let LimitStep::Repair(write) = limit.next_step(far, at(0)) else { panic!() };
    assert!(matches!(write.condition, LimitCondition::After(_)));
    assert_eq!(write.time, LimitTime::At(at(BURST * INTERVAL)));
    assert_eq!(write.apply(Some(far)), Some(at(0) + Duration::from_secs(BURST * INTERVAL)));
    assert_eq!(write.apply(Some(at(BURST * INTERVAL))), None, "it never lowers a time in reach");
}
