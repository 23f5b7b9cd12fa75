//! Attempt limits of sign-ups and password checks.

use std::{
    fmt,
    future::Future,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lambda_http::Request;
use latchkey_session::{
    AttemptLimit, Charge, LimitKey, StoreError, UpdateLimit, User, Username, charge, network_of,
};
use latchkey_token::Timestamp;
use lru::LruCache;

use crate::{ApiError, RequestContext};

/// How many refusals a process remembers.
const REMEMBERED_REFUSALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// The limits of one function. A limit of `None` is off.
pub struct AttemptLimits<L> {
    store: L,
    address: Option<AttemptLimit>,
    account: Option<AttemptLimit>,
    refusals: Mutex<LruCache<LimitKey, Refusal>>,
}

/// A refusal that later attempts get without a call of the store.
#[derive(Clone, Copy)]
struct Refusal {
    since: Timestamp,
    until: Timestamp,
}

impl<L: UpdateLimit> AttemptLimits<L> {
    /// Limits attempts per client address and per account, in buckets of `store`.
    pub fn new(store: L, address: Option<AttemptLimit>, account: Option<AttemptLimit>) -> Self {
        let refusals = Mutex::new(LruCache::new(REMEMBERED_REFUSALS));
        Self { store, address, account, refusals }
    }

    /// Counts a sign-up against the client's address.
    ///
    /// # Errors
    /// 429 [`RateLimited`](crate::ErrorKind::RateLimited); 503 if the store is unavailable.
    pub async fn admit_signup(&self, request: &Request, now: Timestamp) -> Result<(), ApiError> {
        let key = LimitKey::signup(&network(request));
        refuse(self.charge(&key, self.address, now).await?, now)
    }

    /// Counts a password check against the client's address while `read` reads the user, and then
    /// against the account. Unknown names count too. If the account's bucket refuses, but the user
    /// has a live session from the address, a bucket of that account and address decides, so that
    /// others cannot lock the owner out. A remembered refusal answers without a write; one of the
    /// account does so after the user was read.
    ///
    /// # Errors
    /// 429 [`RateLimited`](crate::ErrorKind::RateLimited); 503 if a store is unavailable.
    pub async fn admit_login(
        &self,
        request: &Request,
        username: &Username,
        read: impl Future<Output = Result<Option<User>, StoreError>>,
        now: Timestamp,
    ) -> Result<Option<User>, ApiError> {
        let network = network(request);
        if self.remembered(&LimitKey::account(username), now).is_some() {
            self.refuse_remembered(&network, now)?;
            let user = read.await?;
            self.admit(user.as_ref(), username, &network, now).await?;
            return Ok(user);
        }
        let user = Box::pin(self.admit_address(&network, read, now)).await?;
        self.admit_account(user.as_ref(), username, &network, now).await?;
        Ok(user)
    }

    /// Counts a one-time code against the client's address while `read` reads the account, whose
    /// limit does not count it: a code cannot be guessed, and a stranger could keep the owner out.
    ///
    /// # Errors
    /// As [`admit_login`](Self::admit_login).
    pub async fn admit_code<T>(
        &self,
        request: &Request,
        read: impl Future<Output = Result<T, StoreError>>,
        now: Timestamp,
    ) -> Result<T, ApiError> {
        self.admit_address(&network(request), read, now).await
    }

    /// As [`admit_login`](Self::admit_login), for a user who was read before.
    ///
    /// # Errors
    /// As [`admit_login`](Self::admit_login).
    pub async fn admit_user(
        &self,
        request: &Request,
        user: &User,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        self.admit(Some(user), &user.username, &network(request), now).await
    }

    fn refuse_remembered(&self, network: &str, now: Timestamp) -> Result<(), ApiError> {
        match self.remembered(&LimitKey::login(network), now) {
            Some(until) => refuse(Charge::Refused(until), now),
            None => Ok(()),
        }
    }

    async fn admit_address<T>(
        &self,
        network: &str,
        read: impl Future<Output = Result<T, StoreError>>,
        now: Timestamp,
    ) -> Result<T, ApiError> {
        self.refuse_remembered(network, now)?;
        let address = LimitKey::login(network);
        // Boxed because a call of the AWS SDK is a future of many kilobytes.
        let charge = Box::pin(self.charge(&address, self.address, now));
        let (read, charged) = tokio::join!(read, charge);
        refuse(charged?, now)?;
        Ok(read?)
    }

    async fn admit(
        &self,
        user: Option<&User>,
        username: &Username,
        network: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let account = self.remembered(&LimitKey::account(username), now);
        let refused = account.and_then(|until| match owner_key(user, network, now) {
            Some(key) => self.remembered(&key, now),
            None => Some(until),
        });
        if let Some(until) = refused {
            return refuse(Charge::Refused(until), now).map_err(|error| of_user(user, error));
        }
        let address = LimitKey::login(network);
        refuse(self.charge(&address, self.address, now).await?, now)?;
        self.admit_account(user, username, network, now).await
    }

    async fn admit_account(
        &self,
        user: Option<&User>,
        username: &Username,
        network: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let key = LimitKey::account(username);
        let mut charged = self.charge(&key, self.account, now).await?;
        if charged != Charge::Allowed
            && let Some(key) = owner_key(user, network, now)
        {
            charged = self.charge(&key, self.account, now).await?;
        }
        refuse(charged, now).map_err(|error| of_user(user, error))
    }

    async fn charge(
        &self,
        key: &LimitKey,
        limit: Option<AttemptLimit>,
        now: Timestamp,
    ) -> Result<Charge, StoreError> {
        let Some(limit) = limit else { return Ok(Charge::Allowed) };
        if let Some(until) = self.remembered(key, now) {
            return Ok(Charge::Refused(until));
        }
        let charged = charge(&self.store, key, limit, now).await?;
        if let Charge::Refused(until) = charged {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            refusals.put(key.clone(), Refusal { since: now, until });
        }
        Ok(charged)
    }

    /// The end of a remembered refusal. After the clock was set back it does not count.
    fn remembered(&self, key: &LimitKey, now: Timestamp) -> Option<Timestamp> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = refusals.get(key).copied()?;
        Some(refusal.until).filter(|until| refusal.since <= now && now < *until)
    }
}

impl<L: fmt::Debug> fmt::Debug for AttemptLimits<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptLimits")
            .field("store", &self.store)
            .field("address", &self.address)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

fn refuse(charge: Charge, now: Timestamp) -> Result<(), ApiError> {
    match charge {
        Charge::Allowed => Ok(()),
        Charge::Refused(until) => Err(ApiError::rate_limited(until.since(now))),
    }
}

fn of_user(user: Option<&User>, error: ApiError) -> ApiError {
    user.into_iter().fold(error, |error, user| error.for_user(&user.id))
}

/// The bucket of an account and an address; `None` if the user has no live session from there.
fn owner_key(user: Option<&User>, network: &str, now: Timestamp) -> Option<LimitKey> {
    let user = user?;
    let has_session = user
        .sessions
        .values()
        .any(|session| session.expires_at > now && network_of(&session.client.address) == network);
    let key = || LimitKey::account_at(&user.username, network);
    has_session.then(key)
}

fn network(request: &Request) -> String {
    network_of(&RequestContext::of(request).source_ip)
}
