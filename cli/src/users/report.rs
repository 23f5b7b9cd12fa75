//! Text output about users.

use latchkey_session::{
    IssuedCode, RestoredUsers, SessionReport, UserCommand, UserReport, UserSummary,
};
use latchkey_token::{Timestamp, UserId};
use serde_json::Value;

use super::commands::quoted;
use crate::{
    format::{self, Columns},
    output::{Colours, safe},
};

pub(super) const RESET_CONSEQUENCES: &str =
    "The password is removed, all sessions end, and a one-time code is made.
This cannot be undone.
";
pub(super) const ALL_SESSIONS_CONSEQUENCES: &str =
    "Every user must log in again.\nThis cannot be undone.\n";
pub(super) const PURGE_CONSEQUENCES: &str =
    "No user has this id. All its rows are removed.\nThis cannot be undone.\n";

const REMEMBERED: &str =
    "A refusal that a process remembers lasts until its Retry-After, by default up to 90 s.";

const ACTIVE: &str = "active";

pub(super) const fn delete_consequences(keep_rows: bool) -> &'static str {
    if keep_rows {
        "The account and its sessions are deleted; the rows of its id stay.\n\
         This cannot be undone.\n"
    } else {
        "The account, its sessions and the rows of its id are deleted.\nThis cannot be undone.\n"
    }
}

pub(super) const fn restore_consequences(overwrite: bool) -> &'static str {
    if overwrite {
        "Missing accounts come back, and existing accounts are set back: password, roles, claims and \
         status.\nTheir sessions and one-time codes end.\nThis cannot be undone.\n"
    } else {
        "Missing accounts come back, also deleted ones, with the passwords and roles of the copy and \
         without sessions.\n"
    }
}

/// The table of a list, which grows by pages. Statuses and times of later pages fit from the start.
pub(super) struct UserTable {
    columns: Columns,
    is_empty: bool,
    colours: Colours,
}

impl UserTable {
    pub(super) fn new(colours: Colours) -> Self {
        let columns = Columns::at_least(&[0, 8, 0, 0, 10, 10]);
        Self { columns, is_empty: true, colours }
    }

    /// Whether there were no rows.
    pub(super) const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// The rows of a page, after the header if they are the first ones.
    pub(super) fn rows(&mut self, users: &[UserSummary], now: Timestamp) -> String {
        if users.is_empty() {
            return String::new();
        }
        let header = ["NAME", "STATUS", "ROLES", "SESSIONS", "LAST USED", "CREATED", "ID"];
        let header = self.is_empty.then(|| (header.map(str::to_owned), false));
        self.is_empty = false;
        let rows = users.iter().map(|user| (row(user, now), user.status != ACTIVE));
        let (cells, is_warning): (Vec<_>, Vec<_>) = header.into_iter().chain(rows).unzip();
        let text = self.columns.rows(&cells);
        let lines = text.lines().zip(is_warning).map(|(line, is_warning)| {
            let line = if is_warning { self.colours.warning(line) } else { line.to_owned() };
            line + "\n"
        });
        lines.collect()
    }
}

fn row(user: &UserSummary, now: Timestamp) -> [String; 7] {
    [
        user.username.clone(),
        user.status.clone(),
        list(&user.roles),
        user.sessions.to_string(),
        user.last_used_at.map_or_else(|| "-".to_owned(), |at| format::relative(at, now)),
        format::relative(user.created_at, now),
        user.id.to_string(),
    ]
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

/// A user as a list of members and a table of sessions.
pub(super) fn text(report: &UserReport, now: Timestamp, colours: Colours) -> String {
    let members = members(report, now).map(|(name, value)| [name.to_owned(), value]);
    let text = format::columns(&members.collect::<Vec<_>>());
    let lines = text.lines().map(|line| {
        let is_warning = line.starts_with("Status") && report.user.status != ACTIVE;
        (if is_warning { colours.warning(line) } else { line.to_owned() }) + "\n"
    });
    lines.chain([sessions(&report.live_sessions, now)]).collect()
}

fn members(report: &UserReport, now: Timestamp) -> impl Iterator<Item = (&'static str, String)> {
    let user = &report.user;
    let status = match &report.disabled_reason {
        Some(reason) => format!("{}: {reason}", user.status),
        None => user.status.clone(),
    };
    let codes = report.codes.iter().map(|expires_at| format::relative(*expires_at, now));
    let codes: Vec<_> = codes.collect();
    let claims = Value::Object(report.claims.clone()).to_string();
    let always = [
        ("User", user.username.clone()),
        ("Id", user.id.to_string()),
        ("E-mail", user.email.clone().unwrap_or_else(|| "-".to_owned())),
        ("Status", status),
        ("Roles", list(&user.roles)),
        ("Created", format::relative(user.created_at, now)),
        ("Password", if report.has_password { "set" } else { "none" }.to_owned()),
    ];
    let codes = (!codes.is_empty()).then(|| ("Codes", format!("expire {}", codes.join(", "))));
    let claims = (!report.claims.is_empty()).then_some(("Claims", claims));
    let restored = report.restored_from.clone().map(|from| ("Restored", format!("from {from}")));
    let sessions = ("Sessions", user.sessions.to_string());
    always.into_iter().chain(codes).chain(claims).chain(restored).chain([sessions])
}

fn sessions(sessions: &[SessionReport], now: Timestamp) -> String {
    if sessions.is_empty() {
        return String::new();
    }
    let header = ["STARTED", "LAST USED", "EXPIRES", "ADDRESS", "USER AGENT"].map(str::to_owned);
    let row = |session: &SessionReport| {
        let at = |time| format::relative(time, now);
        let [started, used, expires] =
            [session.created_at, session.last_used_at, session.expires_at].map(at);
        [started, used, expires, session.ip.clone(), session.user_agent.clone()]
    };
    format::indented(&std::iter::once(header).chain(sessions.iter().map(row)).collect::<Vec<_>>())
}

/// What a command has done; `None` if it only shows the user.
pub(super) fn done(command: &UserCommand, username: &str) -> Option<String> {
    let name = safe(username);
    match command {
        UserCommand::Disable { .. } => {
            Some(format!("{name} is disabled: all sessions and one-time codes have ended."))
        }
        UserCommand::Enable { .. } => {
            Some(format!("{name} is active and can log in; earlier sessions stay ended."))
        }
        UserCommand::Roles { .. } | UserCommand::Claims { .. } => Some(format!(
            "New access tokens of {name} have these roles and claims; older ones keep theirs until \
             they expire."
        )),
        UserCommand::Unlock { address: None, .. } => {
            Some(format!("The attempt limits of {name} are cleared. {REMEMBERED}"))
        }
        UserCommand::Unlock { address: Some(address), .. } => {
            let address = safe(address);
            Some(format!("The attempt limits of {name} and of {address} are cleared. {REMEMBERED}"))
        }
        UserCommand::EndSessions { .. } => Some(format!("All sessions of {name} have ended.")),
        UserCommand::List { .. }
        | UserCommand::Show { .. }
        | UserCommand::Create { .. }
        | UserCommand::Reset { .. }
        | UserCommand::Delete { .. }
        | UserCommand::Restore { .. }
        | UserCommand::Purge { .. } => None,
    }
}

/// The note about a one-time code, for standard error.
pub(super) fn code_note(username: &str, code: &IssuedCode, now: Timestamp) -> String {
    let expiry = code.expires_at.to_rfc3339().unwrap_or_else(|| code.expires_at.unix().to_string());
    let relative = format::relative(code.expires_at, now);
    let name = safe(username);
    format!(
        "This one-time code of {name} is shown once and is valid until {expiry} ({relative}).\n\
         The user sets a password with it: POST /password/reset."
    )
}

pub(super) fn all_sessions_ended(users: u64) -> String {
    format!("All sessions of {} have ended.\n", counted(users, "user"))
}

pub(super) fn deleted(user: &UserSummary, removed: Option<u64>) -> String {
    let (name, id) = (safe(&user.username), safe(user.id.as_str()));
    if let Some(removed) = removed {
        return format!("{name} ({id}) is deleted, with {}.\n", counted(removed, "row"));
    }
    let command = safe(&quoted(user.id.as_str()));
    format!("{name} ({id}) is deleted. `latchkey users purge {command}` removes its rows.\n")
}

pub(super) fn purged(removed: u64, id: &UserId) -> String {
    let (rows, id) = (counted(removed, "row"), safe(id.as_str()));
    let verb = if removed == 1 { "is" } else { "are" };
    format!("{rows} of {id} {verb} removed.\n")
}

pub(super) fn restored(sum: &RestoredUsers) -> String {
    let RestoredUsers { added, overwritten, kept, other_owners, unreadable: unread, next: _ } = sum;
    let mut text = format!("{added} added, {overwritten} overwritten, {kept} kept.\n");
    for name in other_owners {
        text.extend([safe(name).as_str(), " belongs to another account and is kept.\n"]);
    }
    let lines = unread.iter().map(|name| unreadable(name) + "\n");
    text.extend(lines);
    text
}

pub(super) fn unreadable(name: &str) -> String {
    format!("{} is left out: the item is unreadable, and the log of admin says why", safe(name))
}

fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
