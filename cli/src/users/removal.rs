//! `latchkey users delete` and `latchkey users purge`.

use std::io;

use latchkey_session::{DeletedUser, PurgedRows, UserCommand, UserReport};
use latchkey_token::UserId;
use serde_json::json;

use super::{Users, list::Pages, report};
use crate::{confirmation::confirm, failure::Failure, output};

impl Users {
    /// Deletes the account that it has shown, and then its rows.
    pub(super) async fn delete(
        &self,
        name: String,
        keep_rows: bool,
        yes: bool,
    ) -> Result<String, Failure> {
        let show = UserCommand::Show { username: name.clone() };
        let user = if yes {
            self.stack.run::<UserReport>(&show).await?.user
        } else {
            let user = self.show(&name).await?.user;
            output::say(report::delete_consequences(keep_rows));
            confirm("Type the user's name to delete it: ", &user.username, io::stdin().lock())?;
            user
        };
        let delete = UserCommand::Delete { username: name, id: user.id.clone() };
        match self.stack.run::<DeletedUser>(&delete).await {
            // An attempt whose reply was lost has deleted it, or someone else.
            Err(failure) if failure.is_not_found() => {}
            deleted => drop(deleted?),
        }
        let removed = if keep_rows { None } else { Some(self.purge_all(&user.id).await?) };
        Ok(match (self.json, removed) {
            (true, None) => output::json(&json!({ "deleted": user.id })),
            (true, Some(removed)) => {
                output::json(&json!({ "deleted": user.id, "removed": removed }))
            }
            (false, removed) => report::deleted(&user, removed),
        })
    }

    /// Removes the rows of an id that no user has.
    pub(super) async fn purge(&self, id: &UserId, yes: bool) -> Result<String, Failure> {
        let mut pages = Pages::of(&self.stack);
        while let Some(page) = pages.next().await? {
            if let Some(user) = page.users.into_iter().find(|user| user.id == *id) {
                return Err(Failure::LiveUser { username: user.username });
            }
            if let Some(username) = page.unreadable.into_iter().next() {
                return Err(Failure::UnreadableUser { username });
            }
        }
        if !yes {
            output::say(report::PURGE_CONSEQUENCES);
            confirm("Type the id to remove its rows: ", id.as_str(), io::stdin().lock())?;
        }
        let removed = self.purge_all(id).await?;
        Ok(if self.json {
            output::json(&json!({ "removed": removed }))
        } else {
            report::purged(removed, id)
        })
    }

    /// Removes rows until none is left, and returns their number.
    async fn purge_all(&self, id: &UserId) -> Result<u64, Failure> {
        let command = UserCommand::Purge { id: id.clone() };
        let mut removed = 0;
        loop {
            let purged: PurgedRows = self.stack.run(&command).await?;
            removed += purged.removed;
            if !purged.more {
                return Ok(removed);
            }
        }
    }
}
