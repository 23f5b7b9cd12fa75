//! What an observer sees of the world, held against the invariants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use latchkey_session::{Rotation, Session, SessionLifetimes};
use latchkey_token::{SessionId, Timestamp};

use super::{
    Rules, World,
    holder::{Ask, Token},
    invariant::Invariant,
    item::{Credentials, Item, PasswordChange, Start, Write},
    request::{Answer, Call, Pair, Request},
};

/// What has been seen.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct Record {
    rules: Rules,
    lines: BTreeMap<SessionId, Line>,
    over: BTreeSet<SessionId>,
    /// The first invariant that did not hold.
    broken: Option<Invariant>,
}

/// A session that is not over.
#[derive(Clone, Debug, PartialEq, Hash)]
struct Line {
    /// The password that was proved for it last.
    proved: Credentials,
    /// By generation, the session that the first answer made tokens of.
    handed_out: BTreeMap<u64, Session>,
    /// By generation, what replaced it.
    replaced_by: BTreeMap<u64, Rotation>,
    /// By generation, when it was first presented; `None` once the session's holders are not
    /// honest or do not keep pace.
    presented_at: Option<BTreeMap<u64, Timestamp>>,
}

impl Line {
    fn new(proved: Credentials) -> Self {
        Self {
            proved,
            handed_out: BTreeMap::new(),
            replaced_by: BTreeMap::new(),
            presented_at: Some(BTreeMap::new()),
        }
    }
}

impl Record {
    pub(super) const fn new(rules: Rules) -> Self {
        Self { rules, lines: BTreeMap::new(), over: BTreeSet::new(), broken: None }
    }

    pub(super) fn is_honest(&self, session: &SessionId) -> bool {
        self.lines.get(session).is_some_and(|line| line.presented_at.is_some())
    }

    fn expect(&mut self, invariant: Invariant, holds: bool) {
        if !holds {
            self.broken.get_or_insert(invariant);
        }
    }

    /// A holder presents a refresh token, in a fair way or not.
    pub(super) fn presented(&mut self, token: &Token, now: Timestamp, is_fair: bool) {
        let Some(line) = self.lines.get_mut(&token.session) else { return };
        let Some(presented) = &mut line.presented_at else { return };
        let first = presented.get(&token.generation);
        let is_late = first.is_some_and(|&first| now >= first + self.rules.rotation.grace);
        presented.entry(token.generation).or_insert(now);
        let is_newest = presented.keys().next_back() == Some(&token.generation);
        if !is_fair || is_late || !is_newest {
            line.presented_at = None;
        }
    }

    /// A write has changed the item.
    pub(super) fn written(&mut self, write: &Write, before: Option<&Item>, after: Option<&Item>) {
        let Some(after) = after else { return };
        let before = before.filter(|before| before.user.id == after.user.id);
        for (id, session) in &after.user.sessions {
            let old = before.and_then(|before| before.user.sessions.get(id));
            if old == Some(session) {
                continue;
            }
            let is_right = match (write, old) {
                (Write::Start(_) | Write::Password(_), None) => session.generation == 0,
                (Write::Rotate(rotation), Some(old)) => is_rotated(rotation, old, session),
                _ => false,
            };
            let SessionLifetimes { idle, absolute } = self.rules.rotation.lifetimes;
            let end = (session.rotated_at + idle).min(session.auth_time + absolute);
            self.expect(Invariant::OnlyForward, is_right && session.expires_at <= end);
        }
        self.remember(write);
    }

    fn remember(&mut self, write: &Write) {
        match write {
            Write::Start(Start { proved, started }) => {
                self.lines.insert(started.id.clone(), Line::new(proved.clone()));
            }
            Write::Password(PasswordChange { start: Start { proved, started }, .. }) => {
                let Credentials { user, version } = proved.clone();
                let proved = Credentials { user, version: version + 1 };
                self.lines.insert(started.id.clone(), Line::new(proved));
            }
            Write::Rotate(rotation) => {
                if let Some(line) = self.lines.get_mut(&rotation.session) {
                    line.replaced_by.insert(rotation.generation, rotation.clone());
                }
            }
            Write::Change(_) | Write::End { .. } | Write::Remove { .. } => {}
        }
    }

    /// A login that nothing overlapped has left that many sessions.
    pub(super) fn logged_in_alone(&mut self, sessions: usize) {
        self.expect(Invariant::WithinLimit, sessions <= self.rules.sessions.limit);
    }

    /// A function has heard what became of its write.
    pub(super) fn heard(&mut self, request: &Request, is_alive: bool) {
        match (&request.call.ask, &request.answer) {
            (_, Some(Answer::Tokens(_, pair))) => self.granted(&request.call, pair),
            (Ask::Refresh(token), None) => {
                let is_honest = self.is_honest(&token.session);
                self.expect(Invariant::HonestStay, !is_honest);
            }
            (Ask::Refresh(_), Some(Answer::Refused | Answer::Reused)) => {
                self.expect(Invariant::RefusalEnds, !is_alive);
            }
            _ => {}
        }
    }

    /// A function answers with a pair of tokens.
    fn granted(&mut self, call: &Call, pair: &Pair) {
        let (session, grace) = (&pair.session, self.rules.rotation.grace);
        let Some(line) = self.lines.get_mut(&pair.id) else {
            return self.expect(Invariant::OverForGood, false);
        };
        let first = line.handed_out.entry(session.generation).or_insert_with(|| session.clone());
        let is_same = first.newest() == session.newest() && first.expires_at == session.expires_at;
        let is_accepted = match &call.ask {
            Ask::Refresh(token) => {
                let replaced_by = line.replaced_by.get(&token.generation);
                let is_in_time = replaced_by.is_some_and(|rotation| {
                    let is_own = rotation.operation == call.id.operation();
                    is_own || call.at < rotation.rotated_at + grace
                });
                let is_next = session.generation == token.generation + 1;
                is_in_time && is_next && call.at < session.expires_at
            }
            Ask::Login | Ask::Password(_) | Ask::Logout(_) | Ask::Change(..) | Ask::Remove(_) => {
                true
            }
        };
        self.expect(Invariant::OneLine, is_same);
        self.expect(Invariant::NewestOrRecent, is_accepted);
    }

    /// Sessions are over, or were never begun.
    fn end(&mut self, sessions: Vec<SessionId>) {
        for id in sessions {
            if self.lines.remove(&id).is_some_and(|line| !line.handed_out.is_empty()) {
                self.over.insert(id);
            }
        }
    }
}

/// Whether a session is as the rotation has to leave it.
fn is_rotated(rotation: &Rotation, old: &Session, new: &Session) -> bool {
    new.generation == old.generation + 1
        && new.rotated_at == rotation.rotated_at
        && (new.created_at, new.auth_time) == (old.created_at, old.auth_time)
}

impl World {
    pub(crate) fn broken(&self) -> Option<Invariant> {
        self.record.broken
    }

    /// Whether a token of the session would be accepted now.
    pub(super) fn is_alive(&self, id: &SessionId) -> bool {
        let user = self.item.as_ref().map(|item| &item.user);
        user.is_some_and(|user| user.live_session(&user.id, id, self.now).is_some())
    }

    /// Whether the session is gone, or has expired with no refresh under way from before.
    fn is_over(&self, (id, line): (&SessionId, &Line)) -> bool {
        let session = self.item.as_ref().and_then(|item| item.user.sessions.get(id));
        let Some(expires_at) = session.map(|session| session.expires_at) else { return true };
        let served = self.requests.values().filter(|request| request.answer.is_none());
        let mut writes = served.map(|request| &request.write).chain(&self.adrift);
        let is_under_way = writes.any(|write| {
            matches!(&**write, Write::Rotate(rotation)
                if rotation.session == *id && rotation.rotated_at < expires_at)
        });
        !line.handed_out.is_empty() && expires_at <= self.now && !is_under_way
    }

    /// Looks which sessions are over, and what holds of them and of the others.
    pub(super) fn look(&mut self) {
        let lines = self.record.lines.iter().filter(|line| self.is_over(*line));
        let over: Vec<_> = lines.map(|(id, _)| id.clone()).collect();
        if !over.is_empty() {
            Arc::make_mut(&mut self.record).end(over);
        }
        if let Some(broken) = self.first_broken() {
            Arc::make_mut(&mut self.record).expect(broken, false);
        }
    }

    fn first_broken(&self) -> Option<Invariant> {
        let item = self.item.as_ref()?;
        let sessions = &item.user.sessions;
        let mut lines = sessions.keys().filter_map(|id| self.record.lines.get(id));
        if self.record.over.iter().any(|id| self.is_alive(id)) {
            Some(Invariant::OverForGood)
        } else if lines.any(|line| line.proved != item.credentials()) {
            Some(Invariant::CurrentPassword)
        } else {
            None
        }
    }
}
