//! Carries out operations: over the working copy, and then in one commit for everyone who waits.
//!
//! Other servers do the same over the same Redis. A commit finds out whether one of them has changed what an operation
//! has read; then the batch is run again over what is there now. Within a server, operations share a commit instead of
//! contending for it.

use super::copy::WorkingCopy;
use super::node::{Cell, List, Node, Outcome, Trouble};
use crate::store::Error;
use crate::store::queue::Queue;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Operations of one commit: bounds how long Redis is busy with it, for it does nothing else meanwhile.
const BATCH: usize = 128;

/// Rounds of looking up what operations turn out to need. Three are usual where a term lapses.
const ROUNDS: u32 = 32;

/// Commits that others were faster than. Each time one of them was done, so nobody is held up but the unlucky.
const CONFLICTS: u32 = 64;

/// How long a Redis may be on its way back: longer, and callers ask again themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// One operation and whoever waits for it.
pub(super) trait Job: Send {
    fn run(&mut self, copy: &mut WorkingCopy);
    fn tell(self: Box<Self>, committed: Result<(), Error>);
}

struct Waiting<F, T> {
    operation: F,
    done: Option<Result<T, Error>>,
    tell: oneshot::Sender<Result<T, Error>>,
}

impl<F, T> Job for Waiting<F, T>
where
    F: Fn(&mut WorkingCopy) -> Result<T, Error> + Send,
    T: Send,
{
    fn run(&mut self, copy: &mut WorkingCopy) {
        self.done = Some(copy.apart(&self.operation));
    }

    fn tell(self: Box<Self>, committed: Result<(), Error>) {
        let Waiting { done, tell, .. } = *self;
        // Whoever asked may have gone: the operation stands all the same, and a repeat finds it.
        let _ = tell.send(committed.and_then(|()| done.unwrap_or(Err(Error::Closed))));
    }
}

pub(super) enum Keeper {
    Task {
        queue: Queue<Box<dyn Job>>,
        task: Mutex<Option<JoinHandle<()>>>,
    },
    /// Operations run where they are awaited, one by one.
    InPlace(Box<tokio::sync::Mutex<Option<Hand>>>),
}

impl Keeper {
    /// Within a runtime.
    pub(super) fn start(node: Arc<dyn Node>) -> Keeper {
        let (queue, mut jobs) = Queue::open();
        let mut hand = Hand::of(node);
        let task = tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while jobs.recv_many(&mut batch, BATCH).await > 0 {
                hand.carry_out(std::mem::take(&mut batch)).await;
            }
        });
        Keeper::Task { queue, task: Mutex::new(Some(task)) }
    }

    pub(super) fn in_place(node: Arc<dyn Node>) -> Keeper {
        Keeper::InPlace(Box::new(tokio::sync::Mutex::new(Some(Hand::of(node)))))
    }

    /// Runs `operation`, as often as it takes, and answers once what it did is committed. One that fails leaves nothing
    /// behind and does not hurt the others of its batch.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: impl Fn(&mut WorkingCopy) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, told) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Waiting { operation, done: None, tell });
        match self {
            Keeper::InPlace(hand) => {
                hand.lock().await.as_mut().ok_or(Error::Closed)?.carry_out(vec![job]).await;
            }
            Keeper::Task { queue, .. } => queue.push(job)?,
        }
        told.await.map_err(|_| Error::Closed)?
    }

    /// Finishes what is queued.
    pub(super) async fn stop(&self) {
        let (queue, task) = match self {
            Keeper::Task { queue, task } => (queue, task),
            Keeper::InPlace(hand) => {
                hand.lock().await.take();
                return;
            }
        };
        queue.close();
        let task = task.lock().ok().and_then(|mut task| task.take());
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the store's task had died");
        }
    }
}

/// What carries out one batch after the other.
pub(super) struct Hand {
    node: Arc<dyn Node>,
    copy: WorkingCopy,
}

impl Hand {
    fn of(node: Arc<dyn Node>) -> Hand {
        Hand { node, copy: WorkingCopy::default() }
    }

    async fn carry_out(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let committed = self.commit(&mut jobs).await;
        if let Err(error) = &committed {
            tracing::error!(%error, operations = jobs.len(), "a commit failed");
            self.copy.forget();
        }
        jobs.into_iter().for_each(|job| job.tell(committed.clone()));
    }

    async fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let began = Instant::now();
        let (mut conflicts, mut troubles) = (0, 0);
        loop {
            let differs = match self.once(jobs).await {
                Ok(None) => return Ok(()),
                Ok(Some(differs)) => differs,
                Err(Failed::Trouble(Trouble::NotYet(_))) if began.elapsed() < PATIENCE => {
                    troubles += 1;
                    self.copy.forget();
                    self.node.pause(jitter(100 * troubles)).await?;
                    continue;
                }
                Err(Failed::Trouble(trouble)) => return Err(trouble.into()),
                Err(Failed::Error(error)) => return Err(error),
            };
            conflicts += 1;
            if conflicts > CONFLICTS {
                return Err(Error::Failed("too many servers change the same buckets at once".into()));
            }
            self.copy.begin_afresh();
            for (cell, value) in differs {
                self.copy.learn(cell, value);
            }
            // At first at once: what is there now is known already.
            if conflicts > 1 {
                self.node.pause(jitter(1 << conflicts.min(5))).await?;
            }
        }
    }

    /// Answers what others have changed, where that keeps the batch from being committed.
    async fn once(
        &mut self,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<Option<Vec<(Cell, super::node::Value)>>, Failed> {
        for _ in 0..ROUNDS {
            self.copy.begin_again();
            jobs.iter_mut().for_each(|job| job.run(&mut self.copy));
            let missing = self.copy.missing();
            if missing.is_none() {
                let commit = self.copy.commit();
                // It rests on nothing that is there: what was read would be checked.
                if commit.is_empty() {
                    return Ok(None);
                }
                return match self.node.commit(&commit).await? {
                    Outcome::Done => {
                        self.copy.committed(commit);
                        Ok(None)
                    }
                    Outcome::Differs(differs) => {
                        let cell = |place: usize| commit.checks.get(place).map(|(cell, _)| cell.clone());
                        let differs = differs.into_iter();
                        Ok(Some(differs.filter_map(|(at, value)| Some((cell(at)?, value))).collect()))
                    }
                };
            }
            let cells: Vec<Cell> = missing.cells.into_iter().collect();
            let values = self.node.cells(&cells).await?;
            cells.into_iter().zip(values).for_each(|(cell, value)| self.copy.learn(cell, value));
            let lists: Vec<List> = missing.lists.into_iter().collect();
            let names = self.node.lists(&lists).await?;
            lists.into_iter().zip(names).for_each(|(list, names)| self.copy.learn_list(list, names));
        }
        Err(Failed::Error(Error::Failed("an operation never has all that it needs".into())))
    }
}

enum Failed {
    Trouble(Trouble),
    Error(Error),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Failed {
        Failed::Trouble(trouble)
    }
}

/// Somewhere up to `ms`, so that servers that met once do not meet again.
fn jitter(ms: u64) -> u64 {
    RandomState::new().hash_one(()) % ms.saturating_add(1)
}
