//! Where the prompt is in Converse's messages, which are also Nova's own.

use crate::json::{Error, Kind, Scanner};
use crate::prompt::{Audio, Image, Media, Sink};
use crate::request::walk::{
    each, is, members, role_and_content, skip, text, text_or_each, tool_calls, unknown,
};
use tokens::Detail;

/// Formats of documents that are text: their base64 is longer than they are.
const TEXTS: [&str; 4] = ["txt", "md", "csv", "html"];

pub(super) fn messages(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| role_and_content(scanner, sink, block))
}

pub(super) fn system(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    sink.message();
    text_or_each(scanner, sink, block)
}

/// Fields for the model's maker. Most are settings; their few bytes count.
pub(super) fn additional(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    unknown(scanner, sink)
}

pub(super) fn tool_config_tools(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        if scanner.peek()? != Kind::Object {
            return unknown(scanner, sink);
        }
        members(scanner, |key, kind, scanner| {
            if matches!(key, "cachePoint") || kind == Kind::Null {
                return skip(scanner);
            }
            let is_ours = key == "toolSpec";
            let span = scanner.skip()?;
            let json = scanner.slice(span);
            if is_ours {
                sink.tool(json)
            } else {
                sink.hosted_tool(json)
            }
            Ok(())
        })
    })
}

/// One content block: an object with one member that says what it is.
fn block(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return text(scanner, sink);
    }
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("cachePoint", _) | (_, Kind::Null) => skip(scanner),
        ("text", Kind::String) => text(scanner, sink),
        // What a guardrail is to look at; it is read like the rest.
        ("text" | "guardContent" | "citationsContent" | "reasoningText", Kind::Object) => {
            block(scanner, sink)
        }
        ("content", Kind::Array) => each(scanner, sink, block),
        ("image", Kind::Object) => {
            let media = Blob::read(scanner)?.media;
            sink.image(Image { detail: Detail::Auto, media });
            Ok(())
        }
        ("audio", Kind::Object) => {
            let blob = Blob::read(scanner)?;
            sink.audio(Audio { format: blob.format, media: blob.media });
            Ok(())
        }
        ("document", Kind::Object) => document(scanner, sink),
        ("video", _) => {
            skip(scanner)?;
            sink.opaque();
            Ok(())
        }
        ("toolUse", _) => tool_calls(scanner, sink),
        ("toolResult", Kind::Object) => tool_result(scanner, sink),
        ("json", _) => {
            let span = scanner.skip()?;
            sink.tool_result(scanner.slice(span));
            Ok(())
        }
        ("reasoningContent", Kind::Object) => reasoning(scanner, sink),
        ("qualifiers" | "citations", _) => skip(scanner),
        // Nova's own messages say their type, too.
        ("type", Kind::String) => skip(scanner),
        _ => unknown(scanner, sink),
    })
}

fn tool_result(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    members(scanner, |key, _, scanner| match key {
        "content" => text_or_each(scanner, sink, block),
        "toolUseId" | "status" | "type" => skip(scanner),
        _ => unknown(scanner, sink),
    })
}

fn reasoning(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("reasoningText", Kind::Object) => members(scanner, |key, kind, scanner| match (key, kind) {
            ("text", Kind::String) => {
                sink.reasoning(&scanner.string()?);
                Ok(())
            }
            _ => unknown(scanner, sink),
        }),
        _ => unknown(scanner, sink),
    })
}

/// A document by its source: texts are read, others are pages.
fn document(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let (mut format, mut bytes, mut is_read) = (None, None, false);
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("format", Kind::String) => {
            format = Some(scanner.string()?);
            Ok(())
        }
        ("name" | "context", Kind::String) => text(scanner, sink),
        ("source", Kind::Object) => members(scanner, |key, kind, scanner| match (key, kind) {
            ("bytes", Kind::String) => {
                bytes = Some(scanner.string()?);
                Ok(())
            }
            ("text", Kind::String) => {
                is_read = true;
                text(scanner, sink)
            }
            ("content", Kind::Array) => {
                is_read = true;
                each(scanner, sink, block)
            }
            _ => skip(scanner),
        }),
        ("citations", _) => skip(scanner),
        _ => unknown(scanner, sink),
    })?;
    match bytes.filter(|_| is(format, &TEXTS)) {
        Some(bytes) => sink.unknown(bytes.raw),
        None if is_read => {}
        None => sink.opaque(),
    }
    Ok(())
}

/// `{format, source: {bytes | s3Location}}`.
struct Blob<'a> {
    format: Option<crate::json::Str<'a>>,
    media: Media<'a>,
}

impl<'a> Blob<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Blob<'a>, Error> {
        let mut blob = Blob { format: None, media: Media::Elsewhere };
        members(scanner, |key, kind, scanner| match (key, kind) {
            ("format", Kind::String) => {
                blob.format = Some(scanner.string()?);
                Ok(())
            }
            ("source", Kind::Object) => members(scanner, |key, kind, scanner| match (key, kind) {
                ("bytes", Kind::String) => {
                    blob.media = Media::Base64(scanner.string()?);
                    Ok(())
                }
                _ => skip(scanner),
            }),
            _ => skip(scanner),
        })?;
        Ok(blob)
    }
}
