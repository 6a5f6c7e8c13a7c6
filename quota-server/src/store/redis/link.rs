//! A connection to the node that has our keys.
//!
//! They share one hash tag, so that is one node at a time, in a Cluster and behind Sentinels too: a connection to it is all
//! that is needed, and another look for it when it is gone or answers that the keys have moved.

use super::address::Address;
use super::node::{Cell, Commit, Fields, Kind, List, Node, Outcome, Reply, Trouble, Value};
use super::{names, script};
use crate::store::Answer;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, Pipeline,
    RedisError, ServerErrorKind, from_redis_value,
};
use std::borrow::Cow;
use std::time::Duration;
use tokio::sync::Mutex;

const CONNECT: Duration = Duration::from_secs(1);

const ANSWER: Duration = Duration::from_secs(2);

/// For replicas to have a commit: an answer that comes later than [`ANSWER`] would be one that never came.
const REPLICATE: Duration = Duration::from_secs(1);

/// Keys, fields or names of one round trip: bounds what a connection holds at once.
const AT_ONCE: usize = 4096;

/// Fields of a hash that one HSCAN looks at.
const SCANNED: usize = 512;

pub(super) struct Link {
    address: Address,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    connection: Option<MultiplexedConnection>,
    /// All nodes of the Cluster: those that people have named may be gone.
    nodes: Vec<ConnectionInfo>,
}

impl Link {
    pub(super) fn to(address: &Address) -> Link {
        Link { address: address.clone(), found: Mutex::default() }
    }

    async fn connection(&self) -> Result<MultiplexedConnection, Trouble> {
        let mut found = self.found.lock().await;
        if let Some(connection) = &found.connection {
            return Ok(connection.clone());
        }
        let mut problems = Vec::new();
        let mut asked: Vec<ConnectionAddr> = Vec::new();
        for node in found.nodes.clone().into_iter().chain(self.address.seeds.clone()) {
            if asked.contains(node.addr()) {
                continue;
            }
            asked.push(node.addr().clone());
            match self.look_from(&node).await {
                Ok((connection, nodes)) => {
                    *found = Found { connection: Some(connection.clone()), nodes };
                    return Ok(connection);
                }
                Err(problem) => problems.push(format!("{}: {problem}", node.addr())),
            }
        }
        Err(Trouble::NotYet(format!("no Redis can be used: {}", problems.join("; "))))
    }

    /// The node that has our keys, and all there are, as `node` knows them.
    async fn look_from(
        &self,
        node: &ConnectionInfo,
    ) -> Result<(MultiplexedConnection, Vec<ConnectionInfo>), String> {
        let mut connection = open(node).await.map_err(|error| error.to_string())?;
        let info: String = ask(&mut connection, redis::cmd("INFO").arg("cluster")).await?;
        if !info.contains("cluster_enabled:1") {
            let mut role = Role::of(&mut connection).await?;
            if let Role::Sentinel(masters) = role {
                let master = self.master_of(&masters, node, &mut connection).await?;
                connection = open(&master).await.map_err(|error| format!("{}: {error}", master.addr()))?;
                role = Role::of(&mut connection).await?;
            }
            return match role {
                Role::Master => Ok((connection, Vec::new())),
                _ => Err("it is a replica; name the master, or all of them".to_owned()),
            };
        }
        let mut slot = redis::cmd("CLUSTER");
        let slot: u16 = ask(&mut connection, slot.arg("KEYSLOT").arg(&self.address.prefix)).await?;
        let slots: Vec<Slots> = ask(&mut connection, redis::cmd("CLUSTER").arg("SLOTS")).await?;
        let nodes = slots.iter().flat_map(|slots| &slots.nodes).map(|other| other.beside(node)).collect();
        let ours = slots.iter().find(|slots| (slots.first..=slots.last).contains(&slot));
        let ours = ours.and_then(|slots| slots.nodes.first()).ok_or("no node of the Cluster has our keys")?;
        let ours = ours.beside(node);
        let connection = open(&ours).await.map_err(|error| format!("{}: {error}", ours.addr()))?;
        Ok((connection, nodes))
    }

    /// Where the master is that `sentinel` watches for us.
    async fn master_of(
        &self,
        masters: &[String],
        sentinel: &ConnectionInfo,
        connection: &mut MultiplexedConnection,
    ) -> Result<ConnectionInfo, String> {
        let name = match (&self.address.master, masters) {
            (Some(name), _) | (None, [name]) => name,
            _ => {
                return Err(format!(
                    "it is a Sentinel of [{}]: say which with master=NAME",
                    masters.join(", ")
                ));
            }
        };
        let mut asked = redis::cmd("SENTINEL");
        let asked = asked.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let (host, port) = ask::<Option<(String, u16)>>(connection, asked)
            .await?
            .ok_or_else(|| format!("it is a Sentinel that knows no master {name}"))?;
        Ok(Place { host, port }.beside(sentinel))
    }

    /// The next use looks for the node again.
    async fn lost(&self) {
        self.found.lock().await.connection = None;
    }

    async fn ask_all<T: FromRedisValue>(&self, commands: &[Cmd]) -> Result<Vec<T>, Trouble> {
        // The connection may have been lost since it was last used, and what only reads may be asked twice.
        match self.ask_once(commands).await {
            Err(_) => self.ask_once(commands).await,
            answers => answers,
        }
    }

    async fn ask_once<T: FromRedisValue>(&self, commands: &[Cmd]) -> Result<Vec<T>, Trouble> {
        let mut answers = Vec::with_capacity(commands.len());
        for some in commands.chunks(AT_ONCE) {
            let mut pipeline = Pipeline::with_capacity(some.len());
            some.iter().for_each(|command| {
                pipeline.add_command(command.clone());
            });
            let mut connection = self.connection().await?;
            match pipeline.query_async::<Vec<T>>(&mut connection).await {
                Ok(some) => answers.extend(some),
                Err(error) => {
                    self.lost().await;
                    // Nothing was asked to change.
                    return Err(Trouble::NotYet(error.to_string()));
                }
            }
        }
        Ok(answers)
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.address.prefix)
    }

    /// `WAIT` waits for what its own connection has written (up to Redis 7.0 for all that was there at its last command).
    /// What a commit only checks may have been written on another one, and no replica may have it: so it writes, too.
    fn to_wait_for<'c>(&self, commit: &'c Commit) -> Cow<'c, Commit> {
        if self.address.wait == 0 || commit.changes_something() {
            return Cow::Borrowed(commit);
        }
        Cow::Owned(Commit { sets: vec![(names::waited(), Some(Vec::new()))], ..commit.clone() })
    }

    async fn replicated(&self, connection: &mut MultiplexedConnection) -> Result<(), Trouble> {
        let wanted = self.address.wait;
        let mut wait = redis::cmd("WAIT");
        wait.arg(wanted).arg(REPLICATE.as_millis().to_string());
        match wait.query_async::<u32>(connection).await {
            Ok(have) if have >= wanted => Ok(()),
            Ok(have) => Err(Trouble::Unknown(format!("only {have} of {wanted} replicas have the commit"))),
            Err(error) => {
                self.lost().await;
                Err(Trouble::Unknown(error.to_string()))
            }
        }
    }
}

async fn open(node: &ConnectionInfo) -> Result<MultiplexedConnection, RedisError> {
    let patience =
        AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER));
    Client::open(node.clone())?.get_multiplexed_async_connection_with_config(&patience).await
}

async fn ask<T: FromRedisValue>(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<T, String> {
    command.query_async(connection).await.map_err(|error| error.to_string())
}

/// What a node is that is in no Cluster.
enum Role {
    Master,
    Replica,
    /// Of these masters.
    Sentinel(Vec<String>),
}

impl Role {
    async fn of(connection: &mut MultiplexedConnection) -> Result<Role, String> {
        let words: Vec<redis::Value> = ask(connection, &redis::cmd("ROLE")).await?;
        let mut words = words.into_iter();
        let role = words.next().and_then(|role| String::from_redis_value(role).ok());
        Ok(match role.as_deref() {
            Some("master") => Role::Master,
            Some("sentinel") => Role::Sentinel(
                words.next().and_then(|names| from_redis_value(names).ok()).unwrap_or_default(),
            ),
            _ => Role::Replica,
        })
    }
}

/// Of `CLUSTER SLOTS`.
struct Slots {
    first: u16,
    last: u16,
    /// The master, then its replicas.
    nodes: Vec<Place>,
}

struct Place {
    /// Empty or `?` where it is the node that was asked.
    host: String,
    port: u16,
}

impl Place {
    /// As it is reached, if `node` told of it.
    fn beside(&self, node: &ConnectionInfo) -> ConnectionInfo {
        let unnamed = self.host.is_empty() || self.host == "?";
        let mut addr = node.addr().clone();
        if let ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } = &mut addr {
            *port = self.port;
            if !unnamed {
                host.clone_from(&self.host);
            }
        }
        node.clone().set_addr(addr)
    }
}

impl FromRedisValue for Slots {
    fn from_redis_value(value: redis::Value) -> Result<Slots, redis::ParsingError> {
        let words: Vec<redis::Value> = from_redis_value(value)?;
        let mut words = words.into_iter();
        let (first, last) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let nodes = words.map(|node| {
            let words: Vec<redis::Value> = from_redis_value(node)?;
            let mut words = words.into_iter();
            let host: Option<String> = from_redis_value(words.next().unwrap_or_default())?;
            let port = from_redis_value(words.next().unwrap_or_default())?;
            Ok(Place { host: host.unwrap_or_default(), port })
        });
        let nodes = nodes.collect::<Result<_, redis::ParsingError>>()?;
        Ok(Slots { first: from_redis_value(first)?, last: from_redis_value(last)?, nodes })
    }
}

/// Whether the node refused a commit for what it is or does just now, before it changed anything.
fn is_elsewhere_or_not_yet(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
        )
    )
}

impl Node for Link {
    fn cells<'a>(&'a self, cells: &'a [Cell]) -> Reply<'a, Vec<Value>> {
        let command = |cell: &Cell| {
            let mut command = redis::cmd(match cell.kind {
                Kind::Score => "ZSCORE",
                Kind::Field | Kind::Member => "HGET",
                Kind::Text => "GET",
            });
            command.arg(self.key(&cell.key));
            if cell.kind != Kind::Text {
                command.arg(&cell.name);
            }
            command
        };
        let commands: Vec<Cmd> = cells.iter().map(command).collect();
        Box::pin(async move { self.ask_all(&commands).await })
    }

    fn lists<'a>(&'a self, lists: &'a [List]) -> Reply<'a, Vec<Vec<String>>> {
        let command = |list: &List| match list {
            List::Members { key } => {
                let mut command = redis::cmd("SMEMBERS");
                command.arg(self.key(key));
                command
            }
            List::Ranked { key, from, to, most } => {
                let mut command = redis::cmd("ZRANGEBYSCORE");
                command.arg(self.key(key)).arg(from).arg(to).arg("LIMIT").arg(0).arg(most);
                command
            }
        };
        let commands: Vec<Cmd> = lists.iter().map(command).collect();
        Box::pin(async move { self.ask_all(&commands).await })
    }

    fn fields<'a>(&'a self, keys: &'a [String]) -> Reply<'a, Vec<Fields>> {
        Box::pin(async move {
            let mut fields = vec![Vec::new(); keys.len()];
            let mut cursors: Vec<(usize, u64)> = (0..keys.len()).map(|at| (at, 0)).collect();
            while !cursors.is_empty() {
                let scan = |(at, cursor): &(usize, u64)| {
                    let mut scan = redis::cmd("HSCAN");
                    let key = keys.get(*at).map_or("", String::as_str);
                    scan.arg(self.key(key)).arg(cursor).arg("COUNT").arg(SCANNED);
                    scan
                };
                let scans: Vec<Cmd> = cursors.iter().map(scan).collect();
                let scanned: Vec<(u64, Fields)> = self.ask_all(&scans).await?;
                let mut left = Vec::new();
                for ((at, _), (cursor, some)) in cursors.into_iter().zip(scanned) {
                    if let Some(fields) = fields.get_mut(at) {
                        fields.extend(some);
                    }
                    if cursor != 0 {
                        left.push((at, cursor));
                    }
                }
                cursors = left;
            }
            // A field may be scanned twice while its hash grows.
            fields.iter_mut().for_each(|fields| {
                fields.sort();
                fields.dedup_by(|a, b| a.0 == b.0);
            });
            Ok(fields)
        })
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> Reply<'a, Outcome> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let call = script::call(&self.address.prefix, &self.to_wait_for(commit));
            let answer = match call.query_async::<redis::Value>(&mut connection).await {
                Ok(answer) => answer,
                Err(error) => {
                    self.lost().await;
                    let not_yet = is_elsewhere_or_not_yet(&error);
                    let error = error.to_string();
                    return Err(if not_yet { Trouble::NotYet(error) } else { Trouble::Unknown(error) });
                }
            };
            let outcome = script::outcome(answer)
                .ok_or_else(|| Trouble::Unknown("the commit was answered with nonsense".to_owned()))?;
            if outcome == Outcome::Done && self.address.wait > 0 {
                self.replicated(&mut connection).await?;
            }
            Ok(outcome)
        })
    }

    fn pause(&self, ms: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(())
        })
    }
}
