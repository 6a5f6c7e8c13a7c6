//! Where the prompt is in contents: their parts.

use crate::json::{Error, Kind, Scanner, Str};
use crate::prompt::{Audio, Image, Media, Sink};
use crate::request::walk::{each, members, skip, text, text_or_each, tool_calls, unknown};
use tokens::Detail;

/// An array of contents; servers take a single one, too.
pub(super) fn contents(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Array => each(scanner, sink, content),
        _ => content(scanner, sink),
    }
}

/// The system instruction, or the content to embed: one content.
pub(super) fn system(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? == Kind::Null { skip(scanner) } else { content(scanner, sink) }
}

fn content(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    sink.message();
    if scanner.peek()? != Kind::Object {
        return text(scanner, sink);
    }
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("role", Kind::String) => {
            sink.role(&scanner.string()?);
            Ok(())
        }
        ("parts", Kind::Object) => part(scanner, sink),
        ("parts", _) => text_or_each(scanner, sink, part),
        _ => unknown(scanner, sink),
    })
}

fn part(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return text(scanner, sink);
    }
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("text", Kind::String) => text(scanner, sink),
        ("inlineData" | "inline_data" | "fileData" | "file_data", Kind::Object) => blob(scanner, sink),
        (
            "functionCall" | "function_call" | "executableCode" | "executable_code" | "toolCall"
            | "tool_call",
            _,
        ) => tool_calls(scanner, sink),
        ("functionResponse" | "function_response", Kind::Object) => function_response(scanner, sink),
        ("thought" | "videoMetadata" | "video_metadata" | "mediaResolution" | "media_resolution", _) => {
            skip(scanner)
        }
        _ => unknown(scanner, sink),
    })
}

fn function_response(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("name", Kind::String) => text(scanner, sink),
        ("response", _) => {
            let span = scanner.skip()?;
            sink.tool_result(scanner.slice(span));
            Ok(())
        }
        ("parts", _) => each(scanner, sink, part),
        ("id" | "scheduling" | "willContinue", _) => skip(scanner),
        _ => unknown(scanner, sink),
    })
}

/// Bytes of a kind, in the request or elsewhere.
fn blob(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let (mut mime, mut media) = (None, Media::Elsewhere);
    members(scanner, |key, kind, scanner| {
        match (key, kind) {
            ("mimeType" | "mime_type", Kind::String) => mime = Some(scanner.string()?),
            ("data", Kind::String) => media = Media::Base64(scanner.string()?),
            ("fileUri" | "file_uri", Kind::String) => {
                skip(scanner)?;
                media = Media::Elsewhere;
            }
            _ => skip(scanner)?,
        }
        Ok(())
    })?;
    tell(mime, media, sink);
    Ok(())
}

fn tell(mime: Option<Str<'_>>, media: Media<'_>, sink: &mut dyn Sink) {
    let kind = mime.map(|mime| mime.key()).unwrap_or_default();
    if kind.starts_with("image/") {
        sink.image(Image { detail: Detail::Auto, media });
    } else if kind.starts_with("audio/") {
        sink.audio(Audio { format: mime, media });
    } else {
        match media {
            // Base64 is longer than what it stands for.
            Media::Base64(data) if kind.starts_with("text/") => sink.unknown(data.raw),
            _ => sink.opaque(),
        }
    }
}

/// Tools: lists of functions, or the provider's own by their names.
pub(super) fn tools(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Array => each(scanner, sink, tool),
        _ => tool(scanner, sink),
    }
}

fn tool(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return unknown(scanner, sink);
    }
    members(scanner, |key, kind, scanner| match (key, kind) {
        (_, Kind::Null) => skip(scanner),
        ("functionDeclarations" | "function_declarations", Kind::Array) => {
            crate::request::walk::tools(scanner, sink)
        }
        // A search, code to run: by its name alone, with settings.
        _ => {
            let span = scanner.skip()?;
            sink.hosted_tool(scanner.slice(span));
            Ok(())
        }
    })
}

/// What Vertex's embedding models are given: texts in objects.
pub(super) fn instances(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        sink.message();
        if scanner.peek()? != Kind::Object {
            return text(scanner, sink);
        }
        members(scanner, |key, kind, scanner| match (key, kind) {
            ("content" | "text" | "title", Kind::String) => text(scanner, sink),
            ("task_type" | "taskType", _) => skip(scanner),
            ("image", Kind::Object) => {
                skip(scanner)?;
                sink.image(Image { detail: Detail::Auto, media: Media::Elsewhere });
                Ok(())
            }
            ("video", Kind::Object) => {
                skip(scanner)?;
                sink.opaque();
                Ok(())
            }
            _ => unknown(scanner, sink),
        })
    })
}
