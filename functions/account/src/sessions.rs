//! `GET /sessions`, `DELETE /sessions` and `DELETE /sessions/{id}`.

use std::cmp::Reverse;

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_guard::Caller;
use latchkey_http::{ApiError, AuditEvent, audit, empty, json, rfc3339};
use latchkey_session::{
    AccountChange, AccountChangeOutcome, EndedSessions, SessionEnd, UpdateUser,
};
use latchkey_token::{OperationId, SessionId, Timestamp};
use serde::Serialize;

use crate::{Account, MAX_TRIES};

#[derive(Serialize)]
struct SessionsAnswer<'a> {
    sessions: Vec<SessionAnswer<'a>>,
}

#[derive(Serialize)]
struct SessionAnswer<'a> {
    id: &'a SessionId,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    ip: &'a str,
    user_agent: &'a str,
    current: bool,
}

/// Lists the live sessions, most recently used first.
pub(crate) fn list(caller: &Caller, now: Timestamp) -> Result<Response<Body>, ApiError> {
    let mut live: Vec<_> =
        caller.user.sessions.iter().filter(|(_, session)| session.expires_at > now).collect();
    live.sort_by_key(|(_, session)| Reverse((session.rotated_at, session.created_at)));
    let sessions = live
        .into_iter()
        .map(|(id, session)| SessionAnswer {
            id,
            created_at: rfc3339(session.created_at),
            last_used_at: rfc3339(session.rotated_at),
            expires_at: rfc3339(session.expires_at),
            ip: &session.client.address,
            user_agent: &session.client.user_agent,
            current: caller.session.as_ref() == Some(id),
        })
        .collect();
    json(StatusCode::OK, &SessionsAnswer { sessions })
}

impl<U: UpdateUser, L> Account<U, L> {
    /// Ends one of the caller's sessions. Other ids have no effect.
    pub(crate) async fn end_one(
        &self,
        caller: &Caller,
        request: &Request,
        id: &str,
    ) -> Result<Response<Body>, ApiError> {
        if let Some((session, _)) = caller.user.sessions.iter().find(|(own, _)| own.as_str() == id)
        {
            let user = &caller.user;
            let end = SessionEnd { username: &user.username, user: &user.id, session };
            self.users.end_session(&end).await?;
            audit(AuditEvent::SessionEnd, request, &user.id);
            if caller.session.as_ref() == Some(session) {
                return Ok(self.signed_out(request));
            }
        }
        Ok(empty())
    }
}

impl<U: UpdateUser, L> Account<U, L> {
    /// Ends all sessions of the caller, or all but the current one.
    pub(crate) async fn end_many(
        &self,
        mut caller: Caller,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let ended = parse_keep(request.uri().query().unwrap_or_default())?;
        let operation = &OperationId::generate()?;
        for _ in 0..MAX_TRIES {
            let (user, session) = (&caller.user, caller.session.as_ref());
            let change = AccountChange { user, session, operation };
            let outcome = self.users.end_sessions(&change, ended).await;
            match outcome? {
                AccountChangeOutcome::Made => {
                    audit(AuditEvent::SessionEnd, request, &user.id);
                    return Ok(match ended {
                        EndedSessions::All => self.signed_out(request),
                        EndedSessions::Others => empty(),
                    });
                }
                AccountChangeOutcome::Changed(current) => caller = caller.again(current, now)?,
            }
        }
        Err(ApiError::unavailable("the session changed during every attempt"))
    }
}

/// A misspelt `keep` is an error, so that it cannot end the current session.
fn parse_keep(query: &str) -> Result<EndedSessions, ApiError> {
    let mut ended = EndedSessions::All;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*name, &*value) {
            ("keep", "current") => ended = EndedSessions::Others,
            ("keep", _) => return Err(ApiError::member("keep", "must be `current`")),
            _ => {}
        }
    }
    Ok(ended)
}
