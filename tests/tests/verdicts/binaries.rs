//! Rows of the table over the real binaries, whose clock is the real one: the tokens are written
//! for three beginnings, so that they are good, over, and not begun.

use latchkey_store::{Aws, DynamoUsers};
use latchkey_testkit::{dynamodb, fixtures::ISSUER};
use latchkey_tests::stack::{Answer, Settings, Stack};
use latchkey_token::Timestamp;
use local::tables;
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::json;

use crate::{
    events::query_of,
    expected::{DENIED, expected},
    forms::{Asked, FORMS, Form, Places},
    surfaces::Surface,
    table,
    tokens::{OPENS, Token, another},
    world::{add_users, key_set, legacy_users},
};

/// How many rows there are at least.
const ROWS: usize = 200;

/// The gateway's limit for headers leaves out the longest tokens.
const LONGEST: usize = 8_000;

/// How long before now the users' sessions began, and the tokens that are good. No bound of a token
/// is near: the test may take a minute.
const BEGAN: u64 = 250;

/// The routes that are asked: the account's, the sample's behind the guard, and the one behind the
/// authorizer, which no earlier decision opens here.
const ROUTES: [Surface; 3] = [Surface::Me, Surface::Protected, Surface::HttpApi2];

struct Deployment {
    stack: Stack,
    other: String,
}

impl Deployment {
    async fn start(places: Places, began: u64) -> Self {
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
        if places == Places::All {
            settings = settings.variable("JWT_TOKEN_LOCATION", "headers,cookies,query_string,json");
        }
        // The stack asks DynamoDB before it is ready, which runs in this process.
        let stack = tokio::task::block_in_place(|| settings.start());
        Self { stack, other: another(began) }
    }

    /// The request on that route, if it has the form's method.
    fn request(&self, surface: Surface, asked: &Asked) -> Option<RequestBuilder> {
        let path = match (surface, asked.is_change) {
            (Surface::Me, false) => "/me",
            (Surface::Me, true) => "/sessions/none",
            (Surface::Protected, false) => "/protected",
            // Its source of identity is the header, so that nothing in the URL counts.
            (Surface::HttpApi2, _) if !asked.queries.is_empty() => return None,
            (Surface::HttpApi2, false) => "/workitems",
            (Surface::HttpApi2, true) => "/workitems/none",
            _ => return None,
        };
        let method = if asked.is_change { Method::DELETE } else { Method::GET };
        let query = query_of(&asked.queries);
        let mut request = self.stack.request(method, &format!("{path}?{query}"));
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
        for text in &asked.authorization {
            request = request.header("authorization", value(text)?);
        }
        for (name, text) in &asked.headers {
            request = request.header(*name, value(text)?);
        }
        if !asked.cookies.is_empty() {
            request = request.header("cookie", value(&asked.cookies.join("; "))?);
        }
        Some(request.body(asked.body.clone().unwrap_or_default()))
    }

    /// Holds a row against the table on every route; returns on how many.
    async fn hold(&self, token: &Token, form: &Form) -> usize {
        let mut compared = 0;
        let asked = (form.ask)(token, &self.other);
        for surface in ROUTES {
            let Some(request) = self.request(surface, &asked) else { continue };
            let answer = self.stack.send(request).await;
            let now = Timestamp::now().unix();
            let verdict = expected(token, form, surface, now, 0).unwrap();
            let row = format!("{} ({}) on {surface:?}: {answer:?}", token.name, form.name);
            assert_eq!(verdict_of(&answer, surface, &asked), verdict, "{row}");
            compared += 1;
        }
        compared
    }
}

/// The gateway words the authorizer's refusals, and asks none where there is no header.
fn verdict_of<'a>(answer: &'a Answer, surface: Surface, asked: &Asked) -> &'a str {
    let is_unasked = asked.authorization.is_empty();
    match (answer.status, surface) {
        (200 | 204, _) => OPENS,
        (403, Surface::HttpApi2) if !is_unasked => DENIED,
        (401, Surface::HttpApi2) if is_unasked => DENIED,
        _ => answer.text("error"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_table_have_the_same_verdict_over_the_real_binaries() {
    let began = Timestamp::now().unix() - BEGAN;
    let mut rows = 0;
    for places in [Places::Header, Places::All] {
        let deployment = Deployment::start(places, began).await;
        let forms: Vec<_> = FORMS.into_iter().filter(|form| form.places == places).collect();
        for base in [began, began - 2_000_000, began + 2_000] {
            let tokens = table(base).into_iter().filter(|token| token.text.len() < LONGEST);
            for (number, token) in tokens.enumerate() {
                // Every token in one form, each form with many tokens.
                let form = &forms[number % forms.len()];
                rows += usize::from(deployment.hold(&token, form).await > 0);
            }
        }
    }
    assert!(rows >= ROWS, "{rows} rows");
}
