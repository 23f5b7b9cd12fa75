//! `latchkey keys list`.

use auth_token::{PublishedKey, Timestamp};

use super::Ring;
use crate::{age, table, terminal};

const DISAGREEMENT: &str = "The secret and the published keys differ: a rotation is under way, or \
                            one was interrupted; run `latchkey keys rotate`.\n";
const NO_KEYS: &str = "No keys are published; run `latchkey keys rotate`.\n";

pub(super) fn text(ring: &Ring, now: Timestamp) -> String {
    let header = ["KEY", "ALGORITHM", "STATE", "SINCE", "UNTIL"].map(str::to_owned);
    let rows = ring.keys.iter().map(|key| row(key, now));
    let mut text = table::columns(&std::iter::once(header).chain(rows).collect::<Vec<_>>());
    if !ring.problems.is_empty() {
        let problems = ring.problems.iter().map(|problem| terminal::safe(problem));
        text.push('\n');
        text.extend(problems.map(|problem| format!("Not readable: {problem}\n")));
    } else if ring.keys.is_empty() {
        text.extend(["\n", NO_KEYS]);
    } else if !ring.agree {
        text.extend(["\n", DISAGREEMENT]);
    }
    text
}

fn row(key: &PublishedKey, now: Timestamp) -> [String; 5] {
    let or_unknown = |moment: Option<Timestamp>| {
        moment.map_or_else(|| "-".to_owned(), |moment| age::relative(moment, now))
    };
    [
        key.jwk.kid.clone(),
        key.jwk.alg.clone(),
        key.state.to_string(),
        // Of a key that an operator has put there nobody knows since when.
        or_unknown(Some(key.since).filter(|since| since.unix() > 0)),
        or_unknown(key.until),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ring::support;

    const NOW: Timestamp = Timestamp::from_unix(support::SINCE + 3 * 86_400);

    #[test]
    fn the_keys_are_a_table() {
        let keys = [("first-key", "current"), ("second", "next"), ("old", "previous")];
        let expected = "\
KEY        ALGORITHM  STATE     SINCE    UNTIL
first-key  EdDSA      current   3 d ago  -
second     EdDSA      next      3 d ago  -
old        EdDSA      previous  3 d ago  in 27 d
";
        assert_eq!(text(&support::ring(&keys, true), NOW), expected);
    }

    #[test]
    fn it_is_said_when_the_secret_holds_other_keys() {
        let keys = [("first-key", "current")];
        let text = text(&support::ring(&keys, false), NOW);
        assert!(text.ends_with(&format!("\n\n{DISAGREEMENT}")), "{text}");
    }

    #[test]
    fn it_is_said_when_there_are_no_keys() {
        assert!(text(&support::ring(&[], false), NOW).ends_with(NO_KEYS));
    }
}
