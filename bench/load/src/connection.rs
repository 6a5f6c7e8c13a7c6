//! One keep-alive HTTP/1.1 connection as both ends need it: a head, then a body, with what follows kept.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::framing::{Framing, Malformed};

/// Larger than any head or body here, so that a message is one read.
const READ: usize = 64 * 1024;

pub struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// What was read and not taken yet.
    start: usize,
    end: usize,
}

/// The parts of a head that the ends care about.
#[derive(Debug, Default)]
pub struct Head {
    /// Of a response; 0 for a request.
    pub status: u16,
    pub post: bool,
    pub length: Option<usize>,
    pub chunked: bool,
    /// The client's wish for a paced stream, in milliseconds ([`PACE`]).
    pub pace_ms: Option<u64>,
}

/// Names the pause between a stream's chunks; only the mock provider understands it.
pub const PACE: &str = "x-bench-pace-ms";

impl Head {
    pub fn framing(&self) -> Framing {
        if self.chunked { Framing::chunked() } else { Framing::Length(self.length.unwrap_or(0)) }
    }

    fn note(&mut self, header: &httparse::Header<'_>) -> Result<(), Malformed> {
        let number = || std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok());
        if header.name.eq_ignore_ascii_case("content-length") {
            self.length = Some(number().ok_or(Malformed)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            self.chunked = header.value.eq_ignore_ascii_case(b"chunked");
        } else if header.name.eq_ignore_ascii_case(PACE) {
            self.pace_ms = number().map(|ms: usize| ms as u64);
        }
        Ok(())
    }
}

impl Connection {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; READ].into_boxed_slice(), start: 0, end: 0 })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next request's head; none where the peer hung up between requests.
    pub async fn request(&mut self) -> io::Result<Option<Head>> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut request = httparse::Request::new(&mut headers);
            let parsed = request.parse(&self.buffer[self.start..self.end]).map_err(io::Error::other)?;
            if let httparse::Status::Complete(length) = parsed {
                let mut head = Head { post: request.method == Some("POST"), ..Head::default() };
                request.headers.iter().try_for_each(|header| head.note(header)).map_err(malformed)?;
                self.start += length;
                return Ok(Some(head));
            }
            if self.fill().await? == 0 {
                return if self.start == self.end { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// The next response's head.
    pub async fn response(&mut self) -> io::Result<Head> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(&self.buffer[self.start..self.end]).map_err(io::Error::other)?;
            if let httparse::Status::Complete(length) = parsed {
                let mut head = Head { status: response.code.unwrap_or(0), ..Head::default() };
                response.headers.iter().try_for_each(|header| head.note(header)).map_err(malformed)?;
                self.start += length;
                return Ok(head);
            }
            if self.fill().await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Hands on the payload that is there or comes with the next read; false when the body is complete.
    pub async fn body(&mut self, framing: &mut Framing, payload: impl FnMut(&[u8])) -> io::Result<bool> {
        if framing.done() {
            return Ok(false);
        }
        if self.start == self.end && self.fill().await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let taken = framing.feed(&self.buffer[self.start..self.end], payload).map_err(malformed)?;
        self.start += taken;
        Ok(true)
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            if self.start == 0 {
                return Err(io::Error::other("a head larger than the buffer"));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let read = self.stream.read(&mut self.buffer[self.end..]).await?;
        self.end += read;
        Ok(read)
    }
}

fn malformed(_: Malformed) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "malformed HTTP/1.1 framing")
}
