//! The stores in memory keep the contract.
#![cfg(test)]

use auth_store::{MemoryUsers, MemoryWorkItems};

async fn users() -> MemoryUsers {
    MemoryUsers::default()
}

async fn work_items() -> MemoryWorkItems {
    MemoryWorkItems::default()
}

auth_testkit::users_contract!(users);
auth_testkit::work_items_contract!(work_items);
