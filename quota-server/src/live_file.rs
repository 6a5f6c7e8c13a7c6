//! Files that are read again when they change.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

/// Tells one state of files from another without reading them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(Vec<Option<(SystemTime, u64)>>);

impl Stamp {
    #[must_use]
    pub fn of(paths: &[PathBuf]) -> Stamp {
        let looks = |path| std::fs::metadata(path).and_then(|data| Ok((data.modified()?, data.len()))).ok();
        Stamp(paths.iter().map(looks).collect())
    }
}

/// When changed files are to be read. They have to look the same twice: half a file, as an editor leaves it for a moment,
/// may be a good one that says something else.
#[derive(Debug)]
pub struct Watch {
    loaded: Stamp,
    last_seen: Stamp,
}

impl Watch {
    #[must_use]
    pub fn since(loaded: Stamp) -> Watch {
        Watch { last_seen: loaded.clone(), loaded }
    }

    /// Whether files that look like this are to be read.
    pub fn due(&mut self, looks: &Stamp) -> bool {
        let at_rest = *looks == std::mem::replace(&mut self.last_seen, looks.clone());
        at_rest && *looks != self.loaded
    }

    /// They have been read, whatever came of it.
    pub fn loaded(&mut self, looks: Stamp) {
        self.loaded = looks;
    }
}

/// What was read from files last, when they were good.
pub struct LiveFiles<T> {
    paths: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    current: RwLock<Arc<T>>,
    watch: Mutex<Watch>,
}

impl<T> LiveFiles<T> {
    /// `read` reads `paths`.
    ///
    /// # Errors
    /// What `read` finds wrong.
    pub fn load(
        paths: Vec<PathBuf>,
        read: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<LiveFiles<T>, String> {
        let watch = Mutex::new(Watch::since(Stamp::of(&paths)));
        let current = RwLock::new(Arc::new(read()?));
        Ok(LiveFiles { paths, read: Box::new(read), current, watch })
    }

    #[must_use]
    pub fn current(&self) -> Arc<T> {
        // A poisoned lock still holds a whole value: it is only ever replaced by assignment.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again if they have changed; at once, or when they have looked the same twice. `None`: nothing to do.
    ///
    /// # Errors
    /// What is wrong with them. What was read before stays in use.
    pub fn refresh(&self, at_once: bool) -> Option<Result<(), String>> {
        let looks = Stamp::of(&self.paths);
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if !watch.due(&looks) && !at_once {
            return None;
        }
        watch.loaded(looks);
        Some((self.read)().map(|new| {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }))
    }
}

impl<T> fmt::Debug for LiveFiles<T> {
    // What was read may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveFiles").field("paths", &self.paths).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_when_it_rests_and_a_wrong_one_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let read = {
            let path = path.clone();
            move || std::fs::read_to_string(&path).unwrap().parse::<u32>().map_err(|error| error.to_string())
        };
        let live = LiveFiles::load(vec![path.clone()], read).unwrap();
        assert_eq!((live.refresh(false), *live.current()), (None, 1));

        std::fs::write(&path, "22").unwrap();
        assert_eq!((live.refresh(false), *live.current()), (None, 1), "it may still be written to");
        assert_eq!((live.refresh(false), *live.current()), (Some(Ok(())), 22));
        assert_eq!(live.refresh(false), None);

        std::fs::write(&path, "wrong").unwrap();
        assert_eq!(live.refresh(false), None);
        assert!(live.refresh(false).unwrap().is_err());
        assert_eq!((live.refresh(false), *live.current()), (None, 22), "said once");

        std::fs::write(&path, "333").unwrap();
        assert_eq!((live.refresh(true), *live.current()), (Some(Ok(())), 333));
    }
}
