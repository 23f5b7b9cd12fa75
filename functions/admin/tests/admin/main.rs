//! The commands of the function.
#![cfg(test)]

mod interruptions;
mod keys;
mod purge;
mod users;

use std::time::Duration;

use admin::{Admin, AdminError, KeyAdmin, UserAdmin};
use latchkey_store::{DynamoKeyRing, DynamoLimits, DynamoUsers, DynamoWorkItems, KmsKey};
use latchkey_testkit::{cloud::Cloud, fixtures::KEY_POLICY};
use latchkey_token::Timestamp;
use serde_json::Value;

/// The function over an emulated account.
pub(crate) type CloudAdmin =
    Admin<DynamoKeyRing, KmsKey, DynamoUsers, DynamoLimits, DynamoWorkItems>;

pub(crate) async fn admin(cloud: &Cloud) -> CloudAdmin {
    let (ring, kms) = (cloud.ring().await, cloud.kms().await);
    let table = |name: &str| name.to_owned();
    Admin {
        keys: KeyAdmin { ring, kms, policy: KEY_POLICY, max_age: Duration::from_mins(2) },
        users: UserAdmin {
            users: users(cloud).await,
            limits: DynamoLimits::connect(&cloud.aws, table("LimitsTable")).await,
            work_items: DynamoWorkItems::connect(&cloud.aws, table("WorkItemsTable")).await,
        },
    }
}

pub(crate) async fn users(cloud: &Cloud) -> DynamoUsers {
    DynamoUsers::connect(&cloud.aws, "UsersTable".to_owned()).await
}

/// Runs a command in an invocation with the id `request-1`.
pub(crate) async fn run(
    cloud: &Cloud,
    command: Value,
    now: Timestamp,
) -> Result<Value, AdminError> {
    Box::pin(admin(cloud).await.handle(command, "request-1", now)).await
}
