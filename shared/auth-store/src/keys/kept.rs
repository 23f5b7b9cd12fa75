//! Keys that a function keeps, and reads anew by age.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use auth_token::Timestamp;
use tokio::{sync::Mutex as AsyncMutex, time::timeout};
use tracing::{error, info};

use super::{
    KeySourceError,
    reader::{KeyReader, KeyTexts},
};
use crate::{StoreError, error::with_causes};

/// How long a request waits for newer keys when it has some that will do.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long keys that will do are left alone after they could not be read anew.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(10);
/// How often, at most, a key that nobody knows is looked for in vain: whoever makes names up makes
/// us read this often, and not at every request.
const PAUSE_AFTER_UNKNOWN: Duration = Duration::from_secs(30);

/// What becomes of the keys at hand when what is read in their place is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnNonsense {
    /// They verify tokens that are no worse for it.
    KeepLast,
    /// They must not sign: nobody knows whether they still may.
    Forget,
}

/// What a function makes of its keys. Clones share it.
///
/// Keys of more than half their greatest age are read anew beside the request that wants them; of
/// more than the whole of it, before that request goes on, which then waits a second at most. As
/// long as they cannot be read, the last ones serve.
pub struct KeptKeys<K>(Kind<K>);

enum Kind<K> {
    Fixed(Arc<K>),
    Read(Arc<Reading<K>>),
}

type Make<K> = Box<dyn Fn(&KeyTexts) -> Result<K, KeySourceError> + Send + Sync>;

struct Reading<K> {
    reader: KeyReader,
    max_age: Duration,
    on_nonsense: OnNonsense,
    make: Make<K>,
    /// One reads at a time; whoever waited finds it done.
    turn: AsyncMutex<()>,
    held: Mutex<Held<K>>,
}

struct Held<K> {
    keys: Option<(Arc<K>, KeyTexts)>,
    /// When the reading began that the keys come from.
    read_at: Timestamp,
    failed_at: Option<Timestamp>,
    /// When a key was last looked for and not found.
    unknown_at: Option<Timestamp>,
}

/// What a request does about the keys.
enum Verdict<K> {
    Use(Arc<K>),
    UseAndRead(Arc<K>),
    ReadAndUse,
    Read,
    /// There are none, and somebody has just tried.
    Wait,
}

impl<K> KeptKeys<K> {
    /// Keys that never change.
    pub fn fixed(keys: K) -> Self {
        Self(Kind::Fixed(Arc::new(keys)))
    }
}

impl<K: Send + Sync + 'static> KeptKeys<K> {
    pub(super) async fn start(
        reader: KeyReader,
        max_age: Duration,
        on_nonsense: OnNonsense,
        make: impl Fn(&KeyTexts) -> Result<K, KeySourceError> + Send + Sync + 'static,
        now: Timestamp,
    ) -> Self {
        let held = Held { keys: None, read_at: now, failed_at: None, unknown_at: None };
        let reading = Reading {
            reader,
            max_age,
            on_nonsense,
            make: Box::new(make),
            turn: AsyncMutex::new(()),
            held: Mutex::new(held),
        };
        // A fault is logged, and the first request tries again.
        reading.read(now).await.ok();
        Self(Kind::Read(Arc::new(reading)))
    }

    /// The keys, not older than they may be unless they cannot be read anew.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there are none, or none that may still be used.
    pub async fn get(&self, now: Timestamp) -> Result<Arc<K>, StoreError> {
        let reading = match &self.0 {
            Kind::Fixed(keys) => return Ok(Arc::clone(keys)),
            Kind::Read(reading) => reading,
        };
        match reading.verdict(now) {
            Verdict::Use(keys) => Ok(keys),
            Verdict::UseAndRead(keys) => {
                drop(tokio::spawn(Arc::clone(reading).read_if_free(now)));
                Ok(keys)
            }
            Verdict::ReadAndUse => {
                reading.read_with_patience(now).await;
                // What was read may have been nonsense, for which keys are forgotten.
                reading.keys().ok_or_else(just_tried)
            }
            Verdict::Read => {
                reading.read(now).await.map_err(StoreError::unavailable)?;
                reading.keys().ok_or_else(just_tried)
            }
            Verdict::Wait => Err(just_tried()),
        }
    }

    /// The keys once more, read anew because one was asked for that `known` does not have; `None`
    /// when there are no others. Reading in vain is done once in 30 s.
    pub async fn get_others(&self, known: &Arc<K>, now: Timestamp) -> Option<Arc<K>> {
        let Kind::Read(reading) = &self.0 else { return None };
        let others = || reading.keys().filter(|keys| !Arc::ptr_eq(keys, known));
        if let Some(others) = others() {
            return Some(others);
        }
        if !reading.begin_search(now) {
            return None;
        }
        reading.read_with_patience(now).await;
        let found = others();
        if found.is_some() {
            reading.held().unknown_at = None;
        }
        found
    }
}

fn just_tried() -> StoreError {
    StoreError::Unavailable("the keys could not be read a moment ago".into())
}

impl<K> Reading<K> {
    fn held(&self) -> MutexGuard<'_, Held<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> Option<Arc<K>> {
        self.held().keys.as_ref().map(|(keys, _)| Arc::clone(keys))
    }

    fn verdict(&self, now: Timestamp) -> Verdict<K> {
        let held = self.held();
        let Some((keys, _)) = &held.keys else {
            return if held.failed_at == Some(now) { Verdict::Wait } else { Verdict::Read };
        };
        let keys = Arc::clone(keys);
        if is_within(PAUSE_AFTER_FAULT, held.failed_at, now) {
            return Verdict::Use(keys);
        }
        if !is_within(self.max_age, Some(held.read_at), now) {
            return Verdict::ReadAndUse;
        }
        if is_within(self.max_age / 2, Some(held.read_at), now) {
            return Verdict::Use(keys);
        }
        Verdict::UseAndRead(keys)
    }

    /// Whether a key that nobody knows may be looked for, which is then under way.
    fn begin_search(&self, now: Timestamp) -> bool {
        let mut held = self.held();
        let is_too_soon = held.read_at == now
            || is_within(PAUSE_AFTER_UNKNOWN, held.unknown_at, now)
            || is_within(PAUSE_AFTER_FAULT, held.failed_at, now);
        if !is_too_soon {
            held.unknown_at = Some(now);
        }
        !is_too_soon
    }

    async fn read(&self, now: Timestamp) -> Result<(), KeySourceError> {
        let _turn = self.turn.lock().await;
        let was_just_tried = {
            let held = self.held();
            held.is_read_since(now)
                || held.keys.is_some() && is_within(PAUSE_AFTER_FAULT, held.failed_at, now)
        };
        if was_just_tried { Ok(()) } else { self.read_in_turn(now).await }
    }

    async fn read_in_turn(&self, now: Timestamp) -> Result<(), KeySourceError> {
        // Boxed: the calls of two SDKs are not to be part of every request's future.
        let reading: Pin<Box<dyn Future<Output = _> + Send + '_>> = Box::pin(self.reader.read());
        let read = reading.await;
        let mut held = self.held();
        let made = read.and_then(|texts| {
            if let Some((keys, known)) = &held.keys
                && *known == texts
            {
                return Ok((Arc::clone(keys), texts));
            }
            let keys = (self.make)(&texts)?;
            if held.keys.is_some() {
                info!("keys replaced");
            }
            Ok((Arc::new(keys), texts))
        });
        match made {
            Ok(keys) => {
                *held = Held { keys: Some(keys), read_at: now, failed_at: None, ..*held };
                Ok(())
            }
            Err(fault) => {
                let is_nonsense =
                    !matches!(fault, KeySourceError::Unreadable(StoreError::Unavailable(_)));
                if is_nonsense && self.on_nonsense == OnNonsense::Forget {
                    held.keys = None;
                }
                held.failed_at = Some(now);
                let keeps_serving = held.keys.is_some();
                error!(keeps_serving, cause = with_causes(&fault), "keys not read");
                Err(fault)
            }
        }
    }
}

impl<K: Send + Sync + 'static> Reading<K> {
    /// Beside a request. In a sandbox that is frozen meanwhile it goes on with the next one.
    async fn read_if_free(self: Arc<Self>, now: Timestamp) {
        if let Ok(_turn) = self.turn.try_lock() {
            self.read_in_turn(now).await.ok();
        }
    }

    /// For a request that has keys which will do, if need be.
    async fn read_with_patience(self: &Arc<Self>, now: Timestamp) {
        let reading = Arc::clone(self);
        let read = tokio::spawn(async move { reading.read(now).await.ok() });
        timeout(PATIENCE, read).await.ok();
    }
}

impl<K> Held<K> {
    fn is_read_since(&self, now: Timestamp) -> bool {
        self.keys.is_some() && self.failed_at.is_none() && self.read_at == now
    }
}

/// Whether `moment` lies less than `span` before `now`. A clock that was set back makes every
/// moment one of the future, which is none.
fn is_within(span: Duration, moment: Option<Timestamp>, now: Timestamp) -> bool {
    moment.is_some_and(|moment| moment <= now && now.since(moment) < span)
}

impl<K> Clone for KeptKeys<K> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Kind::Fixed(keys) => Kind::Fixed(Arc::clone(keys)),
            Kind::Read(reading) => Kind::Read(Arc::clone(reading)),
        })
    }
}

impl<K> fmt::Debug for KeptKeys<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.0 {
            Kind::Fixed(_) => "at hand".to_owned(),
            Kind::Read(reading) => format!("{:?}", reading.reader),
        };
        f.debug_tuple("KeptKeys").field(&place).finish()
    }
}
