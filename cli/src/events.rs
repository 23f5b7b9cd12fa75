//! `latchkey events`.

mod event;
mod file;
mod insights;
mod query;
mod report;

use std::time::Duration;

use latchkey_token::Timestamp;

pub(crate) use self::query::SavedQuery;
use self::{insights::Search, query::Term};
use crate::{
    arguments::{DeploymentOptions, EventsOptions},
    failure::Failure,
    output,
};

/// More than any account id, address or name of an event.
const MAX_VALUE_CHARACTERS: usize = 256;

/// Runs the query and returns the text for standard output.
pub(crate) async fn run(
    options: &EventsOptions,
    deployment: &DeploymentOptions,
    json: bool,
) -> Result<String, Failure> {
    let (query, terms, limit) = (options.query, terms(options), usize::from(options.limit));
    let now = Timestamp::now();
    let from = Timestamp::from_unix(now.unix().saturating_sub(options.since.as_secs()));
    let found = if let Some(place) = &deployment.local {
        file::search(place, query, &terms, from)?
    } else {
        let text = query.insights(&terms, Some(limit));
        insights::search(deployment, &Search { query, text, from, to: now }).await?
    };
    let found = found.sorted(limit);
    if found.len() == limit {
        output::say(&format!("The limit of {limit} is reached; --limit raises it."));
    }
    Ok(if json { report::json(&found) } else { report::table(&found, now) })
}

fn terms(options: &EventsOptions) -> Vec<Term<'_>> {
    let given = [("user_id", &options.user), ("ip", &options.address), ("event", &options.event)];
    let given = given.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)));
    let failure = options.failures.then_some(Term::FAILURE);
    given.map(|(field, value)| Term::is(field, value)).chain(failure).collect()
}

/// Parses the value of an option, which becomes a string of the query language.
pub(crate) fn parse_value(text: &str) -> Result<String, String> {
    let is_visible = text.chars().all(output::is_visible);
    if is_visible && (1..=MAX_VALUE_CHARACTERS).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(format!("give 1 to {MAX_VALUE_CHARACTERS} visible characters"))
    }
}

/// Parses a duration such as `90s`, `15m`, `24h` or `7d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.char_indices().next_back().and_then(|(end, unit)| {
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let number = text.get(..end).filter(|number| number.bytes().all(|b| b.is_ascii_digit()))?;
        number.parse::<u32>().ok().map(|number| u64::from(number) * seconds)
    });
    seconds
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or("give a number and a unit, such as 90s, 15m, 24h or 7d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in [
            ("1s", 1),
            ("90s", 90),
            ("15m", 900),
            ("24h", 86_400),
            ("7d", 604_800),
            ("4294967295d", 4_294_967_295 * 86_400),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "1", "0s", "0d", "-1s", "+1s", "1 s", "1w", "1S", "1.5h", "é", "1é"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_duration("4294967296s").is_err());
    }

    #[test]
    fn a_value_has_visible_characters_only() {
        for text in ["a", "192.0.2.1", "2001:db8::1", "\"'\\ |/", "Zoë", &"x".repeat(256)] {
            assert_eq!(parse_value(text).as_deref(), Ok(text));
        }
        for text in
            ["", "a\nb", "\u{0}", "\u{7f}", "\u{9b}", "\u{2028}", "\u{202e}", &"x".repeat(257)]
        {
            assert!(parse_value(text).is_err(), "{text:?}");
        }
    }
}
