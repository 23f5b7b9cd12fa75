//! The key cache of a function.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use latchkey_session::StoreError;
use latchkey_token::{KeySet, Timestamp};
use tokio::{sync::Mutex as AsyncMutex, time::timeout};
use tracing::{error, info};

use crate::RingError;

/// The highest age, counted from the last fetch, at which keys serve while the source is unavailable.
pub const MAX_STALE_AGE: Duration = Duration::from_hours(1);
/// Timeout of a fetch while the cached keys are usable.
const FETCH_TIMEOUT: Duration = Duration::from_millis(500);
/// Backoff after a failed fetch, at most half of `max_age`.
const BACKOFF: Duration = Duration::from_secs(10);
/// How long no unknown key is searched for after a search without a result.
const UNKNOWN_KEY_TTL: Duration = Duration::from_secs(30);

/// The source of a key cache.
pub trait FetchKeys: Send + Sync {
    /// Fetches the keys. Returns `None` if they are unchanged since the last fetch and `is_cached`
    /// says that the cache still has them.
    ///
    /// # Errors
    /// [`RingError`]. On an outage ([`RingError::is_outage`]) the cache keeps its keys; on any
    /// other error it drops them.
    fn fetch(
        &self,
        is_cached: bool,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Option<KeySet>, RingError>> + Send + '_>>;
}

/// The keys of a function: static, or cached and fetched again by age. Clones share the cache.
///
/// `max_age` is the argument of [`KeyCache::start`].
///
/// | age of the cached keys | a request |
/// |---|---|
/// | less than `max_age / 2` | uses them |
/// | less than `max_age` | fetches for 500 ms at most, and uses them if that fails; uses them at once while another request fetches |
/// | less than [`MAX_STALE_AGE`] | waits for the fetch, 500 ms at most; uses them during an outage |
/// | older | fails unless the fetch succeeds |
///
/// While the cached keys are usable, a failed fetch is not repeated for 10 s, or for `max_age / 2`
/// if that is less; without usable keys each request fetches. There is no background task, because
/// Lambda freezes a process between requests.
#[derive(Clone)]
pub struct KeyCache(Arc<Inner>);

enum Inner {
    Static(Arc<KeySet>),
    Cached(Cached),
}

struct Cached {
    source: Box<dyn FetchKeys>,
    max_age: Duration,
    /// Only one request fetches at a time.
    turn: AsyncMutex<()>,
    state: Mutex<State>,
}

struct State {
    keys: Option<Arc<KeySet>>,
    fetched_at: Timestamp,
    failed_at: Option<Timestamp>,
    unknown_at: Option<Timestamp>,
}

impl KeyCache {
    /// A cache of static keys, which never change.
    pub fn of_static(keys: KeySet) -> Self {
        Self(Arc::new(Inner::Static(Arc::new(keys))))
    }

    /// A cache of the keys of `source`, which it fetches now. A failure is logged and the first
    /// request retries.
    pub async fn start(
        source: impl FetchKeys + 'static,
        max_age: Duration,
        now: Timestamp,
    ) -> Self {
        let state = State { keys: None, fetched_at: now, failed_at: None, unknown_at: None };
        let cached = Cached {
            source: Box::new(source),
            max_age,
            turn: AsyncMutex::new(()),
            state: Mutex::new(state),
        };
        cached.fetch(now).await.ok();
        Self(Arc::new(Inner::Cached(cached)))
    }

    /// The current keys, fetched again if they are due.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the fetch failed and there are no cached keys, or they are
    /// older than [`MAX_STALE_AGE`].
    pub async fn get(&self, now: Timestamp) -> Result<Arc<KeySet>, StoreError> {
        let cached = match self.0.as_ref() {
            Inner::Static(keys) => return Ok(Arc::clone(keys)),
            Inner::Cached(cached) => cached,
        };
        if let Some(keys) = cached.state().fresh(cached.max_age, now) {
            return Ok(keys);
        }
        let younger = cached.state().younger_than(cached.max_age, now);
        let _turn = match (cached.turn.try_lock(), younger) {
            (Ok(turn), _) => turn,
            (Err(_), Some(keys)) => return Ok(keys),
            (Err(_), None) => cached.turn.lock().await,
        };
        // Another request may have fetched the keys while this one waited.
        if let Some(keys) = cached.state().fresh(cached.max_age, now) {
            return Ok(keys);
        }
        let fetched = cached.fetch(now).await;
        let usable = cached.state().younger_than(MAX_STALE_AGE, now);
        usable.ok_or_else(|| fetched.err().unwrap_or(RingError::NotFound).into())
    }

    /// Fetches the keys because `seen` lacks the key of a token; `None` if there are no newer keys.
    /// After a search without a result there is no other for 30 s, for any key id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the keys cannot be fetched: the key may exist.
    pub async fn get_newer(
        &self,
        seen: &Arc<KeySet>,
        now: Timestamp,
    ) -> Result<Option<Arc<KeySet>>, StoreError> {
        let Inner::Cached(cached) = self.0.as_ref() else { return Ok(None) };
        let _turn = cached.turn.lock().await;
        if let Some(newer) = cached.state().other_than(seen) {
            return Ok(Some(newer));
        }
        if is_within(UNKNOWN_KEY_TTL, cached.state().unknown_at, now) {
            return Ok(None);
        }
        if cached.state().in_backoff(cached.max_age, now) {
            return Err(StoreError::Unavailable("the last fetch of the keys failed".into()));
        }
        cached.fetch(now).await?;
        let newer = cached.state().other_than(seen);
        if newer.is_none() {
            cached.state().unknown_at = Some(now);
        }
        Ok(newer)
    }
}

impl Cached {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, now: Timestamp) -> Result<(), RingError> {
        let is_usable = self.state().younger_than(MAX_STALE_AGE, now).is_some();
        let is_cached = self.state().keys.is_some();
        let fetch = self.source.fetch(is_cached, now);
        let fetched = if is_usable {
            let late = |_| Err(RingError::Unavailable("it did not answer within 500 ms".into()));
            timeout(FETCH_TIMEOUT, fetch).await.unwrap_or_else(late)
        } else {
            fetch.await
        };
        let mut state = self.state();
        match fetched {
            Ok(fetched) => {
                if let Some(keys) = fetched {
                    if state.keys.is_some() {
                        info!("keys replaced");
                    }
                    state.keys = Some(Arc::new(keys));
                    state.unknown_at = None;
                }
                (state.fetched_at, state.failed_at) = (now, None);
                Ok(())
            }
            Err(fault) => {
                if !fault.is_outage() {
                    state.keys = None;
                }
                state.failed_at = Some(now);
                error!(keeps_serving = state.keys.is_some(), cause = %fault, "keys not fetched");
                Err(fault)
            }
        }
    }
}

impl State {
    /// The keys, unless they are due for a fetch.
    fn fresh(&self, max_age: Duration, now: Timestamp) -> Option<Arc<KeySet>> {
        let age = if self.in_backoff(max_age, now) { MAX_STALE_AGE } else { max_age / 2 };
        self.younger_than(age, now)
    }

    fn younger_than(&self, age: Duration, now: Timestamp) -> Option<Arc<KeySet>> {
        self.keys.clone().filter(|_| is_within(age, Some(self.fetched_at), now))
    }

    fn other_than(&self, seen: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        self.keys.clone().filter(|keys| !Arc::ptr_eq(keys, seen))
    }

    fn in_backoff(&self, max_age: Duration, now: Timestamp) -> bool {
        is_within(BACKOFF.min(max_age / 2), self.failed_at, now)
    }
}

/// Whether `moment` is less than `span` before `now`. False for a moment in the future, which a
/// clock that was set back produces.
fn is_within(span: Duration, moment: Option<Timestamp>, now: Timestamp) -> bool {
    moment.is_some_and(|moment| moment <= now && now.since(moment) < span)
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0.as_ref() {
            Inner::Static(_) => "static",
            Inner::Cached(_) => "cached",
        };
        f.debug_tuple("KeyCache").field(&kind).finish()
    }
}
