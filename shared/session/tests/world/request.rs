//! Pending requests: the writes of a function, and its answers.

use std::sync::Arc;

use latchkey_session::{Client, RefreshOutcome, Session};
use latchkey_token::{OperationId, SessionId, Timestamp, UserId};

use super::{
    Rules,
    holder::{RequestKind, Token},
    item::{AccountWrite, Item, PasswordWrite, Reply, Start, Write},
};

/// How often the SDK delivers a write before the function gives up.
const MAX_DELIVERIES: usize = 3;

/// The `number`th request of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestId {
    pub(crate) holder: usize,
    pub(crate) number: usize,
}

impl RequestId {
    fn text(self) -> String {
        format!("{}-{:03}", self.holder, self.number)
    }

    /// The id of the session that the request starts.
    fn session(self) -> SessionId {
        SessionId::parse(&self.text()).unwrap()
    }

    pub(super) fn operation(self) -> OperationId {
        OperationId::parse(&self.text()).unwrap()
    }
}

/// A request, and the time at which a function starts to serve it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    pub(super) id: RequestId,
    pub(super) kind: RequestKind,
    pub(super) at: Timestamp,
}

impl Call {
    /// The function's write after it has read the item; `None` if it refuses without a write.
    pub(super) fn write(&self, item: &Item, rules: &Rules) -> Option<Write> {
        let operation = self.id.operation();
        Some(match &self.kind {
            RequestKind::Login => Write::Start(self.start(item, rules)),
            RequestKind::Password(token) => {
                item.user.live_session(&token.user, &token.session, self.at)?;
                let start = self.start(item, rules);
                Write::Password(PasswordWrite { start, session: token.session.clone() })
            }
            RequestKind::Refresh(token) => {
                let (claims, client) = (token.claims(), Client::default());
                Write::Rotate(rules.rotation.rotate(&claims, client, operation, self.at)?)
            }
            RequestKind::Logout(token) => Write::end(token),
            RequestKind::Change(change, token) => Write::Change(AccountWrite {
                change: *change,
                read: item.credentials(),
                session: token.session.clone(),
                session_read: item.user.live_session(&token.user, &token.session, self.at)?.clone(),
                operation,
            }),
            RequestKind::Remove(token) => {
                item.user.live_session(&token.user, &token.session, self.at)?;
                Write::Remove { read: item.credentials(), session: token.session.clone() }
            }
        })
    }

    fn start(&self, item: &Item, rules: &Rules) -> Start {
        let (id, operation) = (self.id.session(), self.id.operation());
        let (existing, client) = (&item.user.sessions, Client::default());
        let started = rules.sessions.start(existing, id, operation, client, self.at);
        Start { read: item.credentials(), started }
    }

    /// The next attempt after the condition of a write failed; `None` if no attempt follows, or if the
    /// requesting session has ended.
    fn write_again(&self, refused: &Write, item: &Item, rules: &Rules) -> Option<Write> {
        matches!(refused, Write::Change(_)).then(|| self.write(item, rules)).flatten()
    }
}

/// The session whose tokens an answer has.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct Pair {
    pub(super) user: UserId,
    pub(super) id: SessionId,
    pub(super) session: Session,
}

impl Pair {
    pub(super) fn token(&self) -> Token {
        Token::newest(&self.user, &self.id, &self.session)
    }
}

/// Why an answer has tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Issuance {
    Started,
    Rotated,
    /// Rotated by an earlier delivery, whose reply was lost.
    Recovered,
    /// Returned again.
    Repeated,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) enum Answer {
    Tokens(Issuance, Pair),
    Done,
    Refused,
    /// Refused, and the session is ended.
    Reused,
    /// All replies were lost.
    Unavailable,
}

/// A request that a function serves or has answered.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) write: Arc<Write>,
    /// The number of different writes, including the first.
    pub(super) tries: usize,
    deliveries: usize,
    /// Whether the item has changed since the read.
    pub(super) is_overlapped: bool,
    pub(super) answer: Option<Answer>,
}

impl Request {
    pub(super) fn new(call: Call, write: Write) -> Self {
        let write = Arc::new(write);
        Self { call, write, tries: 1, deliveries: 0, is_overlapped: false, answer: None }
    }

    /// Whether it is an unanswered login.
    pub(super) fn is_login(&self) -> bool {
        self.answer.is_none() && matches!(*self.write, Write::Start(_))
    }

    /// The reply is lost: the SDK delivers the write again, or gives up.
    pub(super) fn miss(&mut self) {
        self.deliveries += 1;
        if self.deliveries == MAX_DELIVERIES {
            self.answer = Some(Answer::Unavailable);
        }
    }

    /// The reply arrives with the item: the function answers, or makes another write.
    pub(super) fn receive(&mut self, reply: Reply, item: Option<&Item>, rules: &Rules) {
        match self.next(reply, item, rules) {
            Next::Answer(answer) => self.answer = Some(answer),
            Next::Write(write) => {
                (self.write, self.deliveries) = (Arc::new(write), 0);
                self.tries += 1;
            }
        }
    }

    fn next(&self, reply: Reply, item: Option<&Item>, rules: &Rules) -> Next {
        match (&self.call.kind, &*self.write, reply) {
            (RequestKind::Refresh(_), Write::End { .. }, _) => Next::Answer(Answer::Reused),
            (RequestKind::Refresh(token), _, Reply::Made) => {
                Next::tokens(Issuance::Rotated, token, item)
            }
            (RequestKind::Refresh(token), _, Reply::MadeBefore) => {
                Next::tokens(Issuance::Recovered, token, item)
            }
            (RequestKind::Refresh(token), _, Reply::Refused) => self.refused(token, item, rules),
            (
                _,
                Write::Start(Start { read, started })
                | Write::Password(PasswordWrite { start: Start { read, started }, .. }),
                Reply::Made | Reply::MadeBefore,
            ) => {
                // After a lost reply to a password change, later logins may have ended its session.
                let is_there = item.is_some_and(|item| started.is_in(&item.user.sessions));
                let (user, id) = (read.user.clone(), started.id.clone());
                let pair = Pair { user, id, session: started.session.clone() };
                let tokens = Answer::Tokens(Issuance::Started, pair);
                Next::Answer(if is_there { tokens } else { Answer::Done })
            }
            (_, _, Reply::Made | Reply::MadeBefore) => Next::Answer(Answer::Done),
            (_, _, Reply::Refused) => item
                .and_then(|item| self.call.write_again(&self.write, item, rules))
                .map_or(Next::Answer(Answer::Refused), Next::Write),
        }
    }

    /// The next action after a rotation was refused.
    fn refused(&self, token: &Token, item: Option<&Item>, rules: &Rules) -> Next {
        let now = self.call.at;
        let session =
            item.and_then(|item| item.user.live_session(&token.user, &token.session, now));
        match rules.rotation.outcome(session, token.generation, now) {
            RefreshOutcome::Ended => Next::Answer(Answer::Refused),
            RefreshOutcome::Previous => Next::tokens(Issuance::Repeated, token, item),
            RefreshOutcome::Reused => Next::Write(Write::end(token)),
            RefreshOutcome::Current => Next::Answer(Answer::Unavailable),
        }
    }
}

/// The next action of a function after a reply.
enum Next {
    Answer(Answer),
    Write(Write),
}

impl Next {
    /// Answers with the tokens of the session in the returned item.
    fn tokens(grant: Issuance, token: &Token, item: Option<&Item>) -> Self {
        let session = item.and_then(|item| item.user.sessions.get(&token.session)).cloned();
        let (user, id) = (token.user.clone(), token.session.clone());
        Self::Answer(
            session.map_or(Answer::Refused, |session| {
                Answer::Tokens(grant, Pair { user, id, session })
            }),
        )
    }
}
