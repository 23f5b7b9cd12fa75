//! `latchkey users restore`.

use std::io;

use latchkey_session::{RestoredUsers, UserCommand};
use serde_json::json;

use super::{Users, report};
use crate::{confirmation::confirm, failure::Failure, output};

impl Users {
    /// Restores all pages of a copy.
    pub(super) async fn restore(
        &self,
        table: String,
        overwrite: bool,
        yes: bool,
    ) -> Result<String, Failure> {
        if !yes {
            output::say(report::restore_consequences(overwrite));
            confirm("Type the name of the copy to restore it: ", &table, io::stdin().lock())?;
        }
        let mut sum = RestoredUsers::default();
        loop {
            let (table, after) = (table.clone(), sum.next.take());
            let command = UserCommand::Restore { table, overwrite, after };
            let page: RestoredUsers = self.stack.run(&command).await?;
            sum.added += page.added;
            sum.overwritten += page.overwritten;
            sum.kept += page.kept;
            sum.other_owners.extend(page.other_owners);
            sum.unreadable.extend(page.unreadable);
            sum.next = page.next;
            if sum.next.is_none() {
                break;
            }
        }
        Ok(if self.json { output::json(&json!(sum)) } else { report::restored(&sum) })
    }
}
