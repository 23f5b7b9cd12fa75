//! Log lines.

use tracing::Level;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, registry,
    util::SubscriberInitExt as _,
};

/// How a function logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// One JSON object a line, and not text.
    pub json: bool,
    /// What our own crates log at least.
    pub level: Level,
}

/// The AWS SDK and the Lambda runtime print requests, tokens and passwords included, at DEBUG and
/// TRACE. No setting makes them say more than this.
const MAX_FOREIGN_LEVEL: Level = Level::WARN;

/// The prefixes of our crates: their log lines hold no secret.
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

/// Starts to log to standard output, where Lambda collects the lines and adds the time.
pub fn start_logging(settings: LogSettings) {
    let targets = Targets::new()
        .with_default(MAX_FOREIGN_LEVEL.min(settings.level))
        .with_targets(OURS.map(|name| (name, settings.level.min(Level::DEBUG))));
    let lines = fmt::layer().without_time().with_ansi(false).log_internal_errors(false);
    let lines = if settings.json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.boxed()
    };
    // A second start (in tests) leaves the first in place.
    registry().with(lines.with_filter(targets)).try_init().ok();
}
