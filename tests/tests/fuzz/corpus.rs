//! Valid inputs from which requests and events are generated.

use super::Random;

/// Valid inputs and known bad tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corpus {
    /// Users with the test password.
    pub(crate) usernames: Vec<String>,
    /// Access tokens; some sessions may have ended.
    pub(crate) access: Vec<String>,
    /// Refresh tokens; some may be used.
    pub(crate) refresh: Vec<String>,
    /// Cookies of answers, as `name=value`.
    pub(crate) cookies: Vec<String>,
    /// CSRF values.
    pub(crate) csrf: Vec<String>,
    /// Bad tokens.
    pub(crate) bad: Vec<String>,
}

impl Corpus {
    /// A token, a mutated one, or a random text.
    pub(crate) fn token(&self, random: &mut Random) -> String {
        let tokens = if random.one_in(4) { &self.refresh } else { &self.access };
        let token = random.one_of(tokens).clone();
        match random.below(12) {
            0 | 1 => random.one_of(&self.bad).clone(),
            2 | 3 => random.damage(&token),
            4 => {
                let other = random.one_of(&self.bad);
                let (message, _) = token.rsplit_once('.').unwrap();
                format!("{message}.{}", other.rsplit('.').next().unwrap())
            }
            5 => random.text(),
            6 => format!("{}.{}.{}", random.word(), random.word(), random.long_text()),
            _ => token,
        }
    }

    /// A random cookie, mostly with a token.
    pub(crate) fn cookie(&self, random: &mut Random) -> String {
        const NAMES: [&str; 7] = [
            "__Host-access_token",
            "__Host-refresh_token",
            "__Host-csrf_access_token",
            "__Host-csrf_refresh_token",
            "access_token_cookie",
            "__host-ACCESS_TOKEN",
            "session",
        ];
        match random.below(6) {
            0 | 1 if !self.cookies.is_empty() => random.one_of(&self.cookies).clone(),
            2 => random.text(),
            3 => format!("{}=\"{}\"", random.one_of(&NAMES), self.token(random)),
            _ => format!("{}={}", random.one_of(&NAMES), self.token(random)),
        }
    }
}
