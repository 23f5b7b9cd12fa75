//! Random requests and events: valid, slightly wrong and malformed ones, the same in every run.

pub(crate) mod bodies;
pub(crate) mod corpus;
pub(crate) mod events;
pub(crate) mod requests;

use proptest::{
    prelude::RngExt as _,
    test_runner::{RngAlgorithm, TestRng},
};

/// A random number generator with a fixed seed.
#[derive(Clone, Debug)]
pub(crate) struct Random(TestRng);

/// Strings that parsers, databases and templates often mishandle.
const ODD_TEXTS: [&str; 36] = [
    "",
    " ",
    "\t",
    ".",
    "..",
    "...",
    "/",
    "//",
    "\\",
    "%",
    "%00",
    "%2e%2e%2f",
    "%ff",
    "+",
    "&",
    "=",
    ";",
    ",",
    "\"",
    "'",
    "' OR '1'='1",
    "null",
    "true",
    "-1",
    "1e309",
    "$gt",
    "{}",
    "[object Object]",
    "<script>",
    "${jndi:ldap://127.0.0.1/x}",
    "\u{0}",
    "\u{7f}",
    "\u{202e}",
    "\u{feff}",
    "e\u{301}\u{301}\u{301}",
    "\u{1f600}",
];

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4)))
    }

    /// A number less than `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    /// True with a probability of 1 in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn character(&mut self) -> char {
        let bound = *self.one_of(&[0x80, 0x80, 0x80, 0x250, 0x3000, 0x11_0000]);
        let code = u32::try_from(self.below(bound)).unwrap();
        char::from_u32(code).unwrap_or('\u{fffd}')
    }

    /// A short text of words, odd texts and random characters.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(5) {
            match self.below(3) {
                0 => text.push_str(self.one_of::<&str>(&ODD_TEXTS)),
                1 => text.push_str(&self.word()),
                _ => (0..self.below(4)).for_each(|_| text.push(self.character())),
            }
        }
        text
    }

    /// One to eight lower-case letters.
    pub(crate) fn word(&mut self) -> String {
        let letters: Vec<_> = ('a'..='z').collect();
        (0..=self.below(8)).map(|_| *self.one_of(&letters)).collect()
    }

    /// One character, repeated 500 to 9,000 times.
    pub(crate) fn long_text(&mut self) -> String {
        let length = 500 + self.below(8_500);
        self.one_of(&["a", "A", "0", "=", "-"]).repeat(length)
    }

    /// Up to 59 bytes, a sixth of them above 0x7f.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(60))
            .map(|_| {
                let bound = *self.one_of(&[0x80, 0x80, 0x100]);
                u8::try_from(self.below(bound)).unwrap()
            })
            .collect()
    }

    /// Replaces, removes or doubles a random character, or truncates the text there.
    pub(crate) fn damage(&mut self, text: &str) -> String {
        let mut characters: Vec<_> = text.chars().collect();
        if characters.is_empty() {
            return self.text();
        }
        let position = self.below(characters.len());
        match self.below(4) {
            0 => {
                characters.remove(position);
            }
            1 => characters.insert(position, characters[position]),
            2 => characters.truncate(position),
            _ => characters[position] = self.character(),
        }
        characters.into_iter().collect()
    }
}
