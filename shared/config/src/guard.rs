//! The guard of a deployment.

use latchkey_guard::{Guard, RevocationCheck, TokenLocations, TokenReader};
use latchkey_store::{Aws, DynamoUsers, KeySource, RingVerifying};
use latchkey_token::{Timestamp, TokenProfile};

/// What a guard needs.
#[derive(Debug)]
pub struct GuardSettings {
    /// The users table, which holds the sessions.
    pub users_table: String,
    /// Where the keys are.
    pub keys: KeySource<RingVerifying>,
    /// The table of legacy identities, if there is a legacy service.
    pub legacy_table: Option<String>,
    /// Issuer, audience and lifetimes of the tokens.
    pub tokens: TokenProfile,
    /// Where tokens may be in requests.
    pub locations: TokenLocations,
    /// When a session is looked up.
    pub revocation: RevocationCheck,
}

impl GuardSettings {
    /// The guard. It makes an AWS client only if the settings need one.
    pub async fn connect(self, aws: &Aws, now: Timestamp) -> Guard<DynamoUsers> {
        let keys = self.keys.connect(aws, now).await;
        let reader = TokenReader { keys, profile: self.tokens, locations: self.locations };
        let users = if self.revocation == RevocationCheck::Off && self.legacy_table.is_none() {
            None
        } else {
            let users = DynamoUsers::connect(aws, self.users_table).await;
            Some(users.with_legacy(self.legacy_table))
        };
        Guard::new(reader, users, self.revocation)
    }
}
