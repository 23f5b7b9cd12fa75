#![doc = include_str!("../README.md")]

mod aws_error;
mod dynamodb;
mod keys;
mod kms;
mod memory;
mod secrets;
mod work_items;

pub use dynamodb::{Aws, DynamoKeyRing, DynamoLimits, DynamoUsers, DynamoWorkItems};
pub use keys::{KeyLocation, KeySource, RingSigning, RingVerifying};
pub use kms::KmsKey;
pub use memory::{MemoryLimits, MemoryUsers, MemoryWorkItems};
pub use work_items::{AddWorkItem, WorkItem, WorkItemPage, WorkItemTable};
