//! Where a store is, as people write it.

use super::ledger::Entry;
use super::redis::{self, Redis};
use super::sqlite::{self, Sqlite};
use super::{Error, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub enum Location {
    /// `sqlite:FILE`
    File(PathBuf),
    /// `redis://...`, `rediss://...`
    Redis(redis::Address),
}

impl Location {
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Location, String> {
        if redis::Address::is_one(text) {
            return redis::Address::parse(text).map(Location::Redis);
        }
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Location::File(PathBuf::from(path))),
            _ => Err("expected sqlite:FILE or redis://HOST:PORT".to_owned()),
        }
    }

    /// Opens the store to serve from it: see [`Sqlite::open`] and [`Redis::open`].
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn open(&self, ttl_ms: u64, now: u64) -> Result<Arc<dyn Store>, Error> {
        Ok(match self {
            Location::File(path) => Arc::new(Sqlite::open(path, ttl_ms, now)?),
            Location::Redis(address) => Arc::new(Redis::open(address, ttl_ms, now).await?),
        })
    }

    /// The ledger from the hour of `since` (Unix ms) on, with or without servers that are writing it.
    ///
    /// # Errors
    /// What is wrong with the store.
    pub async fn ledger(&self, since: u64) -> Result<Vec<Entry>, Error> {
        match self {
            Location::File(path) => sqlite::read_ledger(path, since),
            Location::Redis(address) => redis::read_ledger(address, since).await,
        }
    }

    /// Makes `to` a copy of everything acknowledged before, with or without a server that is writing it.
    ///
    /// # Errors
    /// What is wrong with either, or that the store has means of its own.
    pub fn backup(&self, to: &Path) -> Result<(), Error> {
        match self {
            Location::File(path) => sqlite::copy(path, to),
            Location::Redis(_) => Err(Error::Unusable(redis::BACKUP.to_owned())),
        }
    }
}
