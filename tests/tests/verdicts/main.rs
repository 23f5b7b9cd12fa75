//! One token, one verdict: tokens × forms × surfaces × clocks, against a table that is written from
//! the contract and not from our code.
//!
//! | file | holds |
//! |---|---|
//! | `tokens.rs`, `legacy.rs` | the tokens, each with what it is |
//! | `forms.rs` | the forms in which a request presents one, each with what it makes of the token |
//! | `surfaces.rs`, `events.rs` | what judges tokens, and what it is given |
//! | `expected.rs` | the verdict of a token in a form at a moment on a surface |
//! | `world.rs` | users, sessions, and what the migration wrote |
//! | `paths.rs` | the same verdict on every path |
//! | `binaries.rs` | rows of the table over the real binaries |
#![cfg(test)]

mod binaries;
mod events;
mod expected;
mod forms;
mod legacy;
mod paths;
mod signatures;
mod surfaces;
mod tokens;
mod world;

use std::collections::{HashMap, HashSet};

use latchkey_guard::RevocationCheck;
use latchkey_testkit::fixtures::NOW;

use events::event_for;
use expected::{clocks, expected, without_revocation};
use forms::{Asked, FORMS, Form, Places};
use legacy::legacy;
use surfaces::{Scene, Surface};
use tokens::{Judged, Token, WRONG_TYPE, another, damaged, forged, ours};

/// The least that the table has of each.
const TOKENS: usize = 60;
const FORMS_AT_LEAST: usize = 20;
const CLOCKS_A_BOUND: usize = 5;
const BOUNDS: usize = 2;

/// Of the tokens that are refused before anything is asked of time, session or request, one in so
/// many is presented in every form; the others in a plain header.
const SAMPLE: usize = 12;

/// How many wrong verdicts a failure shows.
const SHOWN: usize = 40;

/// The tokens of the table that was written at `base`.
fn table(base: u64) -> Vec<Token> {
    ours(base).into_iter().chain(legacy(base)).collect()
}

/// One deployment, and the verdicts of it that were compared with the table.
struct Comparison {
    scene: Scene,
    leeway: u64,
    other: String,
    compared: usize,
    wrong: Vec<String>,
}

impl Comparison {
    async fn of(places: Places, leeway: u64) -> Self {
        Self::in_scene(Scene::new(places, leeway, NOW.unix()).await, leeway)
    }

    fn in_scene(scene: Scene, leeway: u64) -> Self {
        let base = NOW.unix();
        Self { scene, leeway, other: another(base), compared: 0, wrong: Vec::new() }
    }

    /// Holds the token in the form against the table, on that surface at that moment of each.
    async fn hold(
        &mut self,
        token: &Token,
        form: &Form,
        judged: impl IntoIterator<Item = (Surface, u64)>,
    ) {
        let asked: Asked = (form.ask)(token, &self.other);
        let mut events: HashMap<Surface, String> = HashMap::new();
        for (surface, now) in judged {
            // `/protected` changes nothing, so another endpoint is asked for a change.
            let has_route = surface != Surface::Protected || !asked.is_change;
            let surface = if has_route { surface } else { Surface::WorkItems };
            let Some(verdict) = expected(token, form, surface, now, self.leeway) else { continue };
            let event =
                events.entry(surface).or_insert_with(|| event_for(surface, &asked, "/any/path"));
            let said = self.scene.judge(surface, token, event, now).await;
            if said.verdict != verdict || said.user.is_some_and(|user| user != token.user) {
                self.wrong.push(format!(
                    "{} ({}) on {surface:?} at {} s, leeway {}: {} and not {verdict}",
                    token.name,
                    form.name,
                    now.cast_signed() - NOW.unix().cast_signed(),
                    self.leeway,
                    said.verdict,
                ));
            }
            self.compared += 1;
        }
    }

    /// How many verdicts were compared, none of which was wrong.
    fn finish(mut self) -> usize {
        self.wrong.truncate(SHOWN);
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        self.compared
    }
}

fn bearer() -> Form {
    FORMS.into_iter().find(|form| form.name == "Bearer").unwrap()
}

/// Whether a row is presented in every form: where time, session or type decide, and some others.
fn is_in_every_form(row: usize, token: &Token) -> bool {
    match token.judged {
        Judged::Between { .. } | Judged::Always { code: WRONG_TYPE, .. } => true,
        Judged::Always { .. } => row.is_multiple_of(SAMPLE),
    }
}

/// Holds every token against the table, at every clock, on every kind of surface. Of the shapes of
/// an authorizer's event, and of the endpoints, each clock has one, and each row has all of them.
async fn hold_table(leeway: u64) {
    let base = NOW.unix();
    let tokens = table(base);
    let names: HashSet<_> = tokens.iter().map(|token| &token.name).collect();
    assert_eq!(names.len(), tokens.len(), "each name is one token's");

    let mut compared = 0;
    let (mut rows, mut forms) = (HashSet::new(), HashSet::new());
    for places in [Places::Header, Places::All] {
        let mut comparison = Comparison::of(places, leeway).await;
        for (row, token) in tokens.iter().enumerate() {
            let clocks: Vec<_> = clocks(token, base, leeway).into_iter().collect();
            assert!(clocks.len() >= CLOCKS_A_BOUND * BOUNDS, "{token:?}");
            if !is_in_every_form(row, token) {
                let now = [clocks[0], base + 1, clocks[clocks.len() - 1]];
                let judged = now.into_iter().flat_map(|now| Surface::ALL.map(|one| (one, now)));
                comparison.hold(token, &bearer(), judged).await;
                continue;
            }
            rows.insert(row);
            for (number, form) in FORMS.iter().enumerate().filter(|(_, form)| form.places == places)
            {
                forms.insert(form.name);
                let judged = Surface::KINDS.into_iter().flat_map(|kind| {
                    clocks
                        .iter()
                        .enumerate()
                        .map(move |(clock, now)| (kind[(clock + number + row) % kind.len()], *now))
                });
                comparison.hold(token, form, judged).await;
            }
        }
        compared += comparison.finish();
    }
    assert!(rows.len() >= TOKENS && forms.len() >= FORMS_AT_LEAST, "{rows:?} {forms:?}");
    // The verifier is given no request, so that it has a verdict on one form alone.
    let others = Surface::KINDS.len() - 1;
    let least = TOKENS * FORMS_AT_LEAST * others * CLOCKS_A_BOUND * BOUNDS;
    assert!(compared >= least, "{compared} verdicts of {least}");
}

#[tokio::test]
async fn every_surface_gives_every_token_in_every_form_the_contracts_verdict_at_every_clock() {
    hold_table(0).await;
}

#[tokio::test]
async fn leeway_is_one_rule_for_every_token_in_every_form_on_every_surface() {
    hold_table(10).await;
}

#[tokio::test]
async fn no_surface_lets_a_forged_or_damaged_token_through() {
    let now = NOW.unix();
    let tokens: Vec<_> = forged(now).into_iter().chain(damaged(now)).collect();
    assert!(tokens.len() > 1_000, "{} tokens", tokens.len());
    let mut comparison = Comparison::of(Places::Header, 0).await;
    for token in &tokens {
        comparison.hold(token, &bearer(), Surface::ALL.map(|surface| (surface, now))).await;
    }
    comparison.finish();
}

/// Without a look at sessions a token is good until it expires; whose account a legacy token opens is
/// looked up all the same.
#[tokio::test]
async fn without_revocation_checks_the_session_alone_does_not_matter() {
    let base = NOW.unix();
    let scene = Scene::checking(Places::Header, 0, base, RevocationCheck::Off).await;
    let mut comparison = Comparison::in_scene(scene, 0);
    let others = Surface::ALL.into_iter().filter(|surface| *surface != Surface::Me);
    let others: Vec<_> = others.collect();
    for token in table(base).into_iter().map(without_revocation) {
        for now in clocks(&token, base, 0) {
            let judged = others.iter().map(|surface| (*surface, now));
            comparison.hold(&token, &bearer(), judged).await;
        }
    }
    comparison.finish();
}
