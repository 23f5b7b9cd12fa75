//! The keys table: one item, the key ring.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{get_item::builders::GetItemFluentBuilder, put_item::PutItemError},
    primitives::Blob,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use latchkey_keys::{ReadRing, RingError, RingItem, WriteOutcome, WriteRing};
use latchkey_token::Timestamp;

use super::{
    attributes::{string, time},
    aws::Aws,
};
use crate::aws_error::ring_error;

const ID: &str = "id";
/// The id of the only item.
const RING_ID: &str = "ring";
const PUBLIC: &str = "public";
const SEALED: &str = "sealed";
const VERSION: &str = "version";
const UPDATED_AT: &str = "updated_at";

/// The key ring of a deployment.
#[derive(Clone, Debug)]
pub struct DynamoKeyRing {
    client: Client,
    table: String,
}

impl DynamoKeyRing {
    /// The key ring in `table`.
    pub async fn connect(aws: &Aws, table: String) -> Self {
        Self { client: aws.dynamodb().await, table }
    }

    /// Reads the ring without its private keys.
    ///
    /// # Errors
    /// As [`ReadRing::read_ring`].
    pub async fn read_public_ring(&self) -> Result<Option<RingItem>, RingError> {
        let get = self
            .get()
            .projection_expression("#public, #version")
            .expression_attribute_names("#public", PUBLIC)
            .expression_attribute_names("#version", VERSION);
        self.read(get).await
    }

    fn get(&self) -> GetItemFluentBuilder {
        let get = self.client.get_item().table_name(&self.table);
        get.key(ID, string(RING_ID)).consistent_read(true)
    }

    async fn read(&self, get: GetItemFluentBuilder) -> Result<Option<RingItem>, RingError> {
        let answer = get.send().await.map_err(|error| ring_error(&error))?;
        Ok(answer.item().map(read_item))
    }
}

impl ReadRing for DynamoKeyRing {
    async fn read_ring(&self) -> Result<Option<RingItem>, RingError> {
        self.read(self.get()).await
    }
}

impl WriteRing for DynamoKeyRing {
    async fn write_ring(
        &self,
        item: &RingItem,
        replaces: Option<&str>,
        now: Timestamp,
    ) -> Result<WriteOutcome, RingError> {
        let blob = |bytes: &Vec<u8>| AttributeValue::B(Blob::new(bytes.clone()));
        let sealed = item.sealed.iter().map(|(kid, half)| (kid.clone(), blob(half))).collect();
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(ID, string(RING_ID))
            .item(PUBLIC, string(&item.public))
            .item(SEALED, AttributeValue::M(sealed))
            .item(VERSION, string(&item.version))
            .item(UPDATED_AT, time(now))
            .return_values_on_condition_check_failure(AllOld);
        let put = match replaces {
            None => put
                .condition_expression("attribute_not_exists(#id)")
                .expression_attribute_names("#id", ID),
            // A damaged item without a version.
            Some("") => put
                .condition_expression("attribute_not_exists(#version)")
                .expression_attribute_names("#version", VERSION),
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", string(version)),
        };
        match put.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(WriteOutcome::Written),
            Err(PutItemError::ConditionalCheckFailedException(failed)) => {
                let found = failed.item().map(read_item);
                // The SDK repeats a write after a lost reply; the version then matches.
                let is_ours = found.as_ref().is_some_and(|other| other.version == item.version);
                Ok(if is_ours { WriteOutcome::Written } else { WriteOutcome::Conflict(found) })
            }
            Err(other) => Err(ring_error(&other)),
        }
    }
}

/// Missing attributes and those of another type become empty, which the parser refuses.
fn read_item(item: &HashMap<String, AttributeValue>) -> RingItem {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let sealed = item.get(SEALED).and_then(|value| value.as_m().ok()).into_iter().flatten();
    let sealed = sealed.filter_map(|(kid, half)| {
        half.as_b().ok().map(|bytes| (kid.clone(), bytes.clone().into_inner()))
    });
    RingItem {
        version: text(VERSION).unwrap_or_default(),
        public: text(PUBLIC).unwrap_or_default(),
        sealed: sealed.collect::<BTreeMap<_, _>>(),
    }
}
