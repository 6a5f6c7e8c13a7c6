//! An upper bound of a prompt's tokens from lengths alone.
//!
//! The argument: the vocabularies are byte-level, every token of a text covers at least one of its bytes, so a text of
//! *n* bytes has at most *n* tokens; and a string in JSON is never shorter than the text it stands for. So every
//! counted string counts with its raw length, and what the provider wraps around it counts with a constant that is no
//! smaller than the documented one. What is sent to the model in a form that is not documented (tools, schemas, tool
//! calls, unknown fields) counts with all bytes of its JSON, brackets and keys included, plus a constant.
//! An image counts with the dearest documented formula, whatever the model. A file or a video is bounded only by the
//! largest context window there is, because nothing about its length bounds it.
//!
//! It is a bound for models that read text as it is: a vocabulary that first rewrites it (NFKC in some SentencePiece
//! models) could lengthen rare characters. And it bounds what the client sent: search results that a provider adds on
//! its own (`web_search_options`) cannot be known before.

use super::{Audio, Image, Media, Sink};
use crate::json::Str;
use tokens::{Detail, upper_bound};

/// What a provider puts around a prompt, in tokens, at most.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Once.
    pub(crate) primer: u64,
    /// Around each message, with its role.
    pub(crate) message: u64,
    /// Once where there are tools.
    pub(crate) tools: u64,
    /// Around each tool.
    pub(crate) tool: u64,
    /// For each tool that the provider runs itself: what it tells the model of it.
    pub(crate) hosted_tool: u64,
    /// Around each call in an earlier answer, and around what came of it.
    pub(crate) tool_calls: u64,
    /// Around a schema for the answer.
    pub(crate) response_format: u64,
}

/// Cookbook: 1.
const NAME: u64 = 1;
/// The guide "Images and vision": scaled into 2048 x 2048, then to a shorter side of 768: at most 4 x 2 tiles of 512;
/// gpt-4o-mini has the dearest ones. Patch-based models stay below (10,000 patches, times 1.2 or 1,536 times 2.46).
const IMAGE_HIGH: u64 = 2833 + 8 * 5667;
/// Only models with tiles make images in low detail cheaper; of the others, Claude's largest are the dearest.
const IMAGE_LOW: u64 = 4784;
/// Gemini counts 32 tokens a second, OpenAI ten. The lowest bit rate of MP3 is 8 kbit/s (MPEG-2.5 layer III), that is
/// 1,333 characters of base64 a second, 41 a token: 16 leaves room for other codecs.
const BASE64_PER_AUDIO_TOKEN: usize = 16;
const BYTES_PER_AUDIO_TOKEN: usize = BASE64_PER_AUDIO_TOKEN / 4 * 3;
const AUDIO: u64 = 64;
/// The largest documented context window (gpt-4.1: 1,047,576 tokens), rounded up.
const OPAQUE: u64 = 1 << 20;

/// What the templates of the models of many makers put around a prompt, at most. Recorded: 680 tokens of a system prompt
/// of Grok's own, 300 around the tools of Llama 4, 80 around a message to gpt-oss.
pub(crate) static ANY_MAKER: Frame = Frame {
    primer: 1024,
    message: 16,
    tools: 1024,
    tool: 96,
    hosted_tool: 4096,
    tool_calls: 64,
    response_format: 512,
};

/// How many bytes and how many of what there are; the [`Frame`] may not be known before all is read.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// Of texts, and of what is bounded without a frame.
    tokens: u64,
    messages: u64,
    tools: u64,
    hosted_tools: u64,
    tool_calls: u64,
    response_formats: u64,
}

impl Bound {
    pub(crate) fn total(&self, frame: &Frame) -> u64 {
        let has_tools = u64::from(self.tools > 0 || self.hosted_tools > 0);
        [
            (1, frame.primer),
            (self.messages, frame.message),
            (has_tools, frame.tools),
            (self.tools, frame.tool),
            (self.hosted_tools, frame.hosted_tool),
            (self.tool_calls, frame.tool_calls),
            (self.response_formats, frame.response_format),
        ]
        .into_iter()
        .fold(self.tokens, |sum, (times, each)| sum.saturating_add(times.saturating_mul(each)))
    }

    /// Bytes that may become text.
    pub(crate) fn bytes(&mut self, length: usize) {
        self.add(0, length);
    }

    fn add(&mut self, constant: u64, bytes: usize) {
        self.tokens = self.tokens.saturating_add(constant).saturating_add(upper_bound(bytes));
    }
}

fn one(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Sink for Bound {
    fn message(&mut self) {
        one(&mut self.messages);
    }

    fn role(&mut self, role: &Str<'_>) {
        self.add(0, role.raw.len());
    }

    fn name(&mut self, name: &Str<'_>) {
        self.add(NAME, name.raw.len());
    }

    fn text(&mut self, text: &Str<'_>) {
        self.add(0, text.raw.len());
    }

    fn tokens(&mut self, count: u64) {
        self.add(count, 0);
    }

    fn reasoning(&mut self, text: &Str<'_>) {
        self.add(0, text.raw.len());
    }

    fn image(&mut self, image: Image<'_>) {
        self.add(if image.detail == Detail::Low { IMAGE_LOW } else { IMAGE_HIGH }, 0);
    }

    fn audio(&mut self, audio: Audio<'_>) {
        match audio.media {
            Media::Base64(data) | Media::Url(data) => {
                self.add(AUDIO, data.raw.len().div_ceil(BASE64_PER_AUDIO_TOKEN));
            }
            Media::Bytes(data) => self.add(AUDIO, data.len().div_ceil(BYTES_PER_AUDIO_TOKEN)),
            Media::Elsewhere => self.opaque(),
        }
    }

    fn opaque(&mut self) {
        self.add(OPAQUE, 0);
    }

    fn tool_calls(&mut self, json: &str) {
        one(&mut self.tool_calls);
        self.add(0, json.len());
    }

    fn tool(&mut self, json: &str) {
        one(&mut self.tools);
        self.add(0, json.len());
    }

    fn hosted_tool(&mut self, json: &str) {
        one(&mut self.hosted_tools);
        self.add(0, json.len());
    }

    fn tool_result(&mut self, json: &str) {
        one(&mut self.tool_calls);
        self.add(0, json.len());
    }

    fn response_format(&mut self, json: &str) {
        one(&mut self.response_formats);
        self.add(0, json.len());
    }

    fn unknown(&mut self, json: &str) {
        self.add(0, json.len());
    }
}
