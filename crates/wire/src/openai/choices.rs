//! The choices of a response or a chunk: what the model said.

use super::chunk::Choices;
use crate::json::{Error, Kind, Scanner, Str};
use crate::response::{Channel, Seen, Source};

pub(super) fn read_choices(
    scanner: &mut Scanner<'_>,
    seen: &mut Seen,
    found: &mut Choices,
) -> Result<(), Error> {
    let mut items = scanner.array()?;
    if *found == Choices::Absent {
        *found = Choices::Empty;
    }
    let mut place = 0;
    while items.next(scanner)? {
        *found = Choices::Some;
        if scanner.peek()? == Kind::Object {
            read_choice(scanner, seen, place)?;
        } else {
            scanner.skip()?;
        }
        place = place.saturating_add(1);
    }
    Ok(())
}

/// `index` normally comes first; a choice that names it later, or not at all, is told by its place.
fn read_choice(scanner: &mut Scanner<'_>, seen: &mut Seen, place: u64) -> Result<(), Error> {
    let mut choice = place;
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let kind = scanner.peek()?;
        match (&*key.key(), kind) {
            ("index", _) => choice = index(scanner)?.unwrap_or(place),
            ("delta" | "message", Kind::Object) => read_delta(scanner, seen, choice)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

fn read_delta(scanner: &mut Scanner<'_>, seen: &mut Seen, choice: u64) -> Result<(), Error> {
    let mut members = scanner.object()?;
    let mut reasoned = false;
    while let Some(key) = members.next(scanner)? {
        let kind = scanner.peek()?;
        let channel = |source| Channel { choice, source };
        match (&*key.key(), kind) {
            ("content", Kind::String) => said(scanner, seen, channel(Source::Content))?,
            ("content", Kind::Array) => read_parts(scanner, seen, choice)?,
            ("refusal", Kind::String) => said(scanner, seen, channel(Source::Refusal))?,
            // The same text under two names (OpenRouter and vLLM send both) counts once.
            ("reasoning_content" | "reasoning", Kind::String) if !reasoned => {
                said(scanner, seen, channel(Source::Reasoning))?;
                reasoned = true;
            }
            ("tool_calls", Kind::Array) => {
                let mut items = scanner.array()?;
                let mut place = 0;
                while items.next(scanner)? {
                    read_call(scanner, seen, choice, place)?;
                    place = place.saturating_add(1);
                }
            }
            ("function_call", Kind::Object) => read_call(scanner, seen, choice, 0)?,
            ("audio", Kind::Object) => {
                scanner.skip()?;
                seen.output.unseen();
                seen.spoke();
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

/// Content in parts (Mistral): texts, and thinking with texts of its own.
fn read_parts(scanner: &mut Scanner<'_>, seen: &mut Seen, choice: u64) -> Result<(), Error> {
    let mut items = scanner.array()?;
    while items.next(scanner)? {
        if scanner.peek()? != Kind::Object {
            scanner.skip()?;
            continue;
        }
        let mut members = scanner.object()?;
        while let Some(key) = members.next(scanner)? {
            let kind = scanner.peek()?;
            match (&*key.key(), kind) {
                ("text", Kind::String) => said(scanner, seen, Channel { choice, source: Source::Content })?,
                ("thinking", Kind::Array) => read_thinking(scanner, seen, choice)?,
                _ => {
                    scanner.skip()?;
                }
            }
        }
    }
    Ok(())
}

fn read_thinking(scanner: &mut Scanner<'_>, seen: &mut Seen, choice: u64) -> Result<(), Error> {
    let mut items = scanner.array()?;
    while items.next(scanner)? {
        if scanner.peek()? != Kind::Object {
            scanner.skip()?;
            continue;
        }
        let mut members = scanner.object()?;
        while let Some(key) = members.next(scanner)? {
            if key.raw == "text" && scanner.peek()? == Kind::String {
                said(scanner, seen, Channel { choice, source: Source::Reasoning })?;
            } else {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

/// A call, or the part of one that a chunk brings: `index`, and a name and arguments under `function` (or, in the
/// older `function_call`, at the top).
fn read_call(scanner: &mut Scanner<'_>, seen: &mut Seen, choice: u64, place: u64) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return scanner.skip().map(|_| ());
    }
    let mut call = place;
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        let kind = scanner.peek()?;
        match (&*key.key(), kind) {
            ("index", _) => call = index(scanner)?.unwrap_or(place),
            ("function" | "custom", Kind::Object) => {
                let mut inner = scanner.object()?;
                while let Some(key) = inner.next(scanner)? {
                    call_text(&key, scanner, seen, choice, call)?;
                }
            }
            _ => call_text(&key, scanner, seen, choice, call)?,
        }
    }
    Ok(())
}

fn call_text(
    key: &Str<'_>,
    scanner: &mut Scanner<'_>,
    seen: &mut Seen,
    choice: u64,
    call: u64,
) -> Result<(), Error> {
    let kind = scanner.peek()?;
    let source = match &*key.key() {
        "name" => Source::CallName(call),
        "arguments" | "input" => Source::CallArguments(call),
        _ => return scanner.skip().map(|_| ()),
    };
    if kind == Kind::String {
        return said(scanner, seen, Channel { choice, source });
    }
    scanner.skip().map(|_| ())
}

fn said(scanner: &mut Scanner<'_>, seen: &mut Seen, channel: Channel) -> Result<(), Error> {
    let text = scanner.string()?;
    if !text.is_empty() {
        seen.output.push(channel, &text);
        seen.spoke();
    }
    Ok(())
}

fn index(scanner: &mut Scanner<'_>) -> Result<Option<u64>, Error> {
    Ok(scanner.number_or_skip()?.and_then(|written| written.parse().ok()))
}
