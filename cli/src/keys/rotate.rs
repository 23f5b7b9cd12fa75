//! `latchkey keys rotate`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Ring;
use crate::{
    failure::Failure,
    stack::{Stack, StackError},
    terminal,
};

/// Secrets Manager calls the keys function four times, at its own pace.
const PATIENCE: Duration = Duration::from_mins(1);
/// It refuses to start a rotation before the one that is pending has ended, and takes that one up
/// again. Nothing but its end tells this refusal from another.
const PATIENCE_AFTER_REFUSAL: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(500);

/// A rotation that came to its end.
pub(super) struct Rotation {
    before: Ring,
    after: Ring,
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
fn has_ended(before: &Ring, after: &Ring) -> bool {
    let another_signs = after.current() != before.current();
    let has_first_next = before.next().is_none() && after.next().is_some();
    // One that was interrupted has published its keys before, and only had to be finished.
    let is_finished = !before.agree;
    after.agree && (another_signs || has_first_next || is_finished)
}

impl Rotation {
    pub(super) fn json(&self) -> Value {
        json!({
            "from": self.before.current(),
            "to": self.after.current(),
            "next": self.after.next(),
            "max_age": self.after.max_age,
        })
    }

    pub(super) fn text(&self) -> String {
        let to = terminal::safe(self.after.current().unwrap_or("no key"));
        let next = terminal::safe(self.after.next().unwrap_or("no key"));
        let bound = self.after.max_age;
        match self.before.current().map(terminal::safe) {
            Some(from) if from == to && self.before.agree => format!(
                "{to} goes on signing.\n{next} is published, and signs after the next rotation.\n"
            ),
            Some(from) if from == to => format!(
                "The rotation to {to} was pending and is complete.\n\
                 Functions sign with it within {bound} s.\n"
            ),
            Some(from) => format!("{from} → {to}\nFunctions sign with it within {bound} s.\n"),
            None => format!("The first key is {to}.\nFunctions sign with it within {bound} s.\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ring::support::ring;

    const RING: [(&str, &str); 2] = [("a", "current"), ("b", "next")];
    const ROTATED: [(&str, &str); 3] = [("b", "current"), ("c", "next"), ("a", "previous")];

    #[test]
    fn a_rotation_has_ended_when_another_key_signs_and_the_secret_agrees() {
        assert!(!has_ended(&ring(&RING, true), &ring(&RING, true)), "it has not begun");
        assert!(!has_ended(&ring(&RING, true), &ring(&ROTATED, false)), "it is under way");
        assert!(has_ended(&ring(&RING, true), &ring(&ROTATED, true)));
        assert!(has_ended(&ring(&[], true), &ring(&RING, true)), "the first ring");
    }

    #[test]
    fn a_ring_without_a_next_key_is_given_one() {
        let imported = ring(&[("a", "current"), ("old", "previous")], true);
        assert!(!has_ended(&imported, &imported));
        assert!(has_ended(&imported, &ring(&RING, true)));
    }

    #[test]
    fn an_interrupted_rotation_has_ended_when_the_secret_agrees() {
        assert!(!has_ended(&ring(&ROTATED, false), &ring(&ROTATED, false)));
        assert!(has_ended(&ring(&ROTATED, false), &ring(&ROTATED, true)));
    }

    #[test]
    fn it_is_told_who_signs_now_and_from_when_on() {
        let told = |before: &[(&str, &str)], after: &[(&str, &str)]| {
            Rotation { before: ring(before, true), after: ring(after, true) }.text()
        };
        assert_eq!(told(&RING, &ROTATED), "a → b\nFunctions sign with it within 120 s.\n");
        assert!(told(&[], &RING).starts_with("The first key is a.\n"));
        assert!(told(&[("a", "current")], &RING).starts_with("a goes on signing.\nb is published"));
        let finished = Rotation { before: ring(&ROTATED, false), after: ring(&ROTATED, true) };
        assert!(finished.text().starts_with("The rotation to b was pending and is complete.\n"));
    }
}
