//! What must hold of the world, in terms of what can be observed.

/// What must hold in every state of every world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Invariant {
    /// Whatever one generation of a session is exchanged for, it is the same refresh token, and
    /// the generation after it: the tokens of a session are one line.
    OneLine,
    /// A refresh token buys a pair only by the write that replaces it; or while the pair that
    /// replaced it is the newest, in a request that began less than the grace period after the
    /// request that replaced it. No repetition moves that moment, and grace opens no session that
    /// had expired when the request began.
    NewestOrRecent,
    /// A session is over once it is gone from the item, or once it has expired and no refresh is
    /// under way that began before. No token of it, of either kind, is then accepted again, and
    /// none is made. (A session of which no token has been handed out is not over but unborn: a
    /// login may still be starting it.)
    OverForGood,
    /// A refresh never ends a session whose holders are honest and keep pace: nobody presents a
    /// token that was stolen; each generation is presented for the last time less than the grace
    /// period after the first time; and none after a newer one, nor is a newer one presented while
    /// a function still serves an older. Lost replies, late writes and lost answers change nothing
    /// of that.
    ///
    /// What it does not say: two tabs that go two generations on while a refresh of the first is
    /// still served may sign themselves out.
    HonestStay,
    /// A refresh that is refused leaves no live session behind. With [`Self::NewestOrRecent`],
    /// two holders of one generation who refresh further apart than the grace period end the
    /// session, whoever comes first, so that a thief and the owner cannot both go on.
    ///
    /// What it does not say: a thief who always refreshes within grace of the owner shares the one
    /// line with them, and is not found.
    RefusalEnds,
    /// A session changes only by a rotation: by one generation, at the clock of the request that
    /// asks for it, to an expiry that is neither beyond idleness nor beyond the absolute end.
    /// So no generation comes back, and no password change undoes a rotation.
    OnlyForward,
    /// Every session there is was started with the password of this moment: no login outlives a
    /// password change that it raced with.
    CurrentPassword,
    /// A login that nothing overlaps leaves at most the limit of sessions.
    ///
    /// What it does not say: logins at once may exceed it until the next one.
    WithinLimit,
}
