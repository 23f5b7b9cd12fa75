//! AWS errors as errors of the key ring.

use std::error::Error;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use latchkey_keys::RingError;
use latchkey_session::with_causes;

/// Error codes for a wrong IAM policy, table or KMS key. All others, throttling included, are
/// outages.
const REFUSALS: [&str; 6] = [
    "AccessDeniedException",
    "ResourceNotFoundException",
    "NotFoundException",
    "DisabledException",
    "KMSInvalidStateException",
    "InvalidKeyUsageException",
];

/// Keeps only the messages of the error and its causes.
pub(crate) fn ring_error(error: &(impl ProvideErrorMetadata + Error)) -> RingError {
    let cause = with_causes(error).into();
    if error.code().is_some_and(|code| REFUSALS.contains(&code)) {
        RingError::Refused(cause)
    } else {
        RingError::Unavailable(cause)
    }
}
