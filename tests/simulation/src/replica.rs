//! A Redis whose replica lags now and then, so that `WAIT` comes short: what is done meanwhile is on the master alone, and
//! nobody is told that it is done. Then the replica catches up; or the master dies, and the replica takes over as it is.

use crate::world::{Event, World};
use quota_server::store::redis::{Commit, Memory, Node, Outcome, Trouble};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default)]
pub(crate) struct Replicated {
    pub(crate) master: Arc<Memory>,
    /// What the replica has, while it lags.
    replica: Mutex<Option<Memory>>,
}

impl Replicated {
    fn replica(&self) -> MutexGuard<'_, Option<Memory>> {
        self.replica.lock().expect("nobody panics with it")
    }

    /// Answers like the real store, if it `waits` for the replica.
    pub(crate) async fn commit(&self, commit: &Commit, waits: bool) -> Result<Outcome, Trouble> {
        let outcome = self.master.commit(commit).await?;
        if outcome == Outcome::Done && waits && self.replica().is_some() {
            return Err(Trouble::Unknown("the replica lags".to_owned()));
        }
        Ok(outcome)
    }
}

impl World {
    pub(crate) fn lags(&self) -> bool {
        self.redis.replica().is_some()
    }

    pub(crate) fn lag(&self) {
        self.plan(self.scene.faults.lags_ms, Event::Lag);
        if self.is_over() || self.lags() {
            return;
        }
        self.fault(|| "the replica lags".to_owned());
        let replica = Memory::default();
        replica.becomes(&self.redis.master).expect("nobody panics with it");
        *self.redis.replica() = Some(replica);
        self.before_lag.replace(self.books.borrow().kept());
        self.after(self.dice.roll(6_000), Event::LagEnds);
    }

    pub(crate) fn lag_ends(&self) {
        let Some(replica) = self.redis.replica().take() else { return };
        if self.dice.once_in(2) {
            return self.note(|| "the replica has caught up".to_owned());
        }
        self.note(|| "the master dies, and its replica takes over".to_owned());
        self.redis.master.becomes(&replica).expect("nobody panics with it");
        let fell_back = self.books.borrow_mut().fell_back(self.before_lag.take());
        self.hold(fell_back);
        self.check_store(0);
    }
}
