//! Small worlds, in every order of their steps: what `interleavings.rs` only samples.
#![cfg(test)]

mod world;

use std::time::Duration;

use stateright::{Checker, Model, Property};
use world::{
    Rules, Step, World,
    holder::Ask,
    sight::Sight::{self, *},
};

/// A world, and how much may happen in it.
struct SmallWorld {
    start: World,
    /// How many requests each holder sends, those before the start included.
    requests: &'static [usize],
    /// What they ask for.
    asks: fn(&Ask) -> bool,
    /// How many messages are lost or late.
    faults: usize,
    seconds: u64,
    /// What has to come up.
    sights: &'static [Sight],
}

impl SmallWorld {
    fn allows(&self, world: &World, step: &Step) -> bool {
        match step {
            Step::Pass(seconds) => {
                let end = self.start.now + Duration::from_secs(self.seconds);
                world.now + Duration::from_secs(*seconds) <= end
            }
            Step::Send(holder, ask) => {
                world.holders[*holder].sent < self.requests[*holder] && (self.asks)(ask)
            }
            // The thief copies once, at any moment.
            Step::Steal { .. } => {
                let thief = world.holders.iter().find(|holder| holder.is_thief);
                thief.is_some_and(|thief| thief.newest().is_none())
            }
            Step::LoseReply(_) | Step::Delay(_) | Step::LoseAnswer(_) => world.faults < self.faults,
            Step::SignUp | Step::Deliver(_) | Step::Arrive(_) | Step::Answer(_) => true,
        }
    }
}

impl Model for SmallWorld {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![self.start.clone()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.extend(world.under_way());
        let is_arrival = |step: &Step| matches!(step, Step::Answer(_) | Step::LoseAnswer(_));
        if steps.iter().any(is_arrival) {
            // Nothing else touches an answer: what may come before its arrival may come after.
            steps.retain(is_arrival);
        } else {
            steps.extend(world.beginnings());
            steps.push(Step::Pass(1));
        }
        steps.retain(|step| self.allows(world, step));
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(step).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let holds = |_: &Self, world: &World| world.broken().is_none();
        let invariants = Property::always("every invariant holds", holds);
        self.sights.iter().copied().map(comes_up).chain([invariants]).collect()
    }
}

/// A property is a mere function, which cannot remember the sight that it is about.
fn comes_up(sight: Sight) -> Property<SmallWorld> {
    let (name, is_seen): (_, fn(&_, &World) -> _) = match sight {
        Rotation => ("rotation", |_, world| world.shows(Rotation)),
        HonestRepeat => ("honest repeat", |_, world| world.shows(HonestRepeat)),
        Recovery => ("recovery", |_, world| world.shows(Recovery)),
        Reuse => ("reuse", |_, world| world.shows(Reuse)),
        LateCopy => ("late copy", |_, world| world.shows(LateCopy)),
        LoginTooLate => ("login too late", |_, world| world.shows(LoginTooLate)),
        ChangeMadeAgain => ("change made again", |_, world| world.shows(ChangeMadeAgain)),
        NewOwner => ("new owner", |_, world| world.shows(NewOwner)),
    };
    Property::sometimes(name, is_seen)
}

/// Checks each state of a world that can be reached, of which there have to be so many.
fn check(world: SmallWorld, at_least: usize) {
    let checker = world.checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    let states = checker.unique_state_count();
    assert!(states >= at_least, "{states} states");
}

fn is_refresh(ask: &Ask) -> bool {
    matches!(ask, Ask::Refresh(_))
}

#[test]
fn tabs_of_one_client_may_refresh_in_any_order() {
    check(
        SmallWorld {
            start: World::new(Rules::new(1, 9, 9), 1, false).with_login(0),
            requests: &[4],
            asks: is_refresh,
            faults: 2,
            seconds: 2,
            sights: &[Rotation, HonestRepeat, Recovery, LateCopy, Reuse],
        },
        30_000,
    );
}

#[test]
fn a_client_and_a_thief_may_refresh_in_any_order() {
    check(
        SmallWorld {
            start: World::new(Rules::new(1, 9, 9), 1, true).with_login(0),
            requests: &[3, 2],
            asks: is_refresh,
            faults: 1,
            seconds: 2,
            sights: &[Rotation, HonestRepeat, Recovery, LateCopy, Reuse],
        },
        100_000,
    );
}

#[test]
fn a_client_and_a_thief_may_refresh_in_any_order_without_grace() {
    check(
        SmallWorld {
            start: World::new(Rules::new(0, 9, 9), 1, true).with_login(0),
            requests: &[3, 2],
            asks: is_refresh,
            faults: 1,
            seconds: 1,
            sights: &[Rotation, Recovery, LateCopy, Reuse],
        },
        40_000,
    );
}

#[test]
fn two_sessions_and_a_thief_may_refresh_in_any_order() {
    check(
        SmallWorld {
            start: World::new(Rules::new(1, 9, 9), 2, true).with_login(0).with_login(1),
            requests: &[3, 2, 2],
            asks: is_refresh,
            faults: 0,
            seconds: 1,
            sights: &[Rotation, HonestRepeat, Reuse],
        },
        30_000,
    );
}

#[test]
fn a_session_may_expire_within_grace_and_reach_its_absolute_end() {
    check(
        SmallWorld {
            start: World::new(Rules::new(3, 2, 3), 1, true).with_login(0),
            requests: &[3, 2],
            asks: is_refresh,
            faults: 0,
            seconds: 4,
            sights: &[Rotation, HonestRepeat, Reuse],
        },
        20_000,
    );
}

#[test]
fn an_account_may_change_at_any_moment_under_its_sessions() {
    check(
        SmallWorld {
            start: World::new(Rules::new(1, 9, 9), 2, false).with_login(0),
            requests: &[3, 2],
            asks: |_| true,
            faults: 1,
            seconds: 0,
            sights: &[Rotation, HonestRepeat, Recovery, LoginTooLate, ChangeMadeAgain, NewOwner],
        },
        100_000,
    );
}
