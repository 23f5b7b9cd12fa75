//! `latchkey keys list`.

use auth_token::{PublishedKey, RingReport, Timestamp};

use crate::{age, table, terminal};

const DISAGREEMENT: &str = "The secret and the published keys differ: a rotation is under way, or \
                            one was interrupted; run `latchkey keys rotate`.\n";
const NO_KEYS: &str = "No keys are published; run `latchkey keys rotate`.\n";

pub(super) fn text(report: &RingReport, now: Timestamp) -> String {
    let header = ["KEY", "ALGORITHM", "STATE", "SINCE", "UNTIL"].map(str::to_owned);
    let rows = report.ring.keys.iter().map(|key| row(key, now));
    let mut text = table::columns(&std::iter::once(header).chain(rows).collect::<Vec<_>>());
    if !report.problems.is_empty() {
        let problems = report.problems.iter().map(|problem| terminal::safe(problem));
        text.push('\n');
        text.extend(problems.map(|problem| format!("Not readable: {problem}\n")));
    } else if report.ring.keys.is_empty() {
        text.extend(["\n", NO_KEYS]);
    } else if !report.agree {
        text.extend(["\n", DISAGREEMENT]);
        if let Some(kid) = &report.signing {
            // The states do not tell it then.
            text.extend(["Meanwhile ", &terminal::safe(kid), " signs.\n"]);
        }
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
        or_unknown(key.since),
        or_unknown(key.until),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ring::support::{SINCE, disagreement, report};

    const NOW: Timestamp = Timestamp::from_unix(SINCE + 3 * 86_400);

    #[test]
    fn the_keys_are_a_table() {
        let keys = [("first-key", "current"), ("second", "next"), ("old", "previous")];
        let mut report = report(&keys, true);
        report.ring.keys[1].since = None;
        let expected = "\
KEY        ALGORITHM  STATE     SINCE    UNTIL
first-key  EdDSA      current   3 d ago  -
second     EdDSA      next      -        -
old        EdDSA      previous  3 d ago  in 27 d
";
        assert_eq!(text(&report, NOW), expected);
    }

    #[test]
    fn it_is_said_when_the_secret_holds_other_keys_and_who_signs() {
        let keys = [("b", "current"), ("c", "next"), ("a", "previous")];
        let told = text(&disagreement(&keys, Some("a")), NOW);
        assert!(told.ends_with(&format!("\n\n{DISAGREEMENT}Meanwhile a signs.\n")), "{told}");
        let told = text(&disagreement(&keys, None), NOW);
        assert!(told.ends_with(&format!("\n\n{DISAGREEMENT}")), "{told}");
    }

    #[test]
    fn it_is_said_when_there_are_no_keys() {
        assert!(text(&report(&[], false), NOW).ends_with(NO_KEYS));
    }

    #[test]
    fn it_is_said_what_cannot_be_read() {
        let problems = vec!["the keys table: no\nring".to_owned()];
        let report = RingReport { problems, ..report(&[("a", "current")], false) };
        let told = text(&report, NOW);
        assert!(told.ends_with("\n\nNot readable: the keys table: no\\u000aring\n"), "{told}");
    }
}
