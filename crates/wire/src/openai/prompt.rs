//! Where the prompt is: one walk over messages and tools, used once to bound the prompt and once to count it.

use crate::json::{Error, Kind, Scanner, Span, Str};

/// What the walk finds, in the order of the body.
pub(super) trait Sink {
    /// A message begins.
    fn message(&mut self);
    /// Its role.
    fn role(&mut self, role: &Str<'_>);
    /// Its author's name.
    fn name(&mut self, name: &Str<'_>);
    /// Text the model reads: content, a text part, a refusal.
    fn text(&mut self, text: &Str<'_>);
    /// An earlier turn's reasoning, sent back; not all providers put it before the model again.
    fn reasoning(&mut self, text: &Str<'_>);
    /// An image, by URL or inline.
    fn image(&mut self, detail: Detail);
    /// A recording: length of its base64 text, and whether it is uncompressed.
    fn audio(&mut self, base64: usize, wav: bool);
    /// A file, a video, an earlier recording, or a kind of part that is not known: its length says nothing.
    fn opaque(&mut self);
    /// `tool_calls` or `function_call` of an earlier answer, as JSON.
    fn tool_calls(&mut self, json: &str);
    /// One element of `tools` or `functions`, as JSON.
    fn tool(&mut self, json: &str);
    /// `response_format`, as JSON.
    fn response_format(&mut self, json: &str);
    /// Any other value, as JSON.
    fn unknown(&mut self, json: &str);
}

/// How closely an image is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Low,
    /// Also `auto`, the default.
    High,
}

/// Walks an array of messages; the caller has peeked an array.
pub(super) fn messages(scanner: &mut Scanner<'_>, sink: &mut impl Sink) -> Result<(), Error> {
    let mut items = scanner.array()?;
    while items.next(scanner)? {
        sink.message();
        if scanner.peek()? == Kind::Object { message(scanner, sink)? } else { unknown(scanner, sink)? }
    }
    Ok(())
}

/// Walks an array of tools or functions; the caller has peeked an array. Says whether there were any.
pub(super) fn tools(scanner: &mut Scanner<'_>, sink: &mut impl Sink) -> Result<bool, Error> {
    let mut items = scanner.array()?;
    let mut any = false;
    while items.next(scanner)? {
        let span = scanner.skip()?;
        sink.tool(scanner.slice(span));
        any = true;
    }
    Ok(any)
}

fn message(scanner: &mut Scanner<'_>, sink: &mut impl Sink) -> Result<(), Error> {
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

fn parts(scanner: &mut Scanner<'_>, sink: &mut impl Sink) -> Result<(), Error> {
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
fn part(scanner: &mut Scanner<'_>, sink: &mut impl Sink) -> Result<(), Error> {
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
                scanner.skip()?;
                sink.image(Detail::High);
            }
            ("image_url", Kind::Object) => sink.image(detail(scanner)?),
            ("input_audio", Kind::Object) => audio(scanner, sink)?,
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

fn detail(scanner: &mut Scanner<'_>) -> Result<Detail, Error> {
    let mut detail = Detail::High;
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let value = scanner.string_or_skip()?;
        if key.raw == "detail" && value.is_some_and(|v| v.raw == "low") {
            detail = Detail::Low;
        }
    }
    Ok(detail)
}

fn audio(scanner: &mut Scanner<'_>, sink: &mut impl Sink) -> Result<(), Error> {
    let (mut base64, mut wav) = (0usize, false);
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let value = scanner.string_or_skip()?;
        match (&*key.key(), value) {
            ("format", Some(format)) => wav = format.raw == "wav",
            (_, Some(data)) => base64 = base64.saturating_add(data.raw.len()),
            (_, None) => {}
        }
    }
    sink.audio(base64, wav);
    Ok(())
}

fn unknown(scanner: &mut Scanner<'_>, sink: &mut impl Sink) -> Result<(), Error> {
    let Span { start, end } = scanner.skip()?;
    sink.unknown(scanner.slice(Span { start, end }));
    Ok(())
}
