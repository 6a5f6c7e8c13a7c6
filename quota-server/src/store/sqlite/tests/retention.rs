//! The room that old rows had is given back.

use super::*;
use crate::store::ledger::{DAY_MS, HOUR_MS, Key, Retention, Sums};
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread")]
async fn the_file_shrinks() {
    let home = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&home.path().join("store.db"), TTL, 0).unwrap();
    let size = || store.read(|db| db.query_row("PRAGMA page_count", [], |row| row.get::<_, u32>(0)));
    let add = store.write(|db| {
        for hour in 0..5_000 {
            let key = Key { hour: hour * HOUR_MS, model: "m".repeat(100), ..empty() };
            ledger::add(db, &key, &Sums::default())?;
        }
        Ok(())
    });
    add.await.unwrap();
    let before = size().await.unwrap();
    let keep = Retention { hours_ms: DAY_MS, days_ms: DAY_MS, months_ms: None };
    while Store::retain(&store, keep, 1_000 * DAY_MS).await.unwrap() > 0 {}
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
