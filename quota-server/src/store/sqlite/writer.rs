//! One thread owns the connection that writes, and commits for everyone who waits.
//!
//! A commit waits for the disk. While it does, other operations queue up; they then share one transaction and one wait.
//! Nobody is answered before the commit that holds their operation has returned. Where there is no disk to wait for,
//! there is no thread either.

use super::trouble;
use crate::store::Error;
use crate::store::queue::Queue;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::Mutex;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Operations of one commit: bounds how long the first of them waits for the last.
const BATCH: usize = 512;

/// Carries out one operation, or takes note that it can't be; gives back how to tell whoever asked.
type Job = Box<dyn FnOnce(Result<&Connection, &Error>) -> Reply + Send>;

/// Told whether the commit succeeded.
type Reply = Box<dyn FnOnce(Result<(), &Error>) + Send>;

pub(super) enum Writer {
    Thread {
        queue: Queue<Job>,
        thread: Mutex<Option<JoinHandle<()>>>,
    },
    /// Operations run where they are awaited, and are done when first polled.
    InPlace(Mutex<Connection>),
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Writer, Error> {
        let (queue, jobs) = Queue::open();
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || work(connection, jobs))
            .map_err(|error| Error::Unusable(error.to_string()))?;
        Ok(Writer::Thread { queue, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn in_place(connection: Connection) -> Writer {
        Writer::InPlace(Mutex::new(connection))
    }

    /// Runs `operation` in a transaction and answers once that is on the disk. An operation that fails leaves nothing
    /// behind and does not hurt the others of its batch.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let queue = match self {
            Writer::Thread { queue, .. } => queue,
            Writer::InPlace(connection) => {
                let connection = connection.lock().map_err(|_| Error::Closed)?;
                return apart(&connection, operation);
            }
        };
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let done = connection.map_err(Clone::clone).and_then(|connection| apart(connection, operation));
            Box::new(move |committed| {
                // Whoever asked may have gone: the operation stands all the same, and a repeat finds it.
                let _ = tell.send(done.and_then(|done| committed.map(|()| done).map_err(Clone::clone)));
            })
        });
        queue.push(job)?;
        told.await.map_err(|_| Error::Closed)?
    }

    /// Finishes what is queued, then folds the write-ahead log into the file.
    pub(super) fn stop(&self) {
        let Writer::Thread { queue, thread } = self else { return };
        queue.close();
        let thread = thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's thread had died");
        }
    }
}

/// Everything or nothing of one operation, inside the transaction of its batch.
fn apart<T>(
    connection: &Connection,
    operation: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    let failed = |error: rusqlite::Error| trouble::failed(connection, &error);
    let run =
        |sql| connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map_err(failed);
    run("SAVEPOINT operation")?;
    let done = operation(connection).map_err(failed);
    if connection.is_autocommit() {
        // It has ended the whole transaction: there is nothing left to go back to.
        return done;
    }
    if done.is_err() {
        run("ROLLBACK TO operation")?;
    }
    run("RELEASE operation")?;
    done
}

fn work(connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
        commit(&connection, batch.drain(..));
    }
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the write-ahead log stays; the next start will fold it in");
    }
}

fn commit(connection: &Connection, jobs: impl Iterator<Item = Job>) {
    let transaction = match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            let error = trouble::failed(connection, &error);
            jobs.for_each(|job| job(Err(&error))(Err(&error)));
            return;
        }
    };
    // Some failures (a full disk) end the whole transaction; what came after would be committed by itself.
    let ended = Error::Failed("the transaction was rolled back with an operation that failed".into());
    let replies: Vec<Reply> = jobs
        .map(|job| job(if transaction.is_autocommit() { Err(&ended) } else { Ok(&transaction) }))
        .collect();
    let committed = if transaction.is_autocommit() {
        Err(ended)
    } else {
        transaction.commit().map_err(|error| trouble::failed(connection, &error))
    };
    if let Err(error) = &committed {
        tracing::error!(%error, operations = replies.len(), "a commit failed");
    }
    replies.into_iter().for_each(|reply| reply(committed.as_ref().copied()));
}
