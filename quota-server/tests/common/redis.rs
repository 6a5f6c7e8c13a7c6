//! Real Redis servers on free loopback ports, alone or as a Cluster; gone with the test, however it ends.
//!
//! The program is `$REDIS_SERVER` or `redis-server` on the path: `scripts/setup-redis` brings one.
#![allow(dead_code, reason = "each test file uses its part")]

use redis::{Client, FromRedisValue, RedisResult};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the program when the other end of its input is closed, as it is when a test is killed, too.
const WHILE_WANTED: &str = r#""$@" >/dev/null 2>&1 & read -r _; kill -9 $! 2>/dev/null"#;

/// One process, with a directory of its own.
pub struct Server {
    child: Child,
    home: TempDir,
    options: Vec<String>,
    pub port: u16,
    process: String,
}

impl Server {
    pub fn start(more: &[&str]) -> Server {
        loop {
            let (home, port) = (tempfile::tempdir().expect("a directory"), free_port());
            let dir = home.path().to_str().expect("a path in UTF-8").to_owned();
            let options = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir", &dir, "--save", ""];
            let options = options.iter().chain(more).map(|&option| option.to_owned()).collect();
            let child = spawn(&options);
            let mut server = Server { child, home, options, port, process: String::new() };
            // Otherwise somebody else was faster with the port.
            if server.is_up() {
                return server;
            }
        }
    }

    /// Whether this very one answers.
    fn is_up(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Ok(dir) = self.try_ask::<Vec<String>>(&["CONFIG", "GET", "dir"]) {
                self.process = self.info("server", "process_id");
                return Path::new(&dir[1]).canonicalize().ok() == self.home.path().canonicalize().ok();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("no Redis answers: is there a redis-server? scripts/setup-redis brings one");
    }

    pub fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        try_ask(self.port, words)
    }

    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// One line of `INFO`.
    pub fn info(&self, section: &str, name: &str) -> String {
        let info: String = self.ask(&["INFO", section]);
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().to_owned()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its only replica, which has all there is.
    pub fn replica(&self) -> Server {
        let replica = Server::start(&["--replicaof", "127.0.0.1", &self.port.to_string()]);
        self.until_followed_by(1, "key");
        replica
    }

    /// Until so many replicas have what is written here (and leaves nothing behind at `key`). One that has read its snapshot
    /// says that the link is up, and so may the master, but what was written since is sent to it up to a second later. The
    /// first write may have been in the snapshot.
    fn until_followed_by(&self, replicas: usize, key: &str) {
        let have_them = || -> RedisResult<Vec<usize>> {
            let mut writes = redis::pipe();
            for _ in 0..2 {
                writes.set(key, "").ignore().del(key).ignore().cmd("WAIT").arg(replicas).arg(1000);
            }
            writes.query(&mut connect(self.port)?)
        };
        until("the replicas follow", || {
            have_them().is_ok_and(|counts| counts.iter().all(|&count| count >= replicas))
        });
    }

    /// `STOP`: it is connected and does nothing, until `CONT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.process]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.signal("KILL");
        while self.try_ask::<String>(&["PING"]).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// After a [`Server::kill`], with the same files.
    pub fn start_again(&mut self) {
        drop(std::mem::replace(&mut self.child, spawn(&self.options)).stdin.take());
        assert!(self.is_up());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A master with two replicas, of which one is left when the other has taken over, and a Sentinel that watches them.
pub struct Watched {
    pub master: Server,
    _replicas: [Server; 2],
    sentinel: Child,
    _home: TempDir,
    port: u16,
}

impl Watched {
    pub fn start(name: &str) -> Watched {
        let durable = ["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"];
        let master = Server::start(&durable);
        let at = master.port.to_string();
        let replica = || Server::start(&[durable.as_slice(), &["--replicaof", "127.0.0.1", &at]].concat());
        let replicas = [replica(), replica()];
        let (home, port) = (tempfile::tempdir().expect("a directory"), free_port());
        let (config, dir) = (home.path().join("sentinel.conf"), home.path().display());
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {dir}\nsentinel monitor {name} 127.0.0.1 {at} 1\n\
             sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 2000\n"
        );
        std::fs::write(&config, text).expect("written");
        let options = vec![config.to_str().expect("a path in UTF-8").to_owned(), "--sentinel".to_owned()];
        let watched = Watched { master, _replicas: replicas, sentinel: spawn(&options), _home: home, port };
        until("the Sentinel knows both replicas", || {
            let known = try_ask::<Vec<redis::Value>>(port, &["SENTINEL", "REPLICAS", name]);
            known.is_ok_and(|known| known.len() == 2)
        });
        watched.master.until_followed_by(2, "key");
        watched
    }

    /// The Sentinel's.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.sentinel.stdin.take());
        let _ = self.sentinel.wait();
    }
}

fn try_ask<T: FromRedisValue>(port: u16, words: &[&str]) -> RedisResult<T> {
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(word);
    });
    command.query(&mut connect(port)?)
}

fn connect(port: u16) -> RedisResult<redis::Connection> {
    Client::open(format!("redis://127.0.0.1:{port}"))?.get_connection_with_timeout(Duration::from_secs(2))
}

fn spawn(options: &Vec<String>) -> Child {
    let program = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let mut command = Command::new("sh");
    command.args(["-c", WHILE_WANTED, "sh", &program]).args(options).stdin(Stdio::piped());
    command.spawn().expect("sh runs")
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Three masters and three replicas.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

/// Of the first three nodes.
const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

impl Cluster {
    /// With a replica for each master.
    pub fn start() -> Cluster {
        Cluster::with_replicas(|_| [0, 1, 2])
    }

    /// With two replicas for the master that has all keys of `prefix`: one is left when the other has taken over.
    pub fn start_for(prefix: &str) -> Cluster {
        Cluster::with_replicas(|nodes| {
            let master = master_of(nodes, prefix);
            [master, master, (master + 1) % 3]
        })
    }

    /// Replicas of the masters that `followed` names.
    fn with_replicas(followed: impl FnOnce(&[Server]) -> [usize; 3]) -> Cluster {
        let node = || {
            let bus = free_port().to_string();
            Server::start(&[
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-node-timeout",
                "1000",
                "--repl-diskless-sync-delay",
                "0",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ])
        };
        let nodes: Vec<Server> = (0..6).map(|_| node()).collect();
        let followed = followed(&nodes);
        let cluster = Cluster { nodes };
        cluster.join(followed);
        cluster
    }

    fn join(&self, followed: [usize; 3]) {
        for (at, node) in self.nodes.iter().enumerate() {
            let epoch = (at + 1).to_string();
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            let bus: Vec<String> = node.ask(&["CONFIG", "GET", "cluster-port"]);
            self.nodes[0].ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), &bus[1]]);
        }
        for (node, (first, last)) in self.nodes.iter().zip(SLOTS) {
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
        }
        let replicas = &self.nodes[3..];
        for (replica, master) in replicas.iter().zip(followed) {
            let id: String = self.nodes[master].ask(&["CLUSTER", "MYID"]);
            until("a replica knows its master", || {
                replica.try_ask::<()>(&["CLUSTER", "REPLICATE", &id]).is_ok()
            });
        }
        until("the Cluster is whole", || {
            let agree = |node: &Server| {
                let info: String = node.ask(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:6")
            };
            self.nodes.iter().all(agree)
        });
        for (at, master) in self.nodes[..3].iter().enumerate() {
            let replicas = followed.iter().filter(|&&followed| followed == at).count();
            let own = |key: &String| master_of(&self.nodes, key) == at;
            let key = (0..).map(|number: u32| number.to_string()).find(own).expect("each has some slots");
            master.until_followed_by(replicas, &key);
        }
    }

    /// As the server is told: some of the nodes.
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.nodes.iter().take(2).map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis://{}", hosts.join(","))
    }

    /// The master that has all keys of `prefix`, before any failover.
    pub fn master_of(&self, prefix: &str) -> &Server {
        &self.nodes[master_of(&self.nodes, prefix)]
    }
}

fn master_of(nodes: &[Server], prefix: &str) -> usize {
    let slot: u16 = nodes[0].ask(&["CLUSTER", "KEYSLOT", prefix]);
    let number = |text: &str| text.parse::<u16>().expect("a slot");
    let has_it = |(first, last): &(&str, &str)| (number(first)..=number(last)).contains(&slot);
    SLOTS.iter().position(has_it).expect("one has it")
}

pub fn until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
