//! What calls consumed.

use super::*;
use crate::store::ledger::Sums;
use quota::proto::LedgerEntry;

fn call(tenant: &str, model: &str) -> LedgerEntry {
    LedgerEntry {
        dimensions: vec![tenant.into(), "ann".into()],
        model: model.into(),
        provider: "openai".into(),
        outcome: "ok".into(),
        source: "reported".into(),
        price_version: "p1".into(),
        requests: 1,
        tokens: vec![1, 2, 3, 4, 5, 6, 7, 8, 9],
        cost_pico_usd: 1_000_000_000_000,
        duration_ms: 250,
        unpriced: 0,
    }
}

async fn told(store: &Arc<dyn Store>, now: u64, sequence: u64, ledger: Vec<LedgerEntry>) {
    let policy_version = policy().version.clone();
    applied(store, now, SyncRequest { policy_version, ledger, ..sync(worker(1, 1), sequence) }).await;
}

pub(crate) async fn entries_add_up_by_hour_and_by_everything_that_tells_them_apart(kind: impl Kind) {
    let store = kind.open(T0);
    store.remember(policy()).await.unwrap();
    told(&store, T0 + 1, 1, vec![call("acme", "gpt-4o"), call("acme", "gpt-4o"), call("acme", "o3")]).await;
    told(&store, T0 + HOUR - 1, 2, vec![call("acme", "gpt-4o"), call("beta", "gpt-4o")]).await;
    told(&store, T0 + HOUR, 3, vec![call("acme", "gpt-4o")]).await;
    let refused = LedgerEntry { outcome: "refused:budget".into(), ..call("acme", "gpt-4o") };
    told(&store, T0 + HOUR, 4, vec![refused]).await;

    let rows = store.ledger(T0 + HOUR / 2).await.unwrap();
    assert_eq!(rows.len(), 5, "{rows:#?}");
    let first = rows.iter().find(|row| {
        row.key.hour == T0 && row.key.model == "gpt-4o" && row.key.dimensions["tenant"] == "acme"
    });
    assert_eq!(
        first.unwrap().sums,
        Sums {
            requests: 3,
            tokens: [3, 6, 9, 12, 15, 18, 21, 24, 27],
            cost_pico_usd: 3_000_000_000_000,
            duration_ms: 750,
            unpriced: 0
        }
    );
    assert_eq!(store.ledger(T0 + HOUR).await.unwrap().len(), 2, "since then");
}

pub(crate) async fn values_are_named_by_the_policy_that_reported_them(kind: impl Kind) {
    let store = kind.open(T0);
    store.remember(policy()).await.unwrap();
    let other = "dimensions: { team: { header: x-team } }";
    let other = Arc::new(Policy::from_yaml(other).unwrap());
    store.remember(Arc::clone(&other)).await.unwrap();

    told(&store, T0, 1, vec![call("acme", "gpt-4o")]).await;
    let entry = LedgerEntry { dimensions: vec!["red".into()], ..call("", "gpt-4o") };
    let newer =
        SyncRequest { policy_version: other.version.clone(), ledger: vec![entry], ..sync(worker(1, 1), 2) };
    applied(&store, T0, newer).await;
    let unknown =
        SyncRequest { policy_version: "?".into(), ledger: vec![call("a", "b")], ..sync(worker(1, 1), 3) };
    applied(&store, T0, unknown).await;

    let mut named: Vec<String> =
        store.ledger(0).await.unwrap().iter().map(|row| format!("{:?}", row.key.dimensions)).collect();
    named.sort();
    assert_eq!(
        named,
        [
            r#"{"dimension_1": "a", "dimension_2": "ann"}"#,
            r#"{"team": "red"}"#,
            r#"{"tenant": "acme", "user": "ann"}"#
        ]
    );
}

pub(crate) async fn absurd_sums_stop_at_the_largest(kind: impl Kind) {
    let store = kind.open(T0);
    let dear = LedgerEntry { cost_pico_usd: (1 << 62) - 1, ..call("acme", "gpt-4o") };
    told(&store, T0, 1, vec![dear.clone(), dear.clone(), dear]).await;
    assert_eq!(store.ledger(0).await.unwrap()[0].sums.cost_pico_usd, i64::MAX.unsigned_abs());

    let spent = |sequence| SyncRequest {
        settled: vec![settled("tokens", 1, (1 << 62) - 1, 0); 3],
        ..sync(worker(1, 1), sequence)
    };
    applied(&store, T0, spent(2)).await;
    applied(&store, T0, spent(3)).await;
    assert_eq!(state(&store, T0, "tokens").await.used, i64::MAX.unsigned_abs());
}
