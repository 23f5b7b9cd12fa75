//! Holders of tokens, and their requests.

use std::collections::BTreeSet;

use latchkey_session::Session;
use latchkey_token::{RefreshClaims, SessionId, Subject, Timestamp, TokenId, UserId};

use super::item::Change;

/// A refresh token, and the access token that came with it: both name the session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) generation: u64,
    auth_time: Timestamp,
}

impl Token {
    /// The newest token of a session.
    pub(super) fn newest(user: &UserId, id: &SessionId, session: &Session) -> Self {
        Self {
            user: user.clone(),
            session: id.clone(),
            generation: session.newest().number,
            auth_time: session.auth_time,
        }
    }

    /// The claims of the refresh token. The token itself never expires in the model, so that the
    /// rules must notice the end of its session.
    pub(super) fn claims(&self) -> RefreshClaims {
        RefreshClaims {
            subject: Subject::User { id: self.user.clone(), username: "alice".to_owned() },
            session: Some(self.session.clone()),
            generation: self.generation,
            token: Some(TokenId::parse("any").unwrap()),
            auth_time: self.auth_time,
            expires_at: Timestamp::from_unix(u64::MAX),
            csrf: None,
        }
    }
}

/// A request of a holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RequestKind {
    Login,
    Refresh(Token),
    Logout(Token),
    Change(Change, Token),
    Password(Token),
    Remove(Token),
}

impl RequestKind {
    pub(super) const fn token(&self) -> Option<&Token> {
        match self {
            Self::Login => None,
            Self::Refresh(token)
            | Self::Logout(token)
            | Self::Change(_, token)
            | Self::Password(token)
            | Self::Remove(token) => Some(token),
        }
    }
}

/// A client of the user, whose tabs share its tokens; or the thief.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub(crate) struct Holder {
    pub(crate) is_thief: bool,
    tokens: BTreeSet<Token>,
    /// The number of sent requests.
    pub(crate) sent: usize,
}

impl Holder {
    pub(super) fn thief() -> Self {
        Self { is_thief: true, ..Self::default() }
    }

    pub(crate) fn newest(&self) -> Option<&Token> {
        self.tokens.last()
    }

    /// Whether this holder lacks the newest token of `other`.
    pub(super) fn can_copy(&self, other: &Self) -> bool {
        other.newest().is_some_and(|token| !self.tokens.contains(token))
    }

    /// Adds a token. A client keeps its newest token and the previous one, which a tab may still
    /// use. The thief keeps all tokens.
    pub(super) fn take(&mut self, token: Token) {
        self.tokens.insert(token);
        while self.tokens.len() > 2 && !self.is_thief {
            self.tokens.pop_first();
        }
    }

    /// All possible requests: a refresh with any token, and all others with the newest token. The
    /// thief does not know the password.
    pub(super) fn requests(&self) -> Vec<RequestKind> {
        let mut requests: Vec<_> = self.tokens.iter().cloned().map(RequestKind::Refresh).collect();
        if let Some(token) = self.tokens.last() {
            requests.push(RequestKind::Logout(token.clone()));
            requests.push(RequestKind::Change(Change::EndAll, token.clone()));
            requests.push(RequestKind::Change(Change::EndOthers, token.clone()));
            if !self.is_thief {
                requests.push(RequestKind::Password(token.clone()));
                requests.push(RequestKind::Remove(token.clone()));
            }
        }
        if !self.is_thief {
            requests.push(RequestKind::Login);
        }
        requests
    }
}
