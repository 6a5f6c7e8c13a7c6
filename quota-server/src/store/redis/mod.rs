//! The fleet's store: any number of servers over one Redis (or Valkey), alone or a Cluster.
//!
//! Operations are those of every store, run over a working copy of the rows they need; a small script then makes all their
//! changes at once, if no other server has changed meanwhile what they had read, and else they are run again. So servers
//! hold no locks, and one that dies leaves nothing undone.
//!
//! Every key begins with the deployment's prefix in braces, a hash tag, so that a Cluster has all of them on one node.
//!
//! | key                                        | type       | what                                                 |
//! |--------------------------------------------|------------|------------------------------------------------------|
//! | `p:PROCESS`                                | hash       | `term`; `w:WORKER` last sync; `a:WORKER:NUMBER` answer |
//! | `h:PROCESS`                                | set        | buckets with which it has accounts                   |
//! | `b:START:BUDGET`                           | hash       | buckets by subject                                   |
//! | `c:START:BUDGET`                           | hash       | their accounts by process and subject                |
//! | `r:HOUR:...`                               | string     | sums of one row of the ledger                        |
//! | `adjustments`                              | hash       | what people changed, by number; `last`: the newest   |
//! | `adjustment_keys`                          | hash       | their numbers by key                                 |
//! | `policies`                                 | hash       | dimensions by version                                |
//! | `server`                                   | hash       | when servers were there: see `listening`; `form`      |
//! | `waited`                                   | hash       | nothing: written so that replicas can be waited for  |
//! | `due`, `idle`                              | sorted set | processes by when their term ends; without, when seen |
//! | `keep`, `ends`                             | sorted set | `START:BUDGET` by until when buckets are kept, are open |
//! | `unused`                                   | sorted set | buckets whose window does not end, by when to look at them |
//! | `answers`                                  | sorted set | answers by when they were given                      |
//! | `hours`, `days`, `months`                  | sorted set | rows of the ledger by what they are sums of          |
//!
//! * `node`: what is asked of a Redis; `link` is the real one, [`Memory`] one for simulations.
//! * `names`, `records`: where things are and what they say. `rows`, `forget`, `listening`: operations on them.
//! * `retention`: what is done with old rows of the ledger.
//! * `copy`, `keeper`: the working copy, and who runs operations and commits.

mod address;
mod copy;
mod forget;
mod form;
mod keeper;
mod ledger;
mod link;
mod listening;
mod memory;
mod names;
mod node;
mod query;
mod records;
mod retention;
mod rows;
mod script;

pub use address::Address;
pub use memory::Memory;
pub use node::{Cell, Commit, Fields, Kind, List, Node, Outcome, Reply, Trouble, Value};

use super::audit::{self, Adjusted, Adjustment};
use super::ledger::{Entry, Retention};
use super::operations::{self, Rules};
use super::{Acquired, Answer, Charge, Error, Moment, OpenBucket, Spent, Store, Swept, Synced};
use keeper::Keeper;
use link::Link;
use policy::Policy;
use quota::proto::{AcquireRequest, SyncRequest};
use rows::CopiedRows;
use std::fs::File;
use std::sync::Arc;

/// Why there is no copy of ours, and what to do.
pub const BACKUP: &str = "a Redis makes its own backups: run BGSAVE (or BGREWRITEAOF) there and keep a copy of its dump.rdb (or \
                          appendonlydir); a new Redis that starts with these files has all of it";

pub struct Redis {
    keeper: Keeper,
    /// Of the ledger: works over a copy of its own, so that no report waits for old rows or is in a commit with them.
    folder: Keeper,
    /// Beside the keeper's connection: what people ask for must not hold up operations.
    reader: Arc<dyn Node>,
    ttl_ms: u64,
}

impl Redis {
    /// Begins to use a Redis, at `now` (Unix ms). `ttl_ms` is what each message renews its process's lease term by; it has
    /// to be the same in all servers.
    ///
    /// # Errors
    /// What can't be reached or used, and what to do.
    pub async fn open(address: &Address, ttl_ms: u64, now: u64) -> Result<Redis, Error> {
        let keeper = Keeper::start(Arc::new(Link::to(address)));
        let reader: Arc<dyn Node> = Arc::new(Link::to(address));
        let store = Redis { keeper, folder: Keeper::in_place(Arc::clone(&reader)), reader, ttl_ms };
        store.keeper.run(form::is_ours).await.map_err(|error| unusable(address, error))?;
        store.taken_up(now).await.map_err(|error| unusable(address, error))?;
        Ok(store)
    }

    /// A store in whose operations everything is done when they are first polled, if that is so of the node's.
    #[must_use]
    pub fn in_place(node: Arc<dyn Node>, ttl_ms: u64) -> Redis {
        let keeper = || Keeper::in_place(Arc::clone(&node));
        Redis { keeper: keeper(), folder: keeper(), reader: node, ttl_ms }
    }

    /// What a server does that takes the store up at `now` (Unix ms): no term ends before a whole one has passed since all
    /// servers were away, if they were.
    ///
    /// # Errors
    /// As any operation.
    pub async fn taken_up(&self, now: u64) -> Result<(), Error> {
        let ttl_ms = self.ttl_ms;
        self.keeper.run(move |copy| listening::sweeps(copy, now, ttl_ms)).await
    }

    fn operate<T: Send + 'static>(
        &self,
        at: Moment,
        operation: impl Fn(&mut CopiedRows<'_>, Rules<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Answer<'_, T> {
        let ttl_ms = self.ttl_ms;
        Box::pin(self.keeper.run(move |copy| {
            operation(&mut CopiedRows { copy, now: at.now, ttl_ms }, Rules::of(&at, ttl_ms))
        }))
    }
}

/// The ledger, beside the servers that may be writing it.
///
/// # Errors
/// What can't be reached.
pub async fn read_ledger(address: &Address, since: u64) -> Result<Vec<Entry>, Error> {
    query::ledger(&Link::to(address), since).await.map_err(|error| unusable(address, error))
}

fn unusable(address: &Address, error: Error) -> Error {
    match error {
        Error::Failed(what) => Error::Unusable(format!(
            "{address}: {what}. Does a Redis run there, and may this user read and write keys in it?"
        )),
        Error::Unusable(what) => Error::Unusable(format!("{address}: {what}")),
        other => other,
    }
}

impl Store for Redis {
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
        self.operate(at, |rows, rules| {
            listening::sweeps(rows.copy, rules.now, rules.ttl_ms)?;
            operations::sweep(rows, rules)
        })
    }

    fn remember(&self, policy: Arc<Policy>) -> Answer<'_, ()> {
        let at = Moment { policy, now: 0 };
        self.operate(at, |rows, rules| operations::remember(rows, rules))
    }

    fn ledger(&self, since: u64) -> Answer<'_, Vec<Entry>> {
        Box::pin(query::ledger(&*self.reader, since))
    }

    fn buckets(&self, now: u64) -> Answer<'_, Vec<OpenBucket>> {
        Box::pin(query::buckets(&*self.reader, now))
    }

    fn adjust(&self, at: Moment, asked: Adjustment) -> Answer<'_, Option<Adjusted>> {
        self.operate(at, move |rows, rules| operations::adjust(rows, rules, &asked))
    }

    fn audit(&self, which: audit::Which) -> Answer<'_, Vec<audit::Entry>> {
        Box::pin(query::audit(&*self.reader, which))
    }

    fn retain(&self, keep: Retention, now: u64) -> Answer<'_, u64> {
        let ttl_ms = self.ttl_ms;
        Box::pin(self.folder.run(move |copy| CopiedRows { copy, now, ttl_ms }.retain(keep)))
    }

    fn backup(&self) -> Answer<'_, File> {
        Box::pin(async { Err(Error::Unusable(BACKUP.to_owned())) })
    }

    fn ready(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(self.reader.cells(&[names::swept_at()]).await.map(|_| ())?) })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async {
            self.keeper.stop().await;
            self.folder.stop().await;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
