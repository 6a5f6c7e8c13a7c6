//! Workers' ticks.

use super::*;
use crate::store::Overshoot;

async fn held(store: &Arc<dyn Store>, now: u64) {
    let answer =
        granted(store, now, acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 200, 50)])).await;
    assert_eq!(answer.grants[0].amount, 300);
}

pub(crate) async fn a_repeated_sync_charges_nothing_twice(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, T0).await;
    let tick = SyncRequest {
        settled: vec![settled("tokens", 1, 120, 80)],
        refills: vec![want("tokens", &["acme"], 0, 10)],
        ..sync(worker(1, 1), 41)
    };
    let first = applied(&store, T0, tick.clone()).await;
    let once = state(&store, T0, "tokens").await;
    assert_eq!(once, holding(120, 120));
    for _ in 0..3 {
        let Synced::Repeated(again) = store.sync(at(T0), tick.clone()).await.unwrap() else {
            panic!("applied twice")
        };
        assert_eq!(again, first);
    }
    assert_eq!(state(&store, T0, "tokens").await, once);
}

pub(crate) async fn an_older_sync_is_refused(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, T0).await;
    applied(&store, T0, sync(worker(1, 1), 5)).await;
    applied(&store, T0, sync(worker(1, 1), 6)).await;
    let old = SyncRequest { settled: vec![settled("tokens", 1, 120, 0)], ..sync(worker(1, 1), 5) };
    assert_eq!(store.sync(at(T0), old).await.unwrap(), Synced::Past(6));
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 300));

    let Synced::Applied { skipped, .. } = store.sync(at(T0), sync(worker(1, 1), 9)).await.unwrap() else {
        panic!("a gap is applied")
    };
    assert_eq!(skipped, 2);
}

pub(crate) async fn workers_count_their_messages_apart(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, T0).await;
    for reporter in [worker(1, 1), worker(1, u64::MAX), worker(2, 1)] {
        applied(&store, T0, sync(reporter, 3)).await;
    }
    // Process 2 never held anything: what it says does not touch what process 1 holds.
    let claim = SyncRequest { settled: vec![settled("tokens", 1, 0, 300)], ..sync(worker(2, 1), 4) };
    applied(&store, T0, claim).await;
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 300));
    // But any worker settles for its process.
    let settles = SyncRequest { settled: vec![settled("tokens", 1, 0, 300)], ..sync(worker(1, u64::MAX), 4) };
    applied(&store, T0, settles).await;
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 0));
}

pub(crate) async fn settlements_reach_the_bucket_of_their_own_window(kind: impl Kind) {
    let store = kind.open(T0);
    let before_end = T0 + HOUR - 1_000;
    held(&store, before_end).await;
    let now = T0 + HOUR + 1_000;
    let tick = SyncRequest { settled: vec![settled("tokens", 1, 120, 180)], ..sync(worker(1, 1), 1) };
    applied(&store, now, tick).await;
    assert_eq!(state(&store, before_end, "tokens").await, holding(120, 0));
    let fresh =
        granted(&store, now, acquire(worker(1, 1), 2, vec![want("tokens", &["acme"], 1000, 0)])).await;
    assert_eq!(fresh.grants[0].remaining, 0, "the new window had all of it");
}

pub(crate) async fn an_overshoot_is_charged_and_told(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, T0).await;
    let tick = SyncRequest { settled: vec![settled("tokens", 1, 350, 0)], ..sync(worker(1, 1), 1) };
    let Synced::Applied { overshoots, .. } = store.sync(at(T0), tick).await.unwrap() else {
        panic!("not applied")
    };
    assert_eq!(overshoots, [Overshoot { budget: "tokens".into(), amount: 50 }]);
    assert_eq!(state(&store, T0, "tokens").await, holding(350, 0));
}

pub(crate) async fn refills_answer_in_order_and_never_exceed_what_is_left(kind: impl Kind) {
    let store = kind.open(T0);
    granted(&store, T0, acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 900, 1)])).await;
    let refills = vec![
        want("gone", &["acme"], 0, 5),
        want("tokens", &["acme"], 0, 5_000),
        want("tokens", &["acme"], 0, 5_000),
        want("tokens", &["acme"], 500, 0),
    ];
    let answer = applied(&store, T0, SyncRequest { refills, ..sync(worker(1, 1), 1) }).await;
    // 98 are left: half of them, half of the rest, then a need that does not fit and a sixteenth of 25.
    assert_eq!(answer.refills.iter().map(|grant| grant.amount).collect::<Vec<_>>(), [0, 49, 24, 1]);
    assert_eq!(answer.refills[3].remaining, 24);
    assert_eq!(state(&store, T0, "tokens").await, holding(0, 976));
}

pub(crate) async fn what_was_answered_survives_a_restart(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, T0).await;
    let tick = SyncRequest { settled: vec![settled("tokens", 1, 120, 80)], ..sync(worker(1, 1), 1) };
    let first = applied(&store, T0, tick.clone()).await;
    store.close().await.unwrap();
    assert!(store.sync(at(T0), tick.clone()).await.is_err(), "closed");

    let store = kind.open(T0);
    assert_eq!(state(&store, T0, "tokens").await, holding(120, 100));
    assert_eq!(store.sync(at(T0), tick).await.unwrap(), Synced::Repeated(first));
    let again = acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 200, 50)]);
    assert_eq!(granted(&store, T0, again).await.grants[0].amount, 300);
    assert_eq!(state(&store, T0, "tokens").await, holding(120, 100));
}

pub(crate) async fn buckets_are_kept_for_late_reports_and_then_forgotten(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, T0).await;
    let sweep = async |now| {
        while store.sweep(at(now)).await.unwrap().forgotten > 0 {}
    };
    time_passes(&store, T0, T0 + TTL + 1).await;
    let day_after = T0 + HOUR + 24 * HOUR;
    sweep(day_after).await;
    assert_eq!(state(&store, T0, "tokens").await, holding(300, 0));
    sweep(day_after + 1).await;
    assert_eq!(store.buckets(T0).await.unwrap(), []);
    // A process that comes back after all that begins anew.
    sweep(day_after + 2 * HOUR).await;
    let answer = applied(&store, day_after + 2 * HOUR, sync(worker(1, 1), 1)).await;
    assert_eq!(answer.term.unwrap().generation, 1);
}

pub(crate) async fn what_was_spent_without_a_lease_counts_in_the_current_window(kind: impl Kind) {
    let store = kind.open(T0);
    held(&store, T0).await;
    let now = T0 + 1_000;
    let unheld = Settled { window: 0, ..settled("tokens", 0, 120, 0) };
    applied(&store, now, SyncRequest { settled: vec![unheld], ..sync(worker(1, 1), 1) }).await;
    assert_eq!(state(&store, now, "tokens").await, holding(120, 300), "what is held elsewhere stays held");
}
