//! Keys, and what a request does about them by their age.

use std::{sync::Arc, time::Duration};

use auth_token::Timestamp;

use super::reader::KeyTexts;

/// How long keys that will do are left alone at most after they could not be read anew.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(10);
/// How often, at most, a key that nobody knows is looked for in vain: whoever makes names up makes
/// us read this often, and not at every request.
const PAUSE_AFTER_UNKNOWN: Duration = Duration::from_secs(30);

/// The keys that there are, and how it went when they were read last.
pub(super) struct Held<K> {
    pub(super) keys: Option<(Arc<K>, KeyTexts)>,
    /// When the reading began that the keys come from.
    pub(super) read_at: Timestamp,
    /// When they could not be read, if that was so the last time.
    pub(super) failed_at: Option<Timestamp>,
    /// When a key was last looked for in keys just read, and was not among them.
    pub(super) unknown_at: Option<Timestamp>,
}

/// What a request does about the keys.
pub(super) enum Verdict<K> {
    Use(Arc<K>),
    UseAndRead(Arc<K>),
    ReadAndUse,
    Read,
}

impl<K> Held<K> {
    pub(super) const fn nothing(now: Timestamp) -> Self {
        Self { keys: None, read_at: now, failed_at: None, unknown_at: None }
    }

    /// What a request does that wants keys of at most that age.
    pub(super) fn verdict(&self, max_age: Duration, now: Timestamp) -> Verdict<K> {
        let Some((keys, _)) = &self.keys else {
            return Verdict::Read;
        };
        let keys = Arc::clone(keys);
        let is_within = |age| is_within(age, Some(self.read_at), now);
        if self.is_left_alone(max_age, now) || is_within(max_age / 2) {
            Verdict::Use(keys)
        } else if is_within(max_age) {
            Verdict::UseAndRead(keys)
        } else {
            Verdict::ReadAndUse
        }
    }

    /// Whether a key that nobody knows may be looked for.
    pub(super) fn may_search(&self, max_age: Duration, now: Timestamp) -> bool {
        !self.was_in_vain(now) && !self.is_left_alone(max_age, now)
    }

    /// Whether a key that is not here is known to be nowhere: somebody has looked for one, and the
    /// keys could be read since.
    pub(super) fn was_searched(&self, max_age: Duration, now: Timestamp) -> bool {
        self.was_in_vain(now) && !self.is_left_alone(max_age, now)
    }

    fn was_in_vain(&self, now: Timestamp) -> bool {
        is_within(PAUSE_AFTER_UNKNOWN, self.unknown_at, now)
    }

    /// Whether somebody whose turn came before has done what there was to do.
    pub(super) fn was_just_tried(
        &self,
        max_age: Duration,
        has_waited: bool,
        now: Timestamp,
    ) -> bool {
        if self.keys.is_none() {
            return has_waited && self.failed_at.is_some_and(|at| at >= now);
        }
        let is_read = self.failed_at.is_none() && self.read_at == now;
        is_read || self.is_left_alone(max_age, now)
    }

    /// Whether the keys could not be read a moment ago. The pause never makes up a good part of the
    /// keys' greatest age.
    pub(super) fn is_left_alone(&self, max_age: Duration, now: Timestamp) -> bool {
        is_within(PAUSE_AFTER_FAULT.min(max_age / 2), self.failed_at, now)
    }
}

/// Whether `moment` lies less than `span` before `now`. A clock that was set back makes every
/// moment one of the future, which is none.
fn is_within(span: Duration, moment: Option<Timestamp>, now: Timestamp) -> bool {
    moment.is_some_and(|moment| moment <= now && now.since(moment) < span)
}
