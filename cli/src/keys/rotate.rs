//! `latchkey keys rotate`.

use std::time::Duration;

use auth_token::RingReport;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::ring;
use crate::{
    failure::Failure,
    stack::{Stack, StackError},
    terminal,
};

/// Secrets Manager calls the keys function four times, at its own pace.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// It refuses to start a rotation before the one that is pending has ended, and takes that one up
/// again. Nothing but its end tells this refusal from another.
const PATIENCE_AFTER_REFUSAL: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(500);

/// A rotation that came to its end.
pub(super) struct Rotation {
    before: RingReport,
    after: RingReport,
}

/// Starts a rotation and waits for its end.
pub(super) async fn rotate(stack: &Stack) -> Result<Rotation, Failure> {
    let before = stack.list().await?;
    let (refusal, patience) = match stack.rotate().await {
        Ok(()) => {
            terminal::say("The rotation is started, and takes some seconds.");
            (None, PATIENCE)
        }
        Err(refusal @ StackError::Failed { .. }) => {
            terminal::say("No rotation can be started; one that is pending may end now.");
            (Some(refusal), PATIENCE_AFTER_REFUSAL)
        }
        Err(error) => return Err(error.into()),
    };
    let end = Instant::now() + patience;
    loop {
        sleep(PAUSE).await;
        let answer = stack.list().await;
        let is_late = Instant::now() >= end;
        match answer {
            Ok(after) if has_ended(&before, &after) => return Ok(Rotation { before, after }),
            Ok(after) if is_late && !after.problems.is_empty() => {
                return Err(Failure::Problems(after.problems));
            }
            Ok(_) if is_late => return Err(refusal.map_or(Failure::NoRotation, Failure::from)),
            Err(error) if is_late => return Err(error.into()),
            // What fails once may go well in a moment.
            Ok(_) | Err(_) => {}
        }
    }
}

/// Whether a rotation that was started after `before` was read has ended when `after` was.
fn has_ended(before: &RingReport, after: &RingReport) -> bool {
    let another_signs = after.signing != before.signing;
    let has_first_next = ring::next(&before.ring).is_none() && ring::next(&after.ring).is_some();
    // One that was interrupted has published its keys before, and only had to be finished.
    let is_finished = !before.agree;
    after.agree && (another_signs || has_first_next || is_finished)
}

impl Rotation {
    pub(super) fn json(&self) -> Value {
        json!({
            "from": self.before.signing,
            "to": self.after.signing,
            "next": ring::next(&self.after.ring),
            "max_age": self.after.max_age,
        })
    }

    pub(super) fn text(&self) -> String {
        let name = |kid: Option<&str>| terminal::safe(kid.unwrap_or("no key"));
        let to = name(self.after.signing.as_deref());
        let next = name(ring::next(&self.after.ring));
        let bound = self.after.max_age;
        match self.before.signing.as_deref().map(terminal::safe) {
            Some(from) if from == to => format!(
                "{to} goes on signing.\n{next} is published, and signs after the next rotation.\n"
            ),
            Some(from) => format!("{from} → {to}\nFunctions sign with it within {bound} s.\n"),
            None => format!(
                "{to} is the first key of a new ring.\nFunctions sign with it within {bound} s.\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ring::support::{disagreement, report};

    const RING: [(&str, &str); 2] = [("a", "current"), ("b", "next")];
    const ROTATED: [(&str, &str); 3] = [("b", "current"), ("c", "next"), ("a", "previous")];

    #[test]
    fn a_rotation_has_ended_when_another_key_signs_and_the_secret_agrees() {
        let (before, after) = (report(&RING, true), report(&ROTATED, true));
        assert!(!has_ended(&before, &before), "it has not begun");
        assert!(!has_ended(&before, &disagreement(&ROTATED, Some("a"))), "it is under way");
        assert!(has_ended(&before, &after));
        assert!(has_ended(&report(&[], false), &before), "the first ring");
    }

    #[test]
    fn a_ring_without_a_next_key_is_given_one() {
        let imported = report(&[("a", "current"), ("old", "previous")], true);
        assert!(!has_ended(&imported, &imported));
        assert!(has_ended(&imported, &report(&RING, true)));
    }

    #[test]
    fn an_interrupted_rotation_has_ended_when_the_secret_agrees() {
        let interrupted = disagreement(&ROTATED, Some("a"));
        assert!(!has_ended(&interrupted, &interrupted));
        assert!(has_ended(&interrupted, &report(&ROTATED, true)));
    }

    #[test]
    fn it_is_told_who_signed_who_signs_now_and_from_when_on() {
        let told = |before: RingReport, after: &[(&str, &str)]| {
            Rotation { before, after: report(after, true) }.text()
        };
        let rotated = "a → b\nFunctions sign with it within 120 s.\n";
        assert_eq!(told(report(&RING, true), &ROTATED), rotated);
        assert_eq!(told(disagreement(&ROTATED, Some("a")), &ROTATED), rotated, "interrupted");
        let first = told(report(&[], false), &RING);
        assert!(first.starts_with("a is the first key of a new ring.\n"), "{first}");
        let imported = told(report(&[("a", "current")], true), &RING);
        assert!(imported.starts_with("a goes on signing.\nb is published"), "{imported}");
    }

    #[test]
    fn programs_are_told_what_the_secret_says() {
        let before = disagreement(&ROTATED, Some("a"));
        let rotation = Rotation { before, after: report(&ROTATED, true) };
        let expected = json!({ "from": "a", "to": "b", "next": "c", "max_age": 120 });
        assert_eq!(rotation.json(), expected);
    }
}
