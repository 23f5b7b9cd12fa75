//! What requests and events are made from.

use super::Dice;

/// Real things to make requests from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stock {
    /// Users, who all have the same password.
    pub(crate) usernames: Vec<String>,
    /// Access tokens, some of whose sessions may have ended.
    pub(crate) access: Vec<String>,
    /// Refresh tokens, some of which may have been used.
    pub(crate) refresh: Vec<String>,
    /// Cookies that were set: a name, `=` and a value.
    pub(crate) cookies: Vec<String>,
    /// What goes into the CSRF header.
    pub(crate) csrf: Vec<String>,
    /// Tokens that are refused.
    pub(crate) bad: Vec<String>,
}

impl Stock {
    /// A token, or something in its place.
    pub(crate) fn token(&self, dice: &mut Dice) -> String {
        let tokens = if dice.once_in(4) { &self.refresh } else { &self.access };
        let token = dice.one_of(tokens).clone();
        match dice.below(12) {
            0 | 1 => dice.one_of(&self.bad).clone(),
            2 | 3 => dice.damage(&token),
            4 => {
                let other = dice.one_of(&self.bad);
                let (message, _) = token.rsplit_once('.').unwrap();
                format!("{message}.{}", other.rsplit('.').next().unwrap())
            }
            5 => dice.text(),
            6 => format!("{}.{}.{}", dice.word(), dice.word(), dice.long_text()),
            _ => token,
        }
    }

    /// What may stand in a `Cookie` header.
    pub(crate) fn cookie(&self, dice: &mut Dice) -> String {
        const NAMES: [&str; 7] = [
            "__Host-access_token",
            "__Host-refresh_token",
            "__Host-csrf_access_token",
            "__Host-csrf_refresh_token",
            "access_token_cookie",
            "__host-ACCESS_TOKEN",
            "session",
        ];
        match dice.below(6) {
            0 | 1 if !self.cookies.is_empty() => dice.one_of(&self.cookies).clone(),
            2 => dice.text(),
            3 => format!("{}=\"{}\"", dice.one_of(&NAMES), self.token(dice)),
            _ => format!("{}={}", dice.one_of(&NAMES), self.token(dice)),
        }
    }
}
