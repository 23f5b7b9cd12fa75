//! Events that a check must reach, so that it does not pass because nothing happens.

use super::{
    World,
    holder::RequestKind,
    item::Change,
    request::{Answer, Issuance, Request},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Milestone {
    /// A refresh rotates.
    Rotation,
    /// A fair refresh gets the current pair again.
    FairRepeat,
    /// The second delivery of a write after a lost reply is recognised.
    Recovery,
    /// A reused token ends its session.
    Reuse,
    /// A write succeeds while an earlier copy of it is still in flight.
    LateCopy,
    /// A login is refused because the password has changed.
    LoginTooLate,
    /// A change that keeps its session meets a rotation, and succeeds on the second attempt.
    ChangeMadeAgain,
    /// An account is removed, and the name is used again.
    NewOwner,
}

impl World {
    pub(crate) fn has_reached(&self, milestone: Milestone) -> bool {
        self.requests.values().any(|request| self.is_reached_by(request, milestone))
    }

    fn is_reached_by(&self, request: &Request, milestone: Milestone) -> bool {
        let Some(answer) = &request.answer else { return false };
        match (milestone, &request.call.kind, answer) {
            (Milestone::Rotation, _, Answer::Tokens(Issuance::Rotated, _))
            | (
                Milestone::Recovery,
                RequestKind::Refresh(_),
                Answer::Tokens(Issuance::Recovered, _),
            )
            | (Milestone::Reuse, _, Answer::Reused)
            | (Milestone::LoginTooLate, RequestKind::Login, Answer::Refused) => true,
            (Milestone::FairRepeat, _, Answer::Tokens(Issuance::Repeated, pair)) => {
                self.observer.is_fair(&pair.id)
            }
            (Milestone::LateCopy, _, Answer::Tokens(..)) => self.in_flight.contains(&request.write),
            (
                Milestone::ChangeMadeAgain,
                RequestKind::Change(Change::EndOthers, _),
                Answer::Done,
            ) => request.tries > 1,
            (Milestone::NewOwner, _, _) => self.accounts > 1,
            _ => false,
        }
    }
}
