//! Requests under way: what a function writes for one, and what it makes of the reply.

use std::sync::Arc;

use latchkey_session::{Client, RefreshOutcome, Session};
use latchkey_token::{OperationId, SessionId, Timestamp, UserId};

use super::{
    Rules,
    holder::{Ask, Token},
    item::{AccountChange, Item, PasswordChange, Reply, Start, Write},
};

/// How often the SDK delivers one write before the function gives up.
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

    /// The session that the request starts, if it is a login.
    fn session(self) -> SessionId {
        SessionId::parse(&self.text()).unwrap()
    }

    pub(super) fn operation(self) -> OperationId {
        OperationId::parse(&self.text()).unwrap()
    }
}

/// What a function starts from: it reads the clock once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    pub(super) id: RequestId,
    pub(super) ask: Ask,
    pub(super) at: Timestamp,
}

impl Call {
    /// The function's first write, by the item as it reads it; `None` when it refuses at once.
    pub(super) fn write(&self, item: &Item, rules: &Rules) -> Option<Write> {
        let operation = self.id.operation();
        Some(match &self.ask {
            Ask::Login => Write::Start(self.start(item, rules)),
            Ask::Password(token) => {
                item.user.live_session(&token.user, &token.session, self.at)?;
                let start = self.start(item, rules);
                Write::Password(PasswordChange { start, session: token.session.clone() })
            }
            Ask::Refresh(token) => {
                let (claims, client) = (token.claims(), Client::default());
                Write::Rotate(rules.rotation.rotate(&claims, client, operation, self.at)?)
            }
            Ask::Logout(token) => Write::end(token),
            Ask::Change(change, token) => Write::Change(AccountChange {
                change: *change,
                read: item.credentials(),
                session: token.session.clone(),
                asking: item.user.live_session(&token.user, &token.session, self.at)?.clone(),
                operation,
            }),
            Ask::Remove(token) => {
                item.user.live_session(&token.user, &token.session, self.at)?;
                Write::Remove { read: item.credentials(), session: token.session.clone() }
            }
        })
    }

    fn start(&self, item: &Item, rules: &Rules) -> Start {
        let (id, operation) = (self.id.session(), self.id.operation());
        let (existing, client) = (&item.user.sessions, Client::default());
        let started = rules.sessions.start(existing, id, operation, client, self.at);
        Start { proved: item.credentials(), started }
    }

    /// The write once more after its condition did not hold, by the item that it met; `None` where
    /// it is not tried again, and when the session that asks is over.
    fn write_again(&self, refused: &Write, item: &Item, rules: &Rules) -> Option<Write> {
        matches!(refused, Write::Change(_)).then(|| self.write(item, rules)).flatten()
    }
}

/// What the tokens of an answer are made from.
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

/// How a session came to the tokens of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Grant {
    Started,
    Rotated,
    /// Rotated by an earlier delivery, whose reply was lost.
    Recovered,
    /// Handed out once more.
    Repeated,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) enum Answer {
    Tokens(Grant, Pair),
    Done,
    Refused,
    /// Refused, and the session has been ended.
    Reused,
    /// No delivery had a reply.
    Unavailable,
}

/// A request that a function is serving, or has answered.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) write: Arc<Write>,
    /// How often the function has changed its mind about what to write.
    pub(super) tries: usize,
    deliveries: usize,
    /// Whether the item has changed since it was read.
    pub(super) is_overlapped: bool,
    pub(super) answer: Option<Answer>,
}

impl Request {
    pub(super) fn new(call: Call, write: Write) -> Self {
        let write = Arc::new(write);
        Self { call, write, tries: 1, deliveries: 0, is_overlapped: false, answer: None }
    }

    /// Whether it is a login that has not been answered.
    pub(super) fn is_login(&self) -> bool {
        self.answer.is_none() && matches!(*self.write, Write::Start(_))
    }

    /// The reply does not come: the SDK delivers the write again, or gives up.
    pub(super) fn miss(&mut self) {
        self.deliveries += 1;
        if self.deliveries == MAX_DELIVERIES {
            self.answer = Some(Answer::Unavailable);
        }
    }

    /// The reply comes, and with it the item: the function answers, or makes another write.
    pub(super) fn hear(&mut self, reply: Reply, item: Option<&Item>, rules: &Rules) {
        match self.next(reply, item, rules) {
            Next::Answer(answer) => self.answer = Some(answer),
            Next::Write(write) => {
                (self.write, self.deliveries) = (Arc::new(write), 0);
                self.tries += 1;
            }
        }
    }

    fn next(&self, reply: Reply, item: Option<&Item>, rules: &Rules) -> Next {
        match (&self.call.ask, &*self.write, reply) {
            (Ask::Refresh(_), Write::End { .. }, _) => Next::Answer(Answer::Reused),
            (Ask::Refresh(token), _, Reply::Made) => Next::tokens(Grant::Rotated, token, item),
            (Ask::Refresh(token), _, Reply::MadeBefore) => {
                Next::tokens(Grant::Recovered, token, item)
            }
            (Ask::Refresh(token), _, Reply::Refused) => self.judge(token, item, rules),
            (
                _,
                Write::Start(Start { proved, started })
                | Write::Password(PasswordChange { start: Start { proved, started }, .. }),
                Reply::Made | Reply::MadeBefore,
            ) => {
                // Later logins may have pushed out the session of a password change whose reply was
                // lost. Its tokens are good for nothing then.
                let is_there = item.is_some_and(|item| started.is_in(&item.user.sessions));
                let (user, id) = (proved.user.clone(), started.id.clone());
                let pair = Pair { user, id, session: started.session.clone() };
                let tokens = Answer::Tokens(Grant::Started, pair);
                Next::Answer(if is_there { tokens } else { Answer::Done })
            }
            (_, _, Reply::Made | Reply::MadeBefore) => Next::Answer(Answer::Done),
            (_, _, Reply::Refused) => item
                .and_then(|item| self.call.write_again(&self.write, item, rules))
                .map_or(Next::Answer(Answer::Refused), Next::Write),
        }
    }

    /// A refresh token that rotated nothing, by the item that the write met.
    fn judge(&self, token: &Token, item: Option<&Item>, rules: &Rules) -> Next {
        let now = self.call.at;
        let session =
            item.and_then(|item| item.user.live_session(&token.user, &token.session, now));
        match rules.rotation.outcome(session, token.generation, now) {
            RefreshOutcome::Ended => Next::Answer(Answer::Refused),
            RefreshOutcome::Previous => Next::tokens(Grant::Repeated, token, item),
            RefreshOutcome::Reused => Next::Write(Write::end(token)),
            RefreshOutcome::Current => Next::Answer(Answer::Unavailable),
        }
    }
}

/// What a function does after a reply.
enum Next {
    Answer(Answer),
    Write(Write),
}

impl Next {
    /// Answers with the tokens of the session as the write left or met it.
    fn tokens(grant: Grant, token: &Token, item: Option<&Item>) -> Self {
        let session = item.and_then(|item| item.user.sessions.get(&token.session)).cloned();
        let (user, id) = (token.user.clone(), token.session.clone());
        Self::Answer(
            session.map_or(Answer::Refused, |session| {
                Answer::Tokens(grant, Pair { user, id, session })
            }),
        )
    }
}
