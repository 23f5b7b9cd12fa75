//! Whether the session of a token lives.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use latchkey_session::{LegacyUser, ReadUser, SessionState, StoreError, Username};
use latchkey_token::{AccessClaims, FlaskClaims, SessionId, Timestamp};
use lru::LruCache;

/// When a session is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationCheck {
    /// At every request, with a consistent read: a logout takes effect at once.
    Strict,
    /// At the first request and then once in this time: a logout takes effect that much later.
    Cached(Duration),
    /// Never: a token is good until it expires.
    Off,
}

/// How many sessions are remembered, the most recently used ones.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);

/// How a guard finds out whether a session lives.
#[derive(Debug)]
pub struct SessionCheck<S>(Kind<S>);

#[derive(Debug)]
enum Kind<S> {
    Strict(S),
    Cached(CachedSessions<S>),
    /// Accounts of legacy tokens are looked up all the same: who the caller is depends on it.
    Off(Option<S>),
}

impl<S> SessionCheck<S> {
    /// Every session is looked up at every request.
    pub const fn strict(sessions: S) -> Self {
        Self(Kind::Strict(sessions))
    }

    /// A session that was found alive less than `delay` ago is not looked up again.
    pub fn cached(sessions: S, delay: Duration) -> Self {
        let known = Mutex::new(LruCache::new(CAPACITY));
        Self(Kind::Cached(CachedSessions { sessions, delay, known }))
    }

    /// No session is looked up, and legacy tokens are refused.
    pub const fn off() -> Self {
        Self(Kind::Off(None))
    }

    /// No session is looked up, but the accounts of legacy tokens are.
    pub const fn legacy_alone(users: S) -> Self {
        Self(Kind::Off(Some(users)))
    }
}

impl<S: ReadUser> SessionCheck<S> {
    pub(super) async fn is_alive(
        &self,
        username: &Username,
        claims: &AccessClaims,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        match &self.0 {
            Kind::Strict(sessions) => {
                let found = sessions.find_session(username, &claims.session).await?;
                Ok(found.is_some_and(|state| state.is_alive(&claims.user, now)))
            }
            Kind::Cached(cached) => cached.is_alive(username, claims, now).await,
            Kind::Off(_) => Ok(true),
        }
    }
}

impl<S: ReadUser> SessionCheck<S> {
    /// The account that a legacy token speaks of, if that is active and has never changed its
    /// password here. It is looked up at every request.
    pub(super) async fn legacy_account(
        &self,
        token: &FlaskClaims,
    ) -> Result<Option<LegacyUser>, StoreError> {
        let (Kind::Strict(users)
        | Kind::Cached(CachedSessions { sessions: users, .. })
        | Kind::Off(Some(users))) = &self.0
        else {
            return Ok(None);
        };
        let Some(moved) = users.find_legacy_user(&token.identity).await? else {
            return Ok(None);
        };
        let account = users.find_session(&moved.username, &token.session).await?;
        let is_open = account.is_some_and(|account| account.accepts_legacy_tokens(&moved.id));
        Ok(is_open.then_some(moved))
    }
}

/// Sessions that were found alive, and when.
#[derive(Debug)]
struct CachedSessions<S> {
    sessions: S,
    delay: Duration,
    known: Mutex<LruCache<SessionId, (SessionState, Timestamp)>>,
}

impl<S: ReadUser> CachedSessions<S> {
    async fn is_alive(
        &self,
        username: &Username,
        claims: &AccessClaims,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.is_known_alive(claims, now) {
            return Ok(true);
        }
        let found = self.sessions.find_session(username, &claims.session).await?;
        let Some(alive) = found.filter(|state| state.is_alive(&claims.user, now)) else {
            self.lock().pop(&claims.session);
            return Ok(false);
        };
        self.lock().put(claims.session.clone(), (alive, now));
        Ok(true)
    }

    /// Only a good answer is believed: one that has become a bad one is looked up once more. A
    /// clock that was set back makes every answer one of the future, which is none.
    fn is_known_alive(&self, claims: &AccessClaims, now: Timestamp) -> bool {
        self.lock().get(&claims.session).is_some_and(|(state, found_at)| {
            let is_recent = *found_at <= now && now < *found_at + self.delay;
            is_recent && state.is_alive(&claims.user, now)
        })
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<SessionId, (SessionState, Timestamp)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
