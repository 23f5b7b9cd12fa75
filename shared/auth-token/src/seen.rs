//! Tokens that were found genuine before.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::digest;

/// How many tokens are remembered. A warm sandbox serves one request at a time, and its clients
/// come back with the same token for as long as it lives.
const CAPACITY: usize = 64;

/// The SHA-256 digest of a token's text.
type Fingerprint = [u8; digest::SHA256_OUTPUT_LEN];

/// What was read from tokens whose signature was right, the most recently used last.
///
/// A signature check is most of what a decision costs, and its outcome depends on the token's text
/// and our keys alone. Only genuine tokens get in, so nobody can push others out with garbage;
/// whatever depends on the time or on the session is judged anew each time.
pub(crate) struct SeenTokens<T>(Mutex<VecDeque<(Fingerprint, T)>>);

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
        let fingerprint = fingerprint(text);
        if let Some(known) = self.take(&fingerprint) {
            self.put(fingerprint, known.clone());
            return Ok(known);
        }
        let checked = check()?;
        self.put(fingerprint, checked.clone());
        Ok(checked)
    }

    fn take(&self, fingerprint: &Fingerprint) -> Option<T> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let position = seen.iter().rposition(|(known, _)| known == fingerprint)?;
        seen.remove(position).map(|(_, read)| read)
    }

    fn put(&self, fingerprint: Fingerprint, read: T) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == CAPACITY {
            seen.pop_front();
        }
        seen.push_back((fingerprint, read));
    }
}

/// Claims are nobody's business, so it prints nothing of them.
impl<T> fmt::Debug for SeenTokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenTokens").finish_non_exhaustive()
    }
}

fn fingerprint(text: &str) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    for (to, from) in
        fingerprint.iter_mut().zip(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    {
        *to = *from;
    }
    fingerprint
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
