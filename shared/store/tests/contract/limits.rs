//! Attempt limits.

use std::{sync::Arc, time::Duration};

use latchkey_session::{
    AttemptLimit, Charge,
    LimitCondition::{self, After, Between, UpTo},
    LimitKey, LimitOutcome,
    LimitTime::{self, At, Later},
    LimitWrite, UpdateLimit, charge,
};
use latchkey_testkit::fixtures::NOW;
use latchkey_token::Timestamp;
use tokio::task::JoinSet;

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn write(condition: LimitCondition, time: LimitTime) -> LimitWrite {
    LimitWrite { condition, time, expires_at: later(1_000) }
}

pub(crate) async fn a_bucket_is_written_only_on_its_condition(store: &impl UpdateLimit) {
    let key = LimitKey::login("192.0.2.1");
    let update =
        async |condition, time| store.update_limit(&key, &write(condition, time)).await.unwrap();
    let by_ten = Later(Duration::from_secs(10));

    assert_eq!(update(Between(NOW, later(9)), by_ten).await, LimitOutcome::Unchanged(None));
    assert_eq!(update(After(NOW), At(NOW)).await, LimitOutcome::Unchanged(None));
    assert_eq!(update(UpTo(NOW), At(later(10))).await, LimitOutcome::Written);
    let ten = LimitOutcome::Unchanged(Some(later(10)));
    assert_eq!(update(UpTo(later(9)), At(NOW)).await, ten);
    assert_eq!(update(Between(later(10), later(20)), by_ten).await, ten);
    assert_eq!(update(Between(NOW, later(9)), by_ten).await, ten);
    assert_eq!(update(After(later(10)), At(NOW)).await, ten);
    assert_eq!(update(Between(NOW, later(10)), by_ten).await, LimitOutcome::Written);
    assert_eq!(update(UpTo(NOW), At(NOW)).await, LimitOutcome::Unchanged(Some(later(20))));
    assert_eq!(update(After(later(19)), At(later(5))).await, LimitOutcome::Written);
    assert_eq!(update(UpTo(later(5)), At(later(6))).await, LimitOutcome::Written);
}

pub(crate) async fn buckets_are_kept_by_purpose_and_subject(store: &impl UpdateLimit) {
    let limit: AttemptLimit = "1/60".parse().unwrap();
    let keys =
        [LimitKey::login("192.0.2.1"), LimitKey::signup("192.0.2.1"), LimitKey::login("192.0.2.2")];
    for key in &keys {
        assert_eq!(charge(store, key, limit, NOW).await.unwrap(), Charge::Allowed, "{key:?}");
    }
    for key in &keys {
        let refused = charge(store, key, limit, NOW).await.unwrap();
        assert_eq!(refused, Charge::Refused(later(60)), "{key:?}");
    }
}

pub(crate) async fn parallel_charges_never_exceed_the_limit(
    store: &(impl UpdateLimit + Clone + Send + Sync + 'static),
) {
    let limit: AttemptLimit = "7/60".parse().unwrap();
    let key = Arc::new(LimitKey::login("192.0.2.1"));
    let mut charges = JoinSet::new();
    for _ in 0..40 {
        let (store, key) = (store.clone(), Arc::clone(&key));
        charges.spawn(async move { charge(&store, &key, limit, NOW).await.unwrap() });
    }
    let charges = charges.join_all().await;
    let allowed = charges.iter().filter(|charge| **charge == Charge::Allowed).count();
    assert_eq!(allowed, 7, "{charges:?}");
}
