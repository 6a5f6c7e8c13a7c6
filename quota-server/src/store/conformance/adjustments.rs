//! Changes by hand: top-ups, resets, and the trail they leave.

use super::*;
use crate::store::audit::{Action, Adjusted, Adjustment, Entry, Standing, Which};
use quota::proto::Grant;

fn asked(budget: &str, action: Action, key: &str) -> Adjustment {
    Adjustment {
        budget: policy().budgets.iter().position(|each| each.name == budget).unwrap(),
        subject: vec!["acme".into()],
        action,
        by: "ann".into(),
        reason: "a launch".into(),
        key: key.into(),
    }
}

async fn made(store: &Arc<dyn Store>, now: u64, asked: Adjustment) -> Entry {
    match store.adjust(at(now), asked).await.unwrap() {
        Some(Adjusted::Made(entry)) => entry,
        other => panic!("not made: {other:?}"),
    }
}

/// Whether so much is to be had; just that is held then, for what was granted beyond goes back.
async fn is_granted(store: &Arc<dyn Store>, now: u64, number: u64, budget: &str, need: u64) -> bool {
    let request = acquire(worker(1, number + 100), number, vec![want(budget, &["acme"], need, 1)]);
    let Acquired::Granted(answer) = store.acquire(at(now), request).await.unwrap() else { return false };
    let Grant { amount, window, generation, .. } = answer.grants[0];
    let beyond = Settled { window, ..settled(budget, generation, 0, amount - need) };
    applied(store, now, SyncRequest { settled: vec![beyond], ..sync(worker(1, number + 100), 1) }).await;
    true
}

async fn audit(store: &Arc<dyn Store>) -> Vec<Entry> {
    store.audit(Which { most: 100, ..Which::default() }).await.unwrap()
}

/// 700 of 1,000 are spent and 200 held.
async fn in_use(store: &Arc<dyn Store>) {
    assert!(is_granted(store, T0, 1, "tokens", 900).await);
    let spent = SyncRequest { settled: vec![settled("tokens", 1, 700, 0)], ..sync(worker(1, 1), 1) };
    applied(store, T0, spent).await;
}

pub(crate) async fn what_was_added_may_be_had_until_the_window_ends(kind: impl Kind) {
    let store = kind.open(T0);
    in_use(&store).await;
    let entry = made(&store, T0 + 7, asked("tokens", Action::TopUp(500), "k1")).await;
    let expected = Entry {
        number: 1,
        at: T0 + 7,
        by: "ann".into(),
        action: Action::TopUp(500),
        budget: "tokens".into(),
        per: vec!["tenant".into()],
        subject: vec!["acme".into()],
        window: T0,
        unit: "tokens".into(),
        before: Standing { limit: 1_000, used: 700, outstanding: 200 },
        after: Standing { limit: 1_500, used: 700, outstanding: 200 },
        reason: "a launch".into(),
        key: "k1".into(),
    };
    assert_eq!(entry, expected);
    assert!(!is_granted(&store, T0, 2, "tokens", 601).await);
    assert!(is_granted(&store, T0, 3, "tokens", 600).await);
    let later = T0 + HOUR;
    assert!(!is_granted(&store, later, 4, "tokens", 1_001).await, "the next hour has its own 1,000");
    store.close().await.unwrap();
    let store = kind.open(later);
    assert_eq!(audit(&store).await, [expected]);
}

pub(crate) async fn what_was_used_counts_no_more_after_a_reset_and_what_is_held_does(kind: impl Kind) {
    let store = kind.open(T0);
    in_use(&store).await;
    let entry = made(&store, T0, asked("tokens", Action::Reset, "k1")).await;
    assert_eq!(entry.before, Standing { limit: 1_000, used: 700, outstanding: 200 });
    assert_eq!(entry.after, Standing { limit: 1_000, used: 0, outstanding: 200 });
    assert!(!is_granted(&store, T0, 2, "tokens", 801).await);
    assert!(is_granted(&store, T0, 3, "tokens", 800).await);
    let spent = SyncRequest { settled: vec![settled("tokens", 1, 1_000, 0)], ..sync(worker(1, 1), 2) };
    applied(&store, T0, spent).await;
    assert!(!is_granted(&store, T0, 4, "tokens", 1).await);
    assert_eq!(state(&store, T0, "tokens").await.counting(), 1_000);
}

/// What was charged as lost and forgiven is corrected without giving anything twice: of 1,000 and the 300 forgiven, no more
/// than 1,300 are ever granted.
pub(crate) async fn late_reports_after_a_reset_give_nothing_twice(kind: impl Kind) {
    let store = kind.open(T0);
    assert!(is_granted(&store, T0, 1, "tokens", 300).await);
    time_passes(&store, T0, T0 + TTL).await;
    store.sweep(at(T0 + TTL)).await.unwrap();
    assert_eq!(state(&store, T0 + TTL, "tokens").await, holding(300, 0));
    let now = T0 + TTL + 1;
    made(&store, now, asked("tokens", Action::Reset, "k1")).await;
    assert!(is_granted(&store, now, 2, "tokens", 1_000).await);
    // All 300 come back unspent.
    let back = SyncRequest { settled: vec![settled("tokens", 1, 0, 300)], ..sync(worker(1, 1), 1) };
    applied(&store, now, back).await;
    assert!(!is_granted(&store, now, 3, "tokens", 301).await);
    assert!(is_granted(&store, now, 4, "tokens", 300).await);
}

pub(crate) async fn what_comes_with_the_same_key_is_done_once(kind: impl Kind) {
    let store = kind.open(T0);
    let first = made(&store, T0, asked("tokens", Action::TopUp(500), "k1")).await;
    store.close().await.unwrap();
    let store = kind.open(T0);
    // In another window, too.
    for now in [T0, T0 + 2 * HOUR] {
        let again = store.adjust(at(now), asked("tokens", Action::TopUp(500), "k1")).await.unwrap();
        assert_eq!(again, Some(Adjusted::Repeated(first.clone())));
    }
    for other in [
        asked("tokens", Action::TopUp(501), "k1"),
        asked("tokens", Action::Reset, "k1"),
        asked("loose", Action::TopUp(500), "k1"),
        Adjustment { subject: vec!["globex".into()], ..asked("tokens", Action::TopUp(500), "k1") },
    ] {
        let taken = store.adjust(at(T0), other).await.unwrap();
        assert_eq!(taken, Some(Adjusted::KeyTaken(first.clone())));
    }
    assert_eq!(state(&store, T0, "tokens").await.raised, 500);
    assert_eq!(audit(&store).await.len(), 1);
}

pub(crate) async fn every_slot_of_a_rolling_window_is_forgiven(kind: impl Kind) {
    let store = kind.open(T0);
    // A slot is two seconds.
    for slot in 0..4_u64 {
        let now = T0 + slot * 2_000;
        assert!(is_granted(&store, now, slot + 1, "burst", 25).await);
        let spent = Settled { window: now, ..settled("burst", 1, 25, 0) };
        let report = SyncRequest { settled: vec![spent], ..sync(worker(1, 1), slot + 1) };
        applied(&store, now, report).await;
    }
    let now = T0 + 8_000;
    assert!(!is_granted(&store, now, 5, "burst", 1).await);
    let entry = made(&store, now, asked("burst", Action::Reset, "k1")).await;
    assert_eq!((entry.before.used, entry.after.used), (100, 0));
    assert!(is_granted(&store, now, 6, "burst", 100).await);
    assert!(!is_granted(&store, now, 7, "burst", 1).await);
    // As the old slots cease to count, so does what was forgiven of them.
    assert!(!is_granted(&store, T0 + 63_000, 8, "burst", 1).await);
}

pub(crate) async fn a_bucket_that_refills_is_full_after_a_reset(kind: impl Kind) {
    let store = kind.open(T0);
    assert!(is_granted(&store, T0, 1, "refilled", 100).await);
    let spent = Settled { window: 0, ..settled("refilled", 0, 0, 0) };
    let window = policy().budget("refilled").unwrap().window.at(T0).0;
    let spent = Settled { window, generation: 1, spent: 100, ..spent };
    applied(&store, T0, SyncRequest { settled: vec![spent], ..sync(worker(1, 1), 1) }).await;
    assert!(!is_granted(&store, T0, 2, "refilled", 1).await);
    let entry = made(&store, T0, asked("refilled", Action::Reset, "k1")).await;
    assert_eq!((entry.before.used, entry.after.used), (100, 0));
    assert!(is_granted(&store, T0, 3, "refilled", 100).await);
    // It can't hold more than its burst, however long that was forgiven.
    assert!(!is_granted(&store, T0 + 1_000, 4, "refilled", 2).await);
}

pub(crate) async fn absurd_additions_stop_at_the_largest(kind: impl Kind) {
    let store = kind.open(T0);
    for n in 0..3 {
        made(&store, T0, asked("tokens", Action::TopUp(quota::LARGEST_AMOUNT), &n.to_string())).await;
    }
    assert_eq!(state(&store, T0, "tokens").await.raised, quota::LARGEST_AMOUNT);
    assert!(is_granted(&store, T0, 1, "tokens", 5_000).await);
}

pub(crate) async fn the_trail_is_read_from_the_newest_by_budget_and_in_pages(kind: impl Kind) {
    let store = kind.open(T0);
    for n in 1..=300_u64 {
        let budget = if n % 100 == 0 { "loose" } else { "tokens" };
        made(&store, T0 + n, asked(budget, Action::TopUp(n), &n.to_string())).await;
    }
    let numbers = |entries: Vec<Entry>| entries.iter().map(|entry| entry.number).collect::<Vec<_>>();
    let which =
        |before, budget: Option<&str>, most| Which { before, budget: budget.map(str::to_owned), most };
    let read = async |which| numbers(store.audit(which).await.unwrap());
    assert_eq!(read(which(None, None, 3)).await, [300, 299, 298]);
    assert_eq!(read(which(Some(298), None, 2)).await, [297, 296]);
    assert_eq!(read(which(Some(3), None, 10)).await, [2, 1]);
    assert_eq!(read(which(None, Some("loose"), 10)).await, [300, 200, 100]);
    assert_eq!(read(which(Some(300), Some("loose"), 1)).await, [200]);
    assert_eq!(read(which(None, Some("none"), 10)).await, [0_u64; 0]);
}

pub(crate) async fn workers_are_told_which_buckets_were_changed(kind: impl Kind) {
    let store = kind.open(T0);
    let told = async |sequence, heard| {
        let request = SyncRequest { adjustments: heard, ..sync(worker(1, 1), sequence) };
        let answer = applied(&store, T0, request).await;
        let names: Vec<String> = answer.adjusted.into_iter().map(|bucket| bucket.budget).collect();
        (answer.adjustments, names, answer.any_adjusted)
    };
    assert_eq!(told(1, 0).await, (0, vec![], false));
    made(&store, T0, asked("tokens", Action::TopUp(1), "1")).await;
    assert_eq!(told(2, 0).await, (1, vec![], true), "a worker that knows of none may have missed any");
    assert_eq!(told(3, 1).await, (1, vec![], false));
    made(&store, T0, asked("loose", Action::Reset, "2")).await;
    made(&store, T0, asked("tokens", Action::Reset, "3")).await;
    assert_eq!(told(4, 1).await, (3, vec!["loose".into(), "tokens".into()], false));
    for n in 4..=260 {
        made(&store, T0, asked("tokens", Action::TopUp(1), &n.to_string())).await;
    }
    assert_eq!(told(5, 3).await, (260, vec![], true), "too many to name");
    // Whoever is refused is told as of when.
    let request = acquire(worker(1, 1), 1, vec![want("tokens", &["acme"], 5_000, 0)]);
    let Acquired::Exhausted(refused) = store.acquire(at(T0), request).await.unwrap() else { panic!() };
    assert_eq!(refused.exhausted.unwrap().adjustments, 260);
}

pub(crate) async fn changes_at_the_same_time_are_all_made(kind: impl Kind) {
    at_once(&[kind.open(T0)]).await;
}

/// By turns of all that are one store, each change twice.
pub(super) async fn at_once(servers: &[Arc<dyn Store>]) {
    let changes = (0..60_u64).zip(servers.iter().cycle()).map(|(n, server)| {
        let (store, key) = (Arc::clone(server), (n / 2).to_string());
        tokio::spawn(
            async move { store.adjust(at(T0), asked("tokens", Action::TopUp(7), &key)).await.unwrap() },
        )
    });
    let mut made = 0;
    for each in changes.collect::<Vec<_>>() {
        made += u32::from(matches!(each.await.unwrap(), Some(Adjusted::Made(_))));
    }
    assert_eq!((made, state(&servers[0], T0, "tokens").await.raised), (30, 210));
    let numbers: Vec<u64> = audit(&servers[0]).await.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=30).rev().collect::<Vec<u64>>());
}
