//! Copies of a file as it is at one moment, while a server goes on writing it.

use super::{schema, trouble};
use crate::store::Error;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Makes `to` a copy of the store at `from`. It comes about under another name, so that half a copy is never taken for one.
///
/// # Errors
/// Says which file can't be used and why, or that there is something at `to`.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |what: &dyn std::fmt::Display| Error::Failed(format!("{}: {what}", to.display()));
    if to.exists() {
        return Err(failed(&"there is something already, and a backup replaces nothing"));
    }
    let partial = named(to, ".partial");
    write(from, &partial)?;
    std::fs::rename(&partial, to).map_err(|error| failed(&error))
}

/// A copy that has no name: nothing is left of it when it is closed.
pub(super) fn nameless(store: &Path) -> Result<File, Error> {
    // Beside the store, where there is room for it if anywhere.
    let path = named(store, "-backup");
    write(store, &path)?;
    let opened = File::open(&path);
    let removed = std::fs::remove_file(&path);
    let failed = |error: std::io::Error| Error::Failed(format!("{}: {error}", path.display()));
    removed.map_err(failed)?;
    opened.map_err(failed)
}

fn write(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |what: &dyn std::fmt::Display| Error::Failed(format!("{}: {what}", to.display()));
    let name = to.to_str().ok_or_else(|| failed(&"its name has to be UTF-8"))?;
    // What an attempt left that was cut short.
    if let Err(error) = std::fs::remove_file(to)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(failed(&error));
    }
    let store = schema::open_to_read(from)?;
    // One reading transaction, which holds up nobody and sees everything that was committed before.
    store.execute("VACUUM INTO ?1", [name]).map_err(|error| failed(&trouble::explain(&error)))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|error| failed(&error))
}

fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
