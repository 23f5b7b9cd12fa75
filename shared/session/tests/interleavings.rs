//! Long random walks through worlds of several clients, sessions and accounts.
#![cfg(test)]

mod world;

use std::cell::RefCell;

use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use world::{
    Rules, Step, World, holder::RequestKind, invariant::Invariant, item::Command,
    milestone::Milestone, request::RequestId,
};

const MILESTONES: [Milestone; 8] = [
    Milestone::Rotation,
    Milestone::FairRepeat,
    Milestone::Recovery,
    Milestone::Reuse,
    Milestone::LateCopy,
    Milestone::LoginTooLate,
    Milestone::ChangeMadeAgain,
    Milestone::NewOwner,
];

/// A choice of the next step in any state.
#[derive(Clone, Debug)]
enum Choice {
    Pass(u64),
    Operate(Command),
    /// One of the possible steps of a kind.
    Any(fn(&Step) -> bool, Index),
}

impl Choice {
    fn step(self, world: &World) -> Option<Step> {
        match self {
            Self::Pass(seconds) => Some(Step::Pass(seconds)),
            Self::Operate(command) => Some(Step::Operate(command)),
            Self::Any(is_of_kind, index) => {
                let mut steps = world.pending_steps();
                steps.extend(world.new_steps());
                steps.retain(is_of_kind);
                (!steps.is_empty()).then(|| index.get(&steps).clone())
            }
        }
    }
}

/// Mostly refreshes that are served at once, with some faults, other requests and long pauses.
fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let any_step = |is_of_kind: fn(&Step) -> bool| {
        any::<Index>().prop_map(move |index| Choice::Any(is_of_kind, index))
    };
    let seconds = prop_oneof![
        30 => 1..=2_u64,
        8 => 4..=6_u64,
        2 => 28..=32_u64,
        1 => 95..=155_u64,
    ];
    let next = prop_oneof![
        20 => any_step(|step| matches!(step, Step::Deliver(_) | Step::Answer(_))),
        6 => any_step(|step| step.is_fault() || matches!(step, Step::Arrive(_))),
        8 => any_step(|step| matches!(step, Step::Send(_, RequestKind::Refresh(_)))),
        1 => any_step(|step| matches!(step, Step::Send(_, RequestKind::Login) | Step::SignUp)),
        3 => any_step(|step| matches!(step, Step::Send(..) | Step::Steal { .. })),
        1 => prop::sample::select(Command::ALL.to_vec()).prop_map(Choice::Operate),
        4 => seconds.prop_map(Choice::Pass),
    ];
    prop::collection::vec(next, 1..300)
}

/// Worlds with different grace periods: none, short, and longer than any delay of a client.
fn worlds() -> impl Strategy<Value = World> {
    let rules =
        prop::sample::select(vec![0, 1, 5, 30]).prop_map(|grace| Rules::new(grace, 100, 150));
    (rules, 1..=3_usize, any::<bool>())
        .prop_map(|(rules, clients, has_thief)| World::new(rules, clients, has_thief).with_login(0))
}

#[test]
fn every_invariant_holds_on_long_random_walks() {
    let missing = RefCell::new(MILESTONES.to_vec());
    let config =
        ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() };
    let walked = TestRunner::new(config).run(&(worlds(), choices()), |(mut world, choices)| {
        let mut steps = Vec::new();
        for next in choices {
            if let Some(step) = next.step(&world) {
                steps.push(step.clone());
                world.take(step);
                prop_assert_eq!(world.violation(), None, "{:#?}", steps);
                missing.borrow_mut().retain(|milestone| !world.has_reached(*milestone));
            }
        }
        Ok(())
    });
    if let Err(failure) = walked {
        panic!("{failure}");
    }
    assert_eq!(missing.into_inner(), [], "milestones that no walk reached");
}

/// The known violation, because of which [`World::pending_steps`] delays no login. A session start
/// is recognised by its session, so a late copy is not recognised after that session has ended. The
/// delay must be longer than the login and the logout.
#[test]
fn a_late_copy_of_a_login_starts_its_session_again() {
    let mut world = World::new(Rules::new(30, 100, 150), 1, false);
    let [login, logout] = [0, 1].map(|number| RequestId { holder: 0, number });

    for step in [Step::Send(0, RequestKind::Login), Step::Delay(login), Step::Deliver(login)] {
        world.take(step);
    }
    world.take(Step::Answer(login));
    let is_logout = |step: &Step| matches!(step, Step::Send(_, RequestKind::Logout(_)));
    let send_logout = world.new_steps().into_iter().find(is_logout).unwrap();
    for step in [send_logout, Step::Deliver(logout)] {
        world.take(step);
    }
    assert_eq!(world.violation(), None);

    world.take(Step::Arrive(0));
    assert_eq!(world.violation(), Some(Invariant::EndedStaysEnded));
}

/// As above, for a session that later logins have ended.
#[test]
fn a_late_copy_of_a_login_starts_its_session_again_at_the_limit() {
    let mut world = World::new(Rules::new(30, 100, 150), 1, false);
    let late = RequestId { holder: 0, number: 0 };
    for step in [Step::Send(0, RequestKind::Login), Step::Delay(late), Step::Deliver(late)] {
        world.take(step);
    }
    world.take(Step::Answer(late));
    for number in [1, 2] {
        let id = RequestId { holder: 0, number };
        for step in
            [Step::Pass(1), Step::Send(0, RequestKind::Login), Step::Deliver(id), Step::Answer(id)]
        {
            world.take(step);
        }
    }
    assert_eq!(world.violation(), None);

    world.take(Step::Arrive(0));
    assert_eq!(world.violation(), Some(Invariant::EndedStaysEnded));
}
