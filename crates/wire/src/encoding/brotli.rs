//! Brotli (RFC 7932), by `brotli-decompressor`.

use super::{Damaged, Sink};
use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

const PIECE: usize = 8 * 1024;

/// The largest window that the format has (9.1); the library grows it as it is needed.
pub(super) const WINDOW: u64 = 16 << 20;
/// Prefix code tables and the output buffer.
pub(super) const TABLES: u64 = 128 * 1024;

pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    output: Vec<u8>,
    finished: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        let allocator = StandardAlloc::default;
        // Strict: no windows beyond the format's own, which only another tool's option can ask for.
        let state = BrotliState::new_strict(allocator(), allocator(), allocator());
        Brotli { state, output: vec![0; PIECE], finished: false }
    }
}

impl Brotli {
    pub(super) fn decode(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Damaged> {
        let (mut left, mut read) = (input.len(), 0);
        while !self.finished {
            let (mut free, mut written, mut total) = (self.output.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut read,
                input,
                &mut free,
                &mut written,
                &mut self.output,
                &mut total,
                &mut self.state,
            );
            if let Some(output @ [_, ..]) = self.output.get(..written) {
                sink(output)?;
            }
            match result {
                BrotliResult::NeedsMoreOutput if written > 0 => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultSuccess => self.finished = true,
                BrotliResult::NeedsMoreOutput | BrotliResult::ResultFailure => return Err(Damaged),
            }
        }
        // There is nothing behind a brotli stream.
        if left == 0 { Ok(()) } else { Err(Damaged) }
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.finished
    }
}
