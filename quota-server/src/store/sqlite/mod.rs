//! The embedded store: one SQLite file, one server.

mod acquire;
mod query;
mod rows;
mod schema;
mod spend;
mod sweep;
mod sync;
mod writer;

use super::ledger::Entry;
use super::{Acquired, Answer, Charge, Error, Moment, OpenBucket, Spent, Store, Swept, Synced};
use policy::Policy;
use quota::proto::{AcquireRequest, SyncRequest};
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Arc, Mutex};
use writer::Writer;

pub struct Sqlite {
    writer: Arc<Writer>,
    /// `None`: the writer's connection is the only one.
    reader: Option<Arc<Mutex<Option<Connection>>>>,
    ttl_ms: u64,
    /// Unix ms.
    opened: u64,
}

impl Sqlite {
    /// Opens or creates the file. `ttl_ms` is what each message renews its process's lease term by. No term ends before
    /// a whole one has passed since `now` (Unix ms): processes could not be heard while the server was down.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn open(path: &Path, ttl_ms: u64, now: u64) -> Result<Sqlite, Error> {
        let connection = schema::open(path)?;
        rows::spare(&connection, now.saturating_add(ttl_ms)).map_err(|e| Error::Unusable(e.to_string()))?;
        let reader = schema::open_to_read(path)?;
        Ok(Sqlite {
            writer: Arc::new(Writer::start(connection)?),
            reader: Some(Arc::new(Mutex::new(Some(reader)))),
            ttl_ms,
            opened: now,
        })
    }

    /// One without a file, for simulations and tests: every operation is done when it is first polled.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn in_memory(ttl_ms: u64, now: u64) -> Result<Sqlite, Error> {
        let writer = Arc::new(Writer::in_place(schema::in_memory()?));
        Ok(Sqlite { writer, reader: None, ttl_ms, opened: now })
    }

    /// What a server does that takes the store up at `now` (Unix ms): see [`Sqlite::open`].
    ///
    /// # Errors
    /// As any operation.
    pub async fn taken_up(&self, now: u64) -> Result<(), Error> {
        let ttl_ms = self.ttl_ms;
        self.writer.run(move |db| rows::spare(db, now.saturating_add(ttl_ms))).await
    }

    fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.writer.run(operation))
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        let Some(reader) = self.reader.clone() else { return self.write(query) };
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || match reader.lock().as_deref() {
                Ok(Some(connection)) => query(connection).map_err(|error| Error::Failed(error.to_string())),
                _ => Err(Error::Closed),
            });
            read.await.map_err(|_| Error::Closed)?
        })
    }
}

/// The ledger of a file, beside the server that may be writing it.
///
/// # Errors
/// Says what is wrong with the file.
pub fn read_ledger(path: &Path, since: u64) -> Result<Vec<Entry>, Error> {
    let connection = schema::open_to_read(path)?;
    query::ledger(&connection, since).map_err(|error| Error::Failed(error.to_string()))
}

impl Store for Sqlite {
    fn acquire(&self, at: Moment, request: AcquireRequest) -> Answer<'_, Acquired> {
        let ttl_ms = self.ttl_ms;
        self.write(move |db| acquire::acquire(db, &at, ttl_ms, &request))
    }

    fn sync(&self, at: Moment, request: SyncRequest) -> Answer<'_, Synced> {
        let ttl_ms = self.ttl_ms;
        self.write(move |db| sync::sync(db, &at, ttl_ms, &request))
    }

    fn spend(&self, at: Moment, charges: Vec<Charge>) -> Answer<'_, Spent> {
        self.write(move |db| spend::spend(db, &at, &charges))
    }

    fn sweep(&self, at: Moment) -> Answer<'_, Swept> {
        let (ttl_ms, opened) = (self.ttl_ms, self.opened);
        self.write(move |db| sweep::sweep(db, &at, ttl_ms, opened))
    }

    fn remember(&self, policy: Arc<Policy>) -> Answer<'_, ()> {
        self.write(move |db| {
            let names: Vec<&str> =
                policy.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
            // A list of strings has no way to fail.
            let names = serde_json::to_string(&names).unwrap_or_default();
            rows::change(db, "INSERT OR REPLACE INTO policy VALUES (?1, ?2)", &[&policy.version, &names])?;
            Ok(())
        })
    }

    fn ledger(&self, since: u64) -> Answer<'_, Vec<Entry>> {
        self.read(move |db| query::ledger(db, since))
    }

    fn buckets(&self, now: u64) -> Answer<'_, Vec<OpenBucket>> {
        self.read(move |db| query::buckets(db, now))
    }

    fn ready(&self) -> Answer<'_, ()> {
        self.write(|db| db.query_row("SELECT version FROM schema_version", [], |_| Ok(())))
    }

    fn close(&self) -> Answer<'_, ()> {
        let (writer, reader) = (Arc::clone(&self.writer), self.reader.clone());
        Box::pin(async move {
            let closed = tokio::task::spawn_blocking(move || {
                // First: the log is removed with the last connection, and this one may not write.
                if let Some(Ok(mut reader)) = reader.as_deref().map(Mutex::lock) {
                    reader.take();
                }
                writer.stop();
            });
            closed.await.map_err(|error| Error::Failed(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests;
