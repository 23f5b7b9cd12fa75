//! Random ids: 128 bits from the operating system as 22 characters of base64url.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{encoding, error::RandomnessError};

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $is_valid:path, $form:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new random id: 128 bits as 22 characters of base64url.
            ///
            /// # Errors
            /// [`RandomnessError`] if the operating system returns no random bytes.
            pub fn generate() -> Result<Self, RandomnessError> {
                random_text().map(Self)
            }

            #[doc = concat!("Reads an identifier; `None` unless the text is ", $form, ".")]
            pub fn parse(text: &str) -> Option<Self> {
                $is_valid(text).then(|| Self(text.to_owned()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if $is_valid(&text) { Ok(Self(text)) } else { Err("not an identifier") }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

random_id! {
    /// The id of a user: the `sub` claim. Immutable and never reused, unlike a user name. Imported
    /// accounts keep the id of their former service, such as `auth0|5f7c8ec7c33c6c00`.
    UserId, is_subject, "1 to 255 printable ASCII characters without spaces"
}
random_id! {
    /// The id of a session: the `sid` claim of its tokens.
    SessionId, is_identifier, "1 to 64 characters of base64url"
}
random_id! {
    /// The id of a token: the `jti` claim (RFC 7519 §4.1.7).
    TokenId, is_identifier, "1 to 64 characters of base64url"
}
random_id! {
    /// The id of one write to a store. It lets the writer recognise its own write after a lost
    /// reply.
    OperationId, is_identifier, "1 to 64 characters of base64url"
}

/// The write that issues a refresh token also names it: its `jti` is the id of the write.
impl From<OperationId> for TokenId {
    fn from(id: OperationId) -> Self {
        Self(id.0)
    }
}

const RANDOM_BYTES: usize = 16;
const MAX_CHARS: usize = 64;
/// The maximum length of `sub` in OpenID Connect Core §2.
const MAX_SUBJECT_CHARS: usize = 255;

fn random_text() -> Result<String, RandomnessError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| RandomnessError)?;
    Ok(encoding::to_base64url(bytes))
}

fn is_identifier(text: &str) -> bool {
    (1..=MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_subject(text: &str) -> bool {
    (1..=MAX_SUBJECT_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
