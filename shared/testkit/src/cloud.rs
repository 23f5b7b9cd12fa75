//! An emulated AWS account behind a proxy, and its key ring.

use std::sync::Arc;

use latchkey_keys::{
    KeyRing, KeyState, PublicRing, RingError, RingItem, WriteOutcome, WriteRing as _, reset_ring,
    update_ring,
};
use latchkey_store::{Aws, DynamoKeyRing, KmsKey};
use latchkey_token::Timestamp;
use local::{aws::AwsEmulator, sandbox::Pools, tables};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    dynamodb,
    fixtures::{KEY_POLICY, KMS_KEY, NOW},
    proxy::DynamoProxy,
};

/// The name of the keys table.
pub const KEYS_TABLE: &str = "KeysTable";

/// Emulators of DynamoDB, KMS and Secrets Manager behind one proxy.
#[derive(Debug)]
pub struct Cloud {
    /// The proxy that all calls with [`Cloud::aws`] pass.
    pub proxy: DynamoProxy,
    /// The connection through the proxy.
    pub aws: Aws,
    /// The emulator of KMS and Secrets Manager.
    pub account: Arc<AwsEmulator>,
    /// The URL of the DynamoDB emulator, without the proxy.
    pub engine: String,
    direct: Aws,
    direct_account: Aws,
}

impl Cloud {
    /// Starts the emulators without a key ring.
    pub async fn start() -> Self {
        let account = Arc::new(AwsEmulator::open(None, Pools::new()).unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(Arc::clone(&account).serve(listener));
        let engine = dynamodb().await;
        let proxy = DynamoProxy::start_with(&engine, &endpoint).await;
        let (aws, direct, direct_account) =
            (Aws::emulator(&proxy.endpoint), Aws::emulator(&engine), Aws::emulator(&endpoint));
        Self { proxy, aws, account, engine, direct, direct_account }
    }

    /// Starts the emulators with a ring of a current and a next key.
    pub async fn with_ring() -> Self {
        let cloud = Self::start().await;
        cloud.new_ring().await;
        cloud
    }

    /// The key ring, through the proxy.
    pub async fn ring(&self) -> DynamoKeyRing {
        DynamoKeyRing::connect(&self.aws, KEYS_TABLE.to_owned()).await
    }

    /// The KMS key that encrypts the ring's private keys, through the proxy.
    pub async fn kms(&self) -> KmsKey {
        KmsKey::connect(&self.aws, KMS_KEY.to_owned()).await
    }

    /// Takes the operations of all calls through the proxy since the last take.
    pub fn take_operations(&self) -> Vec<String> {
        self.proxy.take_calls().into_iter().map(|call| call.operation).collect()
    }

    /// Replaces the ring with a new current and a new next key.
    pub async fn new_ring(&self) -> PublicRing {
        let (table, kms) = self.direct().await;
        reset_ring(&table, &kms, &KEY_POLICY, true, NOW).await.unwrap();
        let add_next = |ring: &mut KeyRing| ring.add_next(NOW, &mut || KEY_POLICY.generate());
        update_ring(&table, &kms, NOW, add_next).await.unwrap()
    }

    /// Applies `change` to the ring and stores it.
    pub async fn update(
        &self,
        now: Timestamp,
        change: impl FnMut(&mut KeyRing) -> Result<(), RingError>,
    ) -> PublicRing {
        let (table, kms) = self.direct().await;
        update_ring(&table, &kms, now, change).await.unwrap()
    }

    /// Makes the next key current, and adds another next key.
    pub async fn rotate(&self, now: Timestamp) -> PublicRing {
        let rotate = |ring: &mut KeyRing| {
            ring.rotate(KEY_POLICY.retention, true, now)?;
            ring.add_next(now, &mut || KEY_POLICY.generate())
        };
        self.update(now, rotate).await
    }

    /// Retires the current key; the next key becomes current.
    pub async fn retire_current(&self, now: Timestamp) -> PublicRing {
        let retire = |ring: &mut KeyRing| {
            let kid = ring.public().in_state(KeyState::Current).unwrap().jwk.kid.clone();
            ring.retire(&kid, now, &mut || KEY_POLICY.generate())
        };
        self.update(now, retire).await
    }

    /// The ring's item, read without the proxy.
    pub async fn item(&self) -> Option<RingItem> {
        use latchkey_keys::ReadRing as _;
        self.direct().await.0.read_ring().await.unwrap()
    }

    /// Replaces the ring's item without the proxy.
    pub async fn put_item(&self, item: &RingItem) {
        let replaces = self.item().await.map(|item| item.version);
        let table = self.direct().await.0;
        let outcome = table.write_ring(item, replaces.as_deref(), NOW).await.unwrap();
        assert_eq!(outcome, WriteOutcome::Written);
    }

    /// Deletes the ring's item without the proxy.
    pub async fn delete_ring(&self) {
        let request = json!({ "TableName": KEYS_TABLE, "Key": { "id": { "S": "ring" } } });
        self.call("DeleteItem", &request).await;
    }

    /// Calls DynamoDB without the proxy.
    pub async fn call(&self, operation: &str, request: &Value) {
        let (status, answer) = tables::call(&self.engine, operation, request).await.unwrap();
        assert!(status.is_success(), "{answer}");
    }

    async fn direct(&self) -> (DynamoKeyRing, KmsKey) {
        let table = DynamoKeyRing::connect(&self.direct, KEYS_TABLE.to_owned()).await;
        (table, KmsKey::connect(&self.direct_account, KMS_KEY.to_owned()).await)
    }
}
