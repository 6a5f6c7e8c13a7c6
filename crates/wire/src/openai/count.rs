//! The prompt's tokens by OpenAI's documented rules: the cookbook "How to count tokens with tiktoken", sections 6
//! (messages) and 7 (tools).

use super::is_documented;
use super::prompt::{self, Detail, Sink};
use super::request::ChatRequest;
use super::tools::count_tool;
use crate::Counted;
use crate::json::{Error, Kind, Scanner, Span, Str};
use tokens::Encoding;

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

impl ChatRequest {
    /// The prompt's tokens, counted in the body this was read from.
    ///
    /// Exact where the cookbook's rule for plain messages covers the model and everything in the request. Tools, tool
    /// calls, images, audio, schemas and unknown fields make it an estimate; a file is not estimated at all (0 tokens).
    /// A text that would take too long to count makes it an upper bound.
    #[must_use]
    pub fn count_prompt(&self, body: &[u8], encoding: Encoding) -> Counted {
        let exact = self.prompt.plain && is_documented(&self.model);
        let mut count = Count { encoding, tokens: PRIMER, exact, steps: STEPS, scratch: String::new() };
        let parts = [
            Some(self.prompt.messages),
            self.prompt.tools,
            self.prompt.functions,
            self.prompt.response_format,
        ];
        for (part, span) in (0..).zip(parts) {
            let Some(span) = span else { continue };
            if count.part(part, text_of(body, span)).is_none() {
                count.exact = false;
            }
        }
        Counted { tokens: count.tokens, exact: count.exact }
    }
}

fn text_of(body: &[u8], span: Span) -> &str {
    body.get(span.start..span.end).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
}

struct Count {
    encoding: Encoding,
    tokens: u64,
    exact: bool,
    /// Work that is left; what exceeds it is bounded from above.
    steps: u64,
    scratch: String,
}

impl Count {
    /// `None` where the text is not what was read before: then it is another body.
    fn part(&mut self, part: u8, json: &str) -> Option<()> {
        let mut scanner = Scanner::new(json);
        let kind = scanner.peek().ok()?;
        match part {
            0 if kind == Kind::Array => prompt::messages(&mut scanner, self).ok()?,
            1 | 2 if kind == Kind::Array => {
                if prompt::tools(&mut scanner, self).ok()? {
                    self.estimate(TOOLS_END);
                }
            }
            3 => self.response_format(json),
            _ => return None,
        }
        Some(())
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }

    fn estimate(&mut self, tokens: u64) {
        self.add(tokens);
        self.exact = false;
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
        self.exact &= counted.exact;
        self.add(counted.tokens);
    }
}

impl Sink for Count {
    fn message(&mut self) {
        self.add(MESSAGE);
    }

    fn role(&mut self, role: &Str<'_>) {
        self.exact &= matches!(role.raw, "system" | "developer" | "user" | "assistant");
        self.count(role);
    }

    fn name(&mut self, name: &Str<'_>) {
        self.add(NAME);
        self.count(name);
    }

    fn text(&mut self, text: &Str<'_>) {
        self.count(text);
    }

    fn reasoning(&mut self, text: &Str<'_>) {
        self.exact = false;
        self.count(text);
    }

    fn image(&mut self, detail: Detail) {
        self.estimate(if detail == Detail::Low { IMAGE_LOW } else { IMAGE_HIGH });
    }

    fn audio(&mut self, base64: usize, wav: bool) {
        let per_token = if wav { BASE64_PER_WAV_TOKEN } else { BASE64_PER_MP3_TOKEN };
        self.estimate(base64.div_ceil(per_token) as u64);
    }

    fn opaque(&mut self) {
        self.exact = false;
    }

    fn tool_calls(&mut self, json: &str) {
        let mut calls = Calls::default();
        let _ = calls.read(&mut Scanner::new(json));
        calls.texts.iter().for_each(|text| self.count(text));
        self.estimate(CALL.saturating_add(FURTHER_CALL.saturating_mul(calls.functions.saturating_sub(1))));
    }

    fn tool(&mut self, json: &str) {
        let tokens = count_tool(json, self.encoding);
        self.estimate(tokens);
    }

    fn response_format(&mut self, json: &str) {
        // Two of its types have no schema, and text is the default.
        if json.contains("schema") {
            let counted = tokens::count_within(self.encoding, json, self.steps);
            self.estimate(counted.tokens);
        }
    }

    fn unknown(&mut self, _json: &str) {
        self.exact = false;
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
