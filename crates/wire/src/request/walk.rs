//! Steps that walks over all providers' prompts are made of.

use super::format::Walk;
use crate::json::{Error, Kind, Scanner, Span, Str};
use crate::prompt::Sink;

/// Goes through an object. `member` is given each key with the kind of its value, and reads or skips the value.
pub(crate) fn members<'a>(
    scanner: &mut Scanner<'a>,
    mut member: impl FnMut(&str, Kind, &mut Scanner<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let kind = scanner.peek()?;
        member(&key.key(), kind, scanner)?;
    }
    Ok(())
}

/// Goes through an array with a walk for each item. Anything else may reach the model, too.
pub(crate) fn each(scanner: &mut Scanner<'_>, sink: &mut dyn Sink, item: Walk) -> Result<(), Error> {
    if scanner.peek()? != Kind::Array {
        return unknown(scanner, sink);
    }
    let mut items = scanner.array()?;
    while items.next(scanner)? {
        item(scanner, sink)?;
    }
    Ok(())
}

/// A text, or an array with a walk for each item.
pub(crate) fn text_or_each(scanner: &mut Scanner<'_>, sink: &mut dyn Sink, item: Walk) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Array => each(scanner, sink, item),
        _ => text(scanner, sink),
    }
}

/// One message that is a role and content: a text, or parts with a walk for each.
pub(crate) fn role_and_content(
    scanner: &mut Scanner<'_>,
    sink: &mut dyn Sink,
    part: Walk,
) -> Result<(), Error> {
    role_and(scanner, sink, |key, _, scanner, sink| match key {
        "content" => text_or_each(scanner, sink, part),
        _ => unknown(scanner, sink),
    })
}

/// One message: an object with a role, and `member` for whatever else is in it.
pub(crate) fn role_and(
    scanner: &mut Scanner<'_>,
    sink: &mut dyn Sink,
    member: impl Fn(&str, Kind, &mut Scanner<'_>, &mut dyn Sink) -> Result<(), Error>,
) -> Result<(), Error> {
    sink.message();
    if scanner.peek()? != Kind::Object {
        return unknown(scanner, sink);
    }
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("role", Kind::String) => {
            sink.role(&scanner.string()?);
            Ok(())
        }
        _ => member(key, kind, scanner, sink),
    })
}

/// A text. `null` is none; anything else may reach the model, too.
pub(crate) fn text(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::String => {
            sink.text(&scanner.string()?);
            Ok(())
        }
        _ => unknown(scanner, sink),
    }
}

/// A text that is a message by itself.
pub(crate) fn message(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    sink.message();
    text(scanner, sink)
}

/// A text, or an array of texts; instead of a text there may be an array of the numbers of its tokens.
pub(crate) fn texts(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? != Kind::Array {
        return text(scanner, sink);
    }
    let (mut numbers, mut items) = (0u64, scanner.array()?);
    while items.next(scanner)? {
        if scanner.peek()? == Kind::Number {
            numbers = numbers.saturating_add(1);
            skip(scanner)?;
        } else {
            texts(scanner, sink)?;
        }
    }
    if numbers > 0 {
        sink.tokens(numbers);
    }
    Ok(())
}

/// A value that is known not to reach the model.
pub(crate) fn skip(scanner: &mut Scanner<'_>) -> Result<(), Error> {
    scanner.skip().map(|_| ())
}

/// A value that may reach the model, in a form that is not documented.
pub(crate) fn unknown(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let kind = scanner.peek()?;
    let span = scanner.skip()?;
    if !matches!(kind, Kind::Null | Kind::False) {
        sink.unknown(scanner.slice(span));
    }
    Ok(())
}

/// A value that stands for something of unknown length, unless it is `null`.
pub(crate) fn opaque(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let kind = scanner.peek()?;
    scanner.skip()?;
    if kind != Kind::Null {
        sink.opaque();
    }
    Ok(())
}

/// An array of tools. Those with a type of their own are the provider's: it knows more of them than the request says.
pub(crate) fn tools(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    each(scanner, sink, |scanner, sink| {
        if scanner.peek()? != Kind::Object {
            return unknown(scanner, sink);
        }
        let (start, mut is_hosted) = (scanner.at(), false);
        members(scanner, |key, kind, scanner| match (key, kind) {
            ("type", Kind::String) => {
                is_hosted = !is(Some(scanner.string()?), &["function", "custom"]);
                Ok(())
            }
            _ => skip(scanner),
        })?;
        let json = scanner.slice(Span { start, end: scanner.at() });
        if is_hosted {
            sink.hosted_tool(json)
        } else {
            sink.tool(json)
        }
        Ok(())
    })
}

/// Calls of tools in an earlier answer.
pub(crate) fn tool_calls(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let kind = scanner.peek()?;
    let span = scanner.skip()?;
    if kind != Kind::Null {
        sink.tool_calls(scanner.slice(span));
    }
    Ok(())
}

/// A schema or format for the answer.
pub(crate) fn response_format(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let kind = scanner.peek()?;
    let span = scanner.skip()?;
    if kind != Kind::Null {
        sink.response_format(scanner.slice(span));
    }
    Ok(())
}

/// Whether a string is one of these words, whatever way it is written.
pub(crate) fn is(value: Option<Str<'_>>, words: &[&str]) -> bool {
    value.is_some_and(|value| words.contains(&&*value.key()))
}
