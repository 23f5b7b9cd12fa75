//! What a check has to come by, so that it does not hold of a world where nothing happens.

use super::{
    World,
    holder::Ask,
    item::Change,
    request::{Answer, Grant, Request},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// A refresh rotates.
    Rotation,
    /// A refresh that nobody is to blame for gets the current pair once more.
    HonestRepeat,
    /// A write whose reply was lost is recognised by its second delivery.
    Recovery,
    /// A token that was used before ends its session.
    Reuse,
    /// A write has succeeded, and an earlier delivery of it is still adrift.
    LateCopy,
    /// A login whose password was changed meanwhile is refused.
    LoginTooLate,
    /// A change that keeps its session meets a rotation, and is made by what it met.
    ChangeMadeAgain,
    /// An account is removed, and the name is another's.
    NewOwner,
}

impl World {
    pub(crate) fn shows(&self, sight: Sight) -> bool {
        self.requests.values().any(|request| self.shows_in(request, sight))
    }

    fn shows_in(&self, request: &Request, sight: Sight) -> bool {
        let Some(answer) = &request.answer else { return false };
        match (sight, &request.call.ask, answer) {
            (Sight::Rotation, _, Answer::Tokens(Grant::Rotated, _))
            | (Sight::Recovery, Ask::Refresh(_), Answer::Tokens(Grant::Recovered, _))
            | (Sight::Reuse, _, Answer::Reused)
            | (Sight::LoginTooLate, Ask::Login, Answer::Refused) => true,
            (Sight::HonestRepeat, _, Answer::Tokens(Grant::Repeated, pair)) => {
                self.record.is_honest(&pair.id)
            }
            (Sight::LateCopy, _, Answer::Tokens(..)) => self.adrift.contains(&request.write),
            (Sight::ChangeMadeAgain, Ask::Change(Change::EndOthers, _), Answer::Done) => {
                request.tries > 1
            }
            (Sight::NewOwner, _, _) => self.accounts > 1,
            _ => false,
        }
    }
}
