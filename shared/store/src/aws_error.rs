//! AWS's errors about the key ring.

use std::error::Error;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use latchkey_keys::RingError;
use latchkey_session::with_causes;

/// What AWS answers when the policy, the table or the KMS key is not as deployed. Everything else,
/// throttling among it, is an outage.
const REFUSALS: [&str; 6] = [
    "AccessDeniedException",
    "ResourceNotFoundException",
    "NotFoundException",
    "DisabledException",
    "KMSInvalidStateException",
    "InvalidKeyUsageException",
];

/// Keeps what an error says, and nothing else of it.
pub(crate) fn ring_error(error: &(impl ProvideErrorMetadata + Error)) -> RingError {
    let cause = with_causes(error).into();
    if error.code().is_some_and(|code| REFUSALS.contains(&code)) {
        RingError::Refused(cause)
    } else {
        RingError::Unavailable(cause)
    }
}
