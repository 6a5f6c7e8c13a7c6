//! The scanner: one position in one text, moved forward value by value.

use super::swar::string_stop;
use super::{Error, Fault, Str};

/// Containers inside one another; deeper is refused. One bit each in [`Scanner::skip`], so at most 128.
const DEEPEST: u32 = 128;

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// A stretch of the text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Reads one JSON text. After an error the position is of no use any more.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// Checks that the bytes are UTF-8, so that every span handed out later is.
    pub(crate) fn over(bytes: &'a [u8]) -> Result<Self, Error> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Scanner::new(text)),
            Err(e) => Err(Error { at: e.valid_up_to(), fault: Fault::Utf8 }),
        }
    }

    pub(crate) const fn new(text: &'a str) -> Self {
        Scanner { text, at: 0, depth: 0 }
    }

    /// Offset of the next unread byte.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The kind of the next value, which stays unread.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<Kind, Error> {
        self.space();
        match self.byte() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => self.fault(Fault::Value),
            None => self.fault(Fault::Truncated),
        }
    }

    /// Enters an object; the caller has peeked and goes through all its [`Members`].
    pub(crate) fn object(&mut self) -> Result<Members, Error> {
        self.enter()?;
        Ok(Members { first: true })
    }

    /// Enters an array; the caller has peeked and goes through all its [`Items`].
    pub(crate) fn array(&mut self) -> Result<Items, Error> {
        self.enter()?;
        Ok(Items { first: true })
    }

    /// The next value if it is a string; any other value is skipped.
    pub(crate) fn string_or_skip(&mut self) -> Result<Option<Str<'a>>, Error> {
        if self.peek()? == Kind::String {
            return self.string().map(Some);
        }
        self.skip().map(|_| None)
    }

    /// The next value if it is a number, as it is written; any other value is skipped.
    pub(crate) fn number_or_skip(&mut self) -> Result<Option<&'a str>, Error> {
        let kind = self.peek()?;
        let span = self.skip()?;
        Ok((kind == Kind::Number).then(|| self.slice(span)))
    }

    /// Goes over the next value, whatever it is, checking all of it; returns where it stands. It needs no stack: what
    /// is open is one bit a level (1 an object, 0 an array).
    pub(crate) fn skip(&mut self) -> Result<Span, Error> {
        self.space();
        let (start, outside) = (self.at, self.depth);
        let mut objects = 0u128;
        loop {
            match self.peek()? {
                Kind::Object => {
                    self.enter()?;
                    objects = objects << 1 | 1;
                    if !self.take(b'}') {
                        self.key()?;
                        continue;
                    }
                    objects >>= 1;
                    self.leave();
                }
                Kind::Array => {
                    self.enter()?;
                    objects <<= 1;
                    if !self.take(b']') {
                        continue;
                    }
                    objects >>= 1;
                    self.leave();
                }
                Kind::String => {
                    self.string()?;
                }
                Kind::Number => self.number()?,
                Kind::True => self.literal("true")?,
                Kind::False => self.literal("false")?,
                Kind::Null => self.literal("null")?,
            }
            loop {
                if self.depth == outside {
                    return Ok(Span { start, end: self.at });
                }
                let in_object = objects & 1 == 1;
                if self.take(b',') {
                    if in_object {
                        self.key()?;
                    }
                    break;
                }
                self.close(if in_object { b'}' } else { b']' })?;
                objects >>= 1;
            }
        }
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.space();
        if self.byte().is_some() { self.fault(Fault::Trailing) } else { Ok(()) }
    }

    /// Reads a string; the caller has peeked.
    pub(crate) fn string(&mut self) -> Result<Str<'a>, Error> {
        let quote = self.at;
        let start = quote.saturating_add(1);
        let mut escaped = false;
        self.at = start;
        loop {
            self.at = string_stop(self.text.as_bytes(), self.at);
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return self.fault(Fault::Control),
                None => return self.fault(Fault::Truncated),
            }
            escaped = true;
        }
        let raw = self.slice(Span { start, end: self.at });
        self.step();
        Ok(Str { raw, escaped, at: quote })
    }

    fn escape(&mut self) -> Result<(), Error> {
        self.step();
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.step(),
            Some(b'u') => {
                self.step();
                for _ in 0..4 {
                    match self.byte() {
                        Some(b) if b.is_ascii_hexdigit() => self.step(),
                        Some(_) => return self.fault(Fault::Escape),
                        None => return self.fault(Fault::Truncated),
                    }
                }
            }
            Some(_) => return self.fault(Fault::Escape),
            None => return self.fault(Fault::Truncated),
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Str<'a>, Error> {
        self.space();
        match self.byte() {
            Some(b'"') => {}
            Some(_) => return self.fault(Fault::Key),
            None => return self.fault(Fault::Truncated),
        }
        let key = self.string()?;
        if self.take(b':') {
            return Ok(key);
        }
        self.fault_or_end(Fault::Colon)
    }

    fn number(&mut self) -> Result<(), Error> {
        if self.byte() == Some(b'-') {
            self.step();
        }
        match self.byte() {
            Some(b'0') => self.step(),
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.step();
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.step();
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.step();
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !self.byte().is_some_and(|b| b.is_ascii_digit()) {
            return self.fault_or_end(Fault::Number);
        }
        while self.byte().is_some_and(|b| b.is_ascii_digit()) {
            self.step();
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), Error> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at = self.at.saturating_add(word.len());
            return Ok(());
        }
        let truncated = word.as_bytes().starts_with(rest);
        self.fault(if truncated { Fault::Truncated } else { Fault::Value })
    }

    fn enter(&mut self) -> Result<(), Error> {
        if self.depth >= DEEPEST {
            return self.fault(Fault::Depth);
        }
        self.depth = self.depth.saturating_add(1);
        self.step();
        Ok(())
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn close(&mut self, bracket: u8) -> Result<(), Error> {
        if self.take(bracket) {
            self.leave();
            return Ok(());
        }
        self.fault_or_end(Fault::CommaOrEnd)
    }

    /// Takes this byte if it comes next after white space.
    #[inline]
    fn take(&mut self, wanted: u8) -> bool {
        self.space();
        let found = self.byte() == Some(wanted);
        if found {
            self.step();
        }
        found
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.step();
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn fault<T>(&self, fault: Fault) -> Result<T, Error> {
        Err(Error { at: self.at, fault })
    }

    fn fault_or_end<T>(&self, fault: Fault) -> Result<T, Error> {
        self.fault(if self.byte().is_none() { Fault::Truncated } else { fault })
    }
}

/// The members of an object that has been entered.
#[derive(Debug)]
pub(crate) struct Members {
    first: bool,
}

impl Members {
    /// The next key, or `None` at the end of the object. The caller reads or skips its value before asking again.
    #[inline]
    pub(crate) fn next<'a>(&mut self, scanner: &mut Scanner<'a>) -> Result<Option<Str<'a>>, Error> {
        if std::mem::take(&mut self.first) {
            if scanner.take(b'}') {
                scanner.leave();
                return Ok(None);
            }
        } else if !scanner.take(b',') {
            return scanner.close(b'}').map(|()| None);
        }
        scanner.key().map(Some)
    }
}

/// The items of an array that has been entered.
#[derive(Debug)]
pub(crate) struct Items {
    first: bool,
}

impl Items {
    /// Whether there is a next item. The caller reads or skips it before asking again.
    #[inline]
    pub(crate) fn next(&mut self, scanner: &mut Scanner<'_>) -> Result<bool, Error> {
        if std::mem::take(&mut self.first) {
            if scanner.take(b']') {
                scanner.leave();
                return Ok(false);
            }
        } else if !scanner.take(b',') {
            return scanner.close(b']').map(|()| false);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
