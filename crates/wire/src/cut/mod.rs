//! Ending a stream before its provider does, in the provider's own form: as if the model had come to its output limit.
//!
//! Only streams that may have to be ended are watched this way, beside [`crate::ResponseMeter`]: it keeps one unit of the
//! stream at a time (an event, a line, a message) and reads it by itself.

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod ollama;
mod openai;
mod raw;
mod units;

use crate::Api;
use crate::response::ResponseHead;
use anthropic::Anthropic;
use bedrock::{Converse, Invoke};
use cohere::{CohereV1, CohereV2};
use gemini::Gemini;
use ollama::Ollama;
use openai::{Chat, Responses};
use tokens::Usage;
use units::{Framing, Units};

/// What the last event says of a stream that is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastWords {
    /// Figures for the client.
    pub usage: Usage,
    /// Whether the client asked for the usage chunk, in formats where it has to.
    pub include_usage: bool,
}

/// Watches one stream, so that it can be ended between any two of its units.
#[derive(Debug)]
pub struct CutOff {
    units: Units,
    talk: Talk,
}

/// What is to be known of a stream to end it, by its format.
#[derive(Debug)]
enum Talk {
    Chat(Chat),
    Responses(Box<Responses>),
    Anthropic(Anthropic),
    Gemini(Gemini),
    Converse(Converse),
    Invoke(Box<Invoke>),
    CohereV1(CohereV1),
    CohereV2(CohereV2),
    Ollama(Ollama),
}

impl CutOff {
    /// For the response to a call in this format. `None` for one that is no stream, or of a format without any.
    #[must_use]
    pub fn new(api: Api, head: &ResponseHead<'_>) -> Option<CutOff> {
        let framing = Framing::of((head.header)("content-type").unwrap_or_default());
        let talk = match (api, framing) {
            (Api::OpenAiChat, Some(Framing::Events)) => Talk::Chat(Chat::default()),
            (Api::OpenAiCompletions, Some(Framing::Events)) => Talk::Chat(Chat::of_texts()),
            (Api::OpenAiResponses, Some(Framing::Events)) => Talk::Responses(Box::default()),
            (Api::AnthropicMessages, Some(Framing::Events)) => Talk::Anthropic(Anthropic::default()),
            (Api::GeminiGenerate, Some(Framing::Events) | None) => Talk::Gemini(Gemini::default()),
            (Api::BedrockConverse, Some(Framing::Messages)) => Talk::Converse(Converse::default()),
            (Api::BedrockInvoke, Some(Framing::Messages)) => Talk::Invoke(Box::default()),
            (Api::CohereChatV1, Some(Framing::Events | Framing::Lines)) => {
                Talk::CohereV1(CohereV1::default())
            }
            (Api::CohereChatV2, Some(Framing::Events)) => Talk::CohereV2(CohereV2::default()),
            (Api::OllamaChat, Some(Framing::Lines)) => Talk::Ollama(Ollama::default()),
            (Api::OllamaGenerate, Some(Framing::Lines)) => Talk::Ollama(Ollama::of_texts()),
            _ => return None,
        };
        // Without `alt=sse` Gemini streams an array.
        Some(CutOff { units: Units::new(framing.unwrap_or(Framing::Array)), talk })
    }

    /// Takes the bytes that come next, up to the end of a unit: how many these are, `None` where the unit is not finished
    /// and all of them belong to it. To be called again with the rest.
    pub fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        let taken = self.units.next(bytes)?;
        if let Some(unit) = self.units.unit() {
            match &mut self.talk {
                Talk::Chat(talk) => unit.data(|data| talk.read(data)),
                Talk::Responses(talk) => unit.data(|data| talk.read(data)),
                Talk::Anthropic(talk) => unit.data(|data| talk.read(data)),
                Talk::Gemini(talk) => {
                    talk.framing(&unit);
                    unit.data(|data| talk.read(data));
                }
                Talk::Converse(talk) => unit.message(|kind, payload| talk.read(kind, payload)),
                Talk::Invoke(talk) => unit.message(|kind, payload| talk.read(kind, payload)),
                Talk::CohereV1(talk) => {
                    talk.framing(&unit);
                    unit.data(|data| talk.read(data));
                }
                Talk::CohereV2(talk) => unit.data(|data| talk.read(data)),
                Talk::Ollama(talk) => unit.data(|data| talk.read(data)),
            }
        }
        Some(taken)
    }

    /// The bytes that end the stream, after the unit that [`CutOff::next`] finished last. `None` where it can't be ended:
    /// nothing of it is known yet, or it has come to its own end.
    #[must_use]
    pub fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        match &self.talk {
            Talk::Chat(talk) => talk.ending(last),
            Talk::Responses(talk) => talk.ending(last),
            Talk::Anthropic(talk) => talk.ending(last),
            Talk::Gemini(talk) => talk.ending(last),
            Talk::Converse(talk) => talk.ending(last),
            Talk::Invoke(talk) => talk.ending(last),
            Talk::CohereV1(talk) => talk.ending(last),
            Talk::CohereV2(talk) => talk.ending(last),
            Talk::Ollama(talk) => talk.ending(last),
        }
    }
}

/// One server-sent event.
fn event(name: Option<&str>, data: &str) -> String {
    name.map_or_else(|| format!("data: {data}\n\n"), |name| format!("event: {name}\ndata: {data}\n\n"))
}
