//! A secret and a table that are real, and calls of theirs that something comes between.
//! Longer than the rest because each of the calls passes through here.
#![expect(dead_code, reason = "each test program uses a part of it")]

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth_store::{
    Aws, DescribeRings, DynamoKeys, FindPublishedRing, FindRing, MoveRing, Publication,
    PublishOutcome, PublishRing, PublishedText, PutRing, RingStage, RingVersions, SecretRings,
    StartRotation, StoreError,
};
use auth_testkit::{
    account, dynamodb,
    subject::{KEY_POLICY, NOW, operation},
    template,
};
use auth_token::{KeyState, PublishedRing, SigningRing, Timestamp};
use keys::{Keys, KeysError};
pub(crate) use local::aws::STEPS;
use local::{aws::Aws as Account, secrets::Secrets};
use secrecy::SecretString;
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "SigningKeysSecret";
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// A deployment's keys.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) account: Arc<Account>,
    pub(crate) secret: SecretRings,
    pub(crate) table: DynamoKeys,
    versions: Arc<AtomicUsize>,
}

pub(crate) type Real = Keys<SecretRings, DynamoKeys>;

impl Scene {
    /// As CloudFormation makes it: an empty set, and an empty table.
    pub(crate) async fn new() -> Self {
        let secrets = Secrets::memory(&template().secrets).unwrap();
        let (account, aws, _) = account(secrets).await;
        let secret = SecretRings::connect(&aws, SECRET.to_owned()).await;
        let database = Aws::emulator(&dynamodb().await);
        let table = DynamoKeys::connect(&database, "KeysTable".to_owned()).await;
        Self { account, secret, table, versions: Arc::default() }
    }

    /// The same after its first rotation.
    pub(crate) async fn with_ring() -> Self {
        let scene = Self::new().await;
        scene.rotate(NOW).await.unwrap();
        scene
    }

    pub(crate) fn keys(&self) -> Real {
        keys(self.secret.clone(), self.table.clone())
    }

    /// The function over calls that go by a script.
    pub(crate) fn scripted(
        &self,
        script: &Arc<Script>,
    ) -> Keys<Scripted<SecretRings>, Scripted<DynamoKeys>> {
        let secret = Scripted { inner: self.secret.clone(), script: Arc::clone(script) };
        let table = Scripted { inner: self.table.clone(), script: Arc::clone(script) };
        keys(secret, table)
    }

    /// Begins a rotation as Secrets Manager does; returns its version.
    pub(crate) fn begin(&self) -> String {
        let number = self.versions.fetch_add(1, Ordering::Relaxed);
        let version = format!("rotation-{number:032}");
        self.account.secrets.begin_rotation(SECRET, &version).unwrap();
        version
    }

    /// Asks for a rotation as an operator does; returns its version.
    pub(crate) async fn ask_for_rotation(&self, now: Timestamp) -> String {
        self.keys().handle(json!({ "Operation": "rotate" }), now).await.unwrap();
        self.in_stage(RingStage::Pending).await.unwrap()
    }

    /// The version in that stage.
    pub(crate) async fn in_stage(&self, stage: RingStage) -> Option<String> {
        let versions = self.secret.describe_rings().await.unwrap();
        versions.in_stage(stage).map(str::to_owned)
    }

    /// A whole rotation.
    pub(crate) async fn rotate(&self, now: Timestamp) -> Result<(), KeysError> {
        take_all(&self.keys(), &self.begin(), now).await
    }

    /// Puts a text into the secret, as an operator may.
    pub(crate) async fn put(&self, text: &str) {
        let number = self.versions.fetch_add(1, Ordering::Relaxed);
        let (version, text) = (format!("operator-{number:032}"), SecretString::from(text));
        self.secret.put_ring(&version, RingStage::Current, &text).await.unwrap();
    }

    /// The ring that signs.
    pub(crate) async fn ring(&self) -> SigningRing {
        let versions = self.secret.describe_rings().await.unwrap();
        let current = versions.in_stage(RingStage::Current).unwrap();
        let text = self.secret.find_ring(current).await.unwrap().unwrap();
        SigningRing::parse(&text).unwrap().expect("there is a ring")
    }

    pub(crate) async fn published(&self) -> PublishedRing {
        let found = self.table.find_published_ring().await.unwrap();
        found
            .map_or_else(PublishedRing::default, |found| PublishedRing::parse(&found.text).unwrap())
    }

    /// Publishes a ring in place of whatever is published.
    pub(crate) async fn publish(&self, ring: &PublishedRing) {
        let found = self.table.find_published_ring().await.unwrap();
        let replaces = found.as_ref().map(|found| found.version.as_str());
        let publication = Publication { ring, replaces, version: &operation(), now: NOW };
        self.table.publish_ring(&publication).await.unwrap();
    }

    /// The names of the published keys.
    pub(crate) async fn kids(&self) -> Vec<String> {
        self.published().await.keys.into_iter().map(|key| key.jwk.kid).collect()
    }

    pub(crate) async fn list(&self) -> Value {
        self.keys().handle(json!({ "Operation": "list" }), NOW).await.unwrap()
    }

    pub(crate) async fn retire(&self, kid: &str, now: Timestamp) -> Result<Value, KeysError> {
        self.keys().handle(json!({ "Operation": "retire", "KeyId": kid }), now).await
    }
}

pub(crate) fn states(ring: &PublishedRing) -> Vec<KeyState> {
    ring.keys.iter().map(|key| key.state).collect()
}

fn keys<S, T>(secret: S, table: T) -> Keys<S, T> {
    let max_age = Duration::from_mins(2);
    Keys { secret, table, secret_arn: SECRET.to_owned(), policy: KEY_POLICY, max_age }
}

/// Takes a step of a rotation.
pub(crate) async fn take<S, T>(
    keys: &Keys<S, T>,
    step: &str,
    version: &str,
    now: Timestamp,
) -> Result<(), KeysError>
where
    S: DescribeRings + FindRing + PutRing + MoveRing + StartRotation,
    T: FindPublishedRing + PublishRing,
{
    let event = json!({ "Step": step, "SecretId": SECRET, "ClientRequestToken": version });
    keys.handle(event, now).await.map(drop)
}

/// Takes all steps, as far as they succeed.
pub(crate) async fn take_all<S, T>(
    keys: &Keys<S, T>,
    version: &str,
    now: Timestamp,
) -> Result<(), KeysError>
where
    S: DescribeRings + FindRing + PutRing + MoveRing + StartRotation,
    T: FindPublishedRing + PublishRing,
{
    for step in STEPS {
        take(keys, step, version, now).await?;
    }
    Ok(())
}

type Meanwhile = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What comes between the calls.
pub(crate) struct Script {
    calls: AtomicUsize,
    at: usize,
    event: Happening,
}

pub(crate) enum Happening {
    /// The process dies before it makes the call.
    DiesBefore,
    /// The process dies when the call has been carried out.
    DiesAfter,
    /// The call is carried out, and its reply lost.
    LosesReply,
    /// That version of the secret is not found when it is read.
    Misses(String),
    /// Something else happens before the calls of these numbers.
    Meanwhile(Mutex<BTreeMap<usize, Meanwhile>>),
}

impl Script {
    pub(crate) fn new(at: usize, event: Happening) -> Arc<Self> {
        Arc::new(Self { calls: AtomicUsize::new(0), at, event })
    }

    pub(crate) fn meanwhile<F>(at: usize, act: impl Fn() -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let act: Meanwhile = Box::new(move || Box::pin(act()));
        Self::new(at, Happening::Meanwhile(Mutex::new(BTreeMap::from([(at, act)]))))
    }

    /// The same for two things, the second one later.
    pub(crate) fn and_then<F>(
        self: Arc<Self>,
        at: usize,
        act: impl Fn() -> F + Send + Sync + 'static,
    ) -> Arc<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Happening::Meanwhile(acts) = &self.event {
            acts.lock().unwrap().insert(at, Box::new(move || Box::pin(act())));
        }
        self
    }

    /// Whether so many calls were made that it came to it.
    pub(crate) fn has_happened(&self) -> bool {
        self.has_come_to(self.at)
    }

    /// Whether there was a call of that number.
    pub(crate) fn has_come_to(&self, number: usize) -> bool {
        self.calls.load(Ordering::SeqCst) > number
    }

    async fn around<R>(
        &self,
        call: impl Future<Output = Result<R, StoreError>> + Send,
    ) -> Result<R, StoreError> {
        let died = || StoreError::Unavailable("the process died".into());
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        match &self.event {
            Happening::DiesBefore if number >= self.at => Err(died()),
            Happening::DiesAfter if number > self.at => Err(died()),
            Happening::DiesAfter | Happening::LosesReply if number == self.at => {
                call.await.ok();
                Err(StoreError::Unavailable("the reply was lost".into()))
            }
            Happening::Meanwhile(acts) => {
                let act = acts.lock().unwrap().remove(&number);
                if let Some(act) = act {
                    act().await;
                }
                call.await
            }
            Happening::DiesBefore
            | Happening::DiesAfter
            | Happening::LosesReply
            | Happening::Misses(_) => call.await,
        }
    }
}

/// A secret or a table whose calls go by a script.
#[derive(Clone)]
pub(crate) struct Scripted<I> {
    inner: I,
    script: Arc<Script>,
}

impl<I: DescribeRings + Sync> DescribeRings for Scripted<I> {
    async fn describe_rings(&self) -> Result<RingVersions, StoreError> {
        self.script.around(self.inner.describe_rings()).await
    }
}

impl<I: FindRing + Sync> FindRing for Scripted<I> {
    async fn find_ring(&self, version: &str) -> Result<Option<SecretString>, StoreError> {
        let found = self.script.around(self.inner.find_ring(version)).await;
        let is_missed =
            matches!(&self.script.event, Happening::Misses(missed) if missed == version);
        if is_missed { Ok(None) } else { found }
    }
}

impl<I: PutRing + Sync> PutRing for Scripted<I> {
    async fn put_ring(
        &self,
        version: &str,
        stage: RingStage,
        ring: &SecretString,
    ) -> Result<(), StoreError> {
        self.script.around(self.inner.put_ring(version, stage, ring)).await
    }
}

impl<I: MoveRing + Sync> MoveRing for Scripted<I> {
    async fn move_stage(
        &self,
        stage: RingStage,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), StoreError> {
        self.script.around(self.inner.move_stage(stage, from, to)).await
    }
}

impl<I: StartRotation + Sync> StartRotation for Scripted<I> {
    async fn start_rotation(&self) -> Result<(), StoreError> {
        self.script.around(self.inner.start_rotation()).await
    }
}

impl<I: FindPublishedRing + Sync> FindPublishedRing for Scripted<I> {
    async fn find_published_ring(&self) -> Result<Option<PublishedText>, StoreError> {
        self.script.around(self.inner.find_published_ring()).await
    }
}

impl<I: PublishRing + Sync> PublishRing for Scripted<I> {
    async fn publish_ring(
        &self,
        publication: &Publication<'_>,
    ) -> Result<PublishOutcome, StoreError> {
        self.script.around(self.inner.publish_ring(publication)).await
    }
}
