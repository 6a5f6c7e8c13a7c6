//! Where the prompt is in Cohere's messages.

use crate::json::{Error, Kind, Scanner};
use crate::prompt::{Image, Media, Sink};
use crate::request::walk::{each, members, role_and, skip, text, text_or_each, tool_calls, unknown};
use tokens::Detail;

/// The messages of version 2.
pub(super) fn messages(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        role_and(scanner, sink, |key, _, scanner, sink| match key {
            "content" | "tool_plan" => text_or_each(scanner, sink, part),
            "tool_calls" => tool_calls(scanner, sink),
            "tool_call_id" => skip(scanner),
            _ => unknown(scanner, sink),
        })
    })
}

/// `chat_history` of version 1.
pub(crate) fn history(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        role_and(scanner, sink, |key, _, scanner, sink| match key {
            "message" => text(scanner, sink),
            "tool_calls" => tool_calls(scanner, sink),
            "tool_results" => tool_results(scanner, sink),
            _ => unknown(scanner, sink),
        })
    })
}

fn part(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return text(scanner, sink);
    }
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("type", Kind::String) => skip(scanner),
        ("text", _) => text(scanner, sink),
        ("thinking", Kind::String) => {
            sink.reasoning(&scanner.string()?);
            Ok(())
        }
        ("image_url", Kind::Object) => {
            let mut media = Media::Elsewhere;
            members(scanner, |key, kind, scanner| {
                match (key, kind) {
                    ("url", Kind::String) => media = Media::Url(scanner.string()?),
                    _ => skip(scanner)?,
                }
                Ok(())
            })?;
            sink.image(Image { detail: Detail::Auto, media });
            Ok(())
        }
        ("document", _) => document(scanner, sink),
        _ => unknown(scanner, sink),
    })
}

/// Documents: texts, or objects that are put before the model as they are.
pub(super) fn documents(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, document)
}

fn document(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? == Kind::String {
        return text(scanner, sink);
    }
    let span = scanner.skip()?;
    sink.tool_result(scanner.slice(span));
    Ok(())
}

/// `tool_results` of version 1: calls with what came of them.
pub(super) fn tool_results(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, document)
}

/// Images to embed, as URLs with data.
pub(super) fn images(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        if scanner.peek()? != Kind::String {
            return unknown(scanner, sink);
        }
        let media = Media::Url(scanner.string()?);
        sink.image(Image { detail: Detail::Auto, media });
        Ok(())
    })
}

/// Texts and images to embed together.
pub(super) fn inputs(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    messages(scanner, sink)
}
