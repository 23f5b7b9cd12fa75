//! Tokens that were found genuine before.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{self, Digest};

/// How many tokens are remembered. A warm sandbox serves one request at a time, and its clients
/// come back with the same token for as long as it lives.
const CAPACITY: usize = 64;

/// What was read from tokens whose signature was right, by the SHA-256 of their text, the most
/// recently used last.
///
/// A signature check is most of what a decision costs, and its outcome depends on the token's text
/// and our keys alone. Only genuine tokens get in, so nobody can push others out with garbage;
/// whatever depends on the time or on the session is judged anew each time.
pub(crate) struct SeenTokens<T>(Mutex<VecDeque<(Digest, T)>>);

impl<T: Clone> SeenTokens<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// What was read from the token of that text, or what `check` reads from it now.
    pub(crate) fn get_or_check<E>(
        &self,
        text: &str,
        check: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        if let Some(known) = self.recall(&digest) {
            return Ok(known);
        }
        let checked = check()?;
        let mut seen = self.lock();
        if seen.len() == CAPACITY {
            seen.pop_front();
        }
        seen.push_back((digest, checked.clone()));
        Ok(checked)
    }

    /// What is known of that text, which becomes the most recently used.
    fn recall(&self, digest: &Digest) -> Option<T> {
        let mut seen = self.lock();
        let position = seen.iter().rposition(|(known, _)| known.as_ref() == digest.as_ref())?;
        let entry = seen.remove(position)?;
        let known = entry.1.clone();
        seen.push_back(entry);
        Some(known)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Digest, T)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Claims are nobody's business, so it prints nothing of them.
impl<T> fmt::Debug for SeenTokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for `text`; whether it had to be checked.
    fn is_checked(seen: &SeenTokens<String>, text: &str) -> bool {
        let mut checked = false;
        let read = seen.get_or_check(text, || {
            checked = true;
            Ok::<_, ()>(text.to_owned())
        });
        assert_eq!(read.as_deref(), Ok(text));
        checked
    }

    #[test]
    fn a_token_is_checked_once() {
        let seen = SeenTokens::new();
        assert!(is_checked(&seen, "a"));
        assert!(!is_checked(&seen, "a"));
        assert!(is_checked(&seen, "b"));
        assert!(!is_checked(&seen, "a"));
    }

    #[test]
    fn what_fails_its_check_is_not_remembered() {
        let seen = SeenTokens::<String>::new();
        for _ in 0..2 {
            assert_eq!(seen.get_or_check("a", || Err("forged")), Err("forged"));
        }
        assert!(is_checked(&seen, "a"));
    }

    #[test]
    fn the_least_recently_used_token_is_forgotten_first() {
        let seen = SeenTokens::new();
        for number in 0..CAPACITY {
            is_checked(&seen, &number.to_string());
        }
        assert!(!is_checked(&seen, "0"), "used again");
        assert!(is_checked(&seen, "one more"));
        assert!(!is_checked(&seen, "0"));
        assert!(is_checked(&seen, "1"), "it had to make room");
    }
}
