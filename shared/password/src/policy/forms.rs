//! The forms of a password to look up: as typed, and without common additions such as digits at the
//! ends.

use std::{collections::BTreeSet, iter, ops::Range};

use super::runs;

/// The maximum length of filter entries and of forms to look up.
const MAX_ENTRY_CHARS: usize = 64;
/// Shorter words are part of too many others.
pub(super) const MIN_WORD_CHARS: usize = 3;
/// How many trailing digits and signs are removed one by one; the rest is removed at once.
const MAX_STEPS: usize = 8;
/// The minimum length of a word without its signs and runs.
const MIN_JOINED_CHARS: usize = 5;

/// A password in lower case and normal width, with its runs and repetitions marked.
pub(super) struct Text {
    pub(super) chars: Vec<char>,
    runs: Marks,
    repeats: Marks,
}

/// A set of the characters of a text.
#[derive(Clone, Debug)]
pub(super) struct Marks(pub(super) Vec<bool>);

/// Which letter `1`, `!` and `|` stand for in leet spelling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leet {
    AsI,
    AsL,
}

impl Marks {
    pub(super) fn any(&self) -> bool {
        self.0.contains(&true)
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, two)| *one || *two).collect())
    }

    fn count(&self) -> usize {
        self.0.iter().filter(|is_marked| **is_marked).count()
    }
}

impl Text {
    pub(super) fn new(password: &str) -> Self {
        let chars: Vec<char> = password.chars().map(fold).collect();
        let (runs, repeats) = runs::mark(&chars);
        Self { chars, runs: Marks(runs), repeats: Marks(repeats) }
    }

    /// Whether most of the text is repetitions or sequences, or the text is a date.
    pub(super) fn is_mostly_runs(&self) -> bool {
        2 * self.runs.count() > self.chars.len() || is_date(&self.chars)
    }

    /// Whether `words` are most of the text without runs, and without digits and signs at the ends.
    pub(super) fn is_mostly(&self, words: &Marks) -> bool {
        let inner = core_range(&self.chars).unwrap_or(0..self.chars.len());
        let is_left = |(at, (is_run, is_word)): (usize, (&bool, &bool))| {
            *is_word || inner.contains(&at) && !is_run
        };
        let runs = self.runs.or(&self.repeats);
        let left = runs.0.iter().zip(&words.0).enumerate().filter(|part| is_left(*part));
        2 * words.count() > left.count()
    }

    /// The forms to look up: of the password as typed, and of the rest without runs, repetitions
    /// and `words`.
    pub(super) fn lookups(&self, password: &str, words: &Marks) -> BTreeSet<String> {
        let mut forms = BTreeSet::from([password.to_owned()]);
        add_forms(&self.chars, &mut forms);
        let removed = self.runs.or(&self.repeats).or(words);
        let parts = self.chars.iter().zip(&removed.0).filter(|(_, is_removed)| !**is_removed);
        let rest: Vec<char> = parts.map(|(c, _)| *c).collect();
        let once = self.chars.len() - self.repeats.count();
        if removed.any() && rest.len() >= MIN_JOINED_CHARS && 3 * rest.len() >= once {
            add_forms(&rest, &mut forms);
        }
        forms.retain(|form| form.chars().count() <= MAX_ENTRY_CHARS);
        forms
    }
}

/// The filter entry of a listed password, which the lookups of the same password always include;
/// `None` if no password can have it.
pub(super) fn listed(password: &str) -> Option<String> {
    let prepared = latchkey_precis::opaque_string(password).ok()?;
    let chars: Vec<char> = prepared.chars().map(fold).collect();
    let is_word = |chars: &[char]| {
        chars.len() >= MIN_WORD_CHARS
            && [chars.first(), chars.last()].into_iter().flatten().all(|c| c.is_alphabetic())
    };
    let form = match long_word(&chars).and_then(|word| chars.get(word)) {
        Some(word) => word,
        // Shorter than any password: only lookups of a part find it.
        None if chars.len() < 8 && !is_word(&chars) => return None,
        None => &chars,
    };
    (form.len() <= MAX_ENTRY_CHARS).then(|| form.iter().collect())
}

/// Lower case and normal width.
pub(super) fn fold(c: char) -> char {
    let narrow = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    };
    narrow.to_lowercase().next().unwrap_or(narrow)
}

pub(super) fn unleet(c: char, leet: Leet) -> char {
    match (c, leet) {
        ('4' | '@', _) => 'a',
        ('8', _) => 'b',
        ('(' | '{' | '[' | '<', _) => 'c',
        ('3' | '€', _) => 'e',
        ('6' | '9', _) => 'g',
        ('1' | '!' | '|', Leet::AsI) => 'i',
        ('1' | '!' | '|', Leet::AsL) => 'l',
        ('0', _) => 'o',
        ('5' | '$', _) => 's',
        ('7' | '+', _) => 't',
        ('2', _) => 'z',
        (other, _) => other,
    }
}

fn add_forms(chars: &[char], forms: &mut BTreeSet<String>) {
    for range in ranges(chars) {
        let part = chars.get(range).unwrap_or_default();
        add_spellings(part, forms);
    }
    // `p-a-s-s-w-o-r-d`.
    let joined = joined(chars);
    let word = core_range(&joined).and_then(|word| joined.get(word)).unwrap_or(&joined);
    if word.len() >= MIN_JOINED_CHARS && 2 * word.len() >= chars.len() {
        add_spellings(word, forms);
    }
}

/// The text without signs.
fn joined(chars: &[char]) -> Vec<char> {
    chars.iter().filter(|c| c.is_alphanumeric()).copied().collect()
}

/// Whether the text is a date, such as `24.12.1999`, in any order of day, month and year.
fn is_date(chars: &[char]) -> bool {
    let digits: String = joined(chars).into_iter().collect();
    let number = |range: Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let is_day = |at: usize| {
        let (one, two) = (number(at..at + 2).unwrap_or(0), number(at + 2..at + 4).unwrap_or(0));
        (1..=31).contains(&one.max(two)) && (1..=12).contains(&one.min(two))
    };
    let is_year = |at: usize| number(at..at + 4).is_some_and(|year| (1900..2100).contains(&year));
    digits.len() == 8 && (is_day(0) && is_year(4) || is_year(0) && is_day(4))
}

/// Adds the text, its leet spellings as letters, and all of these reversed.
fn add_spellings(part: &[char], forms: &mut BTreeSet<String>) {
    let mut add = |spelling: Vec<char>| {
        forms.insert(spelling.iter().rev().collect());
        forms.insert(spelling.into_iter().collect());
    };
    add(part.to_vec());
    if part.iter().any(|c| c.is_alphabetic()) {
        for leet in [Leet::AsI, Leet::AsL] {
            add(part.iter().map(|c| unleet(*c, leet)).collect());
        }
    }
}

/// The ranges to look up: the whole text, and the text without digits and signs at the ends. These
/// are removed one by one, because some of them may stand for letters.
fn ranges(chars: &[char]) -> Vec<Range<usize>> {
    let whole = 0..chars.len();
    let Some(word) = core_range(chars) else {
        return iter::once(whole).collect();
    };
    (word.end..chars.len())
        .take(MAX_STEPS)
        .chain([chars.len()])
        .flat_map(|end| [0..end, word.start..end])
        .collect()
}

/// The range without digits and signs at the ends; `None` if that is too small a part of the text.
fn core_range(chars: &[char]) -> Option<Range<usize>> {
    long_word(chars).or_else(|| short_word(chars))
}

/// At least half of the text, and at least five characters.
fn long_word(chars: &[char]) -> Option<Range<usize>> {
    let start = chars.iter().position(|c| c.is_alphabetic())?;
    let end = chars.iter().rposition(|c| c.is_alphabetic())? + 1;
    let length = end - start;
    (length >= 5 && 2 * length >= chars.len()).then_some(start..end)
}

/// At least a third of the text, between digits and few signs, such as `may` in `May2024!`.
fn short_word(chars: &[char]) -> Option<Range<usize>> {
    let start = chars.iter().position(|c| !c.is_ascii_digit())?;
    let trim = |end: usize, most: usize, is_cut: fn(&char) -> bool| {
        let tail = chars.get(start..end).unwrap_or_default().iter().rev();
        end - tail.take(most).take_while(|c| is_cut(c)).count()
    };
    let is_sign = |c: &char| !c.is_alphanumeric();
    let end = trim(chars.len(), 2, is_sign);
    let end = trim(end, usize::MAX, char::is_ascii_digit);
    let end = trim(end, 1, is_sign);
    let length = end - start;
    (length >= MIN_WORD_CHARS && 3 * length >= chars.len()).then_some(start..end)
}
