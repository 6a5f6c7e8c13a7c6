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

/// Every reply is primed with three tokens (cookbook).
const PRIMER: u64 = 3;
/// Cookbook: 3, and 4 for `gpt-3.5-turbo-0301`.
const MESSAGE: u64 = 4;
/// Cookbook: 1.
const NAME: u64 = 1;
/// Cookbook: 10 at most for a function's frame, 3 for its properties' and 12 once for all functions, here for each.
const TOOL: u64 = 25;
/// Once where there are tools: the reasoning models' frame is not documented (recorded: about 80 for gpt-5-mini).
const TOOLS: u64 = 128;
/// Not documented: two frames' worth.
const TOOL_CALLS: u64 = 16;
const RESPONSE_FORMAT: u64 = 32;
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

#[derive(Debug, Default)]
pub(crate) struct Bound {
    tokens: u64,
    has_tools: bool,
}

impl Bound {
    pub(crate) const fn total(&self) -> u64 {
        self.tokens.saturating_add(PRIMER)
    }

    fn add(&mut self, constant: u64, bytes: usize) {
        self.tokens = self.tokens.saturating_add(constant).saturating_add(upper_bound(bytes));
    }
}

impl Sink for Bound {
    fn message(&mut self) {
        self.add(MESSAGE, 0);
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
        self.add(TOOL_CALLS, json.len());
    }

    fn tool(&mut self, json: &str) {
        if !std::mem::replace(&mut self.has_tools, true) {
            self.add(TOOLS, 0);
        }
        self.add(TOOL, json.len());
    }

    fn response_format(&mut self, json: &str) {
        self.add(RESPONSE_FORMAT, json.len());
    }

    fn unknown(&mut self, json: &str) {
        self.add(0, json.len());
    }
}
