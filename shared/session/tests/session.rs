//! Sessions and their clients.
#![cfg(test)]

use latchkey_session::{AccountStatus, Client, SessionState};
use latchkey_token::{Timestamp, UserId};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

#[test]
fn a_session_is_alive_until_the_second_of_its_expiry() {
    let user = UserId::generate().unwrap();
    let state = SessionState {
        user: user.clone(),
        status: AccountStatus::Active,
        credentials_version: 0,
        session_expires_at: Some(at(1_030)),
    };
    assert!(state.is_alive(&user, at(1_029)));
    assert!(!state.is_alive(&user, at(1_030)));
}

#[test]
fn sessions_of_other_users_disabled_accounts_and_ended_ones_are_not_alive() {
    let user = UserId::generate().unwrap();
    let alive = SessionState {
        user: user.clone(),
        status: AccountStatus::Active,
        credentials_version: 0,
        session_expires_at: Some(at(1_030)),
    };
    assert!(!alive.is_alive(&UserId::generate().unwrap(), at(1_000)));
    let disabled = SessionState { status: AccountStatus::Disabled, ..alive.clone() };
    assert!(!disabled.is_alive(&user, at(1_000)));
    let ended = SessionState { session_expires_at: None, ..alive };
    assert!(!ended.is_alive(&user, at(1_000)));
}

#[test]
fn debug_output_of_a_client_is_redacted() {
    assert_eq!(format!("{:?}", Client::new("192.0.2.1", "device")), "Client([redacted])");
}

#[test]
fn a_long_user_agent_is_cut_between_characters() {
    let client = Client::new("192.0.2.1", &"ü".repeat(200));
    assert_eq!(client.user_agent, "ü".repeat(128));
    let long = Client::new("192.0.2.1", &format!("x{}", "ü".repeat(200)));
    assert_eq!(long.user_agent.len(), 255);
}
