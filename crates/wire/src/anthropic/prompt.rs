//! Where the prompt is in messages: content blocks.

use crate::json::{Error, Kind, Scanner, Span, Str};
use crate::prompt::{Image, Media, Sink};
use crate::request::walk::{each, is, members, role_and_content, skip, text, text_or_each, unknown};
use tokens::Detail;

/// An array of messages.
pub(crate) fn messages(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| role_and_content(scanner, sink, block))
}

/// The system prompt: a text or blocks.
pub(crate) fn system(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    sink.message();
    text_or_each(scanner, sink, block)
}

/// A container to work in, by its id; with skills, their descriptions are read by the model.
pub(super) fn container(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let kind = scanner.peek()?;
    skip(scanner)?;
    if kind == Kind::Object {
        sink.opaque();
    }
    Ok(())
}

/// One content block. Its `type` may stand anywhere, so most is judged by the other keys.
fn block(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Object => {}
        Kind::String => return text(scanner, sink),
        _ => return unknown(scanner, sink),
    }
    let start = scanner.at();
    let (mut kind, mut source, mut is_call) = (None, None, false);
    members(scanner, |key, value, scanner| match (key, value) {
        ("type", Kind::String) => {
            kind = Some(scanner.string()?);
            Ok(())
        }
        // A document's title and context are read with it.
        ("text" | "title" | "context", Kind::String) => text(scanner, sink),
        ("content", _) => text_or_each(scanner, sink, block),
        ("source", Kind::Object) => {
            source = Some(Source::read(scanner)?);
            Ok(())
        }
        ("thinking", Kind::String) => {
            sink.reasoning(&scanner.string()?);
            Ok(())
        }
        ("input", _) => {
            is_call = true;
            skip(scanner)
        }
        ("file_id", Kind::String) => {
            sink.opaque();
            skip(scanner)
        }
        ("name" | "id" | "tool_use_id" | "is_error" | "cache_control" | "caller", _) => skip(scanner),
        // Whether to cite; the citations of earlier answers are an array.
        ("citations", Kind::Object) => skip(scanner),
        // Also what is encrypted: signatures with the thinking in full, redacted thinking, pages found.
        _ => unknown(scanner, sink),
    })?;
    if is_call {
        sink.tool_calls(scanner.slice(Span { start, end: scanner.at() }));
    }
    match source {
        Some(source) => source.tell(is(kind, &["image"]), sink),
        None => Ok(()),
    }
}

/// What an image or a document consists of.
#[derive(Default)]
struct Source<'a> {
    kind: Option<Str<'a>>,
    data: Option<Str<'a>>,
    url: Option<Str<'a>>,
    content: Option<&'a str>,
}

impl<'a> Source<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Source<'a>, Error> {
        let mut source = Source::default();
        members(scanner, |key, kind, scanner| {
            match (key, kind) {
                ("type", Kind::String) => source.kind = Some(scanner.string()?),
                ("data", Kind::String) => source.data = Some(scanner.string()?),
                ("url", Kind::String) => source.url = Some(scanner.string()?),
                ("content", _) => {
                    let span = scanner.skip()?;
                    source.content = Some(scanner.slice(span));
                }
                _ => skip(scanner)?,
            }
            Ok(())
        })?;
        Ok(source)
    }

    fn tell(self, is_image: bool, sink: &mut dyn Sink) -> Result<(), Error> {
        if let Some(content) = self.content {
            return text_or_each(&mut Scanner::new(content), sink, block);
        }
        if is_image {
            let media = match (self.data, self.url) {
                (Some(data), _) => Media::Base64(data),
                (None, Some(url)) => Media::Url(url),
                (None, None) => Media::Elsewhere,
            };
            sink.image(Image { detail: Detail::Auto, media });
        } else if let Some(data) = self.data.filter(|_| is(self.kind, &["text"])) {
            sink.text(&data);
        } else {
            sink.opaque();
        }
        Ok(())
    }
}
