//! Where a function's keys are.

mod source;

use std::time::Duration;

use latchkey_keys::KeyCache;
use latchkey_token::{Algorithm, KeySet, Timestamp};

use crate::{Aws, DynamoKeyRing};
use source::{Place, PublicHalves, SecretKeys, Source, WholeRing};

/// Where a function finds its keys. `A` is what the function does with a key ring:
/// [`RingSigning`] or [`RingVerifying`].
#[derive(Debug)]
pub struct KeySource<A> {
    /// Where they are.
    pub location: KeyLocation<A>,
    /// The ARN of a secret with a Flask service's keys: `secretsmanager:GetSecretValue`.
    pub flask_secret: Option<String>,
    /// The age at which cached keys are stale.
    pub max_age: Duration,
}

/// Where keys are.
#[derive(Debug)]
pub enum KeyLocation<A> {
    /// In the key ring: `dynamodb:GetItem` on the keys table.
    Ring {
        /// The table's name.
        table: String,
        /// What the function does with the ring.
        access: A,
    },
    /// In Secrets Manager, as a private JWK set: `secretsmanager:GetSecretValue`.
    Secret {
        /// The secret's ARN.
        arn: String,
        /// The algorithm that the signing key must be for; `None` takes the key's own.
        algorithm: Option<Algorithm>,
    },
    /// In the configuration itself.
    Static(Box<KeySet>),
}

/// The function signs with the key ring.
#[derive(Clone, Debug)]
pub struct RingSigning {
    /// The ARN of the KMS key that sealed the private halves: `kms:Decrypt`.
    pub kms_key: String,
    /// For a function that makes the first ring, the algorithm of its key: `kms:Encrypt` and
    /// `dynamodb:PutItem`. Without it a missing ring is an error.
    pub first: Option<Algorithm>,
}

/// The function only verifies: it reads the public halves.
#[derive(Clone, Copy, Debug)]
pub struct RingVerifying;

impl KeySource<RingSigning> {
    /// The key cache. If AWS does not answer now, the first request fetches the keys.
    pub async fn connect(self, aws: &Aws, now: Timestamp) -> KeyCache {
        let ring = async |table, signing| WholeRing::connect(aws, table, signing).await;
        self.start(aws, now, ring).await
    }
}

impl KeySource<RingVerifying> {
    /// The key cache. If AWS does not answer now, the first request fetches the keys.
    pub async fn connect(self, aws: &Aws, now: Timestamp) -> KeyCache {
        let ring = async |table, _| PublicHalves(DynamoKeyRing::connect(aws, table).await);
        self.start(aws, now, ring).await
    }
}

impl<A> KeySource<A> {
    async fn start<R: Place + 'static>(
        self,
        aws: &Aws,
        now: Timestamp,
        connect_ring: impl AsyncFnOnce(String, A) -> R,
    ) -> KeyCache {
        let Self { location, flask_secret, max_age } = self;
        match location {
            KeyLocation::Ring { table, access } => {
                let ring = connect_ring(table, access).await;
                KeyCache::start(Source::connect(ring, flask_secret, aws).await, max_age, now).await
            }
            KeyLocation::Secret { arn, algorithm } => {
                let secret = SecretKeys::connect(aws, arn, algorithm).await;
                KeyCache::start(Source::connect(secret, flask_secret, aws).await, max_age, now)
                    .await
            }
            KeyLocation::Static(keys) => KeyCache::fixed(*keys),
        }
    }
}
