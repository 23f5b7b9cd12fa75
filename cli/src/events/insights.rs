//! CloudWatch Logs Insights.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::start_query::builders::StartQueryFluentBuilder,
    types::ResultField,
};
use latchkey_token::Timestamp;
use tokio::time::{Instant, sleep};

use super::{
    event::{Event, Fields, Found, Group, Moment},
    query::SavedQuery,
};
use crate::{arguments::DeploymentOptions, connection, failure::Failure};

const TIME: &str = "@timestamp";
const POLL_INTERVAL: Duration = Duration::from_millis(500);
const QUERY_TIMEOUT: Duration = Duration::from_mins(1);

/// The query language and the seconds between which it searches.
pub(super) struct Search {
    pub(super) query: SavedQuery,
    pub(super) text: String,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// Runs a query over the log groups of the stack's saved query.
pub(super) async fn search(
    deployment: &DeploymentOptions,
    search: &Search,
) -> Result<Found, Failure> {
    let logs = Client::new(&connection::deployed(deployment).await?);
    let stack = connection::stack_name(deployment);
    let groups = saved_log_groups(&logs, stack, search.query).await?;
    let query = logs
        .start_query()
        .set_log_group_names(Some(groups))
        .start_time(seconds(search.from))
        .end_time(seconds(search.to))
        .query_string(&search.text);
    let rows = run(&logs, query, QUERY_TIMEOUT).await?;
    let found = match search.query.group_by() {
        Some(field) => rows
            .iter()
            .map(|row| group(row, field))
            .collect::<Option<_>>()
            .map(|groups| Found::Groups(field, groups)),
        None => rows.iter().map(|row| event(row)).collect::<Option<_>>().map(Found::Events),
    };
    found.ok_or_else(not_understood)
}

/// The log groups that the saved query of the stack names.
async fn saved_log_groups(
    logs: &Client,
    stack: &str,
    query: SavedQuery,
) -> Result<Vec<String>, Failure> {
    let name = format!("{stack}/{}", query.name());
    let mut page = None;
    loop {
        let answer = logs
            .describe_query_definitions()
            .query_definition_name_prefix(format!("{stack}/"))
            .set_next_token(page)
            .send()
            .await
            .map_err(|error| explain(&error))?;
        let mut definitions = answer.query_definitions().iter();
        let groups = definitions
            .find(|definition| definition.name() == Some(&name))
            .map(|definition| definition.log_group_names().to_vec())
            .filter(|groups| !groups.is_empty());
        if let Some(groups) = groups {
            return Ok(groups);
        }
        page = answer.next_token().map(str::to_owned);
        if page.is_none() {
            return Err(Failure::NoSavedQuery(name));
        }
    }
}

/// Runs a query and returns its rows. A query that takes too long is stopped.
async fn run(
    logs: &Client,
    query: StartQueryFluentBuilder,
    timeout: Duration,
) -> Result<Vec<Vec<ResultField>>, Failure> {
    let started = query.send().await.map_err(|error| explain(&error))?;
    let id = started.query_id().ok_or_else(not_understood)?;
    let deadline = Instant::now() + timeout;
    loop {
        let answer = logs.get_query_results().query_id(id).send().await;
        let answer = answer.map_err(|error| explain(&error))?;
        match answer.status().map_or("Unknown", |status| status.as_str()) {
            "Complete" => return Ok(answer.results().to_vec()),
            "Scheduled" | "Running" | "Unknown" if Instant::now() < deadline => {
                sleep(POLL_INTERVAL).await;
            }
            "Scheduled" | "Running" | "Unknown" => {
                // Without this it would run, and cost, for up to an hour.
                logs.stop_query().query_id(id).send().await.ok();
                return Err(Failure::SlowQuery(timeout.as_secs()));
            }
            status => return Err(Failure::QueryEnded(status.to_owned())),
        }
    }
}

fn event(row: &[ResultField]) -> Option<Event> {
    let mut fields = fields(row);
    let time = Moment::of_insights(&fields.remove(TIME)?)?;
    Some(Event { time, fields })
}

fn group(row: &[ResultField], field: &str) -> Option<Group> {
    let mut fields = fields(row);
    Some(Group {
        key: fields.remove(field)?,
        attempts: fields.get("attempts")?.parse().ok()?,
        last: Moment::of_insights(fields.get("last_at")?)?,
    })
}

fn fields(row: &[ResultField]) -> Fields {
    row.iter()
        .filter_map(|column| Some((column.field()?.to_owned(), column.value()?.to_owned())))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn seconds(time: Timestamp) -> i64 {
    i64::try_from(time.unix()).unwrap_or(i64::MAX)
}

fn not_understood() -> Failure {
    Failure::NotUnderstood("CloudWatch Logs".to_owned())
}

fn explain<E>(error: &SdkError<E>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match error.code() {
        Some("AccessDeniedException") => {
            Failure::LogsDenied(error.message().unwrap_or("no reason given").to_owned())
        }
        Some(_) | None => connection::explain(error),
    }
}

#[cfg(test)]
#[path = "../../tests/program/server.rs"]
mod server;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{
        server::{Reply, Server},
        *,
    };

    #[tokio::test]
    async fn a_query_that_takes_too_long_is_stopped() {
        for status in ["Scheduled", "Running", "Unknown"] {
            let server = Server::start(move |_, call| {
                assert_eq!(call.path, "/");
                let body = json!({ "queryId": "query-1", "status": status, "success": true });
                Reply { status: 200, header: "", body: body.to_string() }
            });
            let logs = Client::new(&connection::local(Path::new(&server.url)).unwrap());
            let query = logs.start_query().query_string("x").start_time(0).end_time(1);
            let outcome = run(&logs, query, POLL_INTERVAL * 3 / 2).await;
            assert!(matches!(outcome, Err(Failure::SlowQuery(0))), "{outcome:?}");
            let calls = server.calls();
            let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
            let [first, polls @ .., last] = &operations[..] else { panic!("{operations:?}") };
            assert_eq!((*first, *last), ("StartQuery", "StopQuery"));
            assert!(polls.len() > 1 && polls.iter().all(|poll| *poll == "GetQueryResults"));
            assert_eq!(calls.last().unwrap().body["queryId"], "query-1");
        }
    }
}
