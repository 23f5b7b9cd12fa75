//! `latchkey users end-sessions --all`.

use std::io;

use latchkey_session::{UserCommand, UserReport};
use serde_json::json;

use super::{Users, list::Pages, report};
use crate::{confirmation::confirm, failure::Failure, output};

/// So many failures mean an outage.
const MAX_FAILURES: usize = 10;

impl Users {
    /// Ends the sessions of every user, one after the other. A failure for one user does not
    /// stop the others.
    pub(super) async fn end_all_sessions(
        &self,
        restored_from: Option<&str>,
        yes: bool,
    ) -> Result<String, Failure> {
        if !yes {
            output::say(report::ALL_SESSIONS_CONSEQUENCES);
            confirm("Type all to end the sessions of every user: ", "all", io::stdin().lock())?;
        }
        let (mut done, mut failures, mut left) = (0_u64, 0, 0);
        // Without a reader of standard output, sessions end all the same.
        let mut printed = Ok(());
        let mut pages = Pages::of(&self.stack);
        while let Some(page) = pages.next().await? {
            left += page.unreadable.len();
            for user in page.users {
                match self.end_sessions_of(&user.username, restored_from).await {
                    Ok(report) => {
                        done += 1;
                        if self.json && printed.is_ok() {
                            printed = output::print(&output::json_line(&json!(report))).map(drop);
                        }
                    }
                    // Deleted meanwhile.
                    Err(failure) if failure.is_not_found() => {}
                    Err(failure) => {
                        failures += 1;
                        let name = output::safe(&user.username);
                        output::say(&format!("{name}: {}", output::safe(&failure.to_string())));
                    }
                }
                if failures == MAX_FAILURES {
                    return Err(Failure::Stopped(failures));
                }
            }
        }
        if failures + left > 0 {
            return Err(Failure::SessionsLeft(failures + left));
        }
        printed?;
        Ok(if self.json { String::new() } else { report::all_sessions_ended(done) })
    }

    async fn end_sessions_of(
        &self,
        username: &str,
        restored_from: Option<&str>,
    ) -> Result<UserReport, Failure> {
        let restored_from = restored_from.map(str::to_owned);
        let command = UserCommand::EndSessions { username: username.to_owned(), restored_from };
        self.stack.run(&command).await
    }
}
