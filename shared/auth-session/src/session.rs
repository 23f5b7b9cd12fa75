//! Sessions.

use std::{collections::BTreeMap, fmt, time::Duration};

use auth_token::{OperationId, SessionId, Timestamp, UserId};

use crate::AccountStatus;

const MAX_USER_AGENT_BYTES: usize = 256;

/// What one login started: every token that it leads to names this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// How often the refresh token has been rotated.
    pub generation: u64,
    /// When it was rotated last; at first, when the session started.
    pub rotated_at: Timestamp,
    /// When the session started.
    pub created_at: Timestamp,
    /// When it ends unless it is rotated before.
    pub expires_at: Timestamp,
    /// When the user last proved the password.
    pub auth_time: Timestamp,
    /// Where the login came from.
    pub client: Client,
    /// The write that made the newest change.
    pub operation: OperationId,
}

/// Where a request came from, as far as the gateway knows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The client's address, from the gateway and never from a header.
    pub address: String,
    /// What the client says that it is, at most 256 bytes.
    pub user_agent: String,
}

/// Prints neither address nor device, because what prints ends in a log.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client([redacted])")
    }
}

impl Client {
    /// A client with that address; `user_agent` is cut to 256 bytes of whole characters.
    pub fn new(address: impl Into<String>, user_agent: &str) -> Self {
        let end = user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES);
        let user_agent = user_agent.get(..end).unwrap_or_default().to_owned();
        Self { address: address.into(), user_agent }
    }
}

/// How long sessions live and how many a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// How long a session lives without being rotated: the refresh token's lifetime.
    pub idle_lifetime: Duration,
    /// How long a session lives whatever happens.
    pub absolute_lifetime: Duration,
    /// How many sessions of one user live at once.
    pub limit: usize,
}

/// A session to be written, and those that have to make room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedSession {
    /// The new session's name.
    pub id: SessionId,
    /// The new session.
    pub session: Session,
    /// When it ends whatever happens.
    pub ends_at: Timestamp,
    /// Sessions to remove in the same write: the expired, and the least recently used over the
    /// limit.
    pub ended: Vec<SessionId>,
    /// The most sessions that the user may have just before the write, so that the limit holds
    /// also against a login that happens meanwhile.
    pub room_for: usize,
}

impl SessionPolicy {
    /// Starts a session beside the `existing` ones of its user.
    pub fn start(
        &self,
        existing: &BTreeMap<SessionId, Session>,
        id: SessionId,
        operation: OperationId,
        client: Client,
        now: Timestamp,
    ) -> StartedSession {
        let ends_at = now + self.absolute_lifetime;
        let (expired, mut live): (Vec<_>, Vec<_>) =
            existing.iter().partition(|(_, session)| session.expires_at <= now);
        live.sort_by_key(|(_, session)| session.rotated_at);
        let surplus = (live.len() + 1).saturating_sub(self.limit);
        let ended: Vec<_> = expired
            .into_iter()
            .chain(live.into_iter().take(surplus))
            .map(|(id, _)| id.clone())
            .collect();
        StartedSession {
            id,
            session: Session {
                generation: 0,
                rotated_at: now,
                created_at: now,
                expires_at: (now + self.idle_lifetime).min(ends_at),
                auth_time: now,
                client,
                operation,
            },
            ends_at,
            room_for: self.limit.saturating_sub(1) + ended.len(),
            ended,
        }
    }
}

/// What the store knows of one session of one user when a token is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// The user who has the name now; another one when the account was deleted and made anew.
    pub user: UserId,
    /// Whether that account may be used.
    pub status: AccountStatus,
    /// When the session expires; `None` when it has ended or never was.
    pub session_expires_at: Option<Timestamp>,
}

impl SessionState {
    /// Whether a token of `user` is still backed by the session.
    pub fn is_alive(&self, user: &UserId, now: Timestamp) -> bool {
        self.user == *user
            && self.status == AccountStatus::Active
            && self.session_expires_at.is_some_and(|expires_at| expires_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: SessionPolicy = SessionPolicy {
        idle_lifetime: Duration::from_secs(30),
        absolute_lifetime: Duration::from_secs(90),
        limit: 3,
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn start(existing: &BTreeMap<SessionId, Session>, now: u64) -> StartedSession {
        let (id, operation) = (SessionId::generate().unwrap(), OperationId::generate().unwrap());
        POLICY.start(existing, id, operation, Client::default(), at(now))
    }

    fn apply(existing: &mut BTreeMap<SessionId, Session>, started: StartedSession) {
        existing.retain(|id, _| !started.ended.contains(id));
        existing.insert(started.id, started.session);
    }

    #[test]
    fn a_new_session_expires_when_idle_and_ends_absolutely() {
        let started = start(&BTreeMap::new(), 1_000);
        assert_eq!(started.session.expires_at, at(1_030));
        assert_eq!(started.ends_at, at(1_090));
    }

    #[test]
    fn a_login_over_the_limit_ends_the_least_recently_used_session() {
        let mut sessions = BTreeMap::new();
        for now in [1_000, 1_001, 1_002] {
            let started = start(&sessions, now);
            apply(&mut sessions, started);
        }
        let oldest =
            sessions.iter().min_by_key(|(_, session)| session.rotated_at).unwrap().0.clone();
        sessions.get_mut(&oldest).unwrap().rotated_at = at(1_003);
        let second = sessions.iter().find(|(_, s)| s.rotated_at == at(1_001)).unwrap().0.clone();

        let started = start(&sessions, 1_004);

        assert_eq!(started.ended, [second], "the oldest had been used since");
        apply(&mut sessions, started);
        assert_eq!(sessions.len(), POLICY.limit);
    }

    #[test]
    fn expired_sessions_are_removed_and_do_not_count() {
        let mut sessions = BTreeMap::new();
        for now in [1_000, 1_001, 1_020] {
            let started = start(&sessions, now);
            apply(&mut sessions, started);
        }
        let started = start(&sessions, 1_031);
        assert_eq!(started.ended.len(), 2);
        assert_eq!(started.room_for, 4, "the limit less one, and the two that go");
    }

    #[test]
    fn a_session_is_alive_until_the_second_of_its_expiry() {
        let user = UserId::generate().unwrap();
        let state = SessionState {
            user: user.clone(),
            status: AccountStatus::Active,
            session_expires_at: Some(at(1_030)),
        };
        assert!(state.is_alive(&user, at(1_029)));
        assert!(!state.is_alive(&user, at(1_030)));
    }

    #[test]
    fn no_session_is_alive_of_another_user_a_disabled_account_or_once_it_ended() {
        let user = UserId::generate().unwrap();
        let alive = SessionState {
            user: user.clone(),
            status: AccountStatus::Active,
            session_expires_at: Some(at(1_030)),
        };
        assert!(!alive.is_alive(&UserId::generate().unwrap(), at(1_000)));
        let disabled = SessionState { status: AccountStatus::Disabled, ..alive.clone() };
        assert!(!disabled.is_alive(&user, at(1_000)));
        let ended = SessionState { session_expires_at: None, ..alive };
        assert!(!ended.is_alive(&user, at(1_000)));
    }

    #[test]
    fn where_a_client_is_does_not_print() {
        assert_eq!(format!("{:?}", Client::new("192.0.2.1", "device")), "Client([redacted])");
    }

    #[test]
    fn a_long_user_agent_is_cut_between_characters() {
        let client = Client::new("192.0.2.1", &"ü".repeat(200));
        assert_eq!(client.user_agent, "ü".repeat(128));
        let odd = Client::new("192.0.2.1", &format!("x{}", "ü".repeat(200)));
        assert_eq!(odd.user_agent.len(), 255);
    }
}
