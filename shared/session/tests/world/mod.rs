//! A model of one user name, the holders of its tokens, and all pending messages.
//!
//! Each step is atomic in the real system: a function begins to serve a request, a write is applied
//! to the user's item, an answer arrives or is lost, time passes. Steps can come in any order, so
//! tests try all orders. The rules are those of `latchkey_session`. The model adds stores,
//! functions and the network, and an observer that checks each [`Invariant`](invariant::Invariant).
//!
//! There is one clock: the model has no clock skew.

pub(crate) mod holder;
pub(crate) mod invariant;
pub(crate) mod item;
pub(crate) mod milestone;
mod observer;
pub(crate) mod request;

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use latchkey_session::{RotationPolicy, SessionLifetimes, SessionPolicy};
use latchkey_token::Timestamp;

use self::{
    holder::{Holder, RequestKind, Token},
    item::{Command, Item, Reply, Write},
    observer::Observer,
    request::{Answer, Call, Request, RequestId},
};

/// The policies of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    sessions: SessionPolicy,
    rotation: RotationPolicy,
}

impl Rules {
    /// At most two sessions, and times in seconds.
    pub(crate) const fn new(grace: u64, idle: u64, absolute: u64) -> Self {
        let lifetimes = SessionLifetimes {
            idle: Duration::from_secs(idle),
            absolute: Duration::from_secs(absolute),
        };
        Self {
            sessions: SessionPolicy { lifetimes, limit: 2 },
            rotation: RotationPolicy { lifetimes, grace: Duration::from_secs(grace) },
        }
    }
}

/// All states of a world have the same rules.
impl Hash for Rules {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Seconds pass.
    Pass(u64),
    /// A new account uses the free name.
    SignUp,
    /// An operator changes the account.
    Operate(Command),
    /// The thief copies the newest token of a client.
    Steal { from: usize },
    /// A holder's request reaches a function, which reads the clock and the item.
    Send(usize, RequestKind),
    /// The function's write is delivered, and the reply received.
    Deliver(RequestId),
    /// The write is delivered, and the reply lost: the SDK will deliver it again.
    LoseReply(RequestId),
    /// The write is late: the SDK will deliver it again, and this copy stays in flight.
    Delay(RequestId),
    /// A late copy is delivered. Its reply has no receiver.
    Arrive(usize),
    /// The answer reaches the holder.
    Answer(RequestId),
    /// The answer is lost.
    LoseAnswer(RequestId),
}

impl Step {
    /// Whether a message is lost or late.
    pub(crate) const fn is_fault(&self) -> bool {
        matches!(self, Self::LoseReply(_) | Self::Delay(_) | Self::LoseAnswer(_))
    }
}

/// Clones share unchanged parts.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct World {
    rules: Rules,
    pub(crate) now: Timestamp,
    item: Option<Arc<Item>>,
    /// The number of accounts that have used the name.
    accounts: usize,
    pub(crate) holders: Vec<Arc<Holder>>,
    requests: BTreeMap<RequestId, Arc<Request>>,
    in_flight: Vec<Arc<Write>>,
    /// The number of lost or late messages.
    pub(crate) faults: usize,
    /// The number of operators' commands.
    pub(crate) commands: usize,
    observer: Arc<Observer>,
}

impl World {
    /// An account without sessions, its clients, and an optional thief.
    pub(crate) fn new(rules: Rules, clients: usize, has_thief: bool) -> Self {
        let now = Timestamp::from_unix(1_000);
        let clients = (0..clients).map(|_| Holder::default());
        let thief = has_thief.then(Holder::thief);
        Self {
            rules,
            now,
            item: Some(Arc::new(Item::new(0, now))),
            accounts: 1,
            holders: clients.chain(thief).map(Arc::new).collect(),
            requests: BTreeMap::new(),
            in_flight: Vec::new(),
            faults: 0,
            commands: 0,
            observer: Arc::new(Observer::new(rules)),
        }
    }

    /// The world after a login by a client.
    pub(crate) fn with_login(mut self, client: usize) -> Self {
        let id = RequestId { holder: client, number: self.holders[client].sent };
        for step in [Step::Send(client, RequestKind::Login), Step::Deliver(id), Step::Answer(id)] {
            self.take(step);
        }
        self
    }

    /// Takes a step, and checks the invariants. Returns false if a function refuses a request
    /// without a write.
    pub(crate) fn take(&mut self, step: Step) -> bool {
        self.faults += usize::from(step.is_fault());
        match step {
            Step::Pass(seconds) => self.now = self.now + Duration::from_secs(seconds),
            Step::SignUp => {
                self.item = Some(Arc::new(Item::new(self.accounts, self.now)));
                self.accounts += 1;
            }
            Step::Operate(command) => {
                self.commands += 1;
                self.write(&Write::Operate(command, self.now));
            }
            Step::Steal { from } => {
                let token = self.holders[from].newest().unwrap().clone();
                let thief = self.holders.iter_mut().find(|holder| holder.is_thief);
                Arc::make_mut(thief.unwrap()).take(token);
            }
            Step::Send(holder, kind) => return self.send(holder, kind),
            Step::Deliver(id) => self.deliver(id),
            Step::LoseReply(id) => {
                self.write(&Arc::clone(&self.requests[&id].write));
                self.miss(id);
            }
            Step::Delay(id) => {
                self.in_flight.push(Arc::clone(&self.requests[&id].write));
                self.miss(id);
            }
            Step::Arrive(copy) => {
                let write = self.in_flight.remove(copy);
                self.write(&write);
            }
            Step::Answer(id) => self.answer(id),
            Step::LoseAnswer(id) => drop(self.requests.remove(&id)),
        }
        self.check();
        true
    }

    fn send(&mut self, holder: usize, kind: RequestKind) -> bool {
        let Some(item) = &self.item else { return false };
        let id = RequestId { holder, number: self.holders[holder].sent };
        let call = Call { id, kind, at: self.now };
        let Some(write) = call.write(item, &self.rules) else { return false };
        if let RequestKind::Refresh(token) = &call.kind {
            let is_fair = !self.holders[holder].is_thief && !self.overtakes(token);
            Arc::make_mut(&mut self.observer).presented(token, self.now, is_fair);
        }
        Arc::make_mut(&mut self.holders[holder]).sent += 1;
        self.requests.insert(id, Arc::new(Request::new(call, write)));
        true
    }

    /// Whether a function is still serving a refresh with an older token of the session.
    fn overtakes(&self, token: &Token) -> bool {
        let mut served = self.requests.values().filter(|request| request.answer.is_none());
        served.any(|request| {
            matches!(&request.call.kind, RequestKind::Refresh(older)
                if older.session == token.session && older.generation < token.generation)
        })
    }

    /// Delivers a write to the item in one atomic step.
    fn write(&mut self, write: &Write) -> Reply {
        let before = self.item.clone();
        let reply = write.deliver(&mut self.item);
        if before != self.item {
            let observer = Arc::make_mut(&mut self.observer);
            observer.written(write, before.as_deref(), self.item.as_deref());
            for request in self.requests.values_mut().filter(|request| request.is_login()) {
                Arc::make_mut(request).is_overlapped = true;
            }
        }
        reply
    }

    fn deliver(&mut self, id: RequestId) {
        let mut request = self.requests.remove(&id).unwrap();
        let reply = self.write(&request.write);
        if reply == Reply::Made && request.is_login() && !request.is_overlapped {
            let sessions = self.item.as_ref().map_or(0, |item| item.user.sessions.len());
            Arc::make_mut(&mut self.observer).logged_in_alone(sessions);
        }
        Arc::make_mut(&mut request).receive(reply, self.item.as_deref(), &self.rules);
        let is_alive = |token: &Token| self.is_alive(&token.session);
        let is_alive = request.call.kind.token().is_some_and(is_alive);
        Arc::make_mut(&mut self.observer).replied(&request, is_alive);
        self.requests.insert(id, request);
    }

    fn miss(&mut self, id: RequestId) {
        Arc::make_mut(self.requests.get_mut(&id).unwrap()).miss();
    }

    fn answer(&mut self, id: RequestId) {
        let request = self.requests.remove(&id).unwrap();
        if let Some(Answer::Tokens(_, pair)) = &request.answer {
            Arc::make_mut(&mut self.holders[id.holder]).take(pair.token());
        }
    }

    /// All steps of pending messages.
    pub(crate) fn pending_steps(&self) -> Vec<Step> {
        let mut steps: Vec<_> = (0..self.in_flight.len()).map(Step::Arrive).collect();
        for (&id, request) in &self.requests {
            steps.extend(match (&request.answer, &*request.write) {
                (Some(Answer::Tokens(..)), _) => vec![Step::Answer(id), Step::LoseAnswer(id)],
                (Some(_), _) => vec![Step::Answer(id)],
                // A late write of a login violates an invariant. Separate tests cover it.
                (None, Write::Start(_)) => vec![Step::Deliver(id), Step::LoseReply(id)],
                (None, _) => vec![Step::Deliver(id), Step::LoseReply(id), Step::Delay(id)],
            });
        }
        steps
    }

    /// All steps that holders can begin.
    pub(crate) fn new_steps(&self) -> Vec<Step> {
        let mut steps: Vec<_> = self.item.is_none().then_some(Step::SignUp).into_iter().collect();
        for (index, holder) in self.holders.iter().enumerate() {
            steps.extend(holder.requests().into_iter().map(|kind| Step::Send(index, kind)));
            let thief = self.holders.iter().find(|holder| holder.is_thief);
            if thief.is_some_and(|thief| thief.can_copy(holder)) {
                steps.push(Step::Steal { from: index });
            }
        }
        steps
    }
}
