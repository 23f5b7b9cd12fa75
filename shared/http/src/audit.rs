//! Audit events: one log line for each security-relevant outcome, at every log level.

use lambda_http::http::{Method, Request};
use latchkey_token::UserId;
use tracing::info;

use crate::{FLASK_JWT_PATH, RequestContext, client};

/// The target of the lines, which no log level filters out.
pub(crate) const TARGET: &str = "audit";

/// Declares [`AuditEvent`] with the name and the routes of each event.
macro_rules! audit_events {
    (
        $($(#[doc = $meaning:literal])+ $routes:pat => $event:ident: $name:literal;)+
        operators:
        $($(#[doc = $act_meaning:literal])+ $commands:pat => $act:ident: $act_name:literal;)+
    ) => {
        /// What an audit event is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditEvent {
            $($(#[doc = $meaning])+ $event,)+
            $($(#[doc = $act_meaning])+ $act,)+
        }

        impl AuditEvent {
            /// All events, each with its meaning.
            pub const ALL: &[(Self, &str)] = &[
                $((Self::$event, concat!($($meaning),+)),)+
                $((Self::$act, concat!($($act_meaning),+)),)+
            ];

            /// The name in log lines: the member `event`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)+
                    $(Self::$act => $act_name,)+
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

            /// The event of a command of `admin`; `None` for a command that changes nothing.
            pub fn of_command(command: &str) -> Option<Self> {
                match command {
                    $($commands => Some(Self::$act),)+
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
    /// A password was set by a one-time code, or the code was refused.
    ("POST", "/password/reset") => PasswordReset: "password_reset";
    /// An account was deleted, or the deletion was refused.
    ("DELETE", "/me") => AccountDeletion: "account_deletion";

    operators:

    /// An operator created an account and its one-time code.
    "users.create" => UserCreation: "user_creation";
    /// An operator disabled an account; `comment` is the reason.
    "users.disable" => UserDisabling: "user_disabling";
    /// An operator enabled an account.
    "users.enable" => UserEnabling: "user_enabling";
    /// An operator changed the roles of an account.
    "users.roles" => UserRoles: "user_roles";
    /// An operator changed the claims of an account.
    "users.claims" => UserClaims: "user_claims";
    /// An operator cleared attempt limits.
    "users.unlock" => UserUnlock: "user_unlock";
    /// An operator ended all sessions of an account.
    "users.end-sessions" => UserSessionEnd: "user_session_end";
    /// An operator removed a password and created a one-time code.
    "users.reset" => UserReset: "user_reset";
    /// An operator deleted an account.
    "users.delete" => UserDeletion: "user_deletion";
    /// An operator restored an account from a copy of the table, which `comment` names; without `user_id`, a page had none to restore.
    "users.restore" => UserRestore: "user_restore";
    /// An operator removed the rows of a deleted account.
    "users.purge" => UserPurge: "user_purge";
    /// The daily maintenance of the key ring ran.
    "keys.maintain" => KeyMaintenance: "key_maintenance";
    /// An operator rotated the signing key.
    "keys.rotate" => KeyRotation: "key_rotation";
    /// An operator retired a signing key.
    "keys.retire" => KeyRetirement: "key_retirement";
    /// An operator reset the key ring.
    "keys.reset" => KeyReset: "key_reset";
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
        outcome = outcome(failure),
        reason = failure,
        user_id = user.map(UserId::as_str),
        ip = client.address,
        user_agent = client.user_agent,
        request_id = RequestContext::of(request).request_id,
    );
}

const fn outcome(failure: Option<&str>) -> &'static str {
    if failure.is_some() { "failure" } else { "success" }
}

/// Writes the audit event of a success. [`run`](crate::run) writes those of failures.
pub fn audit<B>(event: AuditEvent, request: &Request<B>, user: &UserId) {
    write(event, request, Some(user), None);
}

/// A command of an operator, for its audit event.
#[derive(Clone, Copy, Debug, Default)]
pub struct OperatorAction<'a> {
    /// The caller that the `latchkey` program claims. A trail with Lambda data events has the real
    /// one.
    pub claimed_caller: Option<&'a str>,
    /// The id of the invocation, which such a trail has too.
    pub request_id: &'a str,
    /// The account.
    pub user: Option<&'a UserId>,
    /// The key that the command retired, or else the current key after it.
    pub key: Option<&'a str>,
    /// What the operator wrote.
    pub comment: Option<&'a str>,
    /// The error code of a failure.
    pub failure: Option<&'static str>,
}

/// Writes the audit event of an operator's command.
pub fn audit_operator(event: AuditEvent, action: &OperatorAction<'_>) {
    info!(
        target: TARGET,
        event = event.name(),
        outcome = outcome(action.failure),
        reason = action.failure,
        user_id = action.user.map(UserId::as_str),
        key = action.key,
        comment = action.comment,
        claimed_caller = action.claimed_caller,
        request_id = action.request_id,
    );
}
