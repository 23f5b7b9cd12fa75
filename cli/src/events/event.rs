//! Audit events, from CloudWatch Logs or the log file of a local stack.

use std::collections::BTreeMap;

use latchkey_token::Timestamp;
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339,
    macros::format_description,
};

/// The fields of a log line that have a value, as text.
pub(super) type Fields = BTreeMap<String, String>;

/// An audit event.
pub(super) struct Event {
    pub(super) time: Moment,
    pub(super) fields: Fields,
}

/// The events with one value of a field.
pub(super) struct Group {
    pub(super) key: String,
    pub(super) attempts: u64,
    pub(super) last: Moment,
}

/// What a query has found.
pub(super) enum Found {
    Events(Vec<Event>),
    /// With the field that they differ in.
    Groups(&'static str, Vec<Group>),
}

impl Found {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Events(events) => events.len(),
            Self::Groups(_, groups) => groups.len(),
        }
    }

    /// Sorts the newest events, or the largest groups, to the front and keeps `limit`.
    pub(super) fn sorted(mut self, limit: usize) -> Self {
        match &mut self {
            Self::Events(events) => {
                // Events of one moment stay in their order.
                events.sort_by_key(|event| std::cmp::Reverse(event.time));
                events.truncate(limit);
            }
            Self::Groups(_, groups) => {
                groups.sort_by_key(|group| std::cmp::Reverse((group.attempts, group.last)));
                groups.truncate(limit);
            }
        }
        self
    }
}

/// A moment in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(OffsetDateTime);

impl Moment {
    /// Parses RFC 3339.
    pub(super) fn of_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().map(Self)
    }

    /// Parses a time of Insights: `2026-11-02 16:51:31.587` in UTC, or milliseconds since 1970 if a
    /// function has computed it.
    pub(super) fn of_insights(text: &str) -> Option<Self> {
        let format =
            format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond]");
        if let Ok(time) = PrimitiveDateTime::parse(text, format) {
            return Some(Self(time.assume_utc()));
        }
        let nanoseconds =
            text.parse::<i64>().ok().map(|milliseconds| i128::from(milliseconds) * 1_000_000)?;
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok().map(Self)
    }

    pub(super) fn to_rfc3339(self) -> Option<String> {
        self.0.format(&Rfc3339).ok()
    }

    pub(super) fn timestamp(self) -> Timestamp {
        Timestamp::from_unix(u64::try_from(self.0.unix_timestamp()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_insights_and_of_the_log_file_are_the_same_moment() {
        let time = "2026-11-02T16:51:31.587Z";
        let moment = Moment::of_rfc3339(time).unwrap();
        for text in ["2026-11-02 16:51:31.587", "1793638291587"] {
            assert_eq!(Moment::of_insights(text), Some(moment), "{text}");
        }
        assert_eq!(moment.to_rfc3339().as_deref(), Some(time));
        assert_eq!(moment.timestamp(), Timestamp::from_unix(1_793_638_291));
    }

    #[test]
    fn a_text_that_is_no_time_has_no_moment() {
        for text in
            ["", "x", "2026-11-02", "2026-13-02 16:51:31.587", "1e12", "9223372036854775807"]
        {
            assert_eq!(Moment::of_insights(text), None, "{text}");
        }
        assert_eq!(Moment::of_rfc3339("2026-11-02 16:51"), None);
    }
}
