//! DynamoDB, KMS and Secrets Manager behind one proxy, and the key ring in them.

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

/// The table of the key ring.
pub const KEYS_TABLE: &str = "KeysTable";

/// DynamoDB, KMS and Secrets Manager behind one proxy.
#[derive(Debug)]
pub struct Cloud {
    /// The proxy of all calls over [`Cloud::aws`].
    pub proxy: DynamoProxy,
    /// The connection to the proxy.
    pub aws: Aws,
    /// KMS and Secrets Manager.
    pub account: Arc<AwsEmulator>,
    /// The URL of DynamoDB itself.
    pub engine: String,
    own: Aws,
    own_account: Aws,
}

impl Cloud {
    /// Starts one without a key ring.
    pub async fn start() -> Self {
        let account = Arc::new(AwsEmulator::open(None, Pools::new()).unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(Arc::clone(&account).serve(listener));
        let engine = dynamodb().await;
        let proxy = DynamoProxy::start_with(&engine, &endpoint).await;
        let (aws, own, own_account) =
            (Aws::emulator(&proxy.endpoint), Aws::emulator(&engine), Aws::emulator(&endpoint));
        Self { proxy, aws, account, engine, own, own_account }
    }

    /// Starts one with a ring of a current and a next key.
    pub async fn with_ring() -> Self {
        let cloud = Self::start().await;
        cloud.new_ring().await;
        cloud
    }

    /// The key ring's table, over the proxy.
    pub async fn ring(&self) -> DynamoKeyRing {
        DynamoKeyRing::connect(&self.aws, KEYS_TABLE.to_owned()).await
    }

    /// The KMS key that seals the ring's private halves, over the proxy.
    pub async fn kms(&self) -> KmsKey {
        KmsKey::connect(&self.aws, KMS_KEY.to_owned()).await
    }

    /// Takes the operations that were called over the proxy since the last time.
    pub fn take_operations(&self) -> Vec<String> {
        self.proxy.take_calls().into_iter().map(|call| call.operation).collect()
    }

    /// Replaces the ring by one of new keys.
    pub async fn new_ring(&self) -> PublicRing {
        let (table, kms) = self.own().await;
        reset_ring(&table, &kms, &KEY_POLICY, true, NOW).await.unwrap();
        let add_next = |ring: &mut KeyRing| ring.add_next(NOW, &mut || KEY_POLICY.generate());
        update_ring(&table, &kms, NOW, add_next).await.unwrap()
    }

    /// Changes the ring.
    pub async fn update(
        &self,
        now: Timestamp,
        change: impl FnMut(&mut KeyRing) -> Result<(), RingError>,
    ) -> PublicRing {
        let (table, kms) = self.own().await;
        update_ring(&table, &kms, now, change).await.unwrap()
    }

    /// Promotes the next key, and adds another.
    pub async fn rotate(&self, now: Timestamp) -> PublicRing {
        let rotate = |ring: &mut KeyRing| {
            ring.rotate(KEY_POLICY.retention, true, now)?;
            ring.add_next(now, &mut || KEY_POLICY.generate())
        };
        self.update(now, rotate).await
    }

    /// Retires the current key.
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
        self.own().await.0.read_ring().await.unwrap()
    }

    /// Replaces the ring's item.
    pub async fn put_item(&self, item: &RingItem) {
        let replaces = self.item().await.map(|item| item.version);
        let table = self.own().await.0;
        let outcome = table.write_ring(item, replaces.as_deref(), NOW).await.unwrap();
        assert_eq!(outcome, WriteOutcome::Written);
    }

    /// Deletes the ring.
    pub async fn delete_ring(&self) {
        let request = json!({ "TableName": KEYS_TABLE, "Key": { "id": { "S": "ring" } } });
        self.call("DeleteItem", &request).await;
    }

    /// Calls DynamoDB without the proxy.
    pub async fn call(&self, operation: &str, request: &Value) {
        let (status, answer) = tables::call(&self.engine, operation, request).await.unwrap();
        assert!(status.is_success(), "{answer}");
    }

    async fn own(&self) -> (DynamoKeyRing, KmsKey) {
        let table = DynamoKeyRing::connect(&self.own, KEYS_TABLE.to_owned()).await;
        (table, KmsKey::connect(&self.own_account, KMS_KEY.to_owned()).await)
    }
}
