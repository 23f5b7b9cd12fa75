//! No request takes longer than a function has.
#![cfg(test)]

use std::{future::pending, time::Duration};

use auth_api::answer;
use auth_testkit::event::request;
use lambda_http::Request;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_503_within_two_seconds() {
    let begun = Instant::now();
    let hangs = async |_: &Request| pending().await;
    let late = answer(&request("GET", "/").to_string(), &hangs).await;
    assert_eq!((late.status_code, late.headers["retry-after"].as_str()), (503, "1"));
    assert!(late.body.contains("unavailable"), "{}", late.body);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
