//! The conformance suite over files, and what is SQLite's own: damaged, foreign and newer files.

mod migration;
mod retention;

use super::*;
use crate::store::conformance::{Kind, TTL, conformance};
use tempfile::TempDir;

struct InADirectory(TempDir);

impl Kind for InADirectory {
    fn fresh() -> Self {
        InADirectory(tempfile::tempdir().unwrap())
    }

    fn open(&self, now: u64) -> Arc<dyn Store> {
        Arc::new(Sqlite::open(&self.0.path().join("store.db"), TTL, now).unwrap())
    }
}

conformance!(InADirectory);

fn refusal(prepare: impl FnOnce(&Path)) -> String {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("store.db");
    prepare(&path);
    match Sqlite::open(&path, TTL, 0) {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string().replace(&format!("{}", path.display()), "FILE"),
    }
}

fn ours(path: &Path) {
    drop(schema::open(path).unwrap());
}

#[test]
fn a_newer_file_is_left_alone() {
    let why = refusal(|path| {
        ours(path);
        Connection::open(path).unwrap().execute("UPDATE schema_version SET version = 7", []).unwrap();
    });
    assert_eq!(
        why,
        "the store can't be used: FILE: the file was made by a newer version of Tollkeeper (schema 7; this one knows up to \
         5): use that version, or a backup from before"
    );
}

#[test]
fn somebody_elses_database_is_left_alone() {
    let why =
        refusal(|path| Connection::open(path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap());
    assert_eq!(why, "the store can't be used: FILE: the file is a database, but none of Tollkeeper's");
}

#[test]
fn what_is_no_database_is_named_so() {
    let why = refusal(|path| {
        std::fs::write(path, "not a database, but long enough to look like one".repeat(99)).unwrap()
    });
    assert_eq!(
        why,
        "the store can't be used: FILE: file is not a database (put a backup in its place, or what `sqlite3 FILE .recover` \
         saves of it)"
    );
}

#[test]
fn a_damaged_file_is_refused_at_start() {
    let why = refusal(|path| {
        ours(path);
        let mut bytes = std::fs::read(path).unwrap();
        // Everything behind the first page, which holds the header and the schema.
        bytes[4096..].fill(0xa5);
        std::fs::write(path, bytes).unwrap();
    });
    assert!(why.starts_with("the store can't be used: FILE: "), "{why}");
    assert!(why.contains("damaged") || why.contains("malformed"), "{why}");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("missing").join("store.db");
    let Err(error) = Sqlite::open(&path, TTL, 0) else { panic!("opened") };
    assert!(error.to_string().contains("missing/store.db"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_fails_leaves_nothing_and_hurts_no_other() {
    let home = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&home.path().join("store.db"), TTL, 0).unwrap();
    let name = |name: &'static str, fail: bool| {
        store.write(move |db| {
            rows::change(db, "INSERT INTO policy VALUES (?1, '[]')", &[&name])?;
            if fail { Err(rusqlite::Error::QueryReturnedNoRows) } else { Ok(()) }
        })
    };
    let (a, b, c) = tokio::join!(name("a", false), name("b", true), name("c", false));
    assert!(a.is_ok() && b.is_err() && c.is_ok());
    let kept = store.read(|db| {
        db.query_row("SELECT group_concat(version) FROM policy", [], |row| row.get::<_, String>(0))
    });
    assert_eq!(kept.await.unwrap(), "a,c".to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_ends_early_answers_nobody_with_success() {
    let home = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&home.path().join("store.db"), TTL, 0).unwrap();
    // What a full disk does inside SQLite.
    let ended = store.write(|db| db.execute_batch("ROLLBACK")).await;
    assert!(ended.is_err());
    assert!(store.ready().await.is_ok(), "the next batch is not affected");
}

/// A ledger entry of so many requests, told as the first news of a worker.
fn told(worker: u64, requests: u64) -> SyncRequest {
    let reporter = quota::proto::Reporter { node: "envoy".into(), epoch: 1, worker };
    // Long enough that a page holds few of them.
    let entry = quota::proto::LedgerEntry {
        requests,
        model: format!("{worker}-{}", "m".repeat(200)),
        ..Default::default()
    };
    SyncRequest { reporter: Some(reporter), sequence: 1, ledger: vec![entry], ..Default::default() }
}

fn moment() -> Moment {
    Moment { policy: Arc::new(Policy::from_yaml("{}").unwrap()), now: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_loses_nothing_and_is_over_when_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&home.path().join("store.db"), TTL, 0).unwrap();
    // What SQLite meets is the same: there is no page to be had.
    let room = |pages: &'static str| {
        store.write(move |db| db.execute_batch(&format!("PRAGMA max_page_count = {pages}")))
    };
    room("40").await.unwrap();

    let mut acknowledged = 0;
    let mut why = None;
    for worker in 1..1000 {
        match store.sync(moment(), told(worker, 1)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => {
                why = Some((worker, error.to_string()));
                break;
            }
        }
    }
    let (refused, why) = why.expect("it has to be full at some time");
    assert!(why.contains("store.db: ") && why.contains("full") && why.contains("make room"), "{why}");
    assert!(acknowledged > 0);
    assert!(store.ledger(0).await.is_ok(), "it can still be read");
    assert!(store.sync(moment(), told(refused, 1)).await.is_err(), "still full");

    room("4000").await.unwrap();
    store.sync(moment(), told(refused, 1)).await.expect("the same message again, and now there is room");
    let requests: u64 = store.ledger(0).await.unwrap().iter().map(|entry| entry.sums.requests).sum();
    assert_eq!(requests, acknowledged + 1);
}

#[tokio::test]
async fn a_file_is_for_one_server_until_that_has_closed_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("store.db");
    let first = Sqlite::open(&path, TTL, 0).unwrap();
    let Err(error) = Sqlite::open(&path, TTL, 0) else { panic!("opened twice") };
    assert!(error.to_string().ends_with("another server has it open: a file is for one server"), "{error}");
    assert!(read_ledger(&path, 0).is_ok(), "who only reads is no server");
    first.close().await.unwrap();
    assert!(Sqlite::open(&path, TTL, 0).is_ok());
}
