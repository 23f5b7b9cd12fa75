//! Rows of the table with the real binaries and the real clock: the tokens are issued at three times,
//! so that they are valid, expired and not yet valid.

use latchkey_store::{Aws, DynamoUsers};
use latchkey_testkit::{dynamodb, fixtures::ISSUER};
use latchkey_tests::stack::{Answer, Settings, Stack};
use latchkey_token::Timestamp;
use local::tables;
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::json;

use crate::{
    accounts::{add_users, key_set, legacy_users},
    events::query_of,
    expected::{DENIED, expected},
    forms::{ClientRequest, FORMS, Locations, RequestForm},
    surfaces::Surface,
    table,
    tokens::{OPENS, TokenRow, second_token},
};

/// Minimum number of rows.
const ROWS: usize = 200;

/// Longer tokens exceed the gateway's header limit.
const MAX_LENGTH: usize = 8_000;

/// Seconds since the start of the sessions and the issue of the valid tokens. It is far from every
/// bound of a token, because the test takes up to a minute.
const AGE: u64 = 250;

/// The called routes: account, guard, and authorizer without cached decisions.
const ROUTES: [Surface; 3] = [Surface::Me, Surface::Protected, Surface::HttpApi2];

struct Deployment {
    stack: Stack,
    other: String,
}

impl Deployment {
    async fn start(locations: Locations, began: u64) -> Self {
        let endpoint = dynamodb().await;
        let aws = Aws::emulator(&endpoint);
        add_users(&DynamoUsers::connect(&aws, "UsersTable".to_owned()).await, began).await;
        for (identity, user) in legacy_users() {
            let text = |text: &str| json!({ "S": text });
            let item = json!({
                "identity": text(identity), "user_id": text(user.id.as_str()),
                "username": text(user.username.typed()),
            });
            let request = json!({ "TableName": "LegacyTable", "Item": item });
            let (status, answer) = tables::call(&endpoint, "PutItem", &request).await.unwrap();
            assert!(status.is_success(), "{answer}");
        }
        let mut settings = Settings::default()
            .variable("SIGNING_KEYS", &key_set())
            .variable("JWT_ISSUER", ISSUER)
            .option("--dynamodb-endpoint", &endpoint);
        if locations == Locations::All {
            settings = settings.variable("JWT_TOKEN_LOCATION", "headers,cookies,query_string,json");
        }
        // The starting stack calls DynamoDB, which runs in this process.
        let stack = tokio::task::block_in_place(|| settings.start());
        Self { stack, other: second_token(began) }
    }

    /// The request to a route; `None` if the route or HTTP cannot have it.
    fn request(&self, surface: Surface, sent: &ClientRequest) -> Option<RequestBuilder> {
        let path = match (surface, sent.is_change) {
            (Surface::Me, false) => "/me",
            (Surface::Me, true) => "/sessions/none",
            (Surface::Protected, false) => "/protected",
            // Its only identity source is the header.
            (Surface::HttpApi2, _) if !sent.queries.is_empty() => return None,
            (Surface::HttpApi2, false) => "/workitems",
            (Surface::HttpApi2, true) => "/workitems/none",
            _ => return None,
        };
        let method = if sent.is_change { Method::DELETE } else { Method::GET };
        let query = query_of(&sent.queries);
        let mut request = self.stack.request(method, &format!("{path}?{query}"));
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
        for text in &sent.authorization {
            request = request.header("authorization", value(text)?);
        }
        for (name, text) in &sent.headers {
            request = request.header(*name, value(text)?);
        }
        if !sent.cookies.is_empty() {
            request = request.header("cookie", value(&sent.cookies.join("; "))?);
        }
        Some(request.body(sent.body.clone().unwrap_or_default()))
    }

    /// Compares a row on every route. Returns the number of compared routes.
    async fn compare(&self, token: &TokenRow, form: &RequestForm) -> usize {
        let mut compared = 0;
        let sent = (form.build)(token, &self.other);
        for surface in ROUTES {
            let Some(request) = self.request(surface, &sent) else { continue };
            let answer = self.stack.send(request).await;
            let now = Timestamp::now().unix();
            let verdict = expected(token, form, surface, now, 0).unwrap();
            let row = format!("{} ({}) on {surface:?}: {answer:?}", token.name, form.name);
            assert_eq!(verdict_of(&answer, surface, &sent), verdict, "{row}");
            compared += 1;
        }
        compared
    }
}

/// The verdict in an answer. The gateway words the refusals of the authorizer, and does not invoke it
/// without the header.
fn verdict_of<'a>(answer: &'a Answer, surface: Surface, sent: &ClientRequest) -> &'a str {
    let is_not_invoked = sent.authorization.is_empty();
    match (answer.status, surface) {
        (200 | 204, _) => OPENS,
        (403, Surface::HttpApi2) if !is_not_invoked => DENIED,
        (401, Surface::HttpApi2) if is_not_invoked => DENIED,
        _ => answer.text("error"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_binaries_have_the_verdicts_of_the_table() {
    let began = Timestamp::now().unix() - AGE;
    let mut rows = 0;
    for locations in [Locations::Header, Locations::All] {
        let deployment = Deployment::start(locations, began).await;
        let forms: Vec<_> = FORMS.into_iter().filter(|form| form.locations == locations).collect();
        for base in [began, began - 2_000_000, began + 2_000] {
            let tokens = table(base).into_iter().filter(|token| token.text.len() < MAX_LENGTH);
            for (number, token) in tokens.enumerate() {
                // Each token has one form, and each form many tokens.
                let form = &forms[number % forms.len()];
                rows += usize::from(deployment.compare(&token, form).await > 0);
            }
        }
    }
    assert!(rows >= ROWS, "{rows} rows");
}
