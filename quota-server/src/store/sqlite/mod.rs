//! The embedded store: one SQLite file, one server.

mod adjustments;
mod backup;
mod forget;
mod ledger;
mod query;
mod retention;
mod rows;
mod schema;
mod trouble;
mod writer;

use super::audit::{self, Adjusted, Adjustment};
use super::ledger::{Entry, Retention};
use super::operations::{self, Listening, Rules};
use super::{Acquired, Answer, Charge, Error, Moment, OpenBucket, Spent, Store, Swept, Synced};
pub use backup::copy;
use policy::Policy;
use quota::proto::{AcquireRequest, SyncRequest};
use rows::SqlRows;
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use trouble::Lock;
use writer::Writer;

pub struct Sqlite {
    writer: Arc<Writer>,
    /// `None`: the writer's connection is the only one.
    reader: Option<Arc<Mutex<Option<Connection>>>>,
    /// `None` once closed, and where there is no file.
    lock: Mutex<Option<Lock>>,
    /// Empty where there is no file.
    path: PathBuf,
    /// Held while a backup is made: one at a time.
    copying: Arc<tokio::sync::Mutex<()>>,
    ttl_ms: u64,
    listening: Mutex<Listening>,
}

impl Sqlite {
    /// Opens or creates the file. `ttl_ms` is what each message renews its process's lease term by. No term ends before
    /// a whole one has passed since `now` (Unix ms): processes could not be heard while the server was down.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub fn open(path: &Path, ttl_ms: u64, now: u64) -> Result<Sqlite, Error> {
        let lock = Mutex::new(Some(Lock::take(path)?));
        let connection = schema::open(path)?;
        let reader = schema::open_to_read(path)?;
        Ok(Sqlite {
            writer: Arc::new(Writer::start(connection)?),
            reader: Some(Arc::new(Mutex::new(Some(reader)))),
            lock,
            path: path.to_owned(),
            copying: Arc::default(),
            ttl_ms,
            listening: Mutex::new(Listening::begin(now)),
        })
    }

    /// One without a file, for simulations and tests: every operation is done when it is first polled.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn in_memory(ttl_ms: u64, now: u64) -> Result<Sqlite, Error> {
        let writer = Arc::new(Writer::in_place(schema::in_memory()?));
        Ok(Sqlite {
            writer,
            reader: None,
            lock: Mutex::new(None),
            path: PathBuf::new(),
            copying: Arc::default(),
            ttl_ms,
            listening: Mutex::new(Listening::begin(now)),
        })
    }

    /// What a server does that takes the store up at `now` (Unix ms): see [`Sqlite::open`].
    pub fn taken_up(&self, now: u64) {
        self.listened(|_| Listening::begin(now));
    }

    fn operate<T: Send + 'static>(
        &self,
        at: Moment,
        operation: impl FnOnce(&mut SqlRows<'_>, Rules<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        let ttl_ms = self.ttl_ms;
        let listening_since = self.listened(|known| known.at(at.now, ttl_ms));
        self.write(move |db| operation(&mut SqlRows { db, listening_since }, Rules::of(&at, ttl_ms)))
    }

    /// Since when processes could be heard, Unix ms.
    fn listened(&self, step: impl FnOnce(Listening) -> Listening) -> u64 {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        *listening = step(*listening);
        listening.since
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
                Ok(Some(connection)) => {
                    query(connection).map_err(|error| trouble::failed(connection, &error))
                }
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
    ledger::since(&connection, since).map_err(|error| trouble::failed(&connection, &error))
}

impl Store for Sqlite {
    fn acquire(&self, at: Moment, request: AcquireRequest) -> Answer<'_, Acquired> {
        self.operate(at, move |rows, rules| operations::acquire(rows, rules, &request))
    }

    fn sync(&self, at: Moment, request: SyncRequest) -> Answer<'_, Synced> {
        self.operate(at, move |rows, rules| operations::sync(rows, rules, &request))
    }

    fn spend(&self, at: Moment, charges: Vec<Charge>) -> Answer<'_, Spent> {
        self.operate(at, move |rows, rules| operations::spend(rows, rules, &charges))
    }

    fn sweep(&self, at: Moment) -> Answer<'_, Swept> {
        self.listened(|known| known.swept(at.now, self.ttl_ms));
        self.operate(at, |rows, rules| operations::sweep(rows, rules))
    }

    fn remember(&self, policy: Arc<Policy>) -> Answer<'_, ()> {
        let ttl_ms = self.ttl_ms;
        self.write(move |db| {
            let rules = Rules { policy: &policy, now: 0, ttl_ms };
            operations::remember(&mut SqlRows { db, listening_since: 0 }, rules)
        })
    }

    fn ledger(&self, since: u64) -> Answer<'_, Vec<Entry>> {
        self.read(move |db| ledger::since(db, since))
    }

    fn buckets(&self, now: u64) -> Answer<'_, Vec<OpenBucket>> {
        self.read(move |db| query::buckets(db, now))
    }

    fn adjust(&self, at: Moment, asked: Adjustment) -> Answer<'_, Option<Adjusted>> {
        self.operate(at, move |rows, rules| operations::adjust(rows, rules, &asked))
    }

    fn audit(&self, which: audit::Which) -> Answer<'_, Vec<audit::Entry>> {
        self.read(move |db| adjustments::newest(db, &which))
    }

    fn retain(&self, keep: Retention, now: u64) -> Answer<'_, u64> {
        self.write(move |db| retention::retain(db, keep, now))
    }

    fn backup(&self) -> Answer<'_, File> {
        let (path, copying) = (self.path.clone(), Arc::clone(&self.copying));
        Box::pin(async move {
            let copying = copying.try_lock_owned().map_err(|_| Error::Overloaded)?;
            let made = tokio::task::spawn_blocking(move || {
                let _copying = copying;
                backup::nameless(&path)
            });
            made.await.map_err(|_| Error::Closed)?
        })
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
            closed.await.map_err(|error| Error::Failed(error.to_string()))?;
            if let Ok(mut lock) = self.lock.lock() {
                lock.take();
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
