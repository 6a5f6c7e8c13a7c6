//! Bounds on what clients may send, how long they may take, and how much may wait.

mod common;

use common::{POLICY, Server, acquire, home};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tonic::Code;

/// Far longer than the server's patience: a test that waits so long has failed.
const TOO_LONG: Duration = Duration::from_secs(25);

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address.trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(TOO_LONG)).expect("a timeout");
    stream
}

/// What the server says until it closes the connection.
fn until_closed(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection stays open: {error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_client_that_takes_for_ever_to_say_what_it_wants_is_left() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut slow = connect(&server.http);
    write!(slow, "GET /healthz HTTP/1.1\r\nhost: test\r\n").expect("sent");
    let silent = connect(&server.http);
    let mut idle = connect(&server.http);
    write!(idle, "GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").expect("sent");
    until_closed(slow);
    until_closed(silent);
    assert!(until_closed(idle).ends_with("ok\n"), "what it asked for it got");
}

#[test]
fn heads_are_bounded_in_size_and_number() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let ask = |headers: &str| {
        let mut stream = connect(&server.http);
        // The server may have seen enough before all of it is sent.
        let _ = write!(stream, "GET /healthz HTTP/1.1\r\nhost: test\r\n{headers}connection: close\r\n\r\n");
        until_closed(stream)
    };
    assert!(ask("a: b\r\n").starts_with("HTTP/1.1 200"));
    for much in [format!("a: {}\r\n", "b".repeat(20_000)), "a: b\r\n".repeat(100)] {
        let answer = ask(&much);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(server.get("/healthz").0, 200);
}

#[tokio::test]
async fn what_is_no_grpc_at_all_hurts_nobody() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    for rubbish in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 4096],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x04\0\0\0\0\0",
    ] {
        let mut stream = connect(&server.grpc);
        let _ = stream.write_all(rubbish);
        until_closed(stream);
    }
    let mut client = server.client().await;
    client.acquire(acquire(1, 1, "tenant-tokens", "acme", 5)).await.expect("granted");
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_its_size() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;
    let mut huge = acquire(1, 1, "tenant-tokens", "acme", 5);
    huge.policy_version = "x".repeat(17 << 20);
    let refused = client.acquire(huge).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    client.acquire(acquire(1, 2, "tenant-tokens", "acme", 5)).await.expect("granted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_has_no_room_for_is_turned_away_at_once_and_may_come_again() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    // Another program holds the file: whatever is asked for has to wait.
    let other = rusqlite::Connection::open(home.path().join("store.db")).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");

    // Above what may wait and what one commit takes along, on connections that carry 256 calls each.
    let mut calls = tokio::task::JoinSet::new();
    for connection in 0..24 {
        let client = server.client().await;
        for call in 0..256 {
            let mut client = client.clone();
            calls.spawn(async move {
                client.acquire(acquire(connection, call + 1, "tenant-tokens", "acme", 1)).await
            });
        }
    }
    let first = calls.join_next().await.expect("a call").expect("no panic").unwrap_err();
    assert_eq!(first.code(), Code::Unavailable);
    assert!(first.message().contains("too much to do"), "{first}");
    let (status, why) = server.get("/readyz");
    assert_eq!((status, why.as_str()), (503, "the store has too much to do\n"));

    other.execute_batch("COMMIT").expect("unlocked");
    let mut granted = 0;
    while let Some(call) = calls.join_next().await {
        granted += u32::from(call.expect("no panic").is_ok());
    }
    assert!(granted > 0, "those that waited get their turn");
    let mut client = server.client().await;
    client.acquire(acquire(99, 1, "tenant-tokens", "acme", 1)).await.expect("granted");
}
