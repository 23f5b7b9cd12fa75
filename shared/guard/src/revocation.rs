//! Looking up the session of a token.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use latchkey_session::{LegacyUser, ReadUser, SessionState, StoreError, Username};
use latchkey_token::{SessionId, Timestamp, UserId};
use lru::LruCache;

/// How often the guard looks up sessions (`JWT_REVOCATION_CHECK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationCheck {
    /// At every request, by a consistent read: a logout takes effect at once.
    Strict,
    /// At most once per session in this time: a logout takes effect at most this much later. The
    /// 1,024 most recently used sessions are cached, live ones only.
    Cached(Duration),
    /// Never: a token is accepted until it expires. The account of a legacy token is looked up at
    /// every request all the same.
    Off,
}

/// Capacity of the cache of sessions.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);

/// The user store that holds the sessions, and the cache of live sessions.
#[derive(Debug)]
pub(crate) struct Sessions<U> {
    /// `None` for a guard without a user store: sessions are not checked, and legacy
    /// tokens are refused.
    users: Option<U>,
    check: RevocationCheck,
    cache: Option<Mutex<LruCache<SessionId, (SessionState, Timestamp)>>>,
}

impl<U> Sessions<U> {
    pub(crate) fn new(users: Option<U>, check: RevocationCheck) -> Self {
        let is_cached = matches!(check, RevocationCheck::Cached(_));
        let cache = is_cached.then(|| Mutex::new(LruCache::new(CAPACITY)));
        Self { users, check, cache }
    }
}

impl<U: ReadUser> Sessions<U> {
    pub(crate) async fn is_alive(
        &self,
        username: &Username,
        user: &UserId,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let users = match (&self.users, self.check) {
            (Some(users), RevocationCheck::Strict | RevocationCheck::Cached(_)) => users,
            (None, _) | (_, RevocationCheck::Off) => return Ok(true),
        };
        if self.is_cached_alive(user, session, now) {
            return Ok(true);
        }
        let found = users.find_session(username, Some(session)).await?;
        let alive = found.filter(|state| state.is_alive(user, now));
        let is_alive = alive.is_some();
        if let Some(cache) = &self.cache {
            let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            match alive {
                Some(alive) => drop(cache.put(session.clone(), (alive, now))),
                None => drop(cache.pop(session)),
            }
        }
        Ok(is_alive)
    }

    /// Whether the cache has the session as alive. If the clock was set back, the session is looked
    /// up again.
    fn is_cached_alive(&self, user: &UserId, session: &SessionId, now: Timestamp) -> bool {
        let (Some(cache), RevocationCheck::Cached(delay)) = (&self.cache, self.check) else {
            return false;
        };
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(session).is_some_and(|(state, found_at)| {
            let is_recent = *found_at <= now && now < *found_at + delay;
            is_recent && state.is_alive(user, now)
        })
    }

    /// The account of a legacy identity, if it is active and its password was never changed in
    /// Latchkey. Never cached.
    pub(crate) async fn legacy_account(
        &self,
        identity: &str,
    ) -> Result<Option<LegacyUser>, StoreError> {
        let Some(users) = &self.users else { return Ok(None) };
        let Some(moved) = users.find_legacy_user(identity).await? else { return Ok(None) };
        let account = users.find_session(&moved.username, None).await?;
        let is_open = account.is_some_and(|account| account.accepts_legacy_tokens(&moved.id));
        Ok(is_open.then_some(moved))
    }
}
