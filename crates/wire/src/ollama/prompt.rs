//! Where the prompt is in Ollama's messages.

use crate::json::{Error, Kind, Scanner};
use crate::prompt::{Image, Media, Sink};
use crate::request::walk::{each, role_and, skip, text, tool_calls, unknown};
use tokens::Detail;

pub(super) fn messages(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        role_and(scanner, sink, |key, kind, scanner, sink| match (key, kind) {
            (_, Kind::Null) => skip(scanner),
            ("content", _) => text(scanner, sink),
            ("thinking", Kind::String) => {
                sink.reasoning(&scanner.string()?);
                Ok(())
            }
            ("images", _) => images(scanner, sink),
            ("tool_calls", _) => tool_calls(scanner, sink),
            ("tool_name" | "name", Kind::String) => {
                sink.name(&scanner.string()?);
                Ok(())
            }
            _ => unknown(scanner, sink),
        })
    })
}

/// Images in base64.
pub(super) fn images(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        if scanner.peek()? != Kind::String {
            return unknown(scanner, sink);
        }
        let media = Media::Base64(scanner.string()?);
        sink.image(Image { detail: Detail::Auto, media });
        Ok(())
    })
}
