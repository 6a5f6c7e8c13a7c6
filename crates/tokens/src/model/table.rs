//! The table from a model's name to how it counts.

use super::name::Name;
use super::{Family, Framing, Known, Model};
use crate::Encoding::{self, Cl100kBase, O200kBase, O200kHarmony};
use crate::ImageRule;

/// A line of OpenAI's models.
struct Line {
    /// What a name begins with, up to its end or a `-`.
    stem: &'static str,
    encoding: Encoding,
    framing: Framing,
    images: ImageRule,
}

const fn line(stem: &'static str, encoding: Encoding, framing: Framing, images: ImageRule) -> Line {
    Line { stem, encoding, framing, images }
}

const fn tiles(base: u16, tile: u16) -> ImageRule {
    ImageRule::Tiles { base, tile }
}

const fn patches(budget: u16, percent: u16) -> ImageRule {
    ImageRule::Patches { budget, percent }
}

/// Longer stems first where one is the beginning of another.
///
/// Encodings: `MODEL_TO_ENCODING` and `MODEL_PREFIX_TO_ENCODING` of OpenAI's tiktoken 0.12. Images: the guide "Images and
/// vision" (November 2025); for gpt-5-mini, gpt-5-nano and everything since gpt-5.2 the guide's factors (1.62, 2.46, 1)
/// are not what is billed: users measured 1.2 and 1.5 with the API (OpenAI's forum, March 2026). Framing: the cookbook.
const OPENAI: &[Line] = &[
    line("gpt-oss", O200kHarmony, Framing::Unknown, ImageRule::Unknown),
    line("gpt-5-nano", O200kBase, Framing::Reasoning, patches(1536, 150)),
    line("gpt-5-mini", O200kBase, Framing::Reasoning, patches(1536, 120)),
    line("gpt-5-chat", O200kBase, Framing::Chat, tiles(70, 140)),
    line("gpt-5", O200kBase, Framing::Reasoning, tiles(70, 140)),
    line("gpt-5.1-chat", O200kBase, Framing::Chat, tiles(70, 140)),
    line("gpt-5.1", O200kBase, Framing::Reasoning, tiles(70, 140)),
    line("gpt-5.2", O200kBase, Framing::Reasoning, patches(1536, 120)),
    line("gpt-5.3", O200kBase, Framing::Reasoning, patches(1536, 120)),
    line("gpt-5.*", O200kBase, Framing::Reasoning, patches(2500, 120)),
    line("gpt-4.5", O200kBase, Framing::Chat, tiles(85, 170)),
    line("gpt-4.1-nano", O200kBase, Framing::Chat, patches(1536, 246)),
    line("gpt-4.1-mini", O200kBase, Framing::Chat, patches(1536, 162)),
    line("gpt-4.1", O200kBase, Framing::Chat, tiles(85, 170)),
    line("gpt-4o-mini", O200kBase, Framing::Documented, tiles(2833, 5667)),
    line("gpt-4o", O200kBase, Framing::Documented, tiles(85, 170)),
    line("chatgpt-4o", O200kBase, Framing::Chat, tiles(85, 170)),
    line("gpt-audio", O200kBase, Framing::Chat, tiles(85, 170)),
    line("gpt-realtime", O200kBase, Framing::Chat, tiles(85, 170)),
    // Guide "Images and vision", "GPT Image 1": tiles of 129 on a base of 65 for what is put in.
    line("gpt-image", O200kBase, Framing::Unknown, tiles(65, 129)),
    line("computer-use", O200kBase, Framing::Reasoning, tiles(65, 129)),
    line("codex-mini", O200kBase, Framing::Reasoning, patches(1536, 172)),
    line("o1", O200kBase, Framing::Reasoning, tiles(75, 150)),
    line("o3", O200kBase, Framing::Reasoning, tiles(75, 150)),
    line("o4-mini", O200kBase, Framing::Reasoning, patches(1536, 172)),
    line("gpt-4", Cl100kBase, Framing::Documented, tiles(85, 170)),
    line("gpt-3.5-turbo", Cl100kBase, Framing::Documented, ImageRule::Unknown),
    line("gpt-35-turbo", Cl100kBase, Framing::Documented, ImageRule::Unknown),
    line("text-embedding-3-small", Cl100kBase, Framing::Unknown, ImageRule::Unknown),
    line("text-embedding-3-large", Cl100kBase, Framing::Unknown, ImageRule::Unknown),
    line("text-embedding-ada-002", Cl100kBase, Framing::Unknown, ImageRule::Unknown),
    line("davinci-002", Cl100kBase, Framing::Unknown, ImageRule::Unknown),
    line("babbage-002", Cl100kBase, Framing::Unknown, ImageRule::Unknown),
];

/// What may follow a stem in a name of OpenAI's own, beside digits (dates, sizes): the model list of the API reference
/// and recorded traffic.
const VARIANTS: [&str; 26] = [
    "mini",
    "nano",
    "pro",
    "max",
    "chat",
    "codex",
    "spark",
    "latest",
    "preview",
    "turbo",
    "vision",
    "instruct",
    "16k",
    "32k",
    "audio",
    "realtime",
    "search",
    "api",
    "transcribe",
    "diarize",
    "tts",
    "deep",
    "research",
    "sol",
    "luna",
    "terra",
];

/// Variants whose prompts hold more than the messages, or are put differently: audio, search results, dictation.
const OTHERWISE_FRAMED: [&str; 6] = ["audio", "realtime", "search", "transcribe", "tts", "instruct"];

/// Names of other makers' models, by what a part of the name begins with.
const OTHERS: &[(&str, Family, ImageRule)] = &[
    ("claude", Family::Claude, CLAUDE),
    ("gemini-3", Family::Gemini, ImageRule::GeminiFixed),
    ("gemini-4", Family::Gemini, ImageRule::GeminiFixed),
    ("gemini", Family::Gemini, ImageRule::GeminiTiles),
    // Guide "Gemma 3": 256 tokens an image.
    ("gemma", Family::Gemini, ImageRule::Tiles { base: 256, tile: 0 }),
    ("mistral", Family::Mistral, ImageRule::Unknown),
    ("ministral", Family::Mistral, ImageRule::Unknown),
    ("magistral", Family::Mistral, ImageRule::Unknown),
    ("mixtral", Family::Mistral, ImageRule::Unknown),
    ("pixtral", Family::Mistral, ImageRule::Unknown),
    ("codestral", Family::Mistral, ImageRule::Unknown),
    ("devstral", Family::Mistral, ImageRule::Unknown),
    ("voxtral", Family::Mistral, ImageRule::Unknown),
    ("open-mistral", Family::Mistral, ImageRule::Unknown),
    ("open-mixtral", Family::Mistral, ImageRule::Unknown),
    ("command", Family::Cohere, ImageRule::Unknown),
    ("c4ai", Family::Cohere, ImageRule::Unknown),
    ("embed-", Family::Cohere, ImageRule::Unknown),
    ("nova-", Family::Nova, ImageRule::Unknown),
    ("deepseek-r1-distill-llama", Family::Llama, ImageRule::Unknown),
    ("deepseek-r1-distill-qwen", Family::Qwen, ImageRule::Unknown),
    ("deepseek", Family::DeepSeek, ImageRule::Unknown),
    ("llama", Family::Llama, ImageRule::Unknown),
    ("meta-llama", Family::Llama, ImageRule::Unknown),
    ("qwen", Family::Qwen, ImageRule::Unknown),
    ("qwq", Family::Qwen, ImageRule::Unknown),
    ("qvq", Family::Qwen, ImageRule::Unknown),
    ("anthropic", Family::Claude, CLAUDE),
    ("meta", Family::Llama, ImageRule::Unknown),
    ("amazon", Family::Nova, ImageRule::Unknown),
    ("cohere", Family::Cohere, ImageRule::Unknown),
];

/// Anthropic's guide "Vision" (2026): up to Opus 4.6 the longest edge is 1568 pixels, since Opus 4.7 it is 2576.
const CLAUDE: ImageRule = ImageRule::Claude { edge: 1568, tokens: 1568 };
const CLAUDE_NEW: ImageRule = ImageRule::Claude { edge: 2576, tokens: 4784 };

/// Guide "Audio" of OpenAI; guide "Audio understanding" of Gemini; the others do not say.
const OPENAI_AUDIO: u16 = 10;
const GEMINI_AUDIO: u16 = 32;

pub(super) fn look_up(name: &Name<'_>) -> Model {
    openai(name).unwrap_or_else(|| other(name))
}

fn openai(name: &Name<'_>) -> Option<Model> {
    let (line, rest) = OPENAI.iter().find_map(|line| Some((line, after_stem(name.model, line.stem)?)))?;
    let mut own = name.trusted && line.encoding.is_carried();
    let mut framing = line.framing;
    for word in rest.split('-').filter(|word| !word.is_empty()) {
        let digits = word.bytes().all(|byte| byte.is_ascii_digit());
        own &= digits || VARIANTS.contains(&word) || line.stem == "gpt-oss";
        if OTHERWISE_FRAMED.contains(&word) && framing == Framing::Documented {
            framing = Framing::Chat;
        }
    }
    let oss = line.stem == "gpt-oss";
    Some(Model {
        encoding: if line.encoding.is_carried() { line.encoding } else { O200kBase },
        known: if own { Known::Exact } else { Known::Estimated },
        family: if oss { Family::GptOss } else { Family::OpenAi },
        images: line.images,
        audio_per_second: OPENAI_AUDIO,
        framing: if own { framing } else { Framing::Unknown },
    })
}

/// What follows the stem, if it ends there. `*` stands for a version's digits.
fn after_stem<'a>(model: &'a str, stem: &str) -> Option<&'a str> {
    let digit = |c: char| c.is_ascii_digit();
    let rest = match stem.strip_suffix('*') {
        Some(before) => model.strip_prefix(before)?.strip_prefix(digit)?.trim_start_matches(digit),
        None => model.strip_prefix(stem)?,
    };
    (rest.is_empty() || rest.starts_with('-')).then_some(rest)
}

fn other(name: &Name<'_>) -> Model {
    let starts = |text: &str, known: &str| {
        text.as_bytes().get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known.as_bytes()))
    };
    // A model that is not known by its name has its maker's tokenizer, where that is known.
    let found = [name.model, name.maker]
        .into_iter()
        .find_map(|text| OTHERS.iter().find(|(start, ..)| starts(text, start)));
    let (family, images) = match found {
        Some((_, Family::Claude, _)) if is_new_claude(name.model) => (Family::ClaudeNew, CLAUDE_NEW),
        Some((_, family, images)) => (*family, *images),
        None => (Family::Other, ImageRule::Unknown),
    };
    Model {
        encoding: O200kBase,
        known: Known::Estimated,
        family,
        images,
        audio_per_second: if family == Family::Gemini { GEMINI_AUDIO } else { OPENAI_AUDIO },
        framing: Framing::Unknown,
    }
}

/// Since Opus 4.7 (April 2026) Claude has another tokenizer: 1.0 to 1.35 times the tokens ("What's new in Claude 4.7").
/// A name gives its version before the line (`claude-3-5-sonnet`), after it (`claude-opus-4-7`, `claude-sonnet-4.6`).
fn is_new_claude(name: &str) -> bool {
    let mut numbers = name
        .split(['-', '.', '_'])
        .filter_map(|part| part.parse::<u32>().ok())
        // Eight digits are a date.
        .take_while(|number| *number < 1000);
    match (numbers.next(), numbers.next()) {
        (Some(4), minor) => minor.unwrap_or(0) >= 7,
        (Some(major), _) => major >= 5,
        (None, _) => false,
    }
}
