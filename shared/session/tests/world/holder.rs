//! Who holds tokens, and what they ask for.

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

    /// What the verifier reads from the refresh token. It never expires by itself here, so that
    /// the rules have to notice the end of its session.
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

/// What a holder asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    Login,
    Refresh(Token),
    Logout(Token),
    Change(Change, Token),
    Password(Token),
    Remove(Token),
}

impl Ask {
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

/// A client of the user, whose tabs share what it holds; or the thief.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub(crate) struct Holder {
    pub(crate) is_thief: bool,
    tokens: BTreeSet<Token>,
    /// How many requests it has sent.
    pub(crate) sent: usize,
}

impl Holder {
    pub(super) fn thief() -> Self {
        Self { is_thief: true, ..Self::default() }
    }

    pub(crate) fn newest(&self) -> Option<&Token> {
        self.tokens.last()
    }

    /// Whether `other` holds a newest token that this one lacks.
    pub(super) fn can_copy(&self, other: &Self) -> bool {
        other.newest().is_some_and(|token| !self.tokens.contains(token))
    }

    /// A client forgets all but its newest token and the one before, which a tab may still have.
    /// The thief keeps everything.
    pub(super) fn take(&mut self, token: Token) {
        self.tokens.insert(token);
        while self.tokens.len() > 2 && !self.is_thief {
            self.tokens.pop_first();
        }
    }

    /// Everything that it can ask for: a refresh with any of its tokens, and what its newest is
    /// good for. The thief does not know the password.
    pub(super) fn asks(&self) -> Vec<Ask> {
        let mut asks: Vec<_> = self.tokens.iter().cloned().map(Ask::Refresh).collect();
        if let Some(token) = self.tokens.last() {
            asks.push(Ask::Logout(token.clone()));
            asks.push(Ask::Change(Change::EndAll, token.clone()));
            asks.push(Ask::Change(Change::EndOthers, token.clone()));
            if !self.is_thief {
                asks.push(Ask::Password(token.clone()));
                asks.push(Ask::Remove(token.clone()));
            }
        }
        if !self.is_thief {
            asks.push(Ask::Login);
        }
        asks
    }
}
