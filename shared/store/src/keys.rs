//! Sources of a function's keys.

mod source;

use std::time::Duration;

use latchkey_keys::KeyCache;
use latchkey_token::{Algorithm, KeySet, Timestamp};

use crate::{Aws, DynamoKeyRing};
use source::{KeyBackend, KeyFetcher, PublicKeys, SecretKeys, SigningKeys};

/// Where a function finds its keys. `A` is its access to a key ring: [`RingSigning`] or
/// [`RingVerifying`].
#[derive(Debug)]
pub struct KeySource<A> {
    /// Where the keys are.
    pub location: KeyLocation<A>,
    /// The ARN of the secret with a Flask service's keys. Needs `secretsmanager:GetSecretValue`.
    pub flask_secret: Option<String>,
    /// The age at which cached keys are stale.
    pub max_age: Duration,
}

/// Where keys are.
#[derive(Debug)]
pub enum KeyLocation<A> {
    /// In the key ring. Needs `dynamodb:GetItem` on the keys table.
    Ring {
        /// The name of the keys table.
        table: String,
        /// The function's access to the ring.
        access: A,
    },
    /// In Secrets Manager, as a private JWK set. Needs `secretsmanager:GetSecretValue`.
    Secret {
        /// The secret's ARN.
        arn: String,
        /// The required algorithm of the signing key; `None` accepts any.
        algorithm: Option<Algorithm>,
    },
    /// In the configuration. These keys never change.
    Static(Box<KeySet>),
}

/// The function signs with the key ring.
#[derive(Clone, Debug)]
pub struct RingSigning {
    /// The ARN of the KMS key that encrypts the private keys. Needs `kms:Decrypt`.
    pub kms_key: String,
    /// For a function that creates the first ring, the algorithm of its key. Needs `kms:Encrypt`
    /// and `dynamodb:PutItem`. With `None` a missing ring is an error.
    pub first: Option<Algorithm>,
}

/// The function only verifies: it reads the public keys.
#[derive(Clone, Copy, Debug)]
pub struct RingVerifying;

impl KeySource<RingSigning> {
    /// Fetches the keys into a new cache. If that fails, the first request fetches them.
    pub async fn connect(self, aws: &Aws, now: Timestamp) -> KeyCache {
        let ring = async |table, signing| SigningKeys::connect(aws, table, signing).await;
        self.start(aws, now, ring).await
    }
}

impl KeySource<RingVerifying> {
    /// Fetches the keys into a new cache. If that fails, the first request fetches them.
    pub async fn connect(self, aws: &Aws, now: Timestamp) -> KeyCache {
        let ring = async |table, _| PublicKeys(DynamoKeyRing::connect(aws, table).await);
        self.start(aws, now, ring).await
    }
}

impl<A> KeySource<A> {
    async fn start<R: KeyBackend + 'static>(
        self,
        aws: &Aws,
        now: Timestamp,
        connect_ring: impl AsyncFnOnce(String, A) -> R,
    ) -> KeyCache {
        let Self { location, flask_secret, max_age } = self;
        match location {
            KeyLocation::Ring { table, access } => {
                let ring = connect_ring(table, access).await;
                KeyCache::start(KeyFetcher::connect(ring, flask_secret, aws).await, max_age, now)
                    .await
            }
            KeyLocation::Secret { arn, algorithm } => {
                let secret = SecretKeys::connect(aws, arn, algorithm).await;
                KeyCache::start(KeyFetcher::connect(secret, flask_secret, aws).await, max_age, now)
                    .await
            }
            KeyLocation::Static(keys) => KeyCache::of_static(*keys),
        }
    }
}
