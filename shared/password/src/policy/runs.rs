//! Repetitions and sequences: `aaaa`, `abcabc`, `4321`, `2468`, `a1b2c3`, `qwerty`, `1qaz`.

/// The minimum length of a sequence.
const MIN_STEPS: usize = 3;
/// The minimum length of a sequence with wider steps (`aceg`) or interleaved characters (`a1b2`).
const MIN_WIDE_STEPS: usize = 4;
const MAX_STEP: i64 = 4;
/// Repetitions of a shorter unit are a run. A longer unit could be a password itself, so only its
/// repetitions are marked.
const MIN_UNIT_CHARS: usize = 8;

/// Lines of adjacent keys: rows, columns and diagonals, plain and shifted, of the American, German,
/// French and Russian layouts, and of a numeric pad.
const KEY_LINES: &str = r"
    `1234567890-= qwertyuiop[]\ asdfghjkl;' zxcvbnm,./ ~!@#$%^&*()_+
    qwertzuiopü asdfghjklöä yxcvbnm,.- azertyuiop qsdfghjklmù wxcvbn,;:!
    йцукенгшщзхъ фывапролджэ ячсмитьбю
    1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm 8ik, 9ol. 0p;/
    !qaz @wsx #edc $rfv %tgb ^yhn &ujm *ik< (ol> zaq! xsw@ 1qay
    zse4 xdr5 cft6 vgy7 bhu8 nji9 mko0
    147 258 369 159 357";

/// Marks the characters in runs, and the repetitions of longer units.
pub(super) fn mark(chars: &[char]) -> (Vec<bool>, Vec<bool>) {
    let (mut runs, mut repeats) = (vec![false; chars.len()], vec![false; chars.len()]);
    mark_repetitions(chars, &mut runs, &mut repeats);
    mark_sequences(chars, &mut runs);
    mark_walks(chars, &mut runs);
    (runs, repeats)
}

fn mark_repetitions(chars: &[char], runs: &mut [bool], longer: &mut [bool]) {
    for period in 1..=chars.len() / 2 {
        // Ordinary words have short repetitions, such as `nana` and `issi`.
        let least = if period < 4 { 2 * period } else { period };
        let repeats = |at: usize| chars.get(at) == chars.get(at.wrapping_sub(period));
        let mut at = period;
        while at < chars.len() {
            let length = (at..chars.len()).take_while(|at| repeats(*at)).count();
            let is_everything = length + period == chars.len();
            if length >= least || is_everything {
                let end = at + length;
                if period < MIN_UNIT_CHARS {
                    fill(runs, at - period..end);
                } else {
                    fill(longer, at..end);
                }
            }
            at += length + 1;
        }
    }
}

/// Marks sequences of code points, also of every second and every third character.
fn mark_sequences(chars: &[char], marks: &mut [bool]) {
    for stride in 1..=3 {
        for offset in 0..stride {
            let places: Vec<usize> = (offset..chars.len()).step_by(stride).collect();
            let step = |pair: &[usize]| match *pair {
                [from, to] => step_between(*chars.get(from)?, *chars.get(to)?, stride),
                _ => None,
            };
            let steps: Vec<_> = places.windows(2).map(step).collect();
            let least = |step: i64| {
                if stride == 1 && step.abs() == 1 { MIN_STEPS } else { MIN_WIDE_STEPS }
            };
            mark_equal_steps(&steps, marks, |at| places.get(at).copied(), least);
        }
    }
}

fn step_between(from: char, to: char, stride: usize) -> Option<i64> {
    let step = i64::from(u32::from(to)) - i64::from(u32::from(from));
    let most = if stride == 1 && from.is_alphanumeric() { MAX_STEP } else { 1 };
    (step != 0 && step.abs() <= most).then_some(step)
}

/// Marks walks along a line of keys.
fn mark_walks(chars: &[char], marks: &mut [bool]) {
    for line in KEY_LINES.split_whitespace() {
        let place = |c: &char| line.chars().position(|key| key == *c);
        let places: Vec<_> = chars.iter().map(place).collect();
        let step = |pair: &[Option<usize>]| match *pair {
            [Some(from), Some(to)] if from + 1 == to => Some(1),
            [Some(from), Some(to)] if to + 1 == from => Some(-1),
            _ => None,
        };
        let steps: Vec<_> = places.windows(2).map(step).collect();
        mark_equal_steps(&steps, marks, Some, |_| MIN_STEPS);
    }
}

/// Marks consecutive equal steps over at least `least(step)` characters.
fn mark_equal_steps(
    steps: &[Option<i64>],
    marks: &mut [bool],
    place: impl Fn(usize) -> Option<usize>,
    least: impl Fn(i64) -> usize,
) {
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        let rest = steps.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|other| *other == step).count();
        if step.is_some_and(|step| length + 1 >= least(step)) {
            for mark in (at..=at + length).filter_map(&place) {
                fill(marks, mark..mark + 1);
            }
        }
        at += length;
    }
}

fn fill(marks: &mut [bool], range: std::ops::Range<usize>) {
    if let Some(part) = marks.get_mut(range) {
        part.fill(true);
    }
}
