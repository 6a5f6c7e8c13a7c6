//! An answer that came encoded, though no encoding was asked for.

use super::memory::{Memory, Share};
use super::reader::Reader;
use wire::{Decoder, Passed};

#[derive(Debug)]
pub(super) struct Decoding {
    decoder: Decoder,
    memory: Share,
    /// Whether the client gets what was decoded, because something of it has to be changed, instead of what came.
    plain: bool,
    /// The answer is over, and there was an end of it missing.
    truncated: bool,
}

impl Decoding {
    /// `None` for an answer that is not encoded.
    pub(super) fn of(content_encoding: &[u8], memory: &Memory) -> Option<Decoding> {
        let mut decoder = Decoder::new(content_encoding)?;
        if !memory.has_room() {
            decoder.give_up();
        }
        Some(Decoding { decoder, memory: memory.share(), plain: false, truncated: false })
    }

    /// Whether the client can be given what was decoded without waiting for it.
    pub(super) fn can_be_plain(&self) -> bool {
        self.decoder.is_prompt()
    }

    /// From now on the client gets what was decoded; the answer must not claim to be encoded then.
    pub(super) fn make_plain(&mut self) {
        self.plain = true;
    }

    /// A piece of the body, `end` with the last one: decoded and read. Says what to pass on for it.
    pub(super) fn feed(&mut self, reader: &mut Reader, piece: &[u8], end: bool) -> Passed {
        let mut plain = self.plain.then(Vec::new);
        let mut read = |decoded: &[u8], end: bool| {
            let passed = reader.feed(decoded, end);
            if let Some(plain) = &mut plain {
                match passed {
                    Passed::Untouched => plain.extend_from_slice(decoded),
                    Passed::Replaced(with) => plain.extend_from_slice(&with),
                }
            }
        };
        self.decoder.feed(piece, &mut |decoded| read(decoded, false));
        if end {
            self.decoder.finish(&mut |decoded| read(decoded, false));
            read(&[], true);
            self.truncated = self.decoder.is_truncated();
        }
        self.memory.keep(self.decoder.memory());
        // One whose client gets what was decoded has to go on.
        if !self.memory.has_room() && !self.plain {
            self.decoder.give_up();
            self.memory.keep(self.decoder.memory());
        }
        plain.map_or(Passed::Untouched, Passed::Replaced)
    }

    /// The whole of an answer.
    pub(super) fn whole(mut self, body: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        self.decoder.feed(body, &mut |decoded| whole.extend_from_slice(decoded));
        self.decoder.finish(&mut |decoded| whole.extend_from_slice(decoded));
        whole
    }

    /// The answer ends without a last piece.
    pub(super) fn finish(&mut self, reader: &mut Reader) {
        self.decoder.finish(&mut |decoded| {
            let _ = reader.feed(decoded, false);
        });
    }

    /// Whether an answer that came to its end was not all there.
    pub(super) const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Bytes, as they came, that could not be read.
    pub(super) fn unread_bytes(&self) -> u64 {
        self.decoder.unread_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Api, MeterOptions, ResponseHead, ResponseMeter};

    #[test]
    fn decoders_of_a_worker_share_a_bounded_memory() {
        let memory = Memory::of(1 << 20);
        let head = ResponseHead { status: 200, header: &|_| None };
        let meter = ResponseMeter::new(Api::OpenAiChat, &head, MeterOptions::default());
        let mut reader = Reader::new(meter, None);
        let mut answers = Vec::new();
        for _ in 0..1_000 {
            let mut answer = Decoding::of(b"gzip", &memory).unwrap();
            let _ = answer.feed(&mut reader, b"\x1f\x8b", false);
            answers.push(answer);
        }
        assert!(memory.has_room());
        // Those that came too late are not read.
        let _ = answers[999].feed(&mut reader, b"more", false);
        assert_eq!(answers[999].unread_bytes(), 4);
        answers.clear();
        assert_eq!(memory.kept(), 0);
    }
}
