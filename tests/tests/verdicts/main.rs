//! One token, one verdict: tokens × forms × surfaces × clocks, compared with a table of expectations
//! that is independent of the code.
//!
//! | file | content |
//! |---|---|
//! | `tokens.rs`, `legacy.rs` | the tokens with their validity |
//! | `forms.rs` | the forms in which a request presents a token, with their effects |
//! | `surfaces.rs`, `events.rs` | the components that verify tokens, and their events |
//! | `expected.rs` | the expected verdict on a token in a form at a time on a surface |
//! | `accounts.rs` | users, sessions, and rows of the legacy table |
//! | `paths.rs` | independence of the request path |
//! | `binaries.rs` | rows of the table with the real binaries |
#![cfg(test)]

mod accounts;
mod binaries;
mod events;
mod expected;
mod forms;
mod legacy;
mod paths;
mod signatures;
mod surfaces;
mod tokens;

use std::collections::{HashMap, HashSet};

use latchkey_guard::RevocationCheck;
use latchkey_testkit::fixtures::NOW;

use events::event_for;
use expected::{clocks, expected, without_revocation};
use forms::{ClientRequest, FORMS, Locations, RequestForm};
use legacy::legacy_tokens;
use surfaces::{MemoryDeployment, Surface};
use tokens::{TokenRow, Validity, WRONG_TYPE, damaged, forged, own_tokens, second_token};

/// Minimum sizes of the table.
const TOKENS: usize = 60;
const FORMS_AT_LEAST: usize = 20;
const CLOCKS_A_BOUND: usize = 5;
const BOUNDS: usize = 2;

/// Of the tokens that are always refused, one in `SAMPLE` is presented in every form, the others only in
/// a plain header.
const SAMPLE: usize = 12;

/// Maximum number of wrong verdicts in a failure message.
const SHOWN: usize = 40;

/// All tokens, issued at `base`.
fn table(base: u64) -> Vec<TokenRow> {
    own_tokens(base).into_iter().chain(legacy_tokens(base)).collect()
}

/// The comparison of a deployment with the table.
struct Comparison {
    deployment: MemoryDeployment,
    leeway: u64,
    other: String,
    compared: usize,
    wrong: Vec<String>,
}

impl Comparison {
    async fn of(locations: Locations, leeway: u64) -> Self {
        Self::in_scene(MemoryDeployment::new(locations, leeway, NOW.unix()).await, leeway)
    }

    fn in_scene(deployment: MemoryDeployment, leeway: u64) -> Self {
        let base = NOW.unix();
        Self { deployment, leeway, other: second_token(base), compared: 0, wrong: Vec::new() }
    }

    /// Compares the verdicts on a token in a form, on each surface at each time.
    async fn compare(
        &mut self,
        token: &TokenRow,
        form: &RequestForm,
        validity: impl IntoIterator<Item = (Surface, u64)>,
    ) {
        let sent: ClientRequest = (form.build)(token, &self.other);
        let mut events: HashMap<Surface, String> = HashMap::new();
        for (surface, now) in validity {
            // `/protected` has no changing method, so another endpoint replaces it.
            let has_route = surface != Surface::Protected || !sent.is_change;
            let surface = if has_route { surface } else { Surface::WorkItems };
            let Some(verdict) = expected(token, form, surface, now, self.leeway) else { continue };
            let event =
                events.entry(surface).or_insert_with(|| event_for(surface, &sent, "/any/path"));
            let answer = self.deployment.answer(surface, token, event, now).await;
            if answer.verdict != verdict || answer.user.is_some_and(|user| user != token.user) {
                self.wrong.push(format!(
                    "{} ({}) on {surface:?} at {} s, leeway {}: {} instead of {verdict}",
                    token.name,
                    form.name,
                    now.cast_signed() - NOW.unix().cast_signed(),
                    self.leeway,
                    answer.verdict,
                ));
            }
            self.compared += 1;
        }
    }

    /// Asserts that no verdict was wrong. Returns the number of compared verdicts.
    fn finish(mut self) -> usize {
        self.wrong.truncate(SHOWN);
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        self.compared
    }
}

fn bearer() -> RequestForm {
    FORMS.into_iter().find(|form| form.name == "Bearer").unwrap()
}

/// Whether a token is presented in every form: if time, session or type decide, and a sample.
fn is_in_every_form(row: usize, token: &TokenRow) -> bool {
    match token.validity {
        Validity::Genuine { .. } | Validity::Refused { code: WRONG_TYPE, .. } => true,
        Validity::Refused { .. } => row.is_multiple_of(SAMPLE),
    }
}

/// Compares every token at every clock on every kind of surface. Each clock uses one event format of the
/// authorizer and one endpoint; each row uses all.
async fn compare_table(leeway: u64) {
    let base = NOW.unix();
    let tokens = table(base);
    let names: HashSet<_> = tokens.iter().map(|token| &token.name).collect();
    assert_eq!(names.len(), tokens.len(), "names are unique");

    let mut compared = 0;
    let (mut rows, mut forms) = (HashSet::new(), HashSet::new());
    for locations in [Locations::Header, Locations::All] {
        let mut comparison = Comparison::of(locations, leeway).await;
        for (row, token) in tokens.iter().enumerate() {
            let clocks: Vec<_> = clocks(token, base, leeway).into_iter().collect();
            assert!(clocks.len() >= CLOCKS_A_BOUND * BOUNDS, "{token:?}");
            if !is_in_every_form(row, token) {
                let now = [clocks[0], base + 1, clocks[clocks.len() - 1]];
                let validity = now.into_iter().flat_map(|now| Surface::ALL.map(|one| (one, now)));
                comparison.compare(token, &bearer(), validity).await;
                continue;
            }
            rows.insert(row);
            for (number, form) in
                FORMS.iter().enumerate().filter(|(_, form)| form.locations == locations)
            {
                forms.insert(form.name);
                let validity = Surface::KINDS.into_iter().flat_map(|kind| {
                    clocks
                        .iter()
                        .enumerate()
                        .map(move |(clock, now)| (kind[(clock + number + row) % kind.len()], *now))
                });
                comparison.compare(token, form, validity).await;
            }
        }
        compared += comparison.finish();
    }
    assert!(rows.len() >= TOKENS && forms.len() >= FORMS_AT_LEAST, "{rows:?} {forms:?}");
    // The verifier gets no request, so it has verdicts on one form only.
    let others = Surface::KINDS.len() - 1;
    let least = TOKENS * FORMS_AT_LEAST * others * CLOCKS_A_BOUND * BOUNDS;
    assert!(compared >= least, "{compared} verdicts of {least}");
}

#[tokio::test]
async fn all_surfaces_agree_on_every_token_in_every_form_at_every_clock() {
    compare_table(0).await;
}

#[tokio::test]
async fn all_surfaces_apply_leeway_alike_to_every_token_in_every_form() {
    compare_table(10).await;
}

#[tokio::test]
async fn every_surface_refuses_forged_and_damaged_tokens() {
    let now = NOW.unix();
    let tokens: Vec<_> = forged(now).into_iter().chain(damaged(now)).collect();
    assert!(tokens.len() > 1_000, "{} tokens", tokens.len());
    let mut comparison = Comparison::of(Locations::Header, 0).await;
    for token in &tokens {
        comparison.compare(token, &bearer(), Surface::ALL.map(|surface| (surface, now))).await;
    }
    comparison.finish();
}

/// Without the revocation check a token is valid until it expires. The account of a legacy token is still
/// read.
#[tokio::test]
async fn without_revocation_checks_only_the_session_is_ignored() {
    let base = NOW.unix();
    let deployment =
        MemoryDeployment::checking(Locations::Header, 0, base, RevocationCheck::Off).await;
    let mut comparison = Comparison::in_scene(deployment, 0);
    let others = Surface::ALL.into_iter().filter(|surface| *surface != Surface::Me);
    let others: Vec<_> = others.collect();
    for token in table(base).into_iter().map(without_revocation) {
        for now in clocks(&token, base, 0) {
            let validity = others.iter().map(|surface| (*surface, now));
            comparison.compare(&token, &bearer(), validity).await;
        }
    }
    comparison.finish();
}
