//! Long random walks through worlds of several clients, sessions and accounts.
#![cfg(test)]

mod world;

use std::cell::RefCell;

use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use world::{
    Rules, Step, World, holder::Ask, invariant::Invariant, request::RequestId, sight::Sight,
};

const SIGHTS: [Sight; 8] = [
    Sight::Rotation,
    Sight::HonestRepeat,
    Sight::Recovery,
    Sight::Reuse,
    Sight::LateCopy,
    Sight::LoginTooLate,
    Sight::ChangeMadeAgain,
    Sight::NewOwner,
];

/// What comes next, whatever the world looks like by then.
#[derive(Clone, Debug)]
enum Move {
    Pass(u64),
    /// One of the possible steps of a kind.
    Any(fn(&Step) -> bool, Index),
}

impl Move {
    fn step(self, world: &World) -> Option<Step> {
        match self {
            Self::Pass(seconds) => Some(Step::Pass(seconds)),
            Self::Any(is_of_kind, index) => {
                let mut steps = world.under_way();
                steps.extend(world.beginnings());
                steps.retain(is_of_kind);
                (!steps.is_empty()).then(|| index.get(&steps).clone())
            }
        }
    }
}

/// Mostly refreshes, served at once; now and then a fault, another request, or a long pause.
fn moves() -> impl Strategy<Value = Vec<Move>> {
    let any_step = |is_of_kind: fn(&Step) -> bool| {
        any::<Index>().prop_map(move |index| Move::Any(is_of_kind, index))
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
        8 => any_step(|step| matches!(step, Step::Send(_, Ask::Refresh(_)))),
        1 => any_step(|step| matches!(step, Step::Send(_, Ask::Login) | Step::SignUp)),
        3 => any_step(|step| matches!(step, Step::Send(..) | Step::Steal { .. })),
        4 => seconds.prop_map(Move::Pass),
    ];
    prop::collection::vec(next, 1..300)
}

/// Grace of none, of a second, of some seconds, and longer than one client is ever slow.
fn worlds() -> impl Strategy<Value = World> {
    let rules =
        prop::sample::select(vec![0, 1, 5, 30]).prop_map(|grace| Rules::new(grace, 100, 150));
    (rules, 1..=3_usize, any::<bool>())
        .prop_map(|(rules, clients, has_thief)| World::new(rules, clients, has_thief).with_login(0))
}

#[test]
fn every_invariant_holds_on_long_random_walks() {
    let unseen = RefCell::new(SIGHTS.to_vec());
    let config =
        ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() };
    let walked = TestRunner::new(config).run(&(worlds(), moves()), |(mut world, moves)| {
        let mut steps = Vec::new();
        for next in moves {
            if let Some(step) = next.step(&world) {
                steps.push(step.clone());
                world.take(step);
                prop_assert_eq!(world.broken(), None, "{:#?}", steps);
                unseen.borrow_mut().retain(|sight| !world.shows(*sight));
            }
        }
        Ok(())
    });
    if let Err(failure) = walked {
        panic!("{failure}");
    }
    assert_eq!(unseen.into_inner(), [], "never came up");
}

/// The one hole that is known, which is why [`World::under_way`] delays no login. A start is
/// recognised by the session that it made, and so no longer once that has ended; nothing else that
/// it asks for has changed by then. The delay has to outlast the answer and the logout.
#[test]
fn a_late_copy_of_a_login_starts_its_session_again() {
    let mut world = World::new(Rules::new(30, 100, 150), 1, false);
    let [login, logout] = [0, 1].map(|number| RequestId { holder: 0, number });

    for step in [Step::Send(0, Ask::Login), Step::Delay(login), Step::Deliver(login)] {
        world.take(step);
    }
    world.take(Step::Answer(login));
    let is_logout = |step: &Step| matches!(step, Step::Send(_, Ask::Logout(_)));
    let leave = world.beginnings().into_iter().find(is_logout).unwrap();
    for step in [leave, Step::Deliver(logout)] {
        world.take(step);
    }
    assert_eq!(world.broken(), None);

    world.take(Step::Arrive(0));
    assert_eq!(world.broken(), Some(Invariant::OverForGood));
}

/// The same for a session that later logins have pushed out.
#[test]
fn a_late_copy_of_a_login_starts_its_session_again_at_the_limit() {
    let mut world = World::new(Rules::new(30, 100, 150), 1, false);
    let late = RequestId { holder: 0, number: 0 };
    for step in [Step::Send(0, Ask::Login), Step::Delay(late), Step::Deliver(late)] {
        world.take(step);
    }
    world.take(Step::Answer(late));
    for number in [1, 2] {
        let id = RequestId { holder: 0, number };
        for step in [Step::Pass(1), Step::Send(0, Ask::Login), Step::Deliver(id), Step::Answer(id)]
        {
            world.take(step);
        }
    }
    assert_eq!(world.broken(), None);

    world.take(Step::Arrive(0));
    assert_eq!(world.broken(), Some(Invariant::OverForGood));
}
