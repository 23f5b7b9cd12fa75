//! An observer of the world, which checks the invariants.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use latchkey_session::{Rotation, Session, SessionLifetimes};
use latchkey_token::{SessionId, Timestamp};

use super::{
    Rules, World,
    holder::{RequestKind, Token},
    invariant::Invariant,
    item::{Credentials, Item, PasswordWrite, Start, Write},
    request::{Answer, Call, Pair, Request},
};

/// Observations, and the first violated invariant.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct Observer {
    rules: Rules,
    histories: BTreeMap<SessionId, SessionHistory>,
    ended: BTreeSet<SessionId>,
    violation: Option<Invariant>,
}

/// The history of a session that has not ended.
#[derive(Clone, Debug, PartialEq, Hash)]
struct SessionHistory {
    /// The credentials that the session was started with.
    credentials: Credentials,
    /// By generation, the session of the first answer with its tokens.
    issued: BTreeMap<u64, Session>,
    /// By generation, the rotation that replaced it.
    replaced_by: BTreeMap<u64, Rotation>,
    /// By generation, when its token was first presented; `None` if a holder was unfair or too
    /// late.
    presented_at: Option<BTreeMap<u64, Timestamp>>,
}

impl SessionHistory {
    fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            issued: BTreeMap::new(),
            replaced_by: BTreeMap::new(),
            presented_at: Some(BTreeMap::new()),
        }
    }
}

impl Observer {
    pub(super) const fn new(rules: Rules) -> Self {
        Self { rules, histories: BTreeMap::new(), ended: BTreeSet::new(), violation: None }
    }

    pub(super) fn is_fair(&self, session: &SessionId) -> bool {
        self.histories.get(session).is_some_and(|history| history.presented_at.is_some())
    }

    fn require(&mut self, invariant: Invariant, holds: bool) {
        if !holds {
            self.violation.get_or_insert(invariant);
        }
    }

    /// A holder presents a refresh token.
    pub(super) fn presented(&mut self, token: &Token, now: Timestamp, is_fair: bool) {
        let Some(history) = self.histories.get_mut(&token.session) else { return };
        let Some(presented) = &mut history.presented_at else { return };
        let first = presented.get(&token.generation);
        let is_late = first.is_some_and(|&first| now >= first + self.rules.rotation.grace);
        presented.entry(token.generation).or_insert(now);
        let is_newest = presented.keys().next_back() == Some(&token.generation);
        if !is_fair || is_late || !is_newest {
            history.presented_at = None;
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
            let is_allowed = match (write, old) {
                (Write::Start(_) | Write::Password(_), None) => session.generation == 0,
                (Write::Rotate(rotation), Some(old)) => is_rotated(rotation, old, session),
                _ => false,
            };
            let SessionLifetimes { idle, absolute } = self.rules.rotation.lifetimes;
            let end = (session.rotated_at + idle).min(session.auth_time + absolute);
            self.require(Invariant::OnlyRotations, is_allowed && session.expires_at <= end);
        }
        self.record(write);
    }

    fn record(&mut self, write: &Write) {
        match write {
            Write::Start(Start { read, started }) => {
                self.histories.insert(started.id.clone(), SessionHistory::new(read.clone()));
            }
            Write::Password(PasswordWrite { start: Start { read, started }, .. }) => {
                let Credentials { user, version } = read.clone();
                let credentials = Credentials { user, version: version + 1 };
                self.histories.insert(started.id.clone(), SessionHistory::new(credentials));
            }
            Write::Rotate(rotation) => {
                if let Some(history) = self.histories.get_mut(&rotation.session) {
                    history.replaced_by.insert(rotation.generation, rotation.clone());
                }
            }
            Write::Change(_) | Write::End { .. } | Write::Remove { .. } | Write::Operate(..) => {}
        }
    }

    /// A login without concurrent writes has left this number of sessions.
    pub(super) fn logged_in_alone(&mut self, sessions: usize) {
        self.require(Invariant::WithinLimit, sessions <= self.rules.sessions.limit);
    }

    /// A function has received the reply to its write.
    pub(super) fn replied(&mut self, request: &Request, is_alive: bool) {
        match (&request.call.kind, &request.answer) {
            (_, Some(Answer::Tokens(_, pair))) => self.granted(&request.call, pair),
            (RequestKind::Refresh(token), None) => {
                let is_fair = self.is_fair(&token.session);
                self.require(Invariant::FairSessionsLive, !is_fair);
            }
            (RequestKind::Refresh(_), Some(Answer::Refused | Answer::Reused)) => {
                self.require(Invariant::RefusalEndsSession, !is_alive);
            }
            _ => {}
        }
    }

    /// A function answers with a pair of tokens.
    fn granted(&mut self, call: &Call, pair: &Pair) {
        let (session, grace) = (&pair.session, self.rules.rotation.grace);
        let Some(history) = self.histories.get_mut(&pair.id) else {
            return self.require(Invariant::EndedStaysEnded, false);
        };
        let first = history.issued.entry(session.generation).or_insert_with(|| session.clone());
        let is_same = first.newest() == session.newest() && first.expires_at == session.expires_at;
        let is_accepted = match &call.kind {
            RequestKind::Refresh(token) => {
                let replaced_by = history.replaced_by.get(&token.generation);
                let is_in_time = replaced_by.is_some_and(|rotation| {
                    let is_own = rotation.operation == call.id.operation();
                    is_own || call.at < rotation.rotated_at + grace
                });
                let is_next = session.generation == token.generation + 1;
                is_in_time && is_next && call.at < session.expires_at
            }
            RequestKind::Login
            | RequestKind::Password(_)
            | RequestKind::Logout(_)
            | RequestKind::Change(..)
            | RequestKind::Remove(_) => true,
        };
        self.require(Invariant::OneSuccessor, is_same);
        self.require(Invariant::NewestOrRecent, is_accepted);
    }

    /// Sessions have ended, or never issued tokens.
    fn end(&mut self, sessions: Vec<SessionId>) {
        for id in sessions {
            if self.histories.remove(&id).is_some_and(|history| !history.issued.is_empty()) {
                self.ended.insert(id);
            }
        }
    }
}

/// Whether a session is as the rotation must leave it.
fn is_rotated(rotation: &Rotation, old: &Session, new: &Session) -> bool {
    new.generation == old.generation + 1
        && new.rotated_at == rotation.rotated_at
        && (new.created_at, new.auth_time) == (old.created_at, old.auth_time)
}

impl World {
    pub(crate) fn violation(&self) -> Option<Invariant> {
        self.observer.violation
    }

    /// Whether the session is alive now.
    pub(super) fn is_alive(&self, id: &SessionId) -> bool {
        let user = self.item.as_ref().map(|item| &item.user);
        user.is_some_and(|user| user.live_session(&user.id, id, self.now).is_some())
    }

    /// Whether the session is removed, or has expired without a pending refresh from before.
    fn has_ended(&self, (id, history): (&SessionId, &SessionHistory)) -> bool {
        let session = self.item.as_ref().and_then(|item| item.user.sessions.get(id));
        let Some(expires_at) = session.map(|session| session.expires_at) else { return true };
        let served = self.requests.values().filter(|request| request.answer.is_none());
        let mut writes = served.map(|request| &request.write).chain(&self.in_flight);
        let is_pending = writes.any(|write| {
            matches!(&**write, Write::Rotate(rotation)
                if rotation.session == *id && rotation.rotated_at < expires_at)
        });
        !history.issued.is_empty() && expires_at <= self.now && !is_pending
    }

    /// Records ended sessions, and checks the invariants of all sessions.
    pub(super) fn check(&mut self) {
        let histories = self.observer.histories.iter().filter(|history| self.has_ended(*history));
        let ended: Vec<_> = histories.map(|(id, _)| id.clone()).collect();
        if !ended.is_empty() {
            Arc::make_mut(&mut self.observer).end(ended);
        }
        if let Some(violation) = self.first_violation() {
            Arc::make_mut(&mut self.observer).require(violation, false);
        }
    }

    fn first_violation(&self) -> Option<Invariant> {
        let item = self.item.as_ref()?;
        let sessions = &item.user.sessions;
        let mut histories = sessions.keys().filter_map(|id| self.observer.histories.get(id));
        if self.observer.ended.iter().any(|id| self.is_alive(id)) {
            Some(Invariant::EndedStaysEnded)
        } else if histories.any(|history| history.credentials != item.credentials()) {
            Some(Invariant::CurrentPassword)
        } else {
            None
        }
    }
}
