//! The file: what is in it, and whether it is ours to use.

use super::trouble::{self, explain};
use crate::store::Error;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// Rises with each change of the tables that an older server would misread: with each of [`STEPS`].
const VERSION: usize = 1 + STEPS.len();

/// What made each version of the one before, from version 2 on. Tables of files that are out there: never changed.
const STEPS: [&str; 4] = [
    // Old rows of the ledger stand for a day (those before `hours_since`, Unix ms) or a month (before `days_since`).
    "CREATE TABLE folded (days_since INTEGER NOT NULL, hours_since INTEGER NOT NULL) STRICT;
     INSERT INTO folded VALUES (0, 0);",
    // From when on what is used of it drains, Unix us; 0 where nothing does.
    "ALTER TABLE bucket ADD COLUMN drained_at INTEGER NOT NULL DEFAULT 0;",
    // What people have changed. Amounts are in the budget's unit.
    "ALTER TABLE bucket ADD COLUMN raised INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE bucket ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;
     CREATE TABLE adjustment (
         number INTEGER PRIMARY KEY,
         at INTEGER NOT NULL,               -- Unix ms
         who TEXT NOT NULL,
         added INTEGER,                     -- of a top-up; NULL for a reset
         budget TEXT NOT NULL,
         per TEXT NOT NULL,                 -- JSON array of names
         subject TEXT NOT NULL,             -- JSON array of values
         window_start INTEGER NOT NULL,     -- Unix ms
         unit TEXT NOT NULL,
         limit_before INTEGER NOT NULL,
         used_before INTEGER NOT NULL,
         outstanding_before INTEGER NOT NULL,
         limit_after INTEGER NOT NULL,
         used_after INTEGER NOT NULL,
         outstanding_after INTEGER NOT NULL,
         reason TEXT NOT NULL,
         key TEXT NOT NULL UNIQUE
     ) STRICT;
     CREATE INDEX adjustment_budget ON adjustment (budget, number);",
    // Those whose window does not end are looked at.
    "UPDATE bucket SET keep_until = window_start WHERE window_end >= 253402300800000;",
];

/// Marks the file as ours in SQLite's header: "toll".
const APPLICATION_ID: i64 = 0x746f_6c6c;

/// Version 1. `STRICT`, so that a sum that overflows fails instead of turning into a float. Unsigned 64-bit identities (epochs,
/// worker and sequence numbers) are kept as the signed integers with the same bits; amounts and times stay below 2^63.
const TABLES: &str = "
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;

CREATE TABLE process (
    id INTEGER PRIMARY KEY,
    node TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    expires_at INTEGER,            -- Unix ms; NULL once lapsed
    seen_at INTEGER NOT NULL,
    UNIQUE (node, epoch)
) STRICT;
CREATE INDEX process_due ON process (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE bucket (
    id INTEGER PRIMARY KEY,
    budget TEXT NOT NULL,
    subject TEXT NOT NULL,         -- JSON array of strings
    window_start INTEGER NOT NULL, -- Unix ms
    window_end INTEGER NOT NULL,
    keep_until INTEGER NOT NULL,   -- Unix ms; later reports are too late
    used INTEGER NOT NULL,
    outstanding INTEGER NOT NULL,
    UNIQUE (budget, subject, window_start)
) STRICT;
CREATE INDEX bucket_keep ON bucket (keep_until);

CREATE TABLE account (
    bucket INTEGER NOT NULL,
    process INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    outstanding INTEGER NOT NULL,
    written_off INTEGER NOT NULL,
    PRIMARY KEY (bucket, process, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_process ON account (process);
CREATE INDEX account_held ON account (process) WHERE outstanding > 0;

-- Acquires: the answer for a repeat and what taking it back means; both NULL where the number was withdrawn.
CREATE TABLE acquired (
    process INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    answer BLOB,                   -- AcquireResponse
    undo BLOB,                     -- SyncRequest with `settled` only
    PRIMARY KEY (process, worker, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX acquired_at ON acquired (at);

CREATE TABLE worker (
    process INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    answer BLOB NOT NULL,          -- SyncResponse
    PRIMARY KEY (process, worker)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
    version TEXT PRIMARY KEY,
    dimensions TEXT NOT NULL       -- JSON array of names
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    hour INTEGER NOT NULL,         -- Unix ms
    dimensions TEXT NOT NULL,      -- JSON object of strings, names sorted
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    outcome TEXT NOT NULL,
    source TEXT NOT NULL,
    price_version TEXT NOT NULL,
    requests INTEGER NOT NULL,
    uncached_input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    audio_in INTEGER NOT NULL,
    image_in INTEGER NOT NULL,
    output_visible INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    audio_out INTEGER NOT NULL,
    cost_pico_usd INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (hour, dimensions, model, provider, outcome, source, price_version)
) STRICT, WITHOUT ROWID;
";

/// Opens the file for writing, and creates it where there is none.
///
/// # Errors
/// Says what is wrong with the file: unreachable, read-only, damaged, not ours, or made by a newer version. One of an older
/// version is brought up to this.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let unusable = |what: String| Error::Unusable(format!("{}: {what}", path.display()));
    let sql = |error: rusqlite::Error| unusable(explain(&error));

    let mut connection = Connection::open(path).map_err(sql)?;
    settle_in(&connection).map_err(sql)?;
    // Before anything is changed: the file may be somebody else's.
    made_by(&connection).map_err(sql)?.of_this_version_or_before().map_err(unusable)?;
    if connection.is_readonly("main").map_err(sql)? {
        return Err(unusable("the file is read-only, and the server has to write it".into()));
    }
    let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sql)?;
    if check != "ok" {
        return Err(unusable(format!("the file is damaged: {check} ({})", trouble::MEND)));
    }
    // Free pages can be given back to the disk; takes effect in a file that is still empty.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(sql)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(sql)?;
    if mode != "wal" {
        return Err(unusable("its file system does not support write-ahead logging".into()));
    }

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let version = made_by(&transaction).map_err(sql)?.of_this_version_or_before().map_err(unusable)?;
    if version < VERSION {
        bring_up_to_date(&transaction, version).map_err(sql)?;
    }
    transaction.commit().map_err(sql)?;
    if (1..VERSION).contains(&version) {
        tracing::info!("{}: brought from schema {version} to {VERSION}", path.display());
    }
    Ok(connection)
}

/// A new one that is gone with its connection.
///
/// # Errors
/// SQLite's own, which memory does not give.
pub(super) fn in_memory() -> Result<Connection, Error> {
    let sql = |error: rusqlite::Error| Error::Unusable(error.to_string());
    let connection = Connection::open_in_memory().map_err(sql)?;
    settle_in(&connection).map_err(sql)?;
    bring_up_to_date(&connection, 0).map_err(sql)?;
    Ok(connection)
}

/// Opens the file for queries beside the writer.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, Error> {
    let unusable = |what: String| Error::Unusable(format!("{}: {what}", path.display()));
    if !path.exists() {
        return Err(unusable("there is no such file".into()));
    }
    let sql = |error: rusqlite::Error| unusable(explain(&error));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    settle_in(&connection).map_err(sql)?;
    match made_by(&connection).map_err(sql)?.of_this_version_or_before().map_err(unusable)? {
        0 => Err(unusable("the file is empty".into())),
        VERSION => Ok(connection),
        older => Err(unusable(format!(
            "the file has schema {older}; a server of this version brings it to {VERSION} when it is started on it"
        ))),
    }
}

/// `synchronous = FULL`: a commit that returned is on the disk, in WAL mode too.
fn settle_in(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "synchronous", "FULL")
}

enum Made {
    /// An empty file.
    Not,
    /// By some version of Tollkeeper, with its schema.
    Here(usize),
    Elsewhere,
}

impl Made {
    /// The file's version; 0 where it is still to be filled.
    fn of_this_version_or_before(self) -> Result<usize, String> {
        match self {
            Made::Not => Ok(0),
            Made::Here(version) if (1..=VERSION).contains(&version) => Ok(version),
            Made::Here(version) => Err(format!(
                "the file was made by a newer version of Tollkeeper (schema {version}; this one knows up to {VERSION}): \
                 use that version, or a backup from before"
            )),
            Made::Elsewhere => Err("the file is a database, but none of Tollkeeper's".into()),
        }
    }
}

fn made_by(connection: &Connection) -> rusqlite::Result<Made> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application == APPLICATION_ID {
        return connection
            .query_row("SELECT version FROM schema_version", [], |row| row.get(0))
            .map(Made::Here);
    }
    let tables: i64 = connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(if application == 0 && tables == 0 { Made::Not } else { Made::Elsewhere })
}

/// From a version, or from nothing (0), to this one.
fn bring_up_to_date(connection: &Connection, from: usize) -> rusqlite::Result<()> {
    if from == 0 {
        connection.execute_batch(TABLES)?;
        connection.execute("INSERT INTO schema_version VALUES (1)", [])?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    for step in STEPS.iter().skip(from.saturating_sub(1)) {
        connection.execute_batch(step)?;
    }
    connection.execute("UPDATE schema_version SET version = ?1", [VERSION])?;
    Ok(())
}
