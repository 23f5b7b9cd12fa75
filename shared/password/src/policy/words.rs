//! Words that are easy to guess for an account or a service.

use super::forms::{Leet, MIN_WORD_CHARS, Marks, Text, fold, unleet};

/// Words in lower case and normal width.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words(Vec<Vec<char>>);

impl Words {
    pub(super) fn of_name(name: &str) -> Self {
        let mut words = Self::default();
        words.add_name(name);
        words
    }

    /// Adds a user name or an e-mail address, its local part, and the parts of the local part.
    pub(super) fn add_name(&mut self, name: &str) {
        let local = name.rsplit_once('@').map_or(name, |(local, _)| local);
        self.add(name.chars());
        self.add_parts(local);
    }

    /// Adds the labels of a URL's host, and their parts.
    pub(super) fn add_host_of(&mut self, url: &str) {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        for label in host.split(['.', ':', '@']).filter(|label| label.contains(char::is_alphabetic))
        {
            self.add_parts(label);
        }
    }

    fn add_parts(&mut self, text: &str) {
        self.add(text.chars());
        self.add(text.chars().filter(|c| c.is_alphanumeric()));
        for part in text.split(|c: char| !c.is_alphanumeric()) {
            self.add(part.chars());
        }
    }

    fn add(&mut self, word: impl Iterator<Item = char>) {
        let word: Vec<char> = word.map(fold).collect();
        if word.len() >= MIN_WORD_CHARS && !self.0.contains(&word) {
            self.0.push(word);
        }
    }

    /// Marks the words in a text: as they are, in leet spelling, and reversed.
    pub(super) fn mark(&self, text: &Text) -> Marks {
        let mut marks = vec![false; text.chars.len()];
        for leet in [None, Some(Leet::AsI), Some(Leet::AsL)] {
            let spell = |chars: &[char]| -> Vec<char> {
                chars.iter().map(|c| leet.map_or(*c, |leet| unleet(*c, leet))).collect()
            };
            let spelled = spell(&text.chars);
            for word in &self.0 {
                let word = spell(word);
                let reversed: Vec<char> = word.iter().rev().copied().collect();
                mark_word(&spelled, &word, &mut marks);
                mark_word(&spelled, &reversed, &mut marks);
            }
        }
        Marks(marks)
    }
}

/// Whether the text is a part of one of the names.
pub(super) fn is_part_of(text: &Text, names: &[&str]) -> bool {
    text.chars.len() >= MIN_WORD_CHARS
        && names.iter().any(|name| {
            let name: Vec<char> = name.chars().map(fold).collect();
            name.windows(text.chars.len()).any(|part| part == text.chars)
        })
}

fn mark_word(text: &[char], word: &[char], marks: &mut [bool]) {
    for (at, part) in text.windows(word.len()).enumerate() {
        if part == word
            && let Some(found) = marks.get_mut(at..at + word.len())
        {
            found.fill(true);
        }
    }
}
