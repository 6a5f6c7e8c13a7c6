//! A response body, or one chunk of a stream: the same object, with `message` or `delta` in its choices.

use super::choices::read_choices;
use super::usage::read_usage;
use crate::json::{Error, Fault, Kind, Scanner};
use crate::response::Seen;

/// What a chunk's `choices` were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choices {
    #[default]
    Absent,
    Empty,
    Some,
}

/// What a chunk was, for who decides on passing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) choices: Choices,
    pub(crate) usage: bool,
    pub(crate) error: bool,
}

impl Shape {
    /// The extra chunk that `include_usage` brings: it has usage and nothing else a client would miss.
    pub(crate) fn is_usage_only(self) -> bool {
        self.choices == Choices::Empty && self.usage && !self.error
    }
}

/// Reads one chunk into `seen`. On an error `shape` holds what came before it; a text that was merely cut off
/// ([`crate::json::Fault::Truncated`]) can still become anything that `shape` allows.
pub(crate) fn read_chunk(scanner: &mut Scanner<'_>, seen: &mut Seen, shape: &mut Shape) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return scanner.end();
    }
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let kind = scanner.peek()?;
        match (&*key.key(), kind) {
            ("choices", Kind::Array) => read_choices(scanner, seen, &mut shape.choices)?,
            ("model", Kind::String) => seen.model(&scanner.string()?),
            ("usage", Kind::Object) => {
                if let Some(usage) = read_usage(scanner)? {
                    seen.usage = Some(usage);
                    shape.usage = true;
                }
            }
            // Groq's stream has its usage here, and only here.
            ("x_groq", Kind::Object) => x_groq(scanner, seen)?,
            ("error", Kind::Object | Kind::String) => {
                scanner.skip()?;
                seen.error = true;
                shape.error = true;
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    scanner.end()
}

fn x_groq(scanner: &mut Scanner<'_>, seen: &mut Seen) -> Result<(), Error> {
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        if key.raw != "usage" {
            scanner.skip()?;
        } else if let Some(usage) = read_usage(scanner)? {
            seen.usage = Some(usage);
        }
    }
    Ok(())
}

/// Whether a text that starts so can still turn out to be a chunk with [`Shape::is_usage_only`].
pub(crate) fn may_be_usage_only(beginning: &[u8]) -> bool {
    let text = match str::from_utf8(beginning) {
        Ok(text) => text,
        // Cut inside a character: what comes before it decides.
        Err(e) if e.error_len().is_none() => {
            beginning.get(..e.valid_up_to()).and_then(|whole| str::from_utf8(whole).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    match has_no_content(&mut Scanner::new(text)) {
        Ok(possible) => possible,
        Err(error) => error.fault == Fault::Truncated,
    }
}

fn has_no_content(scanner: &mut Scanner<'_>) -> Result<bool, Error> {
    if scanner.peek()? != Kind::Object {
        return Ok(false);
    }
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        match (&*key.key(), scanner.peek()?) {
            ("choices", Kind::Array) => {
                if scanner.array()?.next(scanner)? {
                    // Where the text is cut right here, there may yet come the closing bracket.
                    scanner.peek()?;
                    return Ok(false);
                }
            }
            ("error", Kind::Object | Kind::String) => return Ok(false),
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(true)
}
