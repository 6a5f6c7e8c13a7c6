//! What goes wrong with a file, said so that it can be mended.

use crate::store::Error;
use rusqlite::{Connection, ErrorCode};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// An operation that failed, by what SQLite says of it.
pub(super) fn failed(connection: &Connection, error: &rusqlite::Error) -> Error {
    match connection.path() {
        Some(path) if !path.is_empty() => Error::Failed(format!("{path}: {}", explain(error))),
        _ => Error::Failed(explain(error)),
    }
}

/// What happened, and what to do about it.
pub(super) fn explain(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "make room on its disk; nothing that was answered is lost, and it goes on by itself"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => ALLOWED,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => MEND,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program keeps it locked; it goes on by itself when that ends"
        }
        Some(ErrorCode::SystemIoFailure) => "its disk fails: the system's log says more",
        _ => return error.to_string(),
    };
    format!("{error} ({advice})")
}

const ALLOWED: &str = "the directory has to be there, and it and the file writable for the server";

/// What to do with a damaged file.
pub(super) const MEND: &str = "put a backup in its place, or what `sqlite3 FILE .recover` saves of it";

/// Keeps other servers away from a file as long as it lives. What a server knows of the time it listened is not in the
/// file, so that two would lapse each other's leases.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, never read")] File);

impl Lock {
    /// # Errors
    /// That another server has it, or why there can be none.
    pub(super) fn take(path: &Path) -> Result<Lock, Error> {
        let unusable = |what: String| Error::Unusable(format!("{}: {what}", path.display()));
        // Beside the file: closing any handle of the file itself would release SQLite's own locks.
        let mut beside = path.as_os_str().to_owned();
        beside.push("-lock");
        let file = File::options().create(true).truncate(false).write(true).open(PathBuf::from(beside));
        let file = file.map_err(|error| unusable(format!("{error} ({ALLOWED})")))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => {
                Err(unusable("another server has it open: a file is for one server".into()))
            }
            Err(TryLockError::Error(error)) => Err(unusable(format!("it can't be locked: {error}"))),
        }
    }
}
