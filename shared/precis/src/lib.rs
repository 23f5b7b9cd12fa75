#![doc = include_str!("../README.md")]

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        BidiClass, CanonicalCombiningClass, DefaultIgnorableCodePoint, EnumeratedProperty,
        GeneralCategory as Category, JoiningType, NoncharacterCodePoint, Script,
    },
};

/// Why a text has no prepared form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecisError {
    /// The text is empty.
    #[error("the text is empty")]
    Empty,
    /// A character is not allowed, or not in this context (RFC 5892, appendix A).
    #[error("a character is not allowed")]
    Character,
    /// The text breaks the bidi rule (RFC 5893 §2).
    #[error("the text mixes directions of writing")]
    Direction,
}

/// The limit of applying the mappings until the result is stable (RFC 8264 §7).
const MAX_ROUNDS: usize = 4;

const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The form in which user names are compared: `UsernameCaseMapped` (RFC 8265 §3.3).
///
/// # Errors
/// Every variant of [`PrecisError`].
pub fn username_case_mapped(text: &str) -> Result<String, PrecisError> {
    // Printable ASCII needs none of the tables (RFC 8264 §9.11).
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_ascii_lowercase());
    }
    // Composed first, so that the checks do not see the parts of a decomposed character.
    let mut mapped = nfc(text);
    for _ in 0..MAX_ROUNDS {
        let again = nfc(&nfc(&map_width(&mapped)).to_lowercase());
        if again == mapped {
            check_identifier(&mapped)?;
            check_direction(&mapped)?;
            return Ok(mapped);
        }
        mapped = again;
    }
    Err(PrecisError::Character)
}

/// The form in which passwords are compared: `OpaqueString` (RFC 8265 §4.2), extended with all
/// characters that keyboards produce.
///
/// # Errors
/// [`PrecisError::Empty`] and [`PrecisError::Character`].
pub fn opaque_string(text: &str) -> Result<String, PrecisError> {
    if !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(text.to_owned());
    }
    let is_space = |c| category(c) == Category::SpaceSeparator;
    let spaces_mapped: String = text.chars().map(|c| if is_space(c) { ' ' } else { c }).collect();
    let prepared = nfc(&spaces_mapped);
    if prepared.is_empty() {
        Err(PrecisError::Empty)
    } else if prepared.chars().all(is_typable) {
        Ok(prepared)
    } else {
        Err(PrecisError::Character)
    }
}

/// The text in Unicode normalization form C.
pub fn nfc(text: &str) -> String {
    NFC.normalize(text).into_owned()
}

/// The text with fullwidth and halfwidth characters in normal width (RFC 8264 §5.2.1).
pub fn map_width(text: &str) -> String {
    let mut mapped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\u{ff01}'..='\u{ffee}') {
            mapped.push_str(&NFKC.normalize(c.encode_utf8(&mut [0; 4])));
        } else {
            mapped.push(c);
        }
    }
    mapped
}

/// Whether the character is visible: not a control or format character, a separator, a
/// noncharacter, or a default-ignorable one.
pub fn is_visible(c: char) -> bool {
    !is_ignorable(c)
        && !matches!(
            category(c),
            Category::Control
                | Category::Format
                | Category::SpaceSeparator
                | Category::LineSeparator
                | Category::ParagraphSeparator
        )
}

/// Whether a password may have the character: not a control, a noncharacter, a line separator, or
/// an invisible character that no keyboard produces.
fn is_typable(c: char) -> bool {
    let is_typable_invisible = matches!(c,
        // Spaces, joiners and direction marks: Khmer, Persian and Hebrew keyboards.
        '\u{200b}'..='\u{200f}'
        // Variation selectors: Mongolian, emoji, ideographs.
        | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
        // The tags in flag emoji.
        | '\u{e0020}'..='\u{e007f}');
    let is_refused = is_ignorable(c)
        || matches!(
            category(c),
            Category::Control | Category::LineSeparator | Category::ParagraphSeparator
        );
    is_typable_invisible || !is_refused
}

/// The derived property of a character in user names (`IdentifierClass`, RFC 8264 §8).
#[derive(Clone, Copy, PartialEq, Eq)]
enum DerivedProperty {
    Allowed,
    /// Allowed in the contexts of RFC 5892, appendix A.
    Context,
    Refused,
}

fn derived_property(c: char) -> DerivedProperty {
    match c {
        // The exceptions of §9.6, and all of printable ASCII.
        'ß' | 'ς' | '\u{6fd}' | '\u{6fe}' | '\u{f0b}' | '\u{3007}' | '!'..='~' => {
            DerivedProperty::Allowed
        }
        '\u{b7}'
        | '\u{375}'
        | '\u{5f3}'
        | '\u{5f4}'
        | '\u{30fb}'
        | '\u{660}'..='\u{669}'
        | '\u{6f0}'..='\u{6f9}'
        | ZERO_WIDTH_NON_JOINER
        | ZERO_WIDTH_JOINER => DerivedProperty::Context,
        // Old Hangul jamo (§9.9): their blocks, which avoids a table.
        '\u{640}'
        | '\u{7fa}'
        | '\u{302e}'
        | '\u{302f}'
        | '\u{3031}'..='\u{3035}'
        | '\u{303b}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{d7b0}'..='\u{d7ff}' => DerivedProperty::Refused,
        _ if is_ignorable(c) || has_compatibility_form(c) => DerivedProperty::Refused,
        _ if is_letter_or_digit(c) => DerivedProperty::Allowed,
        _ => DerivedProperty::Refused,
    }
}

fn is_letter_or_digit(c: char) -> bool {
    matches!(
        category(c),
        Category::LowercaseLetter
            | Category::UppercaseLetter
            | Category::OtherLetter
            | Category::DecimalNumber
            | Category::ModifierLetter
            | Category::NonspacingMark
            | Category::SpacingMark
    )
}

/// `HasCompat` (§9.17).
fn has_compatibility_form(c: char) -> bool {
    !NFKC.is_normalized(c.encode_utf8(&mut [0; 4]))
}

/// `PrecisIgnorableProperties` (§9.13).
fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
}

fn check_identifier(text: &str) -> Result<(), PrecisError> {
    if text.is_empty() {
        return Err(PrecisError::Empty);
    }
    let is_allowed = |(at, c): (usize, char)| match derived_property(c) {
        DerivedProperty::Allowed => true,
        DerivedProperty::Context => {
            let (before, rest) = text.split_at_checked(at).unwrap_or_default();
            is_in_context(c, before, rest.get(c.len_utf8()..).unwrap_or_default(), text)
        }
        DerivedProperty::Refused => false,
    };
    if text.char_indices().all(is_allowed) { Ok(()) } else { Err(PrecisError::Character) }
}

/// The rules of RFC 5892, appendix A.
fn is_in_context(c: char, before: &str, after: &str, text: &str) -> bool {
    let (previous, next) = (before.chars().next_back(), after.chars().next());
    let is_script = |c: Option<char>, wanted| c.is_some_and(|c| property::<Script>(c) == wanted);
    let has_digit =
        |range: std::ops::RangeInclusive<char>| text.chars().any(|c| range.contains(&c));
    match c {
        ZERO_WIDTH_NON_JOINER => follows_virama(previous) || is_between_joined(before, after),
        ZERO_WIDTH_JOINER => follows_virama(previous),
        '\u{b7}' => previous == Some('l') && next == Some('l'),
        '\u{375}' => is_script(next, Script::Greek),
        '\u{5f3}' | '\u{5f4}' => is_script(previous, Script::Hebrew),
        '\u{30fb}' => text
            .chars()
            .any(|c| matches!(property(c), Script::Hiragana | Script::Katakana | Script::Han)),
        '\u{660}'..='\u{669}' => !has_digit('\u{6f0}'..='\u{6f9}'),
        '\u{6f0}'..='\u{6f9}' => !has_digit('\u{660}'..='\u{669}'),
        _ => false,
    }
}

fn follows_virama(previous: Option<char>) -> bool {
    previous
        .is_some_and(|c| property::<CanonicalCombiningClass>(c) == CanonicalCombiningClass::Virama)
}

/// Whether a non-joiner between the two texts breaks a cursive connection (A.1).
fn is_between_joined(before: &str, after: &str) -> bool {
    let joining = |c: char| property::<JoiningType>(c);
    let is_joining = |joining: &JoiningType| *joining != JoiningType::Transparent;
    let left = before.chars().rev().map(joining).find(is_joining);
    let right = after.chars().map(joining).find(is_joining);
    matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

/// Checks the bidi rule (RFC 5893 §2) for texts with right-to-left characters.
fn check_direction(text: &str) -> Result<(), PrecisError> {
    use BidiClass as B;

    let classes: Vec<BidiClass> = text.chars().map(property).collect();
    let has = |wanted: &[BidiClass]| classes.iter().any(|class| wanted.contains(class));
    if !has(&[B::RightToLeft, B::ArabicLetter, B::ArabicNumber]) {
        return Ok(());
    }
    let neutral = [
        B::EuropeanNumber,
        B::EuropeanSeparator,
        B::CommonSeparator,
        B::EuropeanTerminator,
        B::OtherNeutral,
        B::BoundaryNeutral,
        B::NonspacingMark,
    ];
    let last = classes.iter().rfind(|class| **class != B::NonspacingMark);
    // A text that begins left-to-right must not have right-to-left characters.
    let starts_right_to_left = matches!(classes.first(), Some(&B::RightToLeft | &B::ArabicLetter));
    let ends_well = last.is_some_and(|class| {
        [B::RightToLeft, B::ArabicLetter, B::EuropeanNumber, B::ArabicNumber].contains(class)
    });
    let all_allowed = classes.iter().all(|class| {
        neutral.contains(class)
            || [B::RightToLeft, B::ArabicLetter, B::ArabicNumber].contains(class)
    });
    let mixes_digits = has(&[B::EuropeanNumber]) && has(&[B::ArabicNumber]);
    if starts_right_to_left && ends_well && all_allowed && !mixes_digits {
        Ok(())
    } else {
        Err(PrecisError::Direction)
    }
}

fn category(c: char) -> Category {
    property(c)
}

fn property<P: EnumeratedProperty>(c: char) -> P {
    CodePointMapData::<P>::new().get(c)
}
