//! The time limit of requests.
#![cfg(test)]

use std::future::pending;

use lambda_http::Request;
use latchkey_http::{ApiError, answer};
use latchkey_testkit::event::request;

#[tokio::test]
async fn a_request_over_the_time_limit_is_503() {
    let hangs = async |_: &Request| pending::<Result<_, ApiError>>().await;
    let late = answer(&request("GET", "/").to_string(), &hangs).await;
    assert_eq!((late.status_code, late.headers["retry-after"].as_str()), (503, "1"));
    assert!(late.body.contains("unavailable"), "{}", late.body);
}
