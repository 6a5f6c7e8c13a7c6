//! A chat completion request: what policy needs to know of it, read in one pass.

use super::error::{Problem, ReadError};
use super::prompt;
use crate::json::{Kind, Scanner, Span, Str};
use crate::prompt::{Bound, Count, PromptCount, Sink};
use std::borrow::Cow;
use tokens::Model;

/// Bytes of a model's name: far above any real one, small enough to be a stat's label and a log field.
const LONGEST_MODEL: usize = 256;

/// What a request asks for, with spans into its body; prompt text is neither copied nor kept.
///
/// Fields that decide what a call costs or does must be unambiguous: given twice, or spelt in other letter cases, they
/// are refused, because providers' readers disagree on which one wins (the last one for Python, the first one for
/// some C++ readers; Go ignores case), and a limit checked on one and applied to the other is no limit. Wrong types
/// that some providers coerce (`"stream": "true"`) are refused for the same reason.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) stream_options: StreamOptions,
    pub(super) max_completion_tokens: Option<Limit>,
    pub(super) max_tokens: Option<Limit>,
    pub(super) choices: u64,
    /// Just after the body's opening brace: where fields are inserted.
    pub(super) open: usize,
    pub(super) length: usize,
    pub(super) prompt: Prompt,
    pub(super) bound: u64,
}

/// Where the parts of the prompt are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prompt {
    pub(super) messages: Span,
    pub(super) tools: Option<Span>,
    pub(super) functions: Option<Span>,
    pub(super) response_format: Option<Span>,
    /// Only fields whose effect on the prompt's tokens is documented to be none.
    pub(super) plain: bool,
}

/// An output limit as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) span: Span,
    /// `None`: `null` or a negative number (llama.cpp's and LM Studio's "no limit").
    pub(super) tokens: Option<u64>,
}

/// `stream_options` as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum StreamOptions {
    Absent,
    Null(Span),
    Object {
        /// Just after the opening brace.
        open: usize,
        empty: bool,
        include_usage: Option<(Span, bool)>,
    },
}

impl ChatRequest {
    /// Reads a whole body.
    ///
    /// # Errors
    /// The body is not one JSON object in UTF-8, or one of the fields read here is missing, mistyped or ambiguous.
    pub fn read(body: &[u8]) -> Result<ChatRequest, ReadError> {
        let mut scanner = Scanner::over(body)?;
        if scanner.peek()? != Kind::Object {
            return Err(ReadError::new(Problem::NotAnObject, scanner.at()));
        }
        let mut fields = Fields::default();
        let mut members = scanner.object()?;
        let open = scanner.at();
        while let Some(key) = members.next(&mut scanner)? {
            fields.read(&key, &mut scanner)?;
        }
        scanner.end()?;
        fields.finish(open, body.len())
    }

    /// The model asked for: unescaped, at most 256 bytes.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the response is to be streamed.
    #[must_use]
    pub const fn stream(&self) -> bool {
        self.stream
    }

    /// Whether the client itself asked for the usage chunk of a stream.
    #[must_use]
    pub const fn include_usage(&self) -> bool {
        matches!(self.stream_options, StreamOptions::Object { include_usage: Some((_, true)), .. })
    }

    /// The most tokens a choice may generate, `None` where the request sets no limit. Given under both names, the
    /// smaller counts.
    #[must_use]
    pub fn output_limit(&self) -> Option<u64> {
        let given = [self.max_completion_tokens, self.max_tokens];
        given.into_iter().flatten().filter_map(|limit| limit.tokens).min()
    }

    /// How many choices are generated (`n`), at least 1. The output limit holds for each.
    #[must_use]
    pub const fn choices(&self) -> u64 {
        self.choices
    }

    /// An upper bound of the prompt's tokens, found without tokenising (the argument is in `bound.rs`).
    #[must_use]
    pub const fn prompt_bound(&self) -> u64 {
        self.bound
    }

    /// The prompt's tokens, counted in the body this was read from, as `model` counts them: the one that is asked for,
    /// or the one behind its name.
    ///
    /// Exact where documented rules cover the model and everything in the request. Tools, tool calls, images, audio,
    /// schemas and unknown fields make it an estimate; a file is not estimated at all (0 tokens). A text that would
    /// take too long to count makes it an upper bound.
    #[must_use]
    pub fn count_prompt(&self, body: &[u8], model: &Model) -> PromptCount {
        let mut count = Count::new(model);
        let walked = self.walk(body, &mut count);
        if walked.is_none() || !self.prompt.plain {
            count.unsure();
        }
        count.total()
    }

    /// `None` where the text is not what was read before: then it is another body.
    fn walk(&self, body: &[u8], sink: &mut impl Sink) -> Option<()> {
        let text = |span: Span| str::from_utf8(body.get(span.start..span.end)?).ok();
        let mut scanner = Scanner::new(text(self.prompt.messages)?);
        if scanner.peek().ok()? != Kind::Array {
            return None;
        }
        prompt::messages(&mut scanner, sink).ok()?;
        for tools in [self.prompt.tools, self.prompt.functions].into_iter().flatten() {
            let mut scanner = Scanner::new(text(tools)?);
            if scanner.peek().ok()? != Kind::Array {
                return None;
            }
            prompt::tools(&mut scanner, sink).ok()?;
        }
        if let Some(format) = self.prompt.response_format {
            sink.response_format(text(format)?);
        }
        Some(())
    }
}

/// The fields read so far.
#[derive(Default)]
struct Fields {
    seen: u32,
    model: String,
    stream: bool,
    stream_options: Option<StreamOptions>,
    max_completion_tokens: Option<Limit>,
    max_tokens: Option<Limit>,
    choices: u64,
    prompt: Prompt,
    unplain: bool,
    bound: Bound,
}

/// Fields that are read here; each may come once.
const CONTROL: [&str; 10] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "tools",
    "functions",
    "response_format",
];

/// Fields of the API reference that are not part of the prompt.
const NOT_PROMPT: [&str; 23] = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "moderation",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

impl Fields {
    fn read(&mut self, key: &Str<'_>, scanner: &mut Scanner<'_>) -> Result<(), ReadError> {
        let name = key.key();
        let Some(field) = self.control(&name, key.at)? else {
            return self.other(&name, scanner);
        };
        let kind = scanner.peek()?;
        let wrong = |what| Err(ReadError::new(Problem::Type(field, what), key.at));
        match field {
            "model" => match scanner.string_or_skip()? {
                Some(model) => self.model = capped(&model)?,
                None => return wrong("a string"),
            },
            "messages" => {
                if kind != Kind::Array {
                    return wrong("an array");
                }
                let start = scanner.at();
                prompt::messages(scanner, &mut self.bound)?;
                self.prompt.messages = Span { start, end: scanner.at() };
            }
            "tools" | "functions" => {
                let start = scanner.at();
                match kind {
                    Kind::Array => {
                        prompt::tools(scanner, &mut self.bound)?;
                    }
                    Kind::Null => return scanner.skip().map(|_| ()).map_err(Into::into),
                    _ => return wrong("an array or null"),
                }
                let span = Some(Span { start, end: scanner.at() });
                if field == "tools" { self.prompt.tools = span } else { self.prompt.functions = span }
            }
            "response_format" => {
                let span = scanner.skip()?;
                self.bound.response_format(scanner.slice(span));
                self.prompt.response_format = (kind != Kind::Null).then_some(span);
            }
            "stream" => {
                self.stream = match kind {
                    Kind::True => true,
                    Kind::False | Kind::Null => false,
                    _ => return wrong("a boolean or null"),
                };
                scanner.skip()?;
            }
            "stream_options" => {
                self.stream_options = match kind {
                    Kind::Object => Some(stream_options(scanner)?),
                    Kind::Null => Some(StreamOptions::Null(scanner.skip()?)),
                    _ => return wrong("an object or null"),
                };
            }
            "n" => match whole(kind, scanner)? {
                Some((_, n)) => self.choices = n.unwrap_or(1),
                None => return wrong("a whole number or null"),
            },
            limit => {
                let Some((span, tokens)) = whole(kind, scanner)? else {
                    return wrong("a whole number or null");
                };
                let read = Some(Limit { span, tokens });
                if limit == "max_tokens" { self.max_tokens = read } else { self.max_completion_tokens = read }
            }
        }
        Ok(())
    }

    /// The control field of that name, marked as seen.
    fn control(&mut self, name: &str, at: usize) -> Result<Option<&'static str>, ReadError> {
        let Some((bit, field)) = (0u32..).zip(CONTROL).find(|(_, field)| folds_to(name, field)) else {
            return Ok(None);
        };
        if name != field {
            return Err(ReadError::new(Problem::Spelling(field), at));
        }
        let mask = 1u32.wrapping_shl(bit);
        if self.seen & mask != 0 {
            return Err(ReadError::new(Problem::Twice(field), at));
        }
        self.seen |= mask;
        Ok(Some(field))
    }

    /// A field that is not read: what is unknown might become prompt (vLLM's `documents`), so its bytes count.
    fn other(&mut self, name: &str, scanner: &mut Scanner<'_>) -> Result<(), ReadError> {
        let kind = scanner.peek()?;
        let span = scanner.skip()?;
        if !NOT_PROMPT.contains(&name) && !matches!(kind, Kind::Null | Kind::False) {
            self.bound.unknown(scanner.slice(span));
            self.unplain = true;
        }
        Ok(())
    }

    fn finish(self, open: usize, length: usize) -> Result<ChatRequest, ReadError> {
        for required in ["model", "messages"] {
            let given =
                CONTROL.iter().zip(0u32..).any(|(f, bit)| *f == required && self.seen >> bit & 1 == 1);
            if !given {
                return Err(ReadError::new(Problem::Missing(required), length));
            }
        }
        Ok(ChatRequest {
            model: self.model,
            stream: self.stream,
            stream_options: self.stream_options.unwrap_or(StreamOptions::Absent),
            max_completion_tokens: self.max_completion_tokens,
            max_tokens: self.max_tokens,
            choices: self.choices.max(1),
            open,
            length,
            prompt: Prompt { plain: !self.unplain, ..self.prompt },
            bound: self.bound.total(),
        })
    }
}

/// Whether a lenient reader could take `name` for `field`: Go's `encoding/json` folds letter case, and with it the
/// long s and the Kelvin sign.
fn folds_to(name: &str, field: &str) -> bool {
    name == field
        || (!name.is_empty()
            && name.len() <= field.len().saturating_mul(3)
            && name.chars().map(fold).eq(field.chars()))
}

const fn fold(c: char) -> char {
    match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

fn capped(model: &Str<'_>) -> Result<String, ReadError> {
    let too_long = || ReadError::new(Problem::TooLong("model", LONGEST_MODEL), model.at);
    // No escape is longer than six bytes for one: what is longer than that needs no unescaping to be too long.
    if model.raw.len() > LONGEST_MODEL.saturating_mul(6) {
        return Err(too_long());
    }
    let name = model.text();
    if name.len() > LONGEST_MODEL { Err(too_long()) } else { Ok(Cow::into_owned(name)) }
}

/// A whole number or `null`, with where it stands: `Some(None)` for `null` and for negative numbers, `None` for
/// anything else (fractions and exponents are refused rather than rounded).
fn whole(kind: Kind, scanner: &mut Scanner<'_>) -> Result<Option<(Span, Option<u64>)>, ReadError> {
    let span = scanner.skip()?;
    let written = scanner.slice(span);
    let value = match kind {
        Kind::Null => None,
        Kind::Number if written.contains(['.', 'e', 'E']) => return Ok(None),
        Kind::Number if written.starts_with('-') => None,
        Kind::Number => Some(written.parse().unwrap_or(u64::MAX)),
        _ => return Ok(None),
    };
    Ok(Some((span, value)))
}

fn stream_options(scanner: &mut Scanner<'_>) -> Result<StreamOptions, ReadError> {
    const FIELD: &str = "stream_options.include_usage";
    let (mut include_usage, mut empty) = (None, true);
    let mut members = scanner.object()?;
    let open = scanner.at();
    while let Some(key) = members.next(scanner)? {
        empty = false;
        let name = key.key();
        if !folds_to(&name, "include_usage") {
            scanner.skip()?;
            continue;
        }
        if name != "include_usage" {
            return Err(ReadError::new(Problem::Spelling(FIELD), key.at));
        }
        if include_usage.is_some() {
            return Err(ReadError::new(Problem::Twice(FIELD), key.at));
        }
        let wanted = match scanner.peek()? {
            Kind::True => true,
            Kind::False | Kind::Null => false,
            _ => return Err(ReadError::new(Problem::Type(FIELD, "a boolean or null"), key.at)),
        };
        include_usage = Some((scanner.skip()?, wanted));
    }
    Ok(StreamOptions::Object { open, empty, include_usage })
}
