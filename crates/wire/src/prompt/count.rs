//! The prompt's tokens by OpenAI's documented rules: the cookbook "How to count tokens with tiktoken", sections 6
//! (messages) and 7 (tools).

use super::tools::count_tool;
use super::{Audio, Detail, Image, Media, Sink};
use crate::json::{Error, Kind, Scanner, Str};
use tokens::{Encoding, Model};

/// Every reply is primed with `<|start|>assistant<|message|>`.
const PRIMER: u64 = 3;
const MESSAGE: u64 = 3;
const NAME: u64 = 1;
/// What surrounds an earlier call, and each further one beside it: not documented, measured on recorded traffic of
/// gpt-4o (7 to 9, and about 15).
const CALL: u64 = 8;
const FURTHER_CALL: u64 = 15;
/// Once, after all functions.
const TOOLS_END: u64 = 12;
/// The usual image: 1024 x 1024 in high detail on gpt-4o, and any image in low detail (guide "Images and vision").
const IMAGE_HIGH: u64 = 765;
const IMAGE_LOW: u64 = 85;
/// Steps of the tokenizer for one prompt: some 20 ms. Enough for 500,000 tokens of ordinary text, more than any model
/// takes; a text made to be slow does not hold a worker for longer.
const STEPS: u64 = 1_000_000;
/// Ten tokens a second (guide "Audio"), of 16-bit 24 kHz PCM or of a 128 kbit/s MP3, in base64.
const BASE64_PER_WAV_TOKEN: usize = 6400;
const BASE64_PER_MP3_TOKEN: usize = 2133;

/// A prompt's tokens, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptCount {
    /// Of text: contents, names, tools, schemas.
    pub text: u64,
    /// Of images and recordings.
    pub media: u64,
    /// Of what the provider puts around messages and tools.
    pub overhead: u64,
    /// Whether only documented, verified rules of that model went into it.
    pub exact: bool,
}

impl PromptCount {
    /// All of the prompt.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.text.saturating_add(self.media).saturating_add(self.overhead)
    }
}

/// Counts a prompt.
#[derive(Debug)]
pub(crate) struct Count {
    encoding: Encoding,
    count: PromptCount,
    has_tools: bool,
    /// Work that is left; what exceeds it is bounded from above.
    steps: u64,
    scratch: String,
}

impl Count {
    pub(crate) fn new(model: &Model) -> Count {
        Count {
            encoding: model.encoding,
            count: PromptCount {
                overhead: PRIMER,
                exact: model.has_documented_overhead(),
                ..PromptCount::default()
            },
            has_tools: false,
            steps: STEPS,
            scratch: String::new(),
        }
    }

    /// Something is not as the documented rules have it.
    pub(crate) const fn unsure(&mut self) {
        self.count.exact = false;
    }

    pub(crate) const fn total(&self) -> PromptCount {
        self.count
    }

    const fn add_text(&mut self, tokens: u64) {
        self.count.text = self.count.text.saturating_add(tokens);
    }

    const fn add_overhead(&mut self, tokens: u64) {
        self.count.overhead = self.count.overhead.saturating_add(tokens);
    }

    const fn add_media(&mut self, tokens: u64) {
        self.count.media = self.count.media.saturating_add(tokens);
        self.unsure();
    }

    fn count(&mut self, text: &Str<'_>) {
        let plain = if text.escaped {
            self.scratch.clear();
            text.append_to(&mut self.scratch);
            self.scratch.as_str()
        } else {
            text.raw
        };
        let counted = tokens::count_within(self.encoding, plain, self.steps);
        // Ordinary text takes fewer steps than it has bytes.
        self.steps = if counted.exact { self.steps.saturating_sub(plain.len() as u64) } else { 0 };
        self.count.exact &= counted.exact;
        self.add_text(counted.tokens);
    }
}

impl Sink for Count {
    fn message(&mut self) {
        self.add_overhead(MESSAGE);
    }

    fn role(&mut self, role: &Str<'_>) {
        self.count.exact &= matches!(role.raw, "system" | "developer" | "user" | "assistant");
        self.count(role);
    }

    fn name(&mut self, name: &Str<'_>) {
        self.add_overhead(NAME);
        self.count(name);
    }

    fn text(&mut self, text: &Str<'_>) {
        self.count(text);
    }

    fn reasoning(&mut self, text: &Str<'_>) {
        self.unsure();
        self.count(text);
    }

    fn image(&mut self, image: Image<'_>) {
        self.add_media(if image.detail == Detail::Low { IMAGE_LOW } else { IMAGE_HIGH });
    }

    fn audio(&mut self, audio: Audio<'_>) {
        let wav = audio.format.is_some_and(|format| format.raw == "wav");
        let base64 = match audio.media {
            Media::Base64(data) | Media::Url(data) => data.raw.len(),
            Media::Bytes(data) => data.len().div_ceil(3).saturating_mul(4),
            Media::Elsewhere => 0,
        };
        let per_token = if wav { BASE64_PER_WAV_TOKEN } else { BASE64_PER_MP3_TOKEN };
        self.add_media(base64.div_ceil(per_token) as u64);
    }

    fn opaque(&mut self) {
        self.unsure();
    }

    fn tool_calls(&mut self, json: &str) {
        self.unsure();
        let mut calls = Calls::default();
        let _ = calls.read(&mut Scanner::new(json));
        calls.texts.iter().for_each(|text| self.count(text));
        self.add_overhead(
            CALL.saturating_add(FURTHER_CALL.saturating_mul(calls.functions.saturating_sub(1))),
        );
    }

    fn tool(&mut self, json: &str) {
        self.unsure();
        if !std::mem::replace(&mut self.has_tools, true) {
            self.add_overhead(TOOLS_END);
        }
        self.add_text(count_tool(json, self.encoding));
    }

    fn response_format(&mut self, json: &str) {
        // Two of its types have no schema, and text is the default.
        if json.contains("schema") {
            self.unsure();
            self.add_text(tokens::count_within(self.encoding, json, self.steps).tokens);
        }
    }

    fn unknown(&mut self, _json: &str) {
        self.unsure();
    }
}

/// The names and arguments in a call or a list of calls, and how many there are.
#[derive(Default)]
struct Calls<'a> {
    texts: Vec<Str<'a>>,
    functions: u64,
}

impl<'a> Calls<'a> {
    fn read(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Error> {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while items.next(scanner)? {
                    self.read(scanner)?;
                }
            }
            Kind::Object => {
                let mut members = scanner.object()?;
                while let Some(key) = members.next(scanner)? {
                    match &*key.key() {
                        "name" | "arguments" => self.texts.extend(scanner.string_or_skip()?),
                        "function" => {
                            self.functions = self.functions.saturating_add(1);
                            self.read(scanner)?;
                        }
                        _ => {
                            scanner.skip()?;
                        }
                    }
                }
            }
            _ => {
                scanner.skip()?;
            }
        }
        Ok(())
    }
}
