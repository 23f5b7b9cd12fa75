//! Logging to standard output.

use tracing::Level;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, registry,
    util::SubscriberInitExt as _,
};

use crate::audit;

/// How a function logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Writes one JSON object per line instead of text.
    pub json: bool,
    /// The level of Latchkey's own crates, at most `DEBUG`.
    pub level: Level,
}

/// The AWS SDK and the Lambda runtime log requests with tokens and passwords at `DEBUG` and
/// `TRACE`. No setting raises their level above this.
const MAX_FOREIGN_LEVEL: Level = Level::WARN;

/// Target prefixes of Latchkey's crates, whose log lines contain no secrets.
const OURS: [&str; 12] = [
    "account",
    "admin",
    "authorizer",
    "discovery",
    "latchkey_",
    "login",
    "logout",
    "password",
    "protected",
    "refresh",
    "signup",
    "workitems",
];

/// Starts logging to standard output. Lambda collects the lines and adds the time.
///
/// `settings.level` applies to Latchkey's own crates and functions. All other crates, including
/// those of an application, log at `WARN` at most. Audit events are written at every level. A second
/// call has no effect.
pub fn start_logging(settings: LogSettings) {
    let targets = Targets::new()
        .with_default(MAX_FOREIGN_LEVEL.min(settings.level))
        .with_target(audit::TARGET, Level::INFO)
        .with_targets(OURS.map(|name| (name, settings.level.min(Level::DEBUG))));
    let lines = fmt::layer().without_time().with_ansi(false).log_internal_errors(false);
    let lines = if settings.json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    // A second call, as in tests, keeps the first subscriber.
    registry().with(lines.with_filter(targets)).try_init().ok();
}
