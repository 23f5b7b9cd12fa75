//! The limits table: one bucket of attempts per item.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::{
    Client, error::SdkError, operation::update_item::UpdateItemError,
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use latchkey_session::{
    ClearLimit, LimitCondition, LimitKey, LimitOutcome, LimitTime, LimitWrite, StoreError,
    UpdateLimit,
};

use super::{
    attributes::{number, read_time, string, time},
    aws::Aws,
};

const ID: &str = "id";
/// When the bucket is empty again.
const TIME: &str = "time";
/// When DynamoDB may delete the item: the TTL attribute of the table.
const EXPIRES: &str = "expires";

/// The attempt limits of a deployment.
#[derive(Clone, Debug)]
pub struct DynamoLimits {
    client: Client,
    table: String,
}

impl DynamoLimits {
    /// The limits in `table`.
    pub async fn connect(aws: &Aws, table: String) -> Self {
        Self { client: aws.dynamodb().await, table }
    }
}

/// `<purpose>#<SHA-256 of the subject>`: the table holds neither names nor addresses.
fn id(key: &LimitKey) -> String {
    let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, key.subject.as_bytes()));
    format!("{}#{hash}", key.purpose)
}

impl UpdateLimit for DynamoLimits {
    async fn update_limit(
        &self,
        key: &LimitKey,
        write: &LimitWrite,
    ) -> Result<LimitOutcome, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(ID, string(id(key)))
            .expression_attribute_names("#time", TIME)
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_values(":expires", time(write.expires_at))
            .return_values_on_condition_check_failure(AllOld);
        let (request, condition) = match write.condition {
            LimitCondition::UpTo(latest) => (
                request.expression_attribute_values(":latest", time(latest)),
                "attribute_not_exists(#time) OR #time <= :latest",
            ),
            LimitCondition::Between(earliest, latest) => (
                request
                    .expression_attribute_values(":earliest", time(earliest))
                    .expression_attribute_values(":latest", time(latest)),
                "#time > :earliest AND #time <= :latest",
            ),
            LimitCondition::After(earliest) => (
                request.expression_attribute_values(":earliest", time(earliest)),
                "#time > :earliest",
            ),
        };
        let (request, update) = match write.time {
            LimitTime::At(at) => (
                request.expression_attribute_values(":time", time(at)),
                "SET #time = :time, #expires = :expires",
            ),
            LimitTime::Later(by) => (
                request.expression_attribute_values(":by", number(by.as_secs())),
                "SET #time = #time + :by, #expires = :expires",
            ),
        };
        let outcome =
            request.update_expression(update).condition_expression(condition).send().await;
        match outcome.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(LimitOutcome::Written),
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let found = failed.item().map(|item| read_time(item, TIME)).transpose()?;
                Ok(LimitOutcome::Unchanged(found))
            }
            Err(
                UpdateItemError::ProvisionedThroughputExceededException(_)
                | UpdateItemError::RequestLimitExceeded(_)
                | UpdateItemError::ThrottlingException(_),
            ) => Ok(LimitOutcome::Throttled),
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}

impl ClearLimit for DynamoLimits {
    async fn clear_limit(&self, key: &LimitKey) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table).key(ID, string(id(key)));
        request.send().await.map(drop).map_err(StoreError::unavailable)
    }
}
