//! AWS's binary event stream (`application/vnd.amazon.eventstream`), out of chunks that are cut anywhere.
//!
//! A message is its length, the length of its headers and a CRC of these two; the headers; the payload; a CRC of it
//! all. Payloads are handed on as far as a chunk has them; of a message only the headers are kept, up to
//! [`LARGEST_HEADERS`]. Source: "Event stream encoding" in the Smithy specification.

use crc32fast::Hasher;

/// Bytes of headers that are kept; those of Bedrock have about 80. Larger ones are skipped.
const LARGEST_HEADERS: usize = 4096;
const PRELUDE: usize = 12;
/// What surrounds headers and payload.
const OVERHEAD: u32 = 16;

/// What the next bytes of the chunk turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'c> {
    /// More of the message's payload.
    Payload(&'c [u8]),
    /// The message is finished; whether it arrived as it was sent.
    Message { intact: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Prelude,
    /// So many bytes are left of it.
    Headers(u32),
    Payload(u32),
    Checksum,
    /// Where the next message begins is not known any more.
    Lost,
}

#[derive(Debug)]
pub(super) struct Frames {
    part: Part,
    /// The unfinished prelude or checksum, or the headers.
    kept: Vec<u8>,
    headers: Vec<u8>,
    payload: u32,
    crc: Hasher,
    /// Bytes of the unfinished message.
    message_bytes: u64,
    unread: u64,
}

impl Default for Frames {
    fn default() -> Self {
        Frames {
            part: Part::Prelude,
            kept: Vec::new(),
            headers: Vec::new(),
            payload: 0,
            crc: Hasher::new(),
            message_bytes: 0,
            unread: 0,
        }
    }
}

impl Frames {
    /// The next step in `chunk` from `at` on, `None` when the rest of it has been taken in.
    pub(super) fn next<'c>(&mut self, chunk: &'c [u8], at: &mut usize) -> Option<Step<'c>> {
        loop {
            let rest = chunk.get(*at..).unwrap_or_default();
            match self.part {
                Part::Lost => {
                    self.unread = self.unread.saturating_add(rest.len() as u64);
                    *at = chunk.len();
                    return None;
                }
                Part::Prelude => {
                    let taken = fill(&mut self.kept, rest, PRELUDE);
                    self.advance(at, taken);
                    let prelude = self.kept.first_chunk::<PRELUDE>().copied()?;
                    self.kept.clear();
                    self.begin(prelude);
                }
                Part::Headers(0) => {
                    self.headers = std::mem::take(&mut self.kept);
                    self.part = Part::Payload(self.payload);
                }
                Part::Headers(left) => {
                    let taken = self.pass(rest, left, at)?;
                    self.part = Part::Headers(left.saturating_sub(taken.len() as u32));
                    let room = LARGEST_HEADERS.saturating_sub(self.kept.len());
                    self.kept.extend_from_slice(taken.get(..room).unwrap_or(taken));
                }
                Part::Payload(0) => self.part = Part::Checksum,
                Part::Payload(left) => {
                    let taken = self.pass(rest, left, at)?;
                    self.part = Part::Payload(left.saturating_sub(taken.len() as u32));
                    return Some(Step::Payload(taken));
                }
                Part::Checksum => {
                    let taken = fill(&mut self.kept, rest, 4);
                    self.advance(at, taken);
                    let checksum = self.kept.first_chunk::<4>().copied()?;
                    self.kept.clear();
                    self.part = Part::Prelude;
                    let intact = u32::from_be_bytes(checksum) == self.crc.clone().finalize();
                    if !intact {
                        self.unread = self.unread.saturating_add(self.message_bytes);
                    }
                    self.message_bytes = 0;
                    return Some(Step::Message { intact });
                }
            }
        }
    }

    fn advance(&mut self, at: &mut usize, bytes: usize) {
        *at = at.saturating_add(bytes);
        self.message_bytes = self.message_bytes.saturating_add(bytes as u64);
    }

    /// The next bytes of a part of which so many are left.
    fn pass<'c>(&mut self, rest: &'c [u8], left: u32, at: &mut usize) -> Option<&'c [u8]> {
        let taken = rest.get(..left as usize).unwrap_or(rest);
        self.crc.update(taken);
        self.advance(at, taken.len());
        (!taken.is_empty()).then_some(taken)
    }

    fn begin(&mut self, prelude: [u8; PRELUDE]) {
        let [t0, t1, t2, t3, h0, h1, h2, h3, c0, c1, c2, c3] = prelude;
        let total = u32::from_be_bytes([t0, t1, t2, t3]);
        let headers = u32::from_be_bytes([h0, h1, h2, h3]);
        let mut crc = Hasher::new();
        crc.update(&[t0, t1, t2, t3, h0, h1, h2, h3]);
        let sound = crc.clone().finalize() == u32::from_be_bytes([c0, c1, c2, c3]);
        match total.checked_sub(OVERHEAD).and_then(|inside| inside.checked_sub(headers)) {
            Some(payload) if sound => {
                crc.update(&[c0, c1, c2, c3]);
                (self.crc, self.payload) = (crc, payload);
                self.headers.clear();
                self.part = Part::Headers(headers);
            }
            _ => {
                self.unread = self.unread.saturating_add(self.message_bytes);
                self.part = Part::Lost;
            }
        }
    }

    /// A header of the message by its name, if it is a string.
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let mut rest = self.headers.as_slice();
        loop {
            let (name, after) = counted(rest, 1)?;
            let (kind, after) = after.split_first()?;
            let (value, after) = match kind {
                // True and false have no value.
                0 | 1 => after.split_at_checked(0)?,
                2 => after.split_at_checked(1)?,
                3 => after.split_at_checked(2)?,
                4 => after.split_at_checked(4)?,
                5 | 8 => after.split_at_checked(8)?,
                6 | 7 => counted(after, 2)?,
                9 => after.split_at_checked(16)?,
                _ => return None,
            };
            if name == wanted.as_bytes() && *kind == 7 {
                return str::from_utf8(value).ok();
            }
            rest = after;
        }
    }

    /// The stream ends inside a message.
    pub(super) fn is_inside(&self) -> bool {
        self.message_bytes > 0
    }

    /// Bytes of messages that did not arrive as they were sent.
    pub(super) const fn unread(&self) -> u64 {
        self.unread
    }
}

/// Fills `kept` up to `wanted` bytes; how many it took.
fn fill(kept: &mut Vec<u8>, rest: &[u8], wanted: usize) -> usize {
    let missing = wanted.saturating_sub(kept.len());
    let taken = rest.get(..missing).unwrap_or(rest);
    kept.extend_from_slice(taken);
    taken.len()
}

/// Bytes with their number before them, in so many bytes.
fn counted(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    let length = length.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}
