//! The client: a closed loop over keep-alive connections. It stops at the first answer that is not exactly what the
//! provider sent, so that no figure can come from refusals or broken bodies.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use memchr::memmem;
use serde::Serialize;
use tokio::net::TcpStream;

use crate::canned::{self, Event};
use crate::connection::{Connection, PACE};
use crate::prompts::{self, Prompt};
use crate::quantiles::Quantiles;

#[derive(Args, Clone, Debug)]
pub struct Drive {
    /// Where to send, an address and a port
    target: SocketAddr,
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Start no request after this many milliseconds
    #[arg(long, default_value_t = 1000)]
    duration_ms: u64,
    /// Start no more than this many requests
    #[arg(long, default_value_t = u64::MAX)]
    requests: u64,
    /// Bytes of text in the messages
    #[arg(long, default_value_t = 2000)]
    prompt: usize,
    /// Ask for a stream
    #[arg(long)]
    stream: bool,
    /// Ask for the usage chunk as well
    #[arg(long, requires = "stream")]
    include_usage: bool,
    /// Ask the mock provider to pause between chunks
    #[arg(long, requires = "stream")]
    pace_ms: Option<u64>,
    /// Of the texts
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Times in microseconds.
#[derive(Debug, Serialize)]
pub struct Report {
    pub requests: u64,
    pub by_status: BTreeMap<u16, u64>,
    pub seconds: f64,
    pub body_bytes: usize,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub latency: Option<Quantiles>,
    pub first_chunk: Option<Quantiles>,
    /// Between a stream's chunks as they arrive.
    pub gap: Option<Quantiles>,
    /// From the mock provider's write to the client's read, per chunk.
    pub transit: Option<Quantiles>,
    pub chunks: u64,
    pub failure: Option<String>,
}

#[derive(Default)]
struct Samples {
    started: u64,
    by_status: BTreeMap<u16, u64>,
    latency: Vec<u64>,
    first_chunk: Vec<u64>,
    gap: Vec<u64>,
    transit: Vec<u64>,
    failure: Option<String>,
}

/// What a right answer looks like.
struct Expected {
    completion: Vec<u8>,
    /// The forms a stream may have: chunks with `"usage":null` come where a proxy asked for usage by itself.
    streams: [Vec<Event>; 2],
    /// Whether the client must see the usage chunk.
    usage: bool,
}

impl Drive {
    pub async fn run(self) -> Report {
        let prompts = prompts::prompts(self.prompt, self.stream, self.include_usage, self.seed);
        let body_bytes = prompts.iter().map(|prompt| prompt.body.len()).sum::<usize>() / prompts.len().max(1);
        let prompts = Rc::new(RefCell::new(prompts));
        let samples = Rc::new(RefCell::new(Samples::default()));
        let expected = Rc::new(Expected {
            completion: canned::completion().into_bytes(),
            streams: [canned::stream(false), canned::stream(true)],
            usage: self.include_usage,
        });
        let begin = Instant::now();
        let local = tokio::task::LocalSet::new();
        for number in 0..self.connections {
            let client = Client {
                options: self.clone(),
                number,
                until: begin + Duration::from_millis(self.duration_ms),
                prompts: Rc::clone(&prompts),
                samples: Rc::clone(&samples),
                expected: Rc::clone(&expected),
            };
            local.spawn_local(client.run());
        }
        local.await;
        let seconds = begin.elapsed().as_secs_f64();
        let samples = samples.take();
        Report {
            requests: samples.latency.len() as u64,
            by_status: samples.by_status,
            seconds,
            body_bytes,
            prompt_tokens: canned::PROMPT_TOKENS,
            completion_tokens: canned::COMPLETION_TOKENS,
            chunks: samples.transit.len() as u64,
            latency: Quantiles::of(samples.latency),
            first_chunk: Quantiles::of(samples.first_chunk),
            gap: Quantiles::of(samples.gap),
            transit: Quantiles::of(samples.transit),
            failure: samples.failure,
        }
    }
}

/// One connection's loop.
struct Client {
    options: Drive,
    number: usize,
    until: Instant,
    prompts: Rc<RefCell<Vec<Prompt>>>,
    samples: Rc<RefCell<Samples>>,
    expected: Rc<Expected>,
}

impl Client {
    async fn run(self) {
        if let Err(failure) = self.calls().await {
            self.samples.borrow_mut().failure.get_or_insert(failure.to_string());
        }
    }

    async fn calls(&self) -> io::Result<()> {
        let mut connection = Connection::new(TcpStream::connect(self.options.target).await?)?;
        let mut message = Vec::new();
        while let Some(call) = self.next_call() {
            self.compose(call, &mut message);
            let begin = Instant::now();
            connection.write(&message).await?;
            let head = connection.response().await?;
            *self.samples.borrow_mut().by_status.entry(head.status).or_default() += 1;
            let mut framing = head.framing();
            if head.status != 200 {
                let mut body = Vec::new();
                while connection.body(&mut framing, |span| body.extend_from_slice(span)).await? {}
                let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
                return Err(io::Error::other(format!("status {}: {shown}", head.status)));
            }
            if self.options.stream {
                let mut reader = StreamReader::new(&self.expected, begin);
                let mut arrived = Vec::new();
                while connection.body(&mut framing, |span| arrived.extend_from_slice(span)).await? {
                    reader.read(&mut arrived, &mut self.samples.borrow_mut())?;
                }
                reader.end(&arrived)?;
            } else {
                let mut body = Vec::with_capacity(self.expected.completion.len());
                while connection.body(&mut framing, |span| body.extend_from_slice(span)).await? {}
                if body != self.expected.completion {
                    let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
                    return Err(io::Error::other(format!("not the provider's answer: {shown}")));
                }
            }
            self.samples.borrow_mut().latency.push(nanoseconds(begin.elapsed()));
        }
        Ok(())
    }

    /// The number of the call to make, if there is one to make.
    fn next_call(&self) -> Option<u64> {
        let mut samples = self.samples.borrow_mut();
        if samples.failure.is_some()
            || samples.started >= self.options.requests
            || Instant::now() >= self.until
        {
            return None;
        }
        samples.started += 1;
        Some(samples.started)
    }

    /// Headers as the official Python SDK sends them, and who asks: each connection is a user.
    fn compose(&self, call: u64, message: &mut Vec<u8>) {
        let mut prompts = self.prompts.borrow_mut();
        let count = prompts.len();
        let prompt = &mut prompts[call as usize % count];
        prompt.renumber(self.options.seed.wrapping_mul(1_000_000).wrapping_add(call));
        let pace = self.options.pace_ms.map_or(String::new(), |ms| format!("{PACE}: {ms}\r\n"));
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\naccept-encoding: gzip, deflate\r\n\
             connection: keep-alive\r\naccept: application/json\r\ncontent-type: application/json\r\n\
             user-agent: OpenAI/Python 2.7.1\r\nx-stainless-lang: python\r\nx-stainless-package-version: 2.7.1\r\n\
             x-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\n\
             x-stainless-runtime-version: 3.12.3\r\nx-stainless-async: false\r\nx-stainless-retry-count: 0\r\n\
             x-stainless-read-timeout: 600\r\nauthorization: Bearer sk-bench-0123456789abcdef0123456789abcdef\r\n\
             x-tenant-id: tenant-{}\r\nx-team: team-{}\r\nx-user: user-{}\r\nx-app: app-{}\r\n\
             {pace}content-length: {}\r\n\r\n",
            self.number % 8,
            self.number % 4,
            self.number,
            self.number % 2,
            prompt.body.len()
        );
        message.clear();
        message.extend_from_slice(head.as_bytes());
        message.extend_from_slice(&prompt.body);
    }
}

/// Checks a stream event by event as it arrives.
struct StreamReader<'a> {
    expected: &'a Expected,
    /// Which of the forms, known from the first event.
    form: usize,
    next: usize,
    begin: Instant,
    before: Option<Instant>,
}

impl<'a> StreamReader<'a> {
    fn new(expected: &'a Expected, begin: Instant) -> Self {
        Self { expected, form: 0, next: 0, begin, before: None }
    }

    /// Takes the complete events out of `arrived`.
    fn read(&mut self, arrived: &mut Vec<u8>, samples: &mut Samples) -> io::Result<()> {
        let (now, clock) = (Instant::now(), canned::now());
        let mut start = 0;
        while let Some(end) = memmem::find(&arrived[start..], b"\n\n").map(|at| start + at + 2) {
            let event = &arrived[start..end];
            start = end;
            let sent = self.check(event)?;
            if sent == 0 {
                continue;
            }
            samples.transit.push(clock.saturating_sub(sent));
            match self.before.replace(now) {
                Some(before) => samples.gap.push(nanoseconds(now - before)),
                None => samples.first_chunk.push(nanoseconds(now - self.begin)),
            }
        }
        arrived.drain(..start);
        Ok(())
    }

    /// When the event was sent; fails where it is not the one that had to come.
    fn check(&mut self, event: &[u8]) -> io::Result<u64> {
        if self.next == 0 && self.expected.streams[0][0].sent_at(event).is_none() {
            self.form = 1;
        }
        let events = &self.expected.streams[self.form];
        // A usage chunk that the client did not ask for must have been taken out.
        if self.next == canned::CHUNKS && self.form == 1 && !self.expected.usage {
            self.next += 1;
        }
        let sent = events.get(self.next).and_then(|expected| expected.sent_at(event));
        self.next += 1;
        sent.ok_or_else(|| {
            let shown = String::from_utf8_lossy(event);
            io::Error::other(format!("not the provider's event {}: {shown}", self.next))
        })
    }

    fn end(&self, arrived: &[u8]) -> io::Result<()> {
        let whole = arrived.is_empty() && self.next == self.expected.streams[self.form].len();
        if whole && (self.form == 1 || !self.expected.usage) {
            return Ok(());
        }
        Err(io::Error::other(format!("a stream cut short after {} events", self.next)))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(usage: bool) -> Expected {
        Expected { completion: Vec::new(), streams: [canned::stream(false), canned::stream(true)], usage }
    }

    /// Reads a stream of these events in pieces of `step` bytes.
    fn read(events: &[Event], usage: bool, step: usize) -> io::Result<Samples> {
        let bytes: Vec<u8> = events
            .iter()
            .flat_map(|event| {
                let mut bytes = event.bytes.clone();
                if let Some(at) = event.stamp {
                    canned::stamp(&mut bytes[at..], 1);
                }
                bytes
            })
            .collect();
        let expected = expected(usage);
        let mut reader = StreamReader::new(&expected, Instant::now());
        let (mut samples, mut arrived) = (Samples::default(), Vec::new());
        for piece in bytes.chunks(step) {
            arrived.extend_from_slice(piece);
            reader.read(&mut arrived, &mut samples)?;
        }
        reader.end(&arrived)?;
        Ok(samples)
    }

    fn without(mut events: Vec<Event>, index: usize) -> Vec<Event> {
        events.remove(index);
        events
    }

    #[test]
    fn a_whole_stream_passes_in_any_split() {
        for step in [1, 7, 333, 100_000] {
            let samples = read(&canned::stream(false), false, step).expect("whole");
            assert_eq!((samples.transit.len(), samples.first_chunk.len(), samples.gap.len()), (100, 1, 99));
        }
    }

    #[test]
    fn usage_shows_exactly_when_asked_for() {
        assert!(read(&canned::stream(true), true, 512).is_ok());
        assert!(read(&without(canned::stream(true), canned::CHUNKS), false, 512).is_ok());
        assert!(read(&canned::stream(true), false, 512).is_err());
        assert!(read(&canned::stream(false), true, 512).is_err());
    }

    #[test]
    fn a_missing_event_fails() {
        for index in [0, 50, canned::CHUNKS - 1, canned::CHUNKS] {
            assert!(read(&without(canned::stream(false), index), false, 512).is_err(), "without {index}");
        }
    }
}
