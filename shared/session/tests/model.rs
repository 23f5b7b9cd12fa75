//! Bounded worlds in all orders of steps, which `interleavings.rs` samples in larger worlds.
#![cfg(test)]

mod world;

use std::time::Duration;

use stateright::{Checker, Model, Property};
use world::{
    Rules, Step, World,
    holder::RequestKind,
    item::Command,
    milestone::Milestone::{self, *},
};

/// A world with limits, so that its states are finite.
struct BoundedWorld {
    start: World,
    /// How many requests each holder sends, including those before the start.
    requests: &'static [usize],
    /// Which requests they send.
    is_allowed: fn(&RequestKind) -> bool,
    /// How many messages may be lost or late.
    faults: usize,
    /// How many commands operators may run.
    commands: usize,
    seconds: u64,
    /// The milestones that some state must reach.
    milestones: &'static [Milestone],
}

impl BoundedWorld {
    fn allows(&self, world: &World, step: &Step) -> bool {
        match step {
            Step::Pass(seconds) => {
                let end = self.start.now + Duration::from_secs(self.seconds);
                world.now + Duration::from_secs(*seconds) <= end
            }
            Step::Send(holder, kind) => {
                world.holders[*holder].sent < self.requests[*holder] && (self.is_allowed)(kind)
            }
            // The thief copies one token, at any time.
            Step::Steal { .. } => {
                let thief = world.holders.iter().find(|holder| holder.is_thief);
                thief.is_some_and(|thief| thief.newest().is_none())
            }
            Step::LoseReply(_) | Step::Delay(_) | Step::LoseAnswer(_) => world.faults < self.faults,
            Step::Operate(_) => world.commands < self.commands,
            Step::SignUp | Step::Deliver(_) | Step::Arrive(_) | Step::Answer(_) => true,
        }
    }
}

impl Model for BoundedWorld {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![self.start.clone()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.extend(world.pending_steps());
        let is_arrival = |step: &Step| matches!(step, Step::Answer(_) | Step::LoseAnswer(_));
        if steps.iter().any(is_arrival) {
            // Answers commute with all other steps, so they can arrive first.
            steps.retain(is_arrival);
        } else {
            steps.extend(world.new_steps());
            steps.push(Step::Pass(1));
            steps.extend(Command::ALL.map(Step::Operate));
        }
        steps.retain(|step| self.allows(world, step));
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(step).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let holds = |_: &Self, world: &World| world.violation().is_none();
        let invariants = Property::always("every invariant holds", holds);
        self.milestones.iter().copied().map(milestone_property).chain([invariants]).collect()
    }
}

/// A property is a function pointer, which cannot capture the milestone.
fn milestone_property(milestone: Milestone) -> Property<BoundedWorld> {
    let (name, is_reached): (_, fn(&_, &World) -> _) = match milestone {
        Rotation => ("rotation", |_, world| world.has_reached(Rotation)),
        FairRepeat => ("fair repeat", |_, world| world.has_reached(FairRepeat)),
        Recovery => ("recovery", |_, world| world.has_reached(Recovery)),
        Reuse => ("reuse", |_, world| world.has_reached(Reuse)),
        LateCopy => ("late copy", |_, world| world.has_reached(LateCopy)),
        LoginTooLate => ("login too late", |_, world| world.has_reached(LoginTooLate)),
        ChangeMadeAgain => ("change made again", |_, world| world.has_reached(ChangeMadeAgain)),
        NewOwner => ("new owner", |_, world| world.has_reached(NewOwner)),
    };
    Property::sometimes(name, is_reached)
}

/// Checks all reachable states of a world, which must be at least this many.
fn check(world: BoundedWorld, at_least: usize) {
    let checker = world.checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    let states = checker.unique_state_count();
    assert!(states >= at_least, "{states} states");
}

fn is_refresh(kind: &RequestKind) -> bool {
    matches!(kind, RequestKind::Refresh(_))
}

#[test]
fn tabs_of_one_client_may_refresh_in_any_order() {
    check(
        BoundedWorld {
            start: World::new(Rules::new(1, 9, 9), 1, false).with_login(0),
            requests: &[4],
            is_allowed: is_refresh,
            faults: 2,
            commands: 0,
            seconds: 2,
            milestones: &[Rotation, FairRepeat, Recovery, LateCopy, Reuse],
        },
        30_000,
    );
}

#[test]
fn a_client_and_a_thief_may_refresh_in_any_order() {
    check(
        BoundedWorld {
            start: World::new(Rules::new(1, 9, 9), 1, true).with_login(0),
            requests: &[3, 2],
            is_allowed: is_refresh,
            faults: 1,
            commands: 0,
            seconds: 2,
            milestones: &[Rotation, FairRepeat, Recovery, LateCopy, Reuse],
        },
        100_000,
    );
}

#[test]
fn a_client_and_a_thief_may_refresh_in_any_order_without_grace() {
    check(
        BoundedWorld {
            start: World::new(Rules::new(0, 9, 9), 1, true).with_login(0),
            requests: &[3, 2],
            is_allowed: is_refresh,
            faults: 1,
            commands: 0,
            seconds: 1,
            milestones: &[Rotation, Recovery, LateCopy, Reuse],
        },
        40_000,
    );
}

#[test]
fn two_sessions_and_a_thief_may_refresh_in_any_order() {
    check(
        BoundedWorld {
            start: World::new(Rules::new(1, 9, 9), 2, true).with_login(0).with_login(1),
            requests: &[3, 2, 2],
            is_allowed: is_refresh,
            faults: 0,
            commands: 0,
            seconds: 1,
            milestones: &[Rotation, FairRepeat, Reuse],
        },
        30_000,
    );
}

#[test]
fn a_session_may_expire_within_grace_and_reach_its_absolute_end() {
    check(
        BoundedWorld {
            start: World::new(Rules::new(3, 2, 3), 1, true).with_login(0),
            requests: &[3, 2],
            is_allowed: is_refresh,
            faults: 0,
            commands: 0,
            seconds: 4,
            milestones: &[Rotation, FairRepeat, Reuse],
        },
        20_000,
    );
}

#[test]
fn an_account_may_change_at_any_moment_under_its_sessions() {
    check(
        BoundedWorld {
            start: World::new(Rules::new(1, 9, 9), 2, false).with_login(0),
            requests: &[3, 2],
            is_allowed: |_| true,
            faults: 1,
            commands: 0,
            seconds: 0,
            milestones: &[Rotation, FairRepeat, Recovery, LoginTooLate, ChangeMadeAgain, NewOwner],
        },
        100_000,
    );
}

#[test]
fn an_operator_may_change_the_account_at_any_moment() {
    check(
        BoundedWorld {
            start: World::new(Rules::new(1, 9, 9), 1, true).with_login(0),
            requests: &[3, 2],
            is_allowed: |kind| !matches!(kind, RequestKind::Remove(_) | RequestKind::Change(..)),
            faults: 1,
            commands: 1,
            seconds: 0,
            milestones: &[Rotation, FairRepeat, Recovery, LoginTooLate],
        },
        30_000,
    );
}
