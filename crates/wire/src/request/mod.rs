//! A request to a model: what policy needs to know of it, read in one pass.

mod error;
pub(crate) mod format;
mod formats;
mod multipart;
mod pointer;
mod reader;
mod rewrite;
mod survey;
mod trim;
mod turns;
pub(crate) mod walk;

pub use error::ReadError;
pub use pointer::{Pointer, read_pointers};
pub use rewrite::Rewrite;
pub use trim::Trim;

use crate::json::{Scanner, Span};
use crate::prompt::{ANY_MAKER, Count, PromptCount, Sink};
use crate::{Api, Route, openai};
use error::Problem;
use format::{Format, Limits};
use reader::{Facts, Home, LONGEST_MODEL, Reader, Told, surely};
use std::borrow::Cow;
use tokens::{Cache, Model, audio_milliseconds};

/// What a request asks for, with spans into its body; prompt text is neither copied nor kept.
///
/// Fields that decide what a call costs or does must be unambiguous: given twice, or spelt in other letter cases, they
/// are refused, because providers' readers disagree on which one wins (the last one for Python, the first one for
/// some C++ readers; Go ignores case), and a limit checked on one and applied to the other is no limit. Wrong types
/// that some providers coerce (`"stream": "true"`) are refused for the same reason.
#[derive(Clone, Debug)]
pub struct Request {
    api: Api,
    provider: &'static str,
    format: &'static Format,
    model: String,
    /// Whether the path names the model, not the body.
    model_in_path: bool,
    streams: bool,
    facts: Facts,
    /// Where fields are inserted into the body; a form has no such place.
    home: Option<Home>,
    length: usize,
    choices: u64,
    bound: u64,
    tools: u64,
    images: u64,
    audio: u64,
    files: u64,
    /// There are fields that are not known.
    unknown: bool,
    batch: bool,
}

impl Request {
    /// Reads a whole body. `content_type` is the header's value, empty where there is none.
    ///
    /// `None`: the path was not [`Route::certain`], and the body is not one of a call to a model.
    ///
    /// # Errors
    /// The body is not one JSON object in UTF-8, or one of the fields read here is missing, mistyped or ambiguous.
    pub fn read(route: &Route, content_type: &[u8], body: &[u8]) -> Result<Option<Request>, ReadError> {
        let format = formats::of(route);
        if let (true, Some(boundary)) = (formats::may_be_form(route.api), multipart::boundary(content_type)) {
            let mut reader = Reader::default();
            let is_audio = route.api == Api::OpenAiTranscriptions;
            let seen = reader.form(body, boundary, format.body, is_audio)?;
            return Request::complete(route, format, reader, seen, None, body.len());
        }
        if !route.certain && is_no_object(body) {
            return Ok(None);
        }
        let mut reader = Reader::default();
        match reader.body(body, format.body) {
            Ok((home, seen)) => Request::complete(route, format, reader, seen, Some(home), body.len()),
            Err(error) if !route.certain && error.field().is_some() => {
                // A field of that name may mean something else in other traffic.
                let seen = reader::given(body, format.body)?;
                let named = reader::is_given(format.body, seen, "model");
                let is_call = missing(route, format, named, seen).is_none();
                if is_call { Err(error) } else { Ok(None) }
            }
            Err(error) => Err(error),
        }
    }

    fn complete(
        route: &Route,
        format: &'static Format,
        reader: Reader,
        seen: u64,
        home: Option<Home>,
        length: usize,
    ) -> Result<Option<Request>, ReadError> {
        let facts = &reader.facts;
        match missing(route, format, facts.model.is_some(), seen) {
            Some(_) if !route.certain => Ok(None),
            // Messages without content: other chats have other fields for it.
            None if !route.certain && route.api == Api::OllamaChat && reader.survey.is_empty() => Ok(None),
            Some(label) => Err(ReadError::new(Problem::Missing(label), length)),
            None => Request::finish(route, format, reader, home, length).map(Some),
        }
    }

    fn finish(
        route: &Route,
        format: &'static Format,
        reader: Reader,
        home: Option<Home>,
        length: usize,
    ) -> Result<Request, ReadError> {
        let Reader { facts, survey } = reader;
        let in_body = facts.model.as_ref().map(|(name, _)| name);
        let model = route.model.as_ref().or(in_body).cloned().unwrap_or_default();
        if model.len() > LONGEST_MODEL {
            return Err(ReadError::new(Problem::TooLong("model", LONGEST_MODEL), 0));
        }
        let frame = match route.api {
            Api::OpenAiChat | Api::OpenAiResponses if !openai::is_own_model(&model) => &ANY_MAKER,
            _ => format.frame,
        };
        let requests = facts.each.map_or(1, |(requests, _)| requests).max(1);
        Ok(Request {
            api: route.api,
            provider: route.provider,
            format,
            model,
            model_in_path: route.model.is_some(),
            streams: route.streams.or(facts.stream).unwrap_or(format.streams),
            home,
            length,
            choices: facts.choices.max(1).saturating_mul(facts.prompts.max(1)).saturating_mul(requests),
            bound: survey.bound.total(frame),
            tools: survey.tools,
            images: survey.images,
            audio: survey.audio,
            files: survey.files,
            unknown: survey.unknown,
            batch: route.batch,
            facts,
        })
    }

    /// The format of the request.
    #[must_use]
    pub const fn api(&self) -> Api {
        self.api
    }

    /// The model asked for: unescaped, at most 256 bytes. Empty where the provider has a default and the request
    /// leaves it at that.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The models that the provider may answer with instead (OpenRouter's `models`, Anthropic's `fallbacks`).
    #[must_use]
    pub fn other_models(&self) -> &[String] {
        &self.facts.others
    }

    /// Whether the response is to be streamed.
    #[must_use]
    pub const fn stream(&self) -> bool {
        self.streams
    }

    /// Whether the client itself asked for the usage chunk of a stream.
    #[must_use]
    pub const fn include_usage(&self) -> bool {
        matches!(self.facts.include_usage, Some((_, true)))
    }

    /// The most tokens a choice may generate, `None` where nothing limits them. Given under several names, the
    /// largest counts, for servers disagree on which one they obey; so it is in a batch. 0 for embeddings.
    #[must_use]
    pub fn output_limit(&self) -> Option<u64> {
        if let Limits::Fixed(tokens) = self.format.limit {
            return Some(tokens);
        }
        match self.facts.each {
            Some((_, most)) => most,
            None => surely(&self.facts.limits),
        }
    }

    /// Whether [`Rewrite::output_limit`] can take hold.
    #[must_use]
    pub const fn can_be_limited(&self) -> bool {
        !matches!(self.format.limit, Limits::Fixed(_) | Limits::Unknown)
    }

    /// How many answers are generated, at least 1: choices, times prompts, times requests of a batch. The output limit
    /// holds for each.
    #[must_use]
    pub const fn choices(&self) -> u64 {
        self.choices
    }

    /// How many tools are on offer.
    #[must_use]
    pub const fn tools(&self) -> u64 {
        self.tools
    }

    /// How many images are in the prompt.
    #[must_use]
    pub const fn images(&self) -> u64 {
        self.images
    }

    /// How many recordings are in the prompt.
    #[must_use]
    pub const fn audio(&self) -> u64 {
        self.audio
    }

    /// How long the recordings of a form are, in the body this was read from: by their headers where those are of a WAV or
    /// an MP3 file, else as if they were MP3 of the usual bit rate.
    #[must_use]
    pub fn audio_milliseconds(&self, body: &[u8]) -> u64 {
        let recordings = self.facts.parts.iter().filter(|part| matches!(part.told, Told::Audio));
        let contents = recordings.filter_map(|part| body.get(part.span.start..part.span.end));
        contents
            .map(|bytes| audio_milliseconds(bytes.len(), |at| bytes.get(at).copied()))
            .fold(0, u64::saturating_add)
    }

    /// How many parts of the prompt are neither text, image nor recording: files, videos, references to what the
    /// provider keeps. Nothing but the largest context window bounds one.
    #[must_use]
    pub const fn files(&self) -> u64 {
        self.files
    }

    /// Whether the body holds many requests: they are charged at a batch's prices.
    #[must_use]
    pub const fn batch(&self) -> bool {
        self.batch
    }

    /// Whether the answers come later and elsewhere, so that nothing of what they cost can be seen in the response:
    /// those of a batch, and of the Responses API in the background.
    #[must_use]
    pub const fn deferred(&self) -> bool {
        self.batch || self.facts.background
    }

    /// The sampling temperature, where it is given.
    #[must_use]
    pub const fn temperature(&self) -> Option<f64> {
        self.facts.temperature
    }

    /// The service tier asked for (`flex`, `priority` ...), in the body this was read from.
    #[must_use]
    pub fn service_tier<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        text(body, self.facts.tier?)
    }

    /// The end user, as the client calls them (`user`, `safety_identifier`, `metadata.user_id`), in the body this was
    /// read from.
    #[must_use]
    pub fn user<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        text(body, self.facts.user?)
    }

    /// An upper bound of the prompt's tokens, found without tokenising (the argument is in `prompt/bound.rs`).
    #[must_use]
    pub const fn prompt_bound(&self) -> u64 {
        self.bound
    }

    /// The prompt's tokens, counted in the body this was read from, as `model` counts them: the one that is asked for,
    /// or the one behind its name.
    ///
    /// Exact where documented rules cover the model and everything in the request. Tools, tool calls, images, audio,
    /// schemas and unknown fields make it an estimate; a file is not estimated at all (0 tokens). A text that would
    /// take too long to count makes it an upper bound. What `cache` holds of earlier prompts makes counting faster and
    /// changes no count.
    #[must_use]
    pub fn count_prompt(&self, body: &[u8], model: &Model, cache: &mut Cache) -> PromptCount {
        let mut count = Count::new(model, self.api, cache);
        let walked = self.walk(body, &mut count);
        if walked.is_none() || self.unknown {
            count.unsure();
        }
        count.total()
    }

    /// `None` where the text is not what was read before: then it is another body.
    fn walk(&self, body: &[u8], sink: &mut dyn Sink) -> Option<()> {
        for part in &self.facts.parts {
            let content = body.get(part.span.start..part.span.end)?;
            match part.told {
                Told::Walk(walk) => walk(&mut Scanner::new(str::from_utf8(content).ok()?), sink).ok()?,
                told => told.tell(content, sink)?,
            }
        }
        Some(())
    }
}

/// Whether a body is surely not a JSON object to any reader: it is empty or begins with a byte that is no brace, nor one
/// of a text in another encoding (the byte order marks of UTF-8 and UTF-16, half a character of UTF-16).
fn is_no_object(body: &[u8]) -> bool {
    !matches!(body.trim_ascii_start().first(), Some(b'{' | 0xEF | 0xFE | 0xFF | 0))
}

/// The label of a field that is missing. On a path that others have, too, a call names its model: a message alone is
/// what any chat sends.
fn missing(route: &Route, format: &'static Format, names_model: bool, seen: u64) -> Option<&'static str> {
    let has_model = format.body.fields.iter().any(|field| field.label == "model");
    let needs_model = has_model && (!format.model_optional || !route.certain);
    if needs_model && !names_model && route.model.is_none() {
        return Some("model");
    }
    let given = |label: &&str| reader::is_given(format.body, seen, label);
    format.required.iter().find(|group| !group.iter().any(given)).and_then(|group| group.first()).copied()
}

fn text(body: &[u8], span: Span) -> Option<Cow<'_, str>> {
    let raw = str::from_utf8(body.get(span.start..span.end)?).ok()?;
    Some(crate::json::Str { raw, escaped: raw.contains('\\'), at: span.start }.text())
}
