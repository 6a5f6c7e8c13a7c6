//! The mock provider: canned answers, as cheap as they can be, so that what is measured is the proxy.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{self, MissedTickBehavior};

use crate::canned::{self, Event};
use crate::connection::Connection;

/// Back to back, so many chunks leave in one write: a fixed number, since a write each would let the speed of the
/// proxy under test decide how many it finds at once.
const CHUNKS_A_WRITE: usize = 10;

pub async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let answers = Rc::new(Answers::new());
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                let answers = Rc::clone(&answers);
                tokio::task::spawn_local(async move {
                    // A client that hangs up is the client's business; what it missed shows in its own checks.
                    let _ = answer_all(stream, &answers).await;
                });
            }
        })
        .await
}

/// Ready to send, heads and chunk framing included.
struct Answers {
    other: Vec<u8>,
    completion: Vec<u8>,
    plain: Image,
    with_usage: Image,
}

impl Answers {
    fn new() -> Self {
        Self {
            other: response("text/plain", "ok\n"),
            completion: response("application/json", &canned::completion()),
            plain: Image::of(&canned::stream(false)),
            with_usage: Image::of(&canned::stream(true)),
        }
    }
}

/// A whole chunked response, cut where a write may end.
struct Image {
    pieces: Vec<Piece>,
}

struct Piece {
    bytes: Vec<u8>,
    stamp: Option<usize>,
}

impl Image {
    /// As many pieces as chunks: the head goes with the first; usage, `[DONE]` and the end go with the last.
    fn of(events: &[Event]) -> Self {
        let mut pieces: Vec<Piece> = Vec::with_capacity(canned::CHUNKS);
        for (index, event) in events.iter().enumerate() {
            let mut bytes = if index == 0 { STREAM_HEAD.as_bytes().to_vec() } else { Vec::new() };
            bytes.extend_from_slice(format!("{:x}\r\n", event.bytes.len()).as_bytes());
            let stamp = event.stamp.map(|stamp| bytes.len() + stamp);
            bytes.extend_from_slice(&event.bytes);
            bytes.extend_from_slice(b"\r\n");
            match pieces.last_mut() {
                Some(last) if index >= canned::CHUNKS => last.bytes.extend_from_slice(&bytes),
                _ => pieces.push(Piece { bytes, stamp }),
            }
        }
        if let Some(last) = pieces.last_mut() {
            last.bytes.extend_from_slice(b"0\r\n\r\n");
        }
        Self { pieces }
    }
}

const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
    openai-processing-ms: 212\r\nx-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n";

fn response(content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nopenai-processing-ms: 212\r\n\
         x-request-id: req_bench\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn answer_all(stream: TcpStream, answers: &Answers) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    let (mut body, mut scratch) = (Vec::new(), Vec::new());
    while let Some(head) = connection.request().await? {
        body.clear();
        let mut framing = head.framing();
        while connection.body(&mut framing, |span| body.extend_from_slice(span)).await? {}
        match Asked::of(&body) {
            _ if !head.post => connection.write(&answers.other).await?,
            Asked { stream: false, .. } => connection.write(&answers.completion).await?,
            Asked { usage, .. } => {
                let image = if usage { &answers.with_usage } else { &answers.plain };
                match head.pace_ms {
                    Some(ms) => {
                        paced(&mut connection, image, &mut scratch, Duration::from_millis(ms)).await?
                    }
                    None => back_to_back(&mut connection, image, &mut scratch).await?,
                }
            }
        }
    }
    Ok(())
}

async fn back_to_back(connection: &mut Connection, image: &Image, scratch: &mut Vec<u8>) -> io::Result<()> {
    for pieces in image.pieces.chunks(CHUNKS_A_WRITE) {
        send(connection, pieces, scratch).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn paced(
    connection: &mut Connection,
    image: &Image,
    scratch: &mut Vec<u8>,
    pause: Duration,
) -> io::Result<()> {
    // The timer's own millisecond shows in the gaps of every variant alike; the way through the proxy is told by the stamps.
    let mut ticks = time::interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for piece in image.pieces.chunks(1) {
        ticks.tick().await;
        send(connection, piece, scratch).await?;
    }
    Ok(())
}

async fn send(connection: &mut Connection, pieces: &[Piece], scratch: &mut Vec<u8>) -> io::Result<()> {
    scratch.clear();
    let now = canned::now();
    for piece in pieces {
        let start = scratch.len();
        scratch.extend_from_slice(&piece.bytes);
        if let Some(stamp) = piece.stamp {
            canned::stamp(&mut scratch[start + stamp..], now);
        }
    }
    connection.write(scratch).await
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    stream: bool,
    usage: bool,
}

impl Asked {
    /// Looks for the members rather than parse: a quote inside a prompt is escaped, so no text can pass for them.
    fn of(body: &[u8]) -> Self {
        Self { stream: says_true(body, b"\"stream\""), usage: says_true(body, b"\"include_usage\"") }
    }
}

fn says_true(body: &[u8], member: &[u8]) -> bool {
    memmem::find_iter(body, member).any(|at| {
        let mut rest = body[at + member.len()..].iter().filter(|byte| !byte.is_ascii_whitespace());
        rest.next() == Some(&b':') && rest.take(4).eq(b"true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_found_with_any_spacing_and_not_inside_a_prompt() {
        let stream = Asked { stream: true, usage: false };
        let plain = Asked { stream: false, usage: false };
        assert_eq!(Asked::of(br#"{"model":"m","stream":true}"#), stream);
        assert_eq!(Asked::of(br#"{"stream" : true, "stream_options": {"include_usage": false}}"#), stream);
        assert_eq!(
            Asked::of(br#"{"stream":true,"stream_options":{"include_usage":true}}"#),
            Asked { stream: true, usage: true }
        );
        assert_eq!(Asked::of(br#"{"messages":[{"content":"say {\"stream\":true}"}]}"#), plain);
        assert_eq!(Asked::of(br#"{"stream":false}"#), plain);
    }

    #[test]
    fn a_stream_is_a_write_a_chunk_and_ends_with_the_last() {
        for (with_usage, events) in [(false, canned::CHUNKS + 1), (true, canned::CHUNKS + 2)] {
            let image = Image::of(&canned::stream(with_usage));
            assert_eq!(image.pieces.len(), canned::CHUNKS);
            let all: Vec<u8> = image.pieces.iter().flat_map(|piece| piece.bytes.clone()).collect();
            assert_eq!(memmem::find_iter(&all, b"data: ").count(), events);
            assert!(all.ends_with(b"data: [DONE]\n\n\r\n0\r\n\r\n"));
        }
    }
}
