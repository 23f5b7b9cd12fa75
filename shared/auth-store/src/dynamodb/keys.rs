//! The keys table: one item, the ring, which is replaced whole.

use aws_sdk_dynamodb::{
    Client, error::SdkError, operation::put_item::PutItemError,
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};

use super::{
    attributes::{read_string, string, time},
    aws::Aws,
};
use crate::{
    FindPublishedRing, Publication, PublishOutcome, PublishRing, PublishedText, StoreError,
};

const ID: &str = "id";
/// The one item.
const RING_ID: &str = "ring";
const RING: &str = "ring";
const VERSION: &str = "version";
const UPDATED_AT: &str = "updated_at";

/// The public keys of a deployment.
#[derive(Clone, Debug)]
pub struct DynamoKeys {
    client: Client,
    table: String,
}

impl DynamoKeys {
    /// The public keys in `table`.
    pub async fn connect(aws: &Aws, table: String) -> Self {
        Self { client: aws.dynamodb().await, table }
    }
}

impl FindPublishedRing for DynamoKeys {
    async fn find_published_ring(&self) -> Result<Option<PublishedText>, StoreError> {
        let asked = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(ID, string(RING_ID))
            .consistent_read(true);
        let answer = asked.send().await.map_err(StoreError::unavailable)?;
        let Some(item) = answer.item() else { return Ok(None) };
        Ok(Some(PublishedText {
            text: read_string(item, RING)?.to_owned(),
            version: read_string(item, VERSION)?.to_owned(),
        }))
    }
}

impl PublishRing for DynamoKeys {
    async fn publish_ring(
        &self,
        publication: &Publication<'_>,
    ) -> Result<PublishOutcome, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(ID, string(RING_ID))
            .item(RING, string(publication.ring.to_json()))
            .item(VERSION, string(publication.version.as_str()))
            .item(UPDATED_AT, time(publication.now))
            .return_values_on_condition_check_failure(AllOld);
        let put = match publication.replaces {
            None => put
                .condition_expression("attribute_not_exists(#id)")
                .expression_attribute_names("#id", ID),
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", string(version)),
        };
        match put.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(PublishOutcome::Published),
            // The SDK sends a write again when its reply was lost; the version is then ours.
            Err(PutItemError::ConditionalCheckFailedException(failed)) => {
                let found = failed.item().and_then(|item| read_string(item, VERSION).ok());
                if found == Some(publication.version.as_str()) {
                    Ok(PublishOutcome::Published)
                } else {
                    Ok(PublishOutcome::Changed)
                }
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}
