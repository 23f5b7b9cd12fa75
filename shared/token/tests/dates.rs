//! Timestamps as dates.
#![cfg(test)]

use latchkey_token::Timestamp;

#[test]
fn timestamps_up_to_the_year_9999_have_an_rfc_3339_date() {
    let date_of = |seconds| Timestamp::from_unix(seconds).to_rfc3339();
    assert_eq!(date_of(1_700_000_000).as_deref(), Some("2023-11-14T22:13:20Z"));
    assert_eq!(date_of(0).as_deref(), Some("1970-01-01T00:00:00Z"));
    assert_eq!(date_of(253_402_300_799).as_deref(), Some("9999-12-31T23:59:59Z"));
    for seconds in [253_402_300_800, i64::MAX.unsigned_abs(), u64::MAX] {
        assert_eq!(date_of(seconds), None);
    }
}
