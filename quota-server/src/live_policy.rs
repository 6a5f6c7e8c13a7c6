//! The policy in force, and its reload when the file changes.

use crate::live_file::{Stamp, Watch};
use policy::{Policy, Problem};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// A policy with the form that is sent to workers.
#[derive(Clone, Debug)]
pub struct Current {
    pub policy: Arc<Policy>,
    pub compiled: Vec<u8>,
    /// What in its file is allowed and hardly meant.
    pub doubts: Vec<Problem>,
}

impl Current {
    #[must_use]
    pub fn of(policy: Policy) -> Current {
        let compiled = policy.compiled();
        Current { policy: Arc::new(policy), compiled, doubts: Vec::new() }
    }
}

#[derive(Debug)]
pub struct LivePolicy {
    path: PathBuf,
    /// What the file looked like just before it was first read.
    first: Stamp,
    current: RwLock<Arc<Current>>,
}

impl LivePolicy {
    /// # Errors
    /// What is wrong with the file, a line each.
    pub fn load(path: &Path) -> Result<LivePolicy, String> {
        let path = path.to_owned();
        let first = Stamp::of(std::slice::from_ref(&path));
        let current = RwLock::new(Arc::new(read(&path)?));
        Ok(LivePolicy { path, first, current })
    }

    /// One that no file stands behind: only [`LivePolicy::adopt`] changes it.
    #[must_use]
    pub fn of(policy: Policy) -> LivePolicy {
        LivePolicy {
            path: PathBuf::new(),
            first: Stamp::of(&[]),
            current: RwLock::new(Arc::new(Current::of(policy))),
        }
    }

    #[must_use]
    pub fn current(&self) -> Arc<Current> {
        // A poisoned lock still holds a whole policy: it is only ever replaced by assignment.
        Arc::clone(&self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// What the file looks like now.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp::of(std::slice::from_ref(&self.path))
    }

    /// Watches the file for changes since it was first read: opening a store may take a while.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::since(self.first.clone())
    }

    /// Reads the file again. The new policy is not in force yet: [`LivePolicy::adopt`] it.
    ///
    /// # Errors
    /// What is wrong with the file, a line each; the policy in force stays.
    pub fn reread(&self) -> Result<Current, String> {
        read(&self.path)
    }

    pub fn adopt(&self, new: Current) {
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(new);
    }
}

/// Reads and checks a policy file.
///
/// # Errors
/// What is wrong with it, a line each, beginning with the path.
pub fn read(path: &Path) -> Result<Current, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (policy, doubts) = Policy::read(&text).map_err(|problems| {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
        lines.join("\n")
    })?;
    for doubt in &doubts {
        tracing::warn!("{}: {doubt}", path.display());
    }
    Ok(Current { doubts, ..Current::of(policy) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_between_the_first_reading_and_the_first_look_is_seen() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("policy.yaml");
        std::fs::write(&path, "{}").unwrap();
        let policy = LivePolicy::load(&path).unwrap();
        std::fs::write(&path, "output_limit: 7").unwrap();
        let (mut watch, looks) = (policy.watch(), policy.stamp());
        assert!(!watch.due(&looks), "it may still be written to");
        assert!(watch.due(&looks));
    }
}
