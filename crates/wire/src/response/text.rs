//! The text of a JSON string that arrives in pieces: escapes undone, characters put together again.

/// Where the reading of one string stands between two pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    escape: Escape,
    /// The first half of a surrogate pair.
    high: Option<u32>,
    /// The bytes of a character that is not complete.
    partial: [u8; 4],
    partial_len: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    /// `\u` and so many digits with this value.
    Hex(u8, u32),
}

const REPLACEMENT: &str = "\u{fffd}";

impl Text {
    /// The next byte belongs to an escape.
    pub(super) fn is_escaping(&self) -> bool {
        self.escape != Escape::None
    }

    /// Takes bytes with no escapes in them. What is no UTF-8 becomes U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8], emit: &mut impl FnMut(&str)) {
        self.end_pair(emit);
        let mut rest = bytes;
        while self.partial_len > 0 {
            let Some((&byte, after)) = rest.split_first() else { return };
            if self.complete(byte, emit) {
                rest = after;
            }
        }
        if let Ok(text) = str::from_utf8(rest) {
            emit_some(text, emit);
            return;
        }
        for chunk in rest.utf8_chunks() {
            emit_some(chunk.valid(), emit);
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            let at_end = rest.as_ptr_range().end == invalid.as_ptr_range().end;
            if at_end && str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none()) {
                for (place, byte) in self.partial.iter_mut().zip(invalid) {
                    *place = *byte;
                }
                self.partial_len = invalid.len();
            } else {
                emit(REPLACEMENT);
            }
        }
    }

    /// Adds a byte to the unfinished character; `false` if it does not belong to it.
    fn complete(&mut self, byte: u8, emit: &mut impl FnMut(&str)) -> bool {
        if let Some(place) = self.partial.get_mut(self.partial_len) {
            *place = byte;
        }
        let with = self.partial.get(..self.partial_len.saturating_add(1)).unwrap_or_default();
        match str::from_utf8(with) {
            Ok(text) => emit(text),
            Err(e) if e.error_len().is_none() => {
                self.partial_len = self.partial_len.saturating_add(1);
                return true;
            }
            Err(_) => {
                self.partial_len = 0;
                emit(REPLACEMENT);
                return false;
            }
        }
        self.partial_len = 0;
        true
    }

    /// Takes the backslash, or the next byte after one; `false` if there is no such escape. Half a surrogate pair
    /// becomes U+FFFD, as in Python's and Go's encoders.
    pub(super) fn escape(&mut self, byte: u8, emit: &mut impl FnMut(&str)) -> bool {
        let plain = match (self.escape, byte) {
            (Escape::None, _) => {
                self.end_character(emit);
                self.escape = Escape::Begun;
                return true;
            }
            (Escape::Begun, b'u') => {
                self.escape = Escape::Hex(0, 0);
                return true;
            }
            (Escape::Begun, b'"') => "\"",
            (Escape::Begun, b'\\') => "\\",
            (Escape::Begun, b'/') => "/",
            (Escape::Begun, b'b') => "\u{8}",
            (Escape::Begun, b'f') => "\u{c}",
            (Escape::Begun, b'n') => "\n",
            (Escape::Begun, b'r') => "\r",
            (Escape::Begun, b't') => "\t",
            (Escape::Begun, _) => return false,
            (Escape::Hex(digits, value), _) => {
                let Some(digit) = char::from(byte).to_digit(16) else { return false };
                let value = value << 4 | digit;
                if digits < 3 {
                    self.escape = Escape::Hex(digits.saturating_add(1), value);
                } else {
                    self.escape = Escape::None;
                    self.code_unit(value, emit);
                }
                return true;
            }
        };
        self.escape = Escape::None;
        self.end_pair(emit);
        emit(plain);
        true
    }

    fn code_unit(&mut self, unit: u32, emit: &mut impl FnMut(&str)) {
        if let Some(high) = self.high
            && matches!(unit, 0xDC00..0xE000)
        {
            self.high = None;
            let scalar = (high & 0x3FF).wrapping_shl(10).wrapping_add(0x1_0000) | (unit & 0x3FF);
            emit_char(scalar, emit);
            return;
        }
        self.end_pair(emit);
        if matches!(unit, 0xD800..0xDC00) {
            self.high = Some(unit);
        } else {
            emit_char(unit, emit);
        }
    }

    /// The string is over.
    pub(super) fn end(&mut self, emit: &mut impl FnMut(&str)) {
        self.end_pair(emit);
        self.end_character(emit);
    }

    fn end_pair(&mut self, emit: &mut impl FnMut(&str)) {
        if self.high.take().is_some() {
            emit(REPLACEMENT);
        }
    }

    fn end_character(&mut self, emit: &mut impl FnMut(&str)) {
        if std::mem::take(&mut self.partial_len) > 0 {
            emit(REPLACEMENT);
        }
    }
}

fn emit_char(scalar: u32, emit: &mut impl FnMut(&str)) {
    let c = char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER);
    emit(c.encode_utf8(&mut [0; 4]));
}

fn emit_some(text: &str, emit: &mut impl FnMut(&str)) {
    if !text.is_empty() {
        emit(text);
    }
}
