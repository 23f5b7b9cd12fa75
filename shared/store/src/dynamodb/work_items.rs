//! The work items table of the sample back end.

use aws_sdk_dynamodb::Client;
use latchkey_session::StoreError;
use latchkey_token::UserId;

use super::{
    attributes::{Attributes, read_string, read_time, string, time},
    aws::Aws,
};
use crate::{AddWorkItem, WorkItem, WorkItemPage, WorkItemTable};

const USER_ID: &str = "user_id";
const ID: &str = "id";
const TITLE: &str = "title";
const CREATED_AT: &str = "created_at";

/// The work items of a deployment.
#[derive(Clone, Debug)]
pub struct DynamoWorkItems {
    client: Client,
    table: String,
}

impl DynamoWorkItems {
    /// The work items in `table`.
    pub async fn connect(aws: &Aws, table: String) -> Self {
        Self { client: aws.dynamodb().await, table }
    }
}

impl WorkItemTable for DynamoWorkItems {
    async fn list_work_items(
        &self,
        user: &UserId,
        after: Option<&str>,
        limit: u8,
    ) -> Result<WorkItemPage, StoreError> {
        let start = after.map(|after| {
            let key = [(USER_ID, user.as_str()), (ID, after)];
            key.map(|(name, value)| (name.to_owned(), string(value))).into()
        });
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#user = :user")
            .expression_attribute_names("#user", USER_ID)
            .expression_attribute_values(":user", string(user.as_str()))
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .limit(i32::from(limit) + 1)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(read_work_item(&item.map_err(StoreError::unavailable)?)?);
            if items.len() > usize::from(limit) {
                break;
            }
        }
        Ok(WorkItemPage::new(items, limit))
    }

    async fn remove_work_item(&self, user: &UserId, id: &str) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key(USER_ID, string(user.as_str()))
            .key(ID, string(id))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::unavailable)
    }
}

impl AddWorkItem for DynamoWorkItems {
    async fn add_work_item(&self, user: &UserId, item: &WorkItem) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item(USER_ID, string(user.as_str()))
            .item(ID, string(&item.id))
            .item(TITLE, string(&item.title))
            .item(CREATED_AT, time(item.created_at))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::unavailable)
    }
}

fn read_work_item(item: &Attributes) -> Result<WorkItem, StoreError> {
    Ok(WorkItem {
        id: read_string(item, ID)?.to_owned(),
        title: read_string(item, TITLE)?.to_owned(),
        created_at: read_time(item, CREATED_AT)?,
    })
}
