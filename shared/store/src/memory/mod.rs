//! In-memory stores for tests, with the same contract as those in DynamoDB.

mod limits;
mod users;
mod work_items;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use limits::MemoryLimits;
pub use users::MemoryUsers;
pub use work_items::MemoryWorkItems;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
