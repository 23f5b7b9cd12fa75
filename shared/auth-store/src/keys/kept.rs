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
    held::{Held, Verdict},
    reader::{KeyReader, KeyTexts},
};
use crate::{StoreError, error::with_causes};

/// How long a request waits for newer keys when it has some that will do.
const PATIENCE: Duration = Duration::from_millis(500);

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
/// more than the whole of it, before that request goes on, which then waits half a second at most.
/// As long as they cannot be read, the last ones serve.
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
        let reading = Reading {
            reader,
            max_age,
            on_nonsense,
            make: Box::new(make),
            turn: AsyncMutex::new(()),
            held: Mutex::new(Held::nothing(now)),
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
        let verdict = reading.held().verdict(reading.max_age, now);
        match verdict {
            Verdict::Use(keys) => Ok(keys),
            Verdict::UseAndRead(keys) => {
                drop(tokio::spawn(Arc::clone(reading).read_if_free(now)));
                Ok(keys)
            }
            Verdict::ReadAndUse => {
                reading.read_with_patience(now).await;
                // What was read may have been nonsense, for which keys are forgotten.
                reading.keys().ok_or_else(no_keys)
            }
            Verdict::Read => {
                reading.read(now).await.map_err(StoreError::unavailable)?;
                reading.keys().ok_or_else(no_keys)
            }
        }
    }

    /// The keys once more, read anew because one was asked for that `known` does not have; `None`
    /// when there are no others. Reading in vain is done once in 30 s.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the keys cannot be read, or not within half a second, so
    /// that nobody knows.
    pub async fn get_others(
        &self,
        known: &Arc<K>,
        now: Timestamp,
    ) -> Result<Option<Arc<K>>, StoreError> {
        let Kind::Read(reading) = &self.0 else { return Ok(None) };
        let may_search = reading.held().may_search(reading.max_age, now);
        if may_search {
            let (reading, known) = (Arc::clone(reading), Arc::clone(known));
            let search = tokio::spawn(async move { reading.search(&known, now).await });
            timeout(PATIENCE, search).await.ok();
        }
        match reading.keys_other_than(known) {
            None if !reading.held().was_searched(reading.max_age, now) => Err(no_keys()),
            others => Ok(others),
        }
    }
}

fn no_keys() -> StoreError {
    StoreError::Unavailable("there are no keys that may be used".into())
}

impl<K> Reading<K> {
    fn held(&self) -> MutexGuard<'_, Held<K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> Option<Arc<K>> {
        self.held().keys.as_ref().map(|(keys, _)| Arc::clone(keys))
    }

    /// Reads the keys unless somebody whose turn came before has found others than `known`, or
    /// none. A reading that failed has not looked, and does not count against the next search.
    async fn search(&self, known: &Arc<K>, now: Timestamp) {
        let _turn = self.turn.lock().await;
        let has_others = self.keys_other_than(known).is_some();
        if has_others || !self.held().may_search(self.max_age, now) {
            return;
        }
        if self.read_in_turn(now).await.is_ok() && self.keys_other_than(known).is_none() {
            self.held().unknown_at = Some(now);
        }
    }

    fn keys_other_than(&self, known: &Arc<K>) -> Option<Arc<K>> {
        self.keys().filter(|keys| !Arc::ptr_eq(keys, known))
    }

    async fn read(&self, now: Timestamp) -> Result<(), KeySourceError> {
        let has_to_wait = self.turn.try_lock().is_err();
        let _turn = self.turn.lock().await;
        let was_just_tried = self.held().was_just_tried(self.max_age, has_to_wait, now);
        if was_just_tried { Ok(()) } else { self.read_in_turn(now).await }
    }

    async fn read_in_turn(&self, now: Timestamp) -> Result<(), KeySourceError> {
        let flask = self.held().keys.as_ref().and_then(|(_, texts)| texts.flask_text().cloned());
        // Boxed: the calls of two SDKs are not to be part of every request's future.
        let reading: Pin<Box<dyn Future<Output = _> + Send + '_>> =
            Box::pin(self.reader.read(flask));
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
            // What was not in the old ones may be in these.
            held.unknown_at = None;
            Ok((Arc::new(keys), texts))
        });
        match made {
            Ok(keys) => {
                held.keys = Some(keys);
                (held.read_at, held.failed_at) = (now, None);
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
