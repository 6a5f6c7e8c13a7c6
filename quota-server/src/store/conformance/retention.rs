//! What of the ledger is old: the same in sum, and only as coarse as it may be.

use super::*;
use crate::store::ledger::{DAY_MS, Retention};
use quota::proto::LedgerEntry;
use std::collections::BTreeMap;

/// First days of months since 1970-01-01, a year and a half of them.
const MONTHS: [u64; 19] =
    [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365, 396, 424, 455, 485, 516, 546];

fn month_of(ms: u64) -> u64 {
    *MONTHS.iter().rfind(|&&day| day * DAY_MS <= ms).unwrap() * DAY_MS
}

/// What calls of a tenant used, told in this hour, as the `sequence`th report of one worker.
async fn put(store: &Arc<dyn Store>, sequence: u64, hour: u64, tenant: &str, requests: u64) {
    let entry = LedgerEntry {
        dimensions: vec![tenant.to_owned()],
        model: "gpt-4o".into(),
        requests,
        tokens: vec![requests; 9],
        cost_pico_usd: requests,
        ..LedgerEntry::default()
    };
    applied(store, hour, SyncRequest { ledger: vec![entry], ..sync(worker(9, 9), sequence) }).await;
}

/// Until nothing is due.
async fn retain(store: &Arc<dyn Store>, keep: Retention, now: u64) {
    for _ in 0..100 {
        if store.retain(keep, now).await.unwrap() == 0 {
            return;
        }
    }
    panic!("there is no end to it");
}

/// Sums by tenant and month, of what came since.
async fn by_month(store: &Arc<dyn Store>, since: u64) -> BTreeMap<(String, u64), [u64; 3]> {
    let mut sums: BTreeMap<_, [u64; 3]> = BTreeMap::new();
    for row in store.ledger(since).await.unwrap() {
        let of = sums.entry((row.key.dimensions["dimension_1"].clone(), month_of(row.key.hour))).or_default();
        of[0] += row.sums.requests;
        of[1] += row.sums.tokens.iter().sum::<u64>();
        of[2] += row.sums.cost_pico_usd;
    }
    sums
}

async fn requests(store: &Arc<dyn Store>, since: u64) -> u64 {
    store.ledger(since).await.unwrap().iter().map(|row| row.sums.requests).sum()
}

pub(crate) async fn folding_changes_no_sum<K: Kind>(_: K) {
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let kind = K::fresh();
        let store = kind.open(0);
        let mut rows: Vec<_> =
            (0..60).map(|_| (dice.roll(500 * 24), dice.roll(3), 1 + dice.roll(1000))).collect();
        // First hours, days, and both: what they are folded into has their name.
        rows.extend([(24, 0, 1), (25, 0, 10), (31 * 24, 0, 1), (32 * 24, 0, 10), (31 * 24 + 1, 0, 100)]);
        rows.sort_unstable();
        for (sequence, (hour, tenant, requests)) in (1..).zip(&rows) {
            put(&store, sequence, hour * HOUR, &tenant.to_string(), *requests).await;
        }
        let since = dice.roll(500 * 24) * HOUR;
        let all = by_month(&store, 0).await;
        let (of_months, of_hours) = (by_month(&store, month_of(since)).await, requests(&store, since).await);
        let (hours, days) = (1 + dice.roll(100), 1 + dice.roll(400));
        let keep = Retention { hours_ms: hours * DAY_MS, days_ms: days * DAY_MS, months_ms: None };
        // Time goes on between them, and may stand still.
        let mut now = 500 * DAY_MS;
        for _ in 0..3 {
            now += dice.roll(40 * 24) * HOUR;
            retain(&store, keep, now).await;
            assert_eq!(by_month(&store, 0).await, all, "seed {seed}");
            assert_eq!(by_month(&store, month_of(since)).await, of_months, "seed {seed}");
            assert!(requests(&store, since).await >= of_hours, "seed {seed}: nothing asked for is left out");
        }
        let hours_since = (now - keep.hours_ms) / DAY_MS * DAY_MS;
        let days_since = month_of(now - keep.days_ms.max(keep.hours_ms));
        let left = store.ledger(0).await.unwrap();
        for row in &left {
            let hour = row.key.hour;
            assert!(hour >= hours_since || hour % DAY_MS == 0, "seed {seed}: {hour} is no day");
            assert!(hour >= days_since || hour == month_of(hour), "seed {seed}: {hour} is no month");
        }
    }
}

pub(crate) async fn what_is_kept_apart_stays_apart_and_what_is_not_goes_by_whole_months(kind: impl Kind) {
    let store = kind.open(0);
    let at = |day: u64, hour: u64| day * DAY_MS + hour * HOUR;
    let told = [(10, 3), (40, 1), (40, 2), (41, 1), (399, 5), (399, 6), (400, 1)];
    for (sequence, (day, hour)) in (1..).zip(told) {
        put(&store, sequence, at(day, hour), "acme", 1).await;
    }
    let keep = Retention { hours_ms: 7 * DAY_MS, days_ms: 360 * DAY_MS, months_ms: None };
    let hours = async || -> Vec<(u64, u64)> {
        store.ledger(0).await.unwrap().iter().map(|row| (row.key.hour, row.sums.requests)).collect()
    };
    retain(&store, keep, at(406, 12)).await;
    assert_eq!(
        hours().await,
        [(at(0, 0), 1), (at(40, 0), 2), (at(41, 0), 1), (at(399, 5), 1), (at(399, 6), 1), (at(400, 1), 1)],
        "day 399 is still within the 7 days, and so is February (day 31 on) within the 360"
    );
    retain(&store, Retention { months_ms: Some(375 * DAY_MS), ..keep }, at(406, 12)).await;
    assert_eq!(hours().await.first(), Some(&(at(40, 0), 2)), "January is over for more than 375 days");
    assert_eq!(requests(&store, at(40, 23)).await, 6, "the day of the moment asked for is all there is");
}

/// Several servers fold one ledger while reports come, late ones among them, and some stop in the middle of it.
pub(crate) async fn at_once(stores: &[Arc<dyn Store>]) {
    const DAYS: u64 = 70;
    let mut told = 0;
    for (sequence, hour) in (1..).zip((0..DAYS * 24).step_by(5)) {
        put(&stores[0], sequence, hour * HOUR, "acme", 1).await;
        told += 1;
    }
    let keep = Retention { hours_ms: DAY_MS, days_ms: 10 * DAY_MS, months_ms: None };
    let mut folding = Vec::new();
    for (at, store) in stores.iter().enumerate() {
        let store = Arc::clone(store);
        folding.push(tokio::spawn(async move {
            for round in 0..20_u64 {
                // Time goes on, so that there is always something due.
                let step = store.retain(keep, (round + 1) * 4 * DAY_MS);
                // One is cut off sooner and later.
                if at == 0 {
                    let _ = tokio::time::timeout(std::time::Duration::from_micros(150 * round), step).await;
                } else {
                    step.await.unwrap();
                }
            }
        }));
    }
    let last = &stores[stores.len() - 1];
    let mut sequence = 10_000;
    while !folding.iter().all(tokio::task::JoinHandle::is_finished) {
        sequence += 1;
        put(last, sequence, (sequence % (DAYS * 24)) * HOUR, "acme", 1).await;
        told += 1;
        // A reader that rows are moved under all the time is told so, and never given a wrong sum.
        if let Ok(rows) = last.ledger(0).await {
            assert_eq!(
                rows.iter().map(|row| row.sums.requests).sum::<u64>(),
                told,
                "read while it is folded"
            );
        }
    }
    for folding in folding {
        folding.await.unwrap();
    }
    retain(last, keep, DAYS * DAY_MS).await;
    assert_eq!(requests(last, 0).await, told);
    let hours = last.ledger(0).await.unwrap().len();
    assert!(hours < 48, "{hours} rows: two months, ten days and some hours");
}
