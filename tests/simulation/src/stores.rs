//! What servers keep their rows in: all of them one file, or all of them one Redis, where others come between an operation's
//! reading and its commit.

use crate::bug::Bug;
use crate::scene::Scene;
use crate::server::at_once;
use crate::world::{Event, World};
use quota_server::store::redis::{Cell, Commit, Fields, List, Memory, Node, Outcome, Redis, Reply, Value};
use quota_server::store::sqlite::Sqlite;
use quota_server::store::{Answer, Store};
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
    pub(crate) fn taken_up(&self, now: u64) {
        match self {
            Opened::File(store) => store.taken_up(now),
            Opened::Fleet(store) => at_once(store.taken_up(now)).expect("a store in memory"),
        }
    }
}

/// One for each server, and one to look into it.
pub(crate) fn opened(scene: &Scene, bug: Option<Bug>) -> (Vec<Opened>, Arc<dyn Store>) {
    if scene.fleet {
        let memory = Arc::<Memory>::default();
        let fleet = |server| {
            let node = Contended { server, memory: Arc::clone(&memory), bug };
            Opened::Fleet(Arc::new(Redis::in_place(Arc::new(node), scene.ttl_ms)))
        };
        let opened = (0..scene.servers).map(fleet).collect();
        (opened, Arc::new(Redis::in_place(memory, scene.ttl_ms)))
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
    memory: Arc<Memory>,
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

impl Node for Contended {
    fn cells<'a>(&'a self, cells: &'a [Cell]) -> Reply<'a, Vec<Value>> {
        self.others_come();
        self.memory.cells(cells)
    }

    fn lists<'a>(&'a self, lists: &'a [List]) -> Reply<'a, Vec<Vec<String>>> {
        self.others_come();
        self.memory.lists(lists)
    }

    fn fields<'a>(&'a self, keys: &'a [String]) -> Reply<'a, Vec<Fields>> {
        self.memory.fields(keys)
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> Reply<'a, Outcome> {
        self.others_come();
        if self.bug != Some(Bug::CommitUnchecked) {
            return self.memory.commit(commit);
        }
        let unchecked = Commit { checks: Vec::new(), ..commit.clone() };
        Box::pin(async move { self.memory.commit(&unchecked).await })
    }

    fn pause(&self, ms: u64) -> Answer<'_, ()> {
        self.memory.pause(ms)
    }
}

impl World {
    /// From now on, on this thread.
    pub(crate) fn lets_servers_contend(self: &Rc<Self>) {
        WORLD.set(Rc::downgrade(self));
    }

    /// Another server's operation runs now, from its beginning to its end, while `server` is in the middle of one.
    fn another_server_comes(&self, server: usize) {
        let comes = |event: &Event| {
            let (Event::ToServer { server: other, .. } | Event::Sweep { server: other }) = event else {
                return false;
            };
            *other != server && self.servers[*other].is_free()
        };
        if self.servers.len() > 1 {
            self.come_between(self.scene.faults.contends, comes);
        }
    }
}
