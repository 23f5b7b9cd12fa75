//! The guard and its settings.

use latchkey_guard::{Guard, RevocationCheck, TokenLocations, TokenReader};
use latchkey_store::{Aws, DynamoUsers, KeySource, RingVerifying};
use latchkey_token::{Timestamp, TokenProfile};

/// Settings of a guard.
#[derive(Debug)]
pub struct GuardSettings {
    /// The name of the users table, which has the sessions.
    pub users_table: String,
    /// Where the keys are.
    pub keys: KeySource<RingVerifying>,
    /// The name of the table of legacy identities, if there is a legacy service.
    pub legacy_table: Option<String>,
    /// Issuer, audience and lifetimes of the tokens.
    pub tokens: TokenProfile,
    /// Where requests may have tokens.
    pub locations: TokenLocations,
    /// When the guard looks sessions up.
    pub revocation: RevocationCheck,
}

impl GuardSettings {
    /// Creates the guard, with AWS clients only if the settings need them.
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
