//! The queries: each one as text of CloudWatch Logs Insights, and evaluated here for a local stack.

use clap::ValueEnum;

use super::event::Fields;

/// The fields of audit events, in the order of a query's columns.
pub(super) const FIELDS: [&str; 10] = [
    "event",
    "outcome",
    "reason",
    "user_id",
    "ip",
    "user_agent",
    "claimed_caller",
    "key",
    "comment",
    "request_id",
];

/// A saved query of `template.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SavedQuery {
    /// All audit events.
    Events,
    /// Number of failed logins of each account.
    FailedLoginsByAccount,
    /// Number of failed logins from each address.
    FailedLoginsByAddress,
    /// Refresh tokens that were used again after their replacement.
    Reuse,
    /// Commands of operators.
    Operators,
    /// Changes of the signing keys.
    Keys,
}

/// A condition on a field of a log line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term<'a> {
    field: &'static str,
    test: Test<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Test<'a> {
    Is(&'a str),
    IsPresent,
    /// A prefix of letters and `_`.
    BeginsWith(&'static str),
}

const AUDIT: Term<'_> = Term::is("target", "audit");

impl SavedQuery {
    /// The name after the stack's.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::FailedLoginsByAccount => "failed-logins-by-account",
            Self::FailedLoginsByAddress => "failed-logins-by-address",
            Self::Reuse => "reuse",
            Self::Operators => "operators",
            Self::Keys => "keys",
        }
    }

    /// The field whose values are counted.
    pub(super) const fn group_by(self) -> Option<&'static str> {
        match self {
            Self::FailedLoginsByAccount => Some("user_id"),
            Self::FailedLoginsByAddress => Some("ip"),
            Self::Events | Self::Reuse | Self::Operators | Self::Keys => None,
        }
    }

    fn own_terms(self) -> Vec<Term<'static>> {
        match self {
            Self::Events => Vec::new(),
            Self::FailedLoginsByAccount | Self::FailedLoginsByAddress => {
                vec![Term::is("event", "login"), Term::FAILURE]
            }
            Self::Reuse => {
                vec![Term::is("event", "refresh"), Term::is("reason", "refresh_token_reused")]
            }
            Self::Operators => vec![Term::is_present("claimed_caller")],
            Self::Keys => vec![Term { field: "event", test: Test::BeginsWith("key_") }],
        }
    }

    /// All conditions of the query, with `more` of the command line.
    pub(super) fn terms<'a>(self, more: &[Term<'a>]) -> Vec<Term<'a>> {
        let group = self.group_by().map(Term::is_present);
        [AUDIT]
            .into_iter()
            .chain(self.own_terms())
            .chain(group)
            .chain(more.iter().copied())
            .collect()
    }

    /// The query for Insights. Without terms and limit it is the saved one.
    pub(super) fn insights(self, more: &[Term<'_>], limit: Option<usize>) -> String {
        let terms: Vec<_> = self.terms(more).iter().map(Term::insights).collect();
        let terms = terms.join(" and ");
        let limit = limit.map(|limit| format!("\n| limit {limit}")).unwrap_or_default();
        match self.group_by() {
            Some(field) => format!(
                "filter {terms}\n\
                 | stats count(*) as attempts, max(@timestamp) as last_at by {field}\n\
                 | sort attempts desc{limit}"
            ),
            None => format!(
                "fields @timestamp, {}\n| filter {terms}\n| sort @timestamp desc{limit}",
                FIELDS.join(", ")
            ),
        }
    }
}

impl<'a> Term<'a> {
    pub(super) const FAILURE: Self = Self::is("outcome", "failure");

    pub(super) const fn is(field: &'static str, value: &'a str) -> Self {
        Self { field, test: Test::Is(value) }
    }

    const fn is_present(field: &'static str) -> Self {
        Self { field, test: Test::IsPresent }
    }

    /// Whether a log line meets the condition.
    pub(super) fn holds(&self, line: &Fields) -> bool {
        let value = line.get(self.field);
        match self.test {
            Test::Is(expected) => value.is_some_and(|value| value == expected),
            Test::IsPresent => value.is_some(),
            Test::BeginsWith(prefix) => value.is_some_and(|value| value.starts_with(prefix)),
        }
    }

    fn insights(&self) -> String {
        let field = self.field;
        match self.test {
            Test::Is(value) => format!("{field} = {}", quoted(value)),
            Test::IsPresent => format!("ispresent({field})"),
            Test::BeginsWith(prefix) => format!("{field} like /^{prefix}/"),
        }
    }
}

/// A string of the query language. The command line refuses control characters.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_yaml_ng::Value;

    use super::*;

    fn saved() -> Vec<(String, Value)> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
        let template: Value =
            serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let Value::Mapping(resources) = template["Resources"].clone() else { panic!() };
        resources
            .into_iter()
            .filter(|(_, resource)| resource["Type"] == "AWS::Logs::QueryDefinition")
            .map(|(_, resource)| {
                let Value::Tagged(name) = &resource["Properties"]["Name"] else { panic!() };
                assert_eq!(name.tag, "Sub");
                (name.value.as_str().unwrap().to_owned(), resource["Properties"].clone())
            })
            .collect()
    }

    #[test]
    fn the_queries_are_those_of_the_template() {
        let saved = saved();
        let queries = SavedQuery::value_variants();
        assert_eq!(saved.len(), queries.len());
        for query in queries {
            let name = format!("${{AWS::StackName}}/{}", query.name());
            let (_, properties) = saved.iter().find(|(saved, _)| *saved == name).expect(&name);
            let text = properties["QueryString"].as_str().unwrap();
            assert_eq!(text.trim_end(), query.insights(&[], None), "{name}");
        }
    }

    #[test]
    fn the_command_line_has_the_names_of_the_saved_queries() {
        for query in SavedQuery::value_variants() {
            assert_eq!(query.to_possible_value().unwrap().get_name(), query.name());
        }
    }

    #[test]
    fn options_are_terms_before_the_sorting() {
        let more = [Term::is("user_id", "a"), Term::is("ip", "192.0.2.1"), Term::FAILURE];
        let query = SavedQuery::Keys.insights(&more, Some(7));
        let expected = "\
fields @timestamp, event, outcome, reason, user_id, ip, user_agent, claimed_caller, key, comment, request_id
| filter target = \"audit\" and event like /^key_/ and user_id = \"a\" and ip = \"192.0.2.1\" and outcome = \"failure\"
| sort @timestamp desc
| limit 7";
        assert_eq!(query, expected);
        let query = SavedQuery::FailedLoginsByAddress.insights(&more[..1], Some(10_000));
        let expected = "\
filter target = \"audit\" and event = \"login\" and outcome = \"failure\" and ispresent(ip) and user_id = \"a\"
| stats count(*) as attempts, max(@timestamp) as last_at by ip
| sort attempts desc
| limit 10000";
        assert_eq!(query, expected);
    }

    #[test]
    fn a_value_cannot_end_its_string() {
        for (value, expected) in [
            ("plain", r#""plain""#),
            (r#"" or 1 = 1 | limit 1 #"#, r#""\" or 1 = 1 | limit 1 #""#),
            (r"\", r#""\\""#),
            (r#"\" or "#, r#""\\\" or ""#),
            ("Zoë 'x' `y` /z/", "\"Zoë 'x' `y` /z/\""),
        ] {
            assert_eq!(quoted(value), expected);
            let query = SavedQuery::Events.insights(&[Term::is("user_id", value)], None);
            assert!(query.contains(&format!(" and user_id = {expected}\n")), "{query}");
        }
    }

    #[test]
    fn each_query_selects_its_lines() {
        let line = |fields: &[(&str, &str)]| -> Fields {
            let audit = [("target", "audit")];
            let fields = audit.iter().chain(fields);
            fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let lines = [
            line(&[("event", "login"), ("outcome", "failure"), ("ip", "a"), ("user_id", "u")]),
            line(&[("event", "login"), ("outcome", "failure"), ("ip", "a")]),
            line(&[("event", "login"), ("outcome", "failure"), ("user_id", "u")]),
            line(&[("event", "login"), ("outcome", "success"), ("ip", "a"), ("user_id", "u")]),
            line(&[("event", "refresh"), ("reason", "refresh_token_reused")]),
            line(&[("event", "logout"), ("reason", "refresh_token_reused")]),
            line(&[("event", "key_rotation"), ("claimed_caller", "o")]),
            line(&[("event", "key_maintenance")]),
            line(&[("event", "user_disable"), ("claimed_caller", "o")]),
            line(&[("event", "monkey_login")]),
            [("event".to_owned(), "login".to_owned())].into(),
        ];
        for (query, selected) in [
            (SavedQuery::Events, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..]),
            (SavedQuery::FailedLoginsByAccount, &[0, 2]),
            (SavedQuery::FailedLoginsByAddress, &[0, 1]),
            (SavedQuery::Reuse, &[4]),
            (SavedQuery::Operators, &[6, 8]),
            (SavedQuery::Keys, &[6, 7]),
        ] {
            let terms = query.terms(&[]);
            let holds = |line: &Fields| terms.iter().all(|term| term.holds(line));
            let found: BTreeSet<_> =
                lines.iter().enumerate().filter(|(_, line)| holds(line)).map(|(n, _)| n).collect();
            assert_eq!(found, selected.iter().copied().collect(), "{query:?}");
        }
    }
}
