//! Files that the server can't use: it says what, where and what to do, and does not start.
#![cfg(unix)]

mod common;

use common::{POLICY, Server, home, tollkeeper};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

/// `nobody`: permissions mean nothing to root, as whom tests may run.
const NOBODY: u32 = 65_534;

/// Why a server does not start with this store, as a user to whom permissions mean something.
fn refusal(home: &Path, store: &Path) -> String {
    let policy = home.join("policy.yaml");
    let store = format!("sqlite:{}", store.display());
    let address = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let mut command = tollkeeper(&["serve", "--store", &store, "--policy"]);
    command.arg(policy).args(address);
    if std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        command.uid(NOBODY);
    }
    let output = command.output().expect("runs");
    assert!(!output.status.success(), "it started");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("permissions");
}

#[test]
fn a_directory_that_is_not_there() {
    let home = home(POLICY);
    allow(home.path(), 0o755);
    let why = refusal(home.path(), &home.path().join("missing/store.db"));
    assert!(why.contains("missing/store.db: No such file or directory"), "{why}");
    assert!(why.contains("the directory has to be there"), "{why}");
}

#[test]
fn a_file_or_directory_that_may_only_be_read() {
    let home = home(POLICY);
    let store = home.path().join("store.db");
    assert!(Server::start(home.path()).stop().success());
    // The file alone, then the directory as well.
    std::fs::remove_file(home.path().join("store.db-lock")).expect("removed");
    for (directory, words) in [(0o777, "the file is read-only"), (0o555, "Permission denied")] {
        allow(&store, 0o444);
        allow(home.path(), directory);
        let why = refusal(home.path(), &store);
        assert!(why.contains("store.db: ") && why.contains(words), "{why}");
        let _ = std::fs::remove_file(home.path().join("store.db-lock"));
    }
    allow(home.path(), 0o755);
}

#[test]
fn a_file_that_another_server_has() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let second = tollkeeper(&["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--store"])
        .arg(format!("sqlite:{}", home.path().join("store.db").display()))
        .arg("--policy")
        .arg(home.path().join("policy.yaml"))
        .output()
        .expect("runs");
    let why = String::from_utf8_lossy(&second.stderr);
    assert!(why.contains("store.db: another server has it open"), "{why}");
    assert_eq!(server.get("/readyz").0, 200, "the first is not disturbed");
}
