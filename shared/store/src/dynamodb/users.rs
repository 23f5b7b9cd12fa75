//! The users table. Every change is one conditional write on one item.

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        get_item::builders::GetItemFluentBuilder, put_item::PutItemError,
        update_item::builders::UpdateItemFluentBuilder,
    },
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use latchkey_session::{User, Username};
use latchkey_token::OperationId;

use super::{
    attributes::string,
    aws::Aws,
    user_item::{USERNAME, made_by, read_user, write_user},
};
use crate::{AddUser, AddUserOutcome, FindUser, StoreError};

/// The users of a deployment.
#[derive(Clone, Debug)]
pub struct DynamoUsers {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) legacy_table: Option<String>,
}

impl DynamoUsers {
    /// The users in `table`.
    pub async fn connect(aws: &Aws, table: String) -> Self {
        Self { client: aws.dynamodb().await, table, legacy_table: None }
    }

    /// The same users, and in `legacy_table` which of them an old service knew.
    #[must_use]
    pub fn with_legacy(self, legacy_table: Option<String>) -> Self {
        Self { legacy_table, ..self }
    }

    /// A consistent read of a user's item.
    pub(super) fn read(&self, username: &Username) -> GetItemFluentBuilder {
        self.client
            .get_item()
            .table_name(&self.table)
            .key(USERNAME, string(username.folded()))
            .consistent_read(true)
    }

    /// A conditional change of a user's item; the item comes back when the condition fails.
    pub(super) fn update(&self, username: &Username) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key(USERNAME, string(username.folded()))
            .return_values_on_condition_check_failure(AllOld)
    }
}

impl AddUser for DynamoUsers {
    async fn add_user(
        &self,
        user: &User,
        operation: &OperationId,
    ) -> Result<AddUserOutcome, StoreError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write_user(user, operation)))
            .condition_expression("attribute_not_exists(#username)")
            .expression_attribute_names("#username", USERNAME)
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match sent.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(AddUserOutcome::Added),
            // The SDK sends a write again when its reply was lost; the name is then taken by us.
            Err(PutItemError::ConditionalCheckFailedException(failed)) => {
                let owner = failed.item().and_then(|item| made_by(item, None));
                if owner == Some(operation.as_str()) {
                    Ok(AddUserOutcome::Added)
                } else {
                    Ok(AddUserOutcome::NameTaken)
                }
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}

impl FindUser for DynamoUsers {
    async fn find_user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        let answer = self.read(username).send().await.map_err(StoreError::unavailable)?;
        answer.item().map(read_user).transpose()
    }
}
