//! Zstandard (RFC 8878), by `ruzstd`, which wants whole blocks and hands out decoded bytes only when they have left the
//! window. Usage is at a body's end, where that makes no difference.

use super::{Damaged, End, Sink};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io;

/// The largest window that an HTTP response may ask for (RFC 9659, 3).
pub(super) const WINDOW: u64 = 8 << 20;
/// Entropy tables, an unfinished block, and a decoded one.
pub(super) const TABLES: u64 = 512 * 1024;

/// RFC 8878, 3.1.1: magic number and frame header descriptor.
const MAGIC_AND_DESCRIPTOR: usize = 5;
const BLOCK_HEADER: usize = 3;
const CHECKSUM: usize = 4;
const RLE_BLOCK: u32 = 1;
/// The last block, raw, with no content.
const EMPTY_LAST_BLOCK: [u8; BLOCK_HEADER] = [1, 0, 0];

pub(super) struct Zstd {
    decoder: FrameDecoder,
    /// Encoded bytes that are not a whole header or block yet: 128 KiB and a few at most.
    kept: Vec<u8>,
    /// `None` between frames.
    frame: Option<Frame>,
}

#[derive(Clone, Copy)]
struct Frame {
    has_checksum: bool,
}

impl Default for Zstd {
    fn default() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Zstd { decoder, kept: Vec::new(), frame: None }
    }
}

impl Zstd {
    pub(super) fn decode(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Damaged> {
        let mut kept = std::mem::take(&mut self.kept);
        kept.extend_from_slice(input);
        let mut rest = kept.as_slice();
        while let Some(size) = self.next_part(rest) {
            let Some((part, behind)) = rest.split_at_checked(size) else { break };
            rest = behind;
            self.part(part)?;
            self.hand_over(sink)?;
        }
        let used = kept.len().saturating_sub(rest.len());
        kept.drain(..used);
        self.kept = kept;
        Ok(())
    }

    /// A frame that was cut short is ended, so that what is still in its window comes out.
    pub(super) fn finish(&mut self, sink: &mut Sink<'_>) -> Result<End, Damaged> {
        let left = self.kept.len() as u64;
        let whole = self.frame.is_none() && left == 0;
        if self.frame.is_some() {
            self.part(&[EMPTY_LAST_BLOCK.as_slice(), &[0; CHECKSUM]].concat())?;
            self.hand_over(sink)?;
        }
        Ok(End { left, whole })
    }

    /// The size of the header or block that comes next, once its first bytes are there.
    fn next_part(&self, bytes: &[u8]) -> Option<usize> {
        match self.frame {
            None => {
                let descriptor = bytes.first_chunk::<MAGIC_AND_DESCRIPTOR>()?[4];
                // 3.1.1.1.1: the sizes of the fields that follow.
                let single_segment = descriptor & 0x20 != 0;
                let window = usize::from(!single_segment);
                let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
                let content_size = match descriptor >> 6 {
                    0 => usize::from(single_segment),
                    1 => 2,
                    2 => 4,
                    _ => 8,
                };
                MAGIC_AND_DESCRIPTOR.checked_add(window)?.checked_add(*dictionary)?.checked_add(content_size)
            }
            Some(frame) => {
                let [a, b, c] = *bytes.first_chunk::<BLOCK_HEADER>()?;
                let header = u32::from_le_bytes([a, b, c, 0]);
                // 3.1.1.2: last block, type, size. A size above 128 KiB is refused with the header.
                let content = if (header >> 1) & 3 == RLE_BLOCK { 1 } else { header >> 3 };
                let content = usize::try_from(content).ok().filter(|size| *size <= 128 * 1024).unwrap_or(0);
                let checksum = if header & 1 == 1 && frame.has_checksum { CHECKSUM } else { 0 };
                BLOCK_HEADER.checked_add(content)?.checked_add(checksum)
            }
        }
    }

    /// A whole header or block.
    fn part(&mut self, mut part: &[u8]) -> Result<(), Damaged> {
        if self.frame.is_some() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut part, one).map_err(|_| Damaged)?;
        } else {
            let has_checksum = part.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
            self.decoder.reset(&mut part).map_err(|_| Damaged)?;
            self.frame = Some(Frame { has_checksum });
        }
        Ok(())
    }

    fn hand_over(&mut self, sink: &mut Sink<'_>) -> Result<(), Damaged> {
        if self.frame.is_some() && self.decoder.is_finished() {
            self.frame = None;
        }
        self.decoder.collect_to_writer(Into(sink)).map(|_| ()).map_err(|_| Damaged)
    }
}

/// A sink as the library wants it.
struct Into<'s, 'f>(&'s mut Sink<'f>);

impl io::Write for Into<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes).map_err(|Damaged| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
