//! Audit events: one log line for each security-relevant outcome, at every log level.

use lambda_http::http::{Method, Request};
use latchkey_token::UserId;
use tracing::info;

use crate::{FLASK_JWT_PATH, RequestContext, client};

/// The target of the lines, which no log level filters out.
pub(crate) const TARGET: &str = "audit";

/// Declares [`AuditEvent`] with the name and the routes of each event.
macro_rules! audit_events {
    ($($(#[doc = $meaning:literal])+ $routes:pat => $event:ident: $name:literal;)+) => {
        /// What an audit event is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditEvent {
            $($(#[doc = $meaning])+ $event,)+
        }

        impl AuditEvent {
            /// All events, each with its meaning.
            pub const ALL: &[(Self, &str)] = &[$((Self::$event, concat!($($meaning),+)),)+];

            /// The name in log lines: the member `event`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)+
                }
            }

            /// The event of a route.
            pub(crate) fn of_route(method: &Method, path: &str) -> Option<Self> {
                let path = if path.starts_with("/sessions/") { "/sessions" } else { path };
                match (method.as_str(), path) {
                    $($routes => Some(Self::$event),)+
                    _ => None,
                }
            }
        }
    };
}

audit_events! {
    /// An account was created, or a sign-up was refused.
    ("POST", "/signup") => SignUp: "signup";
    /// A login started a session, or was refused.
    ("POST", "/login" | FLASK_JWT_PATH) => Login: "login";
    /// Tokens were refreshed, or a refresh was refused; `refresh_token_reused` is a replay.
    ("POST", "/refresh") => Refresh: "refresh";
    /// A session was logged out.
    ("POST" | "DELETE", "/logout") => Logout: "logout";
    /// Sessions were ended by their user.
    ("DELETE", "/sessions") => SessionEnd: "session_end";
    /// A password was changed, or the change was refused.
    ("POST", "/password") => PasswordChange: "password_change";
    /// An account was deleted, or the deletion was refused.
    ("DELETE", "/me") => AccountDeletion: "account_deletion";
}

/// Writes an audit event: `event`, `outcome`, `reason` (the error code of a failure), `user_id` if
/// there is an account, `ip`, `user_agent` and `request_id`. Never a name or a secret.
pub(crate) fn write<B>(
    event: AuditEvent,
    request: &Request<B>,
    user: Option<&UserId>,
    failure: Option<&'static str>,
) {
    let client = client(request);
    info!(
        target: TARGET,
        event = event.name(),
        outcome = if failure.is_some() { "failure" } else { "success" },
        reason = failure,
        user_id = user.map(UserId::as_str),
        ip = client.address,
        user_agent = client.user_agent,
        request_id = RequestContext::of(request).request_id,
    );
}

/// Writes the audit event of a success. [`run`](crate::run) writes those of failures.
pub fn audit<B>(event: AuditEvent, request: &Request<B>, user: &UserId) {
    write(event, request, Some(user), None);
}
