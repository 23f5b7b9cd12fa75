//! The stores in DynamoDB.

mod accounts;
mod attributes;
mod aws;
mod keys;
mod limits;
mod read_user;
mod update_user;
mod user_item;
mod users;
mod work_items;

pub use aws::Aws;
pub use keys::DynamoKeyRing;
pub use limits::DynamoLimits;
pub use users::DynamoUsers;
pub use work_items::DynamoWorkItems;
