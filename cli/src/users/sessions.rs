//! `latchkey users end-sessions --all`.

use std::io;

use latchkey_session::{UserCommand, UserReport};
use serde_json::json;

use super::{Users, list::Pages, report};
use crate::{confirmation::confirm, failure::Failure, output};

/// After so many failures there is an outage.
const MAX_FAILURES: usize = 10;

impl Users {
    /// Ends the sessions of every user, one after the other. A user whose sessions cannot be ended
    /// does not keep the others in.
    pub(super) async fn end_all_sessions(
        &self,
        restored_from: Option<&str>,
        yes: bool,
    ) -> Result<String, Failure> {
        if !yes {
            output::say(report::ALL_SESSIONS_CONSEQUENCES);
            confirm("Type all to end the sessions of every user: ", "all", io::stdin().lock())?;
        }
        let (mut done, mut failures) = (0_u64, 0);
        let mut pages = Pages::of(&self.stack);
        while let Some(users) = pages.next().await? {
            for user in users {
                match self.end_sessions_of(&user.username, restored_from).await {
                    Ok(()) => done += 1,
                    // Deleted meanwhile.
                    Err(failure) if failure.is_not_found() => {}
                    Err(failure) => {
                        failures += 1;
                        let name = output::safe(&user.username);
                        output::say(&format!("{name}: {}", output::safe(&failure.to_string())));
                    }
                }
                if failures == MAX_FAILURES {
                    return Err(Failure::SessionsLeft(failures));
                }
            }
        }
        if failures > 0 {
            return Err(Failure::SessionsLeft(failures));
        }
        Ok(if self.json { String::new() } else { report::all_sessions_ended(done) })
    }

    async fn end_sessions_of(
        &self,
        username: &str,
        restored_from: Option<&str>,
    ) -> Result<(), Failure> {
        let restored_from = restored_from.map(str::to_owned);
        let command = UserCommand::EndSessions { username: username.to_owned(), restored_from };
        let report: UserReport = self.stack.run(&command).await?;
        if self.json {
            // A closed standard output does not stop the command.
            output::print(&output::json_line(&json!(report)))?;
        }
        Ok(())
    }
}
