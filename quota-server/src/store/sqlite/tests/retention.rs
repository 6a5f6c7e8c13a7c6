//! What is folded is the same in sum, and only as coarse as it may be.

use super::*;
use crate::store::ledger::{DAY_MS, HOUR_MS, Key, Retention, Sums};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// First days of months since 1970-01-01, a year and a half of them.
const MONTHS: [u64; 19] =
    [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365, 396, 424, 455, 485, 516, 546];

fn month_of(ms: u64) -> u64 {
    *MONTHS.iter().rfind(|&&day| day * DAY_MS <= ms).unwrap() * DAY_MS
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn put(store: &Sqlite, hour: u64, tenant: &str, requests: u64) {
    let key = Key {
        hour,
        dimensions: BTreeMap::from([("tenant".to_owned(), tenant.to_owned())]),
        model: "gpt-4o".into(),
        provider: "openai".into(),
        outcome: "ok".into(),
        source: "reported".into(),
        price_version: "p1".into(),
    };
    let sums = Sums { requests, tokens: [requests; 9], cost_pico_usd: requests, ..Sums::default() };
    run(store.write(move |db| ledger::add(db, &key, &sums))).unwrap();
}

/// Until nothing is due.
fn retain(store: &Sqlite, keep: Retention, now: u64) {
    for _ in 0..100 {
        if run(Store::retain(store, keep, now)).unwrap() == 0 {
            return;
        }
    }
    panic!("there is no end to it");
}

/// Sums by tenant and month, of what came since.
fn by_month(store: &Sqlite, since: u64) -> BTreeMap<(String, u64), [u64; 3]> {
    let mut sums: BTreeMap<_, [u64; 3]> = BTreeMap::new();
    for row in run(store.ledger(since)).unwrap() {
        let of = sums.entry((row.key.dimensions["tenant"].clone(), month_of(row.key.hour))).or_default();
        of[0] += row.sums.requests;
        of[1] += row.sums.tokens.iter().sum::<u64>();
        of[2] += row.sums.cost_pico_usd;
    }
    sums
}

fn requests(store: &Sqlite, since: u64) -> u64 {
    run(store.ledger(since)).unwrap().iter().map(|row| row.sums.requests).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn folding_changes_no_sum(
        rows in prop::collection::vec((0u64..500 * 24, 0u8..3, 1u64..1000), 1..60),
        (hours, days) in (1u64..100, 1u64..400),
        nows in prop::collection::vec(0u64..40 * 24, 1..4),
        since in 0u64..500 * 24,
    ) {
        let store = Sqlite::in_memory(TTL, 0).unwrap();
        for (hour, tenant, requests) in &rows {
            put(&store, hour * HOUR_MS, &tenant.to_string(), *requests);
        }
        let since_month = month_of(since * HOUR_MS);
        let before = (by_month(&store, 0), by_month(&store, since_month), requests(&store, since * HOUR_MS));
        let keep = Retention { hours_ms: hours * DAY_MS, days_ms: days * DAY_MS, months_ms: None };
        // Time goes on between them, and may stand still.
        let mut now = 500 * DAY_MS;
        for more in nows {
            now += more * HOUR_MS;
            retain(&store, keep, now);
            prop_assert_eq!(by_month(&store, 0), before.0.clone());
            prop_assert_eq!(by_month(&store, since_month), before.1.clone());
            prop_assert!(requests(&store, since * HOUR_MS) >= before.2, "nothing asked for is left out");
        }
        let hours_since = (now - keep.hours_ms) / DAY_MS * DAY_MS;
        let days_since = month_of(now - keep.days_ms.max(keep.hours_ms));
        for row in run(store.ledger(0)).unwrap() {
            let hour = row.key.hour;
            prop_assert!(hour >= hours_since || hour % DAY_MS == 0, "{} is no day", hour);
            prop_assert!(hour >= days_since || hour == month_of(hour), "{} is no month", hour);
        }
    }
}

#[test]
fn what_is_kept_apart_stays_apart_and_what_is_not_goes_by_whole_months() {
    let store = Sqlite::in_memory(TTL, 0).unwrap();
    let at = |day: u64, hour: u64| day * DAY_MS + hour * HOUR_MS;
    for (day, hour) in [(10, 3), (40, 1), (40, 2), (41, 1), (399, 5), (399, 6), (400, 1)] {
        put(&store, at(day, hour), "acme", 1);
    }
    let keep = Retention { hours_ms: 7 * DAY_MS, days_ms: 360 * DAY_MS, months_ms: None };
    let hours = |store: &Sqlite| -> Vec<(u64, u64)> {
        run(store.ledger(0)).unwrap().iter().map(|row| (row.key.hour, row.sums.requests)).collect()
    };
    retain(&store, keep, at(406, 12));
    assert_eq!(
        hours(&store),
        [(at(0, 0), 1), (at(40, 0), 2), (at(41, 0), 1), (at(399, 5), 1), (at(399, 6), 1), (at(400, 1), 1)],
        "day 399 is still within the 7 days, and so is February (day 31 on) within the 360"
    );
    retain(&store, Retention { months_ms: Some(375 * DAY_MS), ..keep }, at(406, 12));
    assert_eq!(hours(&store).first(), Some(&(at(40, 0), 2)), "January is over for more than 375 days");
    assert_eq!(requests(&store, at(40, 23)), 6, "the day of the moment asked for is all there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_shrinks() {
    let home = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&home.path().join("store.db"), TTL, 0).unwrap());
    let size = || store.read(|db| db.query_row("PRAGMA page_count", [], |row| row.get::<_, u32>(0)));
    let filled = Arc::clone(&store);
    let keep = Retention { hours_ms: DAY_MS, days_ms: DAY_MS, months_ms: None };
    tokio::task::spawn_blocking(move || {
        let add = filled.write(|db| {
            for hour in 0..5_000 {
                let key = Key { hour: hour * HOUR_MS, model: "m".repeat(100), ..empty() };
                ledger::add(db, &key, &Sums::default())?;
            }
            Ok(())
        });
        run(add).unwrap();
    })
    .await
    .unwrap();
    let before = size().await.unwrap();
    let folding = Arc::clone(&store);
    tokio::task::spawn_blocking(move || retain(&folding, keep, 1_000 * DAY_MS)).await.unwrap();
    let after = size().await.unwrap();
    assert!(after < before / 2, "{before} pages, then {after}");
}

fn empty() -> Key {
    let none = String::new;
    Key {
        hour: 0,
        dimensions: BTreeMap::new(),
        model: none(),
        provider: none(),
        outcome: none(),
        source: none(),
        price_version: none(),
    }
}
