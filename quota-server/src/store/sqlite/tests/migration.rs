//! Files of earlier versions are taken over with all that is in them.

use super::*;
use quota::Bucket;

const SCHEMA_1: &str = include_str!("schema-1.sql");

fn tables(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut query =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

#[tokio::test]
async fn a_file_of_schema_1_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("store.db");
    Connection::open(&path).unwrap().execute_batch(SCHEMA_1).unwrap();
    let Err(why) = read_ledger(&path, 0) else { panic!("read as if it were of today") };
    assert!(why.to_string().contains("the file has schema 1"), "{why}");

    // The second time there is nothing to do.
    for _ in 0..2 {
        let store = Sqlite::open(&path, TTL, 0).unwrap();
        let ledger = store.ledger(0).await.unwrap();
        let told: Vec<(u64, u64, u64)> = ledger
            .iter()
            .map(|row| (row.key.hour, row.sums.requests, row.sums.tokens.iter().sum()))
            .collect();
        assert_eq!(told, [(0, 2, 338), (3_600_000, 1, 31)]);
        assert_eq!(ledger[0].key.dimensions["tenant"], "acme");
        let [bucket] = &store.buckets(1).await.unwrap()[..] else { panic!("one bucket") };
        assert_eq!(
            (bucket.bucket, bucket.lost),
            (Bucket { used: 310, outstanding: 500, ..Bucket::default() }, 20)
        );
        // Sequence 9 of the worker was applied.
        let at = Moment { policy: Arc::new(Policy::from_yaml("{}").unwrap()), now: 4_500 };
        let reporter = quota::proto::Reporter { node: "envoy-1".into(), epoch: 7, worker: 1 };
        let repeat = SyncRequest { reporter: Some(reporter), sequence: 9, ..Default::default() };
        assert!(matches!(store.sync(at, repeat).await.unwrap(), Synced::Repeated(_)));
        store.close().await.unwrap();
    }
    let new = home.path().join("new.db");
    ours(&new);
    assert_eq!(tables(&path), tables(&new));
}
