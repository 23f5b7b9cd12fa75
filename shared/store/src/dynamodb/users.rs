//! The users table. Every change is one conditional write on one item.

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{
        delete_item::DeleteItemError, get_item::builders::GetItemFluentBuilder,
        put_item::PutItemError, update_item::builders::UpdateItemFluentBuilder,
    },
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use latchkey_session::{
    AccountChange, AccountChangeOutcome, AddUser, AddUserOutcome, RemoveUser, StoreError, User,
    Username,
};
use latchkey_token::OperationId;

use super::{
    attributes::{number, string},
    aws::Aws,
    user_item::{ID, SESSIONS, USERNAME, VERSION, read_optional_user, write_user, written_by},
};

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

    /// Adds the table that maps identities of a legacy service to these users.
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

    /// An update of a user's item, which returns the item if its condition fails.
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
            // The SDK repeats a write after a lost reply; the name is then taken by this operation.
            Err(PutItemError::ConditionalCheckFailedException(failed)) => {
                let owner = failed.item().and_then(|item| written_by(item, None));
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

/// The condition that the requesting session still exists.
pub(super) const SESSION_EXISTS: &str = " AND attribute_exists(#sessions.#session)";

impl RemoveUser for DynamoUsers {
    async fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let mut request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(USERNAME, string(change.user.username.folded()))
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#version", VERSION);
        let mut condition = "#id = :id AND #version = :version".to_owned();
        if let Some(session) = change.session {
            request = request
                .expression_attribute_names("#sessions", SESSIONS)
                .expression_attribute_names("#session", session.as_str());
            condition.push_str(SESSION_EXISTS);
        }
        let outcome = request
            .condition_expression(condition)
            .expression_attribute_values(":id", string(change.user.id.as_str()))
            .expression_attribute_values(":version", number(change.user.credentials_version))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        match outcome.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(AccountChangeOutcome::Made),
            Err(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                match read_optional_user(failed.item())? {
                    Some(user) if user.id == change.user.id => {
                        Ok(AccountChangeOutcome::Changed(Some(user)))
                    }
                    // Removed, also by an earlier delivery of this write, or recreated.
                    Some(_) | None => Ok(AccountChangeOutcome::Made),
                }
            }
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}
