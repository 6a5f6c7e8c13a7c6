//! Responses, as the API reference has them.

use super::FRAME;
use crate::json::{Error, Kind, Scanner, Span, Str};
use crate::prompt::{Image, Media, Sink};
use crate::request::format::{Format, Limits, Shape, Table, What, field, inner};
use crate::request::walk::{
    each, is, members, message, opaque, response_format, skip, text, text_or_each, tools, unknown,
};
use tokens::Detail;

pub(crate) static RESPONSES_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["input"], What::Prompt(Shape::Any, input)),
            field(&["instructions"], What::Prompt(Shape::Any, instructions)),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, offered)),
            field(&["text"], What::Nested(&TEXT)),
            field(&["max_output_tokens"], What::Limit),
            field(&["stream"], What::Stream),
            field(&["background"], What::Background),
            field(&["service_tier"], What::Tier),
            field(&["temperature"], What::Temperature),
            field(&["user"], What::User),
            field(&["safety_identifier"], What::User),
            // What is kept at the provider and goes before the input.
            field(&["previous_response_id"], What::Prompt(Shape::Any, opaque)),
            field(&["conversation"], What::Prompt(Shape::Any, opaque)),
            field(&["prompt"], What::Prompt(Shape::Any, opaque)),
        ],
        aside: &[
            "context_management",
            "include",
            "max_tool_calls",
            "metadata",
            "moderation",
            "parallel_tool_calls",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning",
            "store",
            "stream_options",
            "tool_choice",
            "top_logprobs",
            "top_p",
            "truncation",
        ],
    },
    required: &[&["input", "prompt", "previous_response_id", "conversation"]],
    model_optional: true,
    streams: false,
    limit: Limits::Field("max_output_tokens"),
    frame: &FRAME,
    turns: Some("input"),
    question_apart: false,
};

static TEXT: Table = Table {
    fields: &[inner(&["format"], "text.format", What::Prompt(Shape::Any, response_format))],
    aside: &["verbosity"],
};

fn instructions(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Null => skip(scanner),
        Kind::Array => input(scanner, sink),
        _ => {
            // They come as a developer's message (recorded: gpt-5.2).
            sink.role(&Str { raw: "developer", escaped: false, at: scanner.at() });
            message(scanner, sink)
        }
    }
}

/// Tools; those of an MCP server are asked for on the way.
fn offered(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    let json = {
        let start = scanner.at();
        tools(scanner, sink)?;
        scanner.slice(Span { start, end: scanner.at() })
    };
    each(&mut Scanner::new(json), sink, |scanner, sink| {
        if scanner.peek()? != Kind::Object {
            return skip(scanner);
        }
        members(scanner, |key, kind, scanner| {
            if (key, kind) != ("type", Kind::String) {
                return skip(scanner);
            }
            if is(Some(scanner.string()?), &["mcp"]) {
                sink.opaque();
            }
            Ok(())
        })
    })
}

/// A text, or items: messages, calls of tools and what came of them, reasoning.
fn input(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Array => each(scanner, sink, item),
        _ => message(scanner, sink),
    }
}

/// One item. Its `type` may stand anywhere, so it is judged by the other keys.
fn item(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    sink.message();
    if scanner.peek()? != Kind::Object {
        return text(scanner, sink);
    }
    let start = scanner.at();
    let (mut is_call, mut is_reference, mut is_reasoning) = (false, true, false);
    members(scanner, |key, kind, scanner| {
        is_reference &= matches!(key, "type" | "id");
        match (key, kind) {
            (_, Kind::Null) => skip(scanner),
            ("type", Kind::String) => {
                is_reasoning = is(Some(scanner.string()?), &["reasoning"]);
                Ok(())
            }
            ("role", Kind::String) => {
                sink.role(&scanner.string()?);
                Ok(())
            }
            ("content" | "output", Kind::Object) => part(scanner, sink),
            ("content" | "output", _) => text_or_each(scanner, sink, part),
            ("summary", Kind::Array) => each(scanner, sink, thought),
            // Of a call: its text is told as a whole.
            ("arguments" | "input" | "action" | "code", _) => {
                is_call = true;
                skip(scanner)
            }
            // What a search for tools has found.
            ("tools", Kind::Array) => tools(scanner, sink),
            ("result", Kind::String) => {
                let media = Media::Base64(scanner.string()?);
                sink.image(Image { detail: Detail::Auto, media });
                Ok(())
            }
            ("name" | "namespace" | "server_label", Kind::String) => skip(scanner),
            ("id" | "call_id" | "status" | "phase" | "execution", _) => skip(scanner),
            // Also the reasoning that is encrypted.
            _ => unknown(scanner, sink),
        }
    })?;
    if is_call {
        sink.tool_calls(scanner.slice(Span { start, end: scanner.at() }));
    } else if is_reference && !is_reasoning {
        sink.opaque();
    }
    Ok(())
}

/// A piece of a summary of reasoning.
fn thought(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return unknown(scanner, sink);
    }
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("text", Kind::String) => {
            sink.reasoning(&scanner.string()?);
            Ok(())
        }
        _ => skip(scanner),
    })
}

/// One part of a message, or of what a tool gave back.
fn part(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return text(scanner, sink);
    }
    let (mut detail, mut image, mut is_image, mut is_file) = (Detail::Auto, None, false, false);
    members(scanner, |key, kind, scanner| match (key, kind) {
        (_, Kind::Null) => skip(scanner),
        ("type", Kind::String) => {
            let kind = scanner.string()?;
            is_image = is(Some(kind), &["input_image", "computer_screenshot"]);
            is_file = is(Some(kind), &["input_file", "input_video"]);
            Ok(())
        }
        ("text" | "refusal", Kind::String) => text(scanner, sink),
        ("detail", Kind::String) => {
            detail = crate::prompt::detail_of(&scanner.string()?.key());
            Ok(())
        }
        ("image_url", Kind::String) => {
            image = Some(scanner.string()?);
            Ok(())
        }
        ("input_audio", Kind::Object) => {
            sink.audio(super::prompt::audio(scanner)?);
            Ok(())
        }
        ("annotations" | "logprobs" | "file_id" | "file_url" | "file_data" | "filename", _) => skip(scanner),
        _ => unknown(scanner, sink),
    })?;
    if is_image || image.is_some() {
        sink.image(Image { detail, media: image.map_or(Media::Elsewhere, Media::Url) });
    } else if is_file {
        sink.opaque();
    }
    Ok(())
}
