//! Where the prompt is in a chat completion: a walk over messages.

use crate::json::{Error, Kind, Scanner};
use crate::prompt::{Audio, Image, Media, Sink, detail_of};
use crate::request::walk::unknown;
use tokens::Detail;

/// Walks an array of messages; the caller has peeked an array.
pub(crate) fn messages(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let mut items = scanner.array()?;
    while items.next(scanner)? {
        sink.message();
        if scanner.peek()? == Kind::Object { message(scanner, sink)? } else { unknown(scanner, sink)? }
    }
    Ok(())
}

fn message(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let kind = scanner.peek()?;
        match (&*key.key(), kind) {
            (_, Kind::Null) => {
                scanner.skip()?;
            }
            ("role", Kind::String) => sink.role(&scanner.string()?),
            ("content" | "refusal", Kind::String) => sink.text(&scanner.string()?),
            ("content", Kind::Array) => parts(scanner, sink)?,
            ("name", Kind::String) => sink.name(&scanner.string()?),
            ("reasoning_content" | "reasoning", Kind::String) => sink.reasoning(&scanner.string()?),
            ("tool_calls" | "function_call", _) => {
                let span = scanner.skip()?;
                sink.tool_calls(scanner.slice(span));
            }
            ("audio", _) => {
                scanner.skip()?;
                sink.opaque();
            }
            _ => unknown(scanner, sink)?,
        }
    }
    Ok(())
}

fn parts(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let mut items = scanner.array()?;
    while items.next(scanner)? {
        match scanner.peek()? {
            Kind::Object => part(scanner, sink)?,
            Kind::String => sink.text(&scanner.string()?),
            _ => unknown(scanner, sink)?,
        }
    }
    Ok(())
}

/// One content part. Its `type` may stand anywhere, so what it holds is judged by the other keys; a type without any
/// of them is opaque.
fn part(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let mut understood = false;
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let kind = scanner.peek()?;
        match (&*key.key(), kind) {
            ("type", Kind::String) => {
                scanner.skip()?;
                continue;
            }
            ("text" | "refusal", Kind::String) => sink.text(&scanner.string()?),
            ("image_url", Kind::String) => {
                sink.image(Image { detail: Detail::Auto, media: Media::Url(scanner.string()?) });
            }
            ("image_url", Kind::Object) => sink.image(image(scanner)?),
            ("input_audio", Kind::Object) => sink.audio(audio(scanner)?),
            // A cache mark (Anthropic's, through OpenRouter) is an instruction, not text.
            ("cache_control", _) => {
                scanner.skip()?;
                continue;
            }
            _ => {
                scanner.skip()?;
                sink.opaque();
            }
        }
        understood = true;
    }
    if !understood {
        sink.opaque();
    }
    Ok(())
}

fn image<'a>(scanner: &mut Scanner<'a>) -> Result<Image<'a>, Error> {
    let mut image = Image { detail: Detail::Auto, media: Media::Elsewhere };
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let value = scanner.string_or_skip()?;
        match (&*key.key(), value) {
            ("detail", Some(detail)) => image.detail = detail_of(detail.raw),
            ("url", Some(url)) => image.media = Media::Url(url),
            _ => {}
        }
    }
    Ok(image)
}

pub(super) fn audio<'a>(scanner: &mut Scanner<'a>) -> Result<Audio<'a>, Error> {
    let mut audio = Audio { format: None, media: Media::Elsewhere };
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let value = scanner.string_or_skip()?;
        match (&*key.key(), value) {
            ("format", format) => audio.format = format,
            ("data", Some(data)) => audio.media = Media::Base64(data),
            _ => {}
        }
    }
    Ok(audio)
}
