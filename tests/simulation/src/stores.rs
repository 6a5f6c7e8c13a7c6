//! What servers keep their rows in: all of them one file, or all of them one Redis, where others come between an operation's
//! reading and its commit.

use crate::bug::Bug;
use crate::replica::Replicated;
use crate::scene::Scene;
use crate::server::at_once;
use crate::world::{Event, World};
use quota_server::store::redis::{Cell, Commit, Fields, List, Memory, Node, Outcome, Redis, Reply, Value};
use quota_server::store::sqlite::Sqlite;
use quota_server::store::{Answer, Error, Store};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// The store as one server uses it.
#[derive(Clone)]
pub(crate) enum Opened {
    File(Arc<Sqlite>),
    Fleet(Arc<Redis>),
}

impl Opened {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Opened::File(store) => Arc::clone(store) as Arc<dyn Store>,
            Opened::Fleet(store) => Arc::clone(store) as Arc<dyn Store>,
        }
    }

    /// A server begins with it.
    pub(crate) fn taken_up(&self, now: u64) -> Result<(), Error> {
        match self {
            Opened::File(store) => {
                store.taken_up(now);
                Ok(())
            }
            Opened::Fleet(store) => at_once(store.taken_up(now)),
        }
    }
}

/// One for each server, and one to look into it.
pub(crate) fn opened(
    scene: &Scene,
    redis: &Arc<Replicated>,
    bug: Option<Bug>,
) -> (Vec<Opened>, Arc<dyn Store>) {
    if scene.fleet {
        let fleet = |server| {
            let node = Contended { server, redis: Arc::clone(redis), bug };
            Opened::Fleet(Arc::new(Redis::in_place(Arc::new(node), scene.ttl_ms)))
        };
        let opened = (0..scene.servers).map(fleet).collect();
        let master: Arc<dyn Node> = Arc::<Memory>::clone(&redis.master);
        (opened, Arc::new(Redis::in_place(master, scene.ttl_ms)))
    } else {
        let file = Sqlite::in_memory(scene.ttl_ms, scene.begins).expect("memory for a store");
        let file = Opened::File(Arc::new(file));
        (vec![file.clone(); scene.servers], file.store())
    }
}

thread_local! {
    /// The world that is played on this thread: a node has to be `Send`, which worlds are not.
    static WORLD: RefCell<Weak<World>> = const { RefCell::new(Weak::new()) };
}

/// A Redis that other servers use, too.
struct Contended {
    server: usize,
    redis: Arc<Replicated>,
    bug: Option<Bug>,
}

impl Contended {
    fn others_come(&self) {
        let world = WORLD.with_borrow(Weak::upgrade);
        if let Some(world) = world {
            world.another_server_comes(self.server);
        }
    }
}

/// Whether nothing is changed but, perhaps, until when a process's term lasts.
fn is_of_a_repeat(commit: &Commit) -> bool {
    let of_a_term = |cell: &Cell| cell.name == "term" || ["due", "idle"].contains(&cell.key.as_str());
    let (drops, sums) = (&commit.drops, &commit.sums);
    drops.is_empty() && sums.is_empty() && commit.sets.iter().all(|(cell, _)| of_a_term(cell))
}

impl Node for Contended {
    fn cells<'a>(&'a self, cells: &'a [Cell]) -> Reply<'a, Vec<Value>> {
        self.others_come();
        self.redis.master.cells(cells)
    }

    fn lists<'a>(&'a self, lists: &'a [List]) -> Reply<'a, Vec<Vec<String>>> {
        self.others_come();
        self.redis.master.lists(lists)
    }

    fn fields<'a>(&'a self, keys: &'a [String]) -> Reply<'a, Vec<Fields>> {
        self.redis.master.fields(keys)
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> Reply<'a, Outcome> {
        self.others_come();
        let mut commit = Cow::Borrowed(commit);
        if self.bug == Some(Bug::CommitUnchecked) {
            commit.to_mut().checks.clear();
        }
        let waits = self.bug != Some(Bug::RepeatUnreplicated) || !is_of_a_repeat(&commit);
        Box::pin(async move { self.redis.commit(&commit, waits).await })
    }

    fn pause(&self, ms: u64) -> Answer<'_, ()> {
        self.redis.master.pause(ms)
    }
}

impl World {
    /// From now on, on this thread.
    pub(crate) fn lets_servers_contend(self: &Rc<Self>) {
        WORLD.set(Rc::downgrade(self));
    }

    /// Another server's operation runs now, from its beginning to its end, while `server` is in the middle of one; or the
    /// Redis fails over.
    fn another_server_comes(&self, server: usize) {
        let comes = |event: &Event| match event {
            Event::ToServer { server: other, .. } | Event::Sweep { server: other } => {
                *other != server && self.servers[*other].is_free()
            }
            Event::Lag | Event::LagEnds => true,
            _ => false,
        };
        if self.servers.len() > 1 {
            self.come_between(self.scene.faults.contends, comes);
        }
    }
}
