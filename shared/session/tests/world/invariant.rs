//! Invariants of observable events.

/// An invariant of all states of all worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Invariant {
    /// All exchanges of one generation return the same refresh token, which has the next
    /// generation.
    OneSuccessor,
    /// A refresh token returns a pair only with the write that replaces it, or while its successor
    /// is the newest token and the request begins less than the grace period after the request that
    /// replaced it. Repetitions do not extend the grace period. A session that has expired when the
    /// request begins returns no pair.
    NewestOrRecent,
    /// A session ends when it is removed from the item, or when it has expired and no refresh from
    /// before is pending. After that none of its tokens is accepted or issued. (A session without
    /// an issued token has not ended: a login may still start it.)
    EndedStaysEnded,
    /// A refresh never ends a session with fair holders, despite lost replies, late writes and lost
    /// answers. Holders are fair if the thief presents no token; if each generation is presented
    /// for the last time less than the grace period after the first time; and if no older
    /// generation is presented after a newer one, or is still being served when a newer one is
    /// presented.
    ///
    /// Not covered: two tabs that advance two generations while a refresh of the first is still
    /// being served may end the session.
    FairSessionsLive,
    /// A refused refresh leaves no live session. With [`Self::NewestOrRecent`], two holders of one
    /// generation end the session if they refresh further apart than the grace period, so that a
    /// thief and the owner cannot both continue.
    ///
    /// Not covered: a thief who always refreshes within the grace period is not detected.
    RefusalEndsSession,
    /// A session changes only by a rotation: by one generation, at the time of the request, with an
    /// expiry within the idle and the absolute lifetime. So no generation returns, and no password
    /// change undoes a rotation.
    OnlyRotations,
    /// All sessions were started with the current password: no login survives a concurrent password
    /// change.
    CurrentPassword,
    /// A login without concurrent writes leaves at most the limit of sessions.
    ///
    /// Not covered: concurrent logins may exceed it until the next login.
    WithinLimit,
}
