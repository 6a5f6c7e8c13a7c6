//! The prompt's tokens by OpenAI's documented rules: the cookbook "How to count tokens with tiktoken", sections 6
//! (messages) and 7 (tools), and what recordings show beyond them. For other providers this is the raw estimate that
//! [`tokens::Learned`] learns from.

use super::calls::{Calls, Results};
use super::tools::tool;
use super::{Audio, Image, Sink, media};
use crate::Api;
use crate::json::Str;
use tokens::{Cache, Encoding, Framing, Known, Model, Raw, Scripts, Work};

/// Every reply is primed with `<|start|>assistant<|message|>`; a reasoning model's without the last of these, because it
/// first says in which channel it speaks (recorded: o3-mini, gpt-5, gpt-5.2).
const PRIMER: u64 = 3;
const PRIMER_REASONING: u64 = 2;
const MESSAGE: u64 = 3;
const NAME: u64 = 1;

/// Around all functions: `# Tools`, `## functions`, the namespace, and a system message of their own, which is saved
/// where there is one already (recorded: gpt-4o, with and without; the cookbook's example is one with).
const TOOLS: u64 = 16;
const TOOLS_SAVED: u64 = 4;
/// A function costs one token less than its text counted by itself (recorded: gpt-4o; not gpt-4, by the cookbook's example); on reasoning models only one with
/// a description does (recorded: gpt-5, gpt-5.4-mini).
const JOINED: u64 = 1;
/// On reasoning models (recorded: gpt-5, gpt-5-mini, gpt-5.4 and later), and with the older API 82 more.
const TOOLS_REASONING: u64 = 15;
const TOOLS_REASONING_CHAT: u64 = 97;
/// Around an earlier call, on reasoning models: channel, constraint (recorded: gpt-5 and gpt-5.5, 7 to 9).
const CALL_REASONING: u64 = 8;

/// Steps of the tokenizer for one prompt: at most 20 ms as wasm (the table in `tokens`' `work.rs`). Enough for
/// 900 kB of English; what is beyond is bounded from above.
const STEPS: u64 = 750_000;

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
    /// Whether everything that reaches the model was in the request and could be counted: no files, no tools that the
    /// provider runs itself, no images or recordings elsewhere. Only such a prompt teaches anything about a tokenizer.
    pub complete: bool,
    /// Whether there are tools on offer: providers tell their models how to use them.
    pub has_tools: bool,
    /// In which scripts the text is; not looked at where the tokenizer is known.
    pub scripts: Scripts,
}

impl PromptCount {
    /// All of the prompt.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.text.saturating_add(self.media).saturating_add(self.overhead)
    }

    /// What an estimate for another tokenizer is made of: everything but images and recordings.
    #[must_use]
    pub const fn raw(&self) -> Raw {
        Raw { text: self.text, scripts: self.scripts, overhead: self.overhead, has_tools: self.has_tools }
    }
}

/// Counts a prompt.
#[derive(Debug)]
pub(crate) struct Count<'c> {
    model: Model,
    /// What goes to the newer API.
    is_responses: bool,
    count: PromptCount,
    has_system: bool,
    results: Results,
    cache: &'c mut Cache,
    /// Work that is left; what exceeds it is bounded from above.
    work: Work,
    scratch: String,
    /// How many tokens there were where each message began, if that is asked for.
    marks: Option<Vec<u64>>,
}

impl<'c> Count<'c> {
    pub(crate) fn new(model: &Model, api: Api, cache: &'c mut Cache) -> Self {
        // Embeddings and the older completions take texts as they are.
        let plain = matches!(api, Api::OpenAiEmbeddings | Api::OpenAiCompletions);
        let primer = match model.framing {
            _ if plain => 0,
            Framing::Reasoning => PRIMER_REASONING,
            _ => PRIMER,
        };
        Count {
            model: *model,
            is_responses: api == Api::OpenAiResponses,
            count: PromptCount {
                overhead: primer,
                exact: model.has_documented_framing() || (plain && model.known == Known::Exact),
                complete: true,
                ..PromptCount::default()
            },
            has_system: false,
            results: Results::default(),
            cache,
            work: Work::of(STEPS),
            scratch: String::new(),
            marks: None,
        }
    }

    /// Marks from now on where messages begin.
    pub(crate) fn mark_messages(&mut self) {
        self.marks = Some(Vec::new());
    }

    /// The tokens before each message since [`Count::mark_messages`], and those up to now.
    pub(crate) fn marks(&mut self) -> Vec<u64> {
        let mut marks = self.marks.take().unwrap_or_default();
        marks.push(self.count.tokens());
        marks
    }

    /// Something is not as the documented rules have it.
    pub(crate) const fn unsure(&mut self) {
        self.count.exact = false;
    }

    /// Something reaches the model that is not counted.
    const fn incomplete(&mut self) {
        self.count.exact = false;
        self.count.complete = false;
    }

    /// The count of all that was told.
    pub(crate) fn total(mut self) -> PromptCount {
        if self.count.has_tools {
            let around = match (self.model.framing, self.is_responses) {
                (Framing::Reasoning, true) => TOOLS_REASONING,
                (Framing::Reasoning, false) => TOOLS_REASONING_CHAT,
                _ if self.has_system => TOOLS.saturating_sub(TOOLS_SAVED),
                _ => TOOLS,
            };
            self.add_overhead(around);
        }
        self.count
    }

    const fn add_overhead(&mut self, tokens: u64) {
        self.count.overhead = self.count.overhead.saturating_add(tokens);
    }

    fn is_reasoning(&self) -> bool {
        self.model.framing == Framing::Reasoning
    }

    fn count(&mut self, text: &Str<'_>) {
        if text.escaped {
            let mut plain = std::mem::take(&mut self.scratch);
            plain.clear();
            text.append_to(&mut plain);
            self.count_plain(&plain);
            self.scratch = plain;
        } else {
            self.count_plain(text.raw);
        }
    }

    fn count_plain(&mut self, text: &str) {
        let counted = self.cache.count_within(self.model.encoding, text, &mut self.work);
        self.count.exact &= counted.exact;
        self.count.text = self.count.text.saturating_add(counted.tokens);
        if self.model.known == Known::Estimated {
            self.count.scripts.add(text);
        }
    }
}

impl Sink for Count<'_> {
    fn message(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.push(self.count.tokens());
        }
        self.add_overhead(MESSAGE);
    }

    fn role(&mut self, role: &Str<'_>) {
        match role.raw {
            "user" | "assistant" => {}
            "system" | "developer" => self.has_system = true,
            "tool" => {
                // The model reads `functions.get_weather` in place of the role (recorded: gpt-4o).
                self.unsure();
                let function = self.results.next();
                return self.count_plain(&function);
            }
            _ => self.unsure(),
        }
        self.count(role);
    }

    fn name(&mut self, name: &Str<'_>) {
        self.add_overhead(NAME);
        self.count(name);
    }

    fn text(&mut self, text: &Str<'_>) {
        self.count(text);
    }

    fn tokens(&mut self, count: u64) {
        self.count.text = self.count.text.saturating_add(count);
    }

    fn reasoning(&mut self, _text: &Str<'_>) {
        // Not put before the model again (recorded: Claude, Cohere, DeepSeek, Mistral, Nemotron, Qwen), or only within a
        // turn.
        self.unsure();
    }

    fn image(&mut self, image: Image<'_>) {
        self.unsure();
        let size = media::size(image.media);
        if size.is_none() {
            self.incomplete();
        }
        let tokens = self.model.images.tokens(size, image.detail);
        self.count.media = self.count.media.saturating_add(tokens);
    }

    fn audio(&mut self, audio: Audio<'_>) {
        self.unsure();
        match media::sound(&audio, &self.model) {
            Some(tokens) => self.count.media = self.count.media.saturating_add(tokens),
            None => self.incomplete(),
        }
    }

    fn opaque(&mut self) {
        self.incomplete();
    }

    fn tool_calls(&mut self, json: &str) {
        self.unsure();
        let calls = Calls::of(json);
        self.count_plain(&calls.text());
        if self.is_reasoning() {
            self.add_overhead(CALL_REASONING.saturating_mul(calls.len()));
        } else {
            self.add_overhead(calls.overhead());
        }
        self.results.expect(&calls);
    }

    fn tool(&mut self, json: &str) {
        self.unsure();
        let tool = tool(json);
        if tool.is_hosted {
            self.incomplete();
        }
        self.count.has_tools = true;
        self.count_plain(&tool.text);
        if self.is_reasoning() {
            self.count_plain(&tool.of_arguments);
        }
        let joined = match self.model.encoding {
            Encoding::Cl100kBase => false,
            _ => tool.has_description || !self.is_reasoning(),
        };
        if joined {
            self.count.text = self.count.text.saturating_sub(JOINED);
        }
    }

    fn hosted_tool(&mut self, json: &str) {
        self.tool(json);
    }

    fn tool_result(&mut self, json: &str) {
        self.unsure();
        self.count_plain(json);
    }

    fn response_format(&mut self, json: &str) {
        // Two of its types have no schema, and text is the default.
        if json.contains("schema") {
            self.unsure();
            self.count_plain(json);
        }
    }

    fn unknown(&mut self, _json: &str) {
        self.incomplete();
    }
}
