//! `latchkey users list`, and the pages of all users.

use std::io;

use latchkey_session::{UserCommand, UserList, UserSummary};
use latchkey_token::Timestamp;
use serde_json::json;

use super::{
    Users,
    arguments::ListFilter,
    report::{self, UserTable},
};
use crate::{
    failure::Failure,
    output::{self, Colours},
    stack::DeployedStack,
};

/// All users, page by page, in no particular order.
pub(super) struct Pages<'a> {
    stack: &'a DeployedStack,
    after: Option<String>,
    is_complete: bool,
}

impl<'a> Pages<'a> {
    pub(super) const fn of(stack: &'a DeployedStack) -> Self {
        Self { stack, after: None, is_complete: false }
    }

    /// The next page; `None` after the last one. Warns about users who are left out.
    pub(super) async fn next(&mut self) -> Result<Option<UserList>, Failure> {
        if self.is_complete {
            return Ok(None);
        }
        let list = UserCommand::List { after: self.after.take(), limit: None };
        let mut page: UserList = self.stack.run(&list).await?;
        for name in &page.unreadable {
            output::say(&report::unreadable(name));
        }
        self.after = page.next.take();
        self.is_complete = self.after.is_none();
        Ok(Some(page))
    }
}

impl ListFilter {
    fn accepts(&self, user: &UserSummary) -> bool {
        self.status.is_none_or(|status| user.status == status.name())
            && self.role.as_ref().is_none_or(|role| user.roles.contains(role))
    }
}

impl Users {
    /// Prints each page as it arrives, until the reader has enough.
    pub(super) async fn list(&self, filter: &ListFilter) -> Result<String, Failure> {
        let mut pages = Pages::of(&self.stack);
        let mut table = UserTable::new(Colours::of(&io::stdout()));
        while let Some(UserList { mut users, .. }) = pages.next().await? {
            users.retain(|user| filter.accepts(user));
            let text = if self.json {
                users.iter().map(|user| output::json_line(&json!(user))).collect()
            } else {
                table.rows(&users, Timestamp::now())
            };
            if !output::print(&text)? {
                return Ok(String::new());
            }
        }
        let is_empty = !self.json && table.is_empty();
        Ok(if is_empty { "no users\n".to_owned() } else { String::new() })
    }
}
