//! The stores in memory keep the contract.
#![cfg(test)]

use latchkey_store::{MemoryUsers, MemoryWorkItems};

async fn users() -> MemoryUsers {
    MemoryUsers::default()
}

async fn work_items() -> MemoryWorkItems {
    MemoryWorkItems::default()
}

latchkey_testkit::users_contract!(users);
latchkey_testkit::work_items_contract!(work_items);
