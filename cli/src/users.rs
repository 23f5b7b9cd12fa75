//! `latchkey users`.

mod arguments;
mod commands;
mod list;
mod removal;
mod report;
mod restore;
mod sessions;

use std::io;

use latchkey_session::{UserCommand, UserReport};
use latchkey_token::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

pub(crate) use self::arguments::UsersCommand;
use crate::{
    arguments::DeploymentOptions,
    confirmation::{confirm, require_terminal},
    failure::Failure,
    output::{self, Colours, CommandOutput},
    stack::DeployedStack,
};

/// Runs a command. The rest of its text for standard output is returned.
pub(crate) async fn run(
    command: UsersCommand,
    deployment: &DeploymentOptions,
    json: bool,
) -> Result<CommandOutput, Failure> {
    if command.asks() {
        require_terminal()?;
    }
    let users = Users { stack: DeployedStack::connect(deployment).await?, json };
    let text = match command {
        UsersCommand::List(filter) => users.list(&filter).await?,
        UsersCommand::Create { name, email, roles } => {
            let create = UserCommand::Create { username: name, email, roles };
            users.with_code(&create).await?
        }
        UsersCommand::Reset { name, yes } => {
            if !yes {
                users.confirm_reset(&name).await?;
            }
            users.with_code(&UserCommand::Reset { username: name }).await?
        }
        UsersCommand::EndSessions { name: None, all: _, restored_from, yes } => {
            users.end_all_sessions(restored_from.as_deref(), yes).await?
        }
        UsersCommand::Delete { name, keep_rows, yes } => users.delete(name, keep_rows, yes).await?,
        UsersCommand::Restore { table, overwrite, yes } => {
            users.restore(table, overwrite, yes).await?
        }
        UsersCommand::Purge { id, yes } => users.purge(&id, yes).await?,
        UsersCommand::Show { name } => users.change(&UserCommand::Show { username: name }).await?,
        UsersCommand::Disable { name, reason } => {
            users.change(&UserCommand::Disable { username: name, reason }).await?
        }
        UsersCommand::Enable { name } => {
            users.change(&UserCommand::Enable { username: name }).await?
        }
        UsersCommand::Roles { name, add, remove } => {
            users.change(&UserCommand::Roles { username: name, add, remove }).await?
        }
        UsersCommand::Claims { name, set, remove } => {
            let set = distinct(set)?;
            users.change(&UserCommand::Claims { username: name, set, remove }).await?
        }
        UsersCommand::Unlock { name, address } => {
            let address = address.map(|address| address.to_string());
            users.change(&UserCommand::Unlock { username: name, address }).await?
        }
        UsersCommand::EndSessions { name: Some(name), all: _, restored_from, yes: _ } => {
            users.change(&UserCommand::EndSessions { username: name, restored_from }).await?
        }
    };
    Ok(text.into())
}

/// The claims to set, each once.
fn distinct(claims: Vec<(String, Value)>) -> Result<Map<String, Value>, Failure> {
    let mut distinct = Map::new();
    for (name, value) in claims {
        if distinct.insert(name.clone(), value).is_some() {
            return Err(Failure::RepeatedClaim(name));
        }
    }
    Ok(distinct)
}

/// The users of a stack.
struct Users {
    stack: DeployedStack,
    json: bool,
}

impl Users {
    /// Runs a command on one user.
    async fn change(&self, command: &UserCommand) -> Result<String, Failure> {
        let report: UserReport = self.stack.run(command).await?;
        if self.json {
            return Ok(output::json(&json!(report)));
        }
        let text = report::text(&report, Timestamp::now(), Colours::of(&io::stdout()));
        Ok(match report::done(command, &report.user.username) {
            Some(done) => format!("{done}\n\n{text}"),
            None => text,
        })
    }

    /// Runs a command that makes a one-time code. Only the code goes to standard output.
    async fn with_code(&self, command: &UserCommand) -> Result<String, Failure> {
        let report: UserReport = self.stack.run(command).await?;
        let Some(code) = &report.code else { return Err(self.stack.not_understood()) };
        output::say(&report::code_note(&report.user.username, code, Timestamp::now()));
        let text = if self.json {
            output::json(&json!(report))
        } else {
            output::safe(code.code.expose_secret()) + "\n"
        };
        // Without a reader the code is lost.
        match output::print(&text) {
            Ok(true) => Ok(String::new()),
            Ok(false) | Err(_) => Err(Failure::LostCode { username: report.user.username }),
        }
    }

    /// Shows a user on standard error.
    async fn show(&self, name: &str) -> Result<UserReport, Failure> {
        let report = self.stack.run(&UserCommand::Show { username: name.to_owned() }).await?;
        output::say(&report::text(&report, Timestamp::now(), Colours::of(&io::stderr())));
        Ok(report)
    }

    async fn confirm_reset(&self, name: &str) -> Result<(), Failure> {
        let report = self.show(name).await?;
        output::say(report::RESET_CONSEQUENCES);
        let question = "Type the user's name to remove the password: ";
        confirm(question, &report.user.username, io::stdin().lock())
    }
}
