//! Forms of several parts (RFC 7578), in which images are edited and recordings transcribed: fields are read, files are
//! left where they are.
//!
//! Readers differ in how strict they are about line ends, so a boundary counts after either kind; a part that only some
//! of them would see is then given twice, or is part of a field, and is refused.

use super::error::{Problem, ReadError};
use super::format::{Field, Table, What, look_up};
use super::reader::{Limit, Most, Part, Reader, Told};
use crate::json::{Span, Str, line_end};
use crate::prompt::{Audio, Image, Media, Sink};
use tokens::Detail;

/// Parts of a form: far above what any client sends.
const MOST_PARTS: usize = 256;
/// RFC 2046, section 5.1.1.
const LONGEST_BOUNDARY: usize = 70;
/// A field that is read as a number or a name.
const LONGEST_VALUE: usize = 1024;

/// The boundary of a `multipart/form-data` body, `None` for other types. A type with two of them has none that all
/// readers agree on.
pub(super) fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let mut pieces = content_type.split(|b| *b == b';');
    if !pieces.next()?.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data") {
        return None;
    }
    let mut values = pieces.filter_map(|piece| {
        let at = piece.iter().position(|b| *b == b'=')?;
        let (name, value) = (piece.get(..at)?, piece.get(at.saturating_add(1)..)?);
        name.trim_ascii().eq_ignore_ascii_case(b"boundary").then(|| unquoted(value.trim_ascii()))
    });
    let first = values.next()?;
    (values.next().is_none() && (1..=LONGEST_BOUNDARY).contains(&first.len())).then_some(first)
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

impl Reader {
    /// Reads a form by the fields of a table. The mask has a bit for each field that was given.
    pub(super) fn form(
        &mut self,
        body: &[u8],
        boundary: &[u8],
        table: &'static Table,
        file_is_audio: bool,
    ) -> Result<u64, ReadError> {
        let mut seen = 0u64;
        for (count, part) in Parts::of(body, boundary).enumerate() {
            let part = part?;
            if count >= MOST_PARTS {
                return Err(ReadError::new(Problem::TooMany("the form", MOST_PARTS), part.at));
            }
            let Some(name) = part.name else { continue };
            let name = str::from_utf8(name).map_err(|_| ReadError::new(Problem::Form, part.at))?;
            let list = name.strip_suffix("[]");
            match look_up(table, list.unwrap_or(name), part.at)? {
                Some((_, field)) if list.is_some() && !matches!(field.what, What::Prompt(..)) => {
                    return Err(ReadError::new(Problem::Type(field.label, "one value, not a list"), part.at));
                }
                Some((bit, field)) => {
                    if seen & bit != 0 && list.is_none() {
                        return Err(ReadError::new(Problem::Twice(field.label), part.at));
                    }
                    seen |= bit;
                    self.form_field(field, &part, body, file_is_audio)?;
                }
                None if table.aside.contains(&list.unwrap_or(name)) => {}
                None => {
                    self.survey.unknown = true;
                    let content = body.get(part.content.start..part.content.end).unwrap_or_default();
                    self.survey.bound.bytes(content.len());
                }
            }
        }
        Ok(seen)
    }

    fn form_field(
        &mut self,
        field: &Field,
        part: &FormPart<'_>,
        body: &[u8],
        file_is_audio: bool,
    ) -> Result<(), ReadError> {
        let wrong = |must| Err(ReadError::new(Problem::Type(field.label, must), part.at));
        let span = part.content;
        let content = body.get(span.start..span.end).unwrap_or_default();
        let told = match (&field.what, part.is_file) {
            (What::Prompt(..), true) if file_is_audio => Told::Audio,
            (What::Prompt(..), true) => Told::Image,
            (What::Prompt(..), false) => Told::Text,
            (_, true) => return wrong("a value, not a file"),
            (what, false) => {
                let value = str::from_utf8(content).ok().filter(|text| text.len() <= LONGEST_VALUE);
                let Some(value) = value else { return wrong("a short text") };
                let facts = &mut self.facts;
                match what {
                    What::Model => {
                        facts.name_model(&Str { raw: value, escaped: false, at: span.start }, span)?
                    }
                    What::Stream => match value {
                        "true" | "True" | "1" => facts.stream = Some(true),
                        "false" | "False" | "0" | "" => facts.stream = Some(false),
                        _ => return wrong("true or false"),
                    },
                    What::Choices => match value.parse() {
                        Ok(n) => facts.choices = facts.choices.max(n),
                        Err(_) => return wrong("a whole number"),
                    },
                    What::Limit | What::PositiveLimit => match value.parse() {
                        Ok(n) => facts.limits.push(Limit { span, tokens: Most::Tokens(n) }),
                        Err(_) => return wrong("a whole number"),
                    },
                    What::User => facts.user = Some(span),
                    What::Tier => facts.tier = Some(span),
                    What::Temperature => facts.temperature = value.parse().ok(),
                    _ => {}
                }
                return Ok(());
            }
        };
        if told.tell(content, &mut self.survey).is_none() {
            return wrong("UTF-8");
        }
        self.facts.parts.push(Part { label: field.label, told, span });
        Ok(())
    }
}

impl Told {
    /// Tells the sink of a form's part; `None` for a text that is none.
    pub(super) fn tell(self, content: &[u8], sink: &mut dyn Sink) -> Option<()> {
        match self {
            Told::Audio => sink.audio(Audio { format: None, media: Media::Bytes(content) }),
            Told::Image => sink.image(Image { detail: Detail::High, media: Media::Bytes(content) }),
            Told::Text => sink.text(&Str { raw: str::from_utf8(content).ok()?, escaped: false, at: 0 }),
            Told::Walk(_) => return None,
        }
        Some(())
    }
}

/// One part.
struct FormPart<'a> {
    /// Where it begins.
    at: usize,
    name: Option<&'a [u8]>,
    is_file: bool,
    content: Span,
}

/// Goes from boundary to boundary.
struct Parts<'a> {
    body: &'a [u8],
    boundary: &'a [u8],
    /// After the line of the last boundary; `None` once the last one is reached.
    at: Option<usize>,
    begun: bool,
}

impl<'a> Parts<'a> {
    fn of(body: &'a [u8], boundary: &'a [u8]) -> Parts<'a> {
        Parts { body, boundary, at: Some(0), begun: false }
    }

    /// The next line that is a boundary, at or after the start of a line: where the content before it ends, where the
    /// line after it starts, and whether it is the last one.
    fn next_boundary(&self, from: usize) -> Option<(usize, usize, bool)> {
        let (mut line, mut after_cr) = (from, false);
        loop {
            let end = line_end(self.body, line);
            let text = self.body.get(line..end)?;
            let rest = text.strip_prefix(b"--").and_then(|text| text.strip_prefix(self.boundary));
            if let Some(rest) = rest.filter(|_| !after_cr) {
                let is_last = rest.starts_with(b"--");
                let after = rest.strip_prefix(b"--").unwrap_or(rest);
                if is_last || after.iter().all(|b| matches!(b, b' ' | b'\t')) {
                    return Some((self.content_end(line), self.after_line(end), is_last));
                }
            }
            (line, after_cr) = (self.after_line(end), self.is_lone_cr(end));
            if line >= self.body.len() {
                return None;
            }
        }
    }

    /// The line end before a boundary belongs to it.
    fn content_end(&self, line: usize) -> usize {
        let before = self.body.get(..line).unwrap_or_default();
        let before = before.strip_suffix(b"\n").map_or(before, |b| b.strip_suffix(b"\r").unwrap_or(b));
        before.len()
    }

    /// A lone CR ends no line to any reader.
    fn is_lone_cr(&self, end: usize) -> bool {
        self.body.get(end..).is_some_and(|rest| rest.starts_with(b"\r") && !rest.starts_with(b"\r\n"))
    }

    fn after_line(&self, end: usize) -> usize {
        let crlf = self.body.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
        end.saturating_add(if crlf { 2 } else { 1 })
    }

    fn part(&self, start: usize, end: usize) -> Result<FormPart<'a>, ReadError> {
        let (mut line, mut name, mut is_file) = (start, None, false);
        loop {
            if line > end || self.is_lone_cr(line_end(self.body, line)) {
                return Err(ReadError::new(Problem::Form, start));
            }
            let stop = line_end(self.body, line);
            let header = self.body.get(line..stop).unwrap_or_default();
            line = self.after_line(stop);
            if header.is_empty() {
                break;
            }
            if let Some(value) = header_value(header, b"content-disposition") {
                if name.is_some() {
                    return Err(ReadError::new(Problem::Form, start));
                }
                name = parameter(value, b"name");
                is_file = parameter(value, b"filename").is_some() || parameter(value, b"filename*").is_some();
            }
        }
        // Without a line end of its own, the empty line before the boundary is part of that, and not the end of a head.
        if line > end {
            return Err(ReadError::new(Problem::Form, start));
        }
        Ok(FormPart { at: start, name, is_file, content: Span { start: line, end } })
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<FormPart<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut start = self.at.take()?;
        if !std::mem::replace(&mut self.begun, true) {
            // What comes before the first boundary is no part.
            let Some((_, after, is_last)) = self.next_boundary(start) else {
                return Some(Err(ReadError::new(Problem::Form, start)));
            };
            if is_last {
                return None;
            }
            start = after;
        }
        let Some((end, after, is_last)) = self.next_boundary(start) else {
            return Some(Err(ReadError::new(Problem::Form, self.body.len())));
        };
        self.at = (!is_last).then_some(after);
        Some(self.part(start, end))
    }
}

fn header_value<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = header.iter().position(|b| *b == b':')?;
    let (key, value) = header.split_at_checked(at)?;
    key.trim_ascii().eq_ignore_ascii_case(name).then(|| value.get(1..).unwrap_or_default().trim_ascii())
}

/// A parameter of a header, without its quotes. Names of form fields that are read here have nothing to escape.
fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = value;
    loop {
        let at = rest.iter().position(|b| *b == b';')?;
        rest = rest.get(at.saturating_add(1)..)?.trim_ascii_start();
        let equals = rest.iter().position(|b| *b == b'=')?;
        let (key, after) =
            (rest.get(..equals)?.trim_ascii(), rest.get(equals.saturating_add(1)..)?.trim_ascii_start());
        let (text, remains) = match after.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted.iter().position(|b| *b == b'"')?;
                (quoted.get(..end)?, quoted.get(end.saturating_add(1)..)?)
            }
            None => {
                let end = after.iter().position(|b| *b == b';').unwrap_or(after.len());
                (after.get(..end)?.trim_ascii_end(), after.get(end..)?)
            }
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(text);
        }
        rest = remains;
    }
}
