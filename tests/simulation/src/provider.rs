//! The provider: obeys the limit it is given, and keeps its own count of what it did.

use crate::dice::Dice;
use crate::scene::OUTPUT_LIMIT;

/// OpenAI's rule for a chat with one message: 3 for the message, 3 to prime the answer, 1 for the role; and "Say hello."
/// is 3 tokens of o200k_base. Each further " hello" is one more.
const PROMPT_TOKENS: u64 = 3 + 3 + 1 + 3;

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) hellos: u64,
    pub(crate) limit: Option<u64>,
    pub(crate) streamed: bool,
}

impl Ask {
    pub(crate) fn by_chance(dice: &Dice) -> Ask {
        let most = dice.pick(&[5, 40, 200]);
        let limit = dice.once_in(3).then(|| dice.from(1, 120));
        Ask { hellos: dice.roll(most), limit, streamed: dice.once_in(2) }
    }

    pub(crate) fn prompt_tokens(&self) -> u64 {
        PROMPT_TOKENS + self.hellos
    }

    pub(crate) fn body(&self) -> String {
        let hellos = " hello".repeat(usize::try_from(self.hellos).unwrap_or(0));
        let limit = self.limit.map_or(String::new(), |limit| format!(r#""max_completion_tokens":{limit},"#));
        let stream = if self.streamed { r#""stream":true,"# } else { "" };
        format!(
            r#"{{"model":"gpt-4o",{limit}{stream}"messages":[{{"role":"user","content":"Say hello.{hellos}"}}]}}"#
        )
    }
}

/// How the provider will deal with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) way: Way,
    /// Output tokens it was told to stop at.
    pub(crate) limit: u64,
    /// Output tokens in the end.
    pub(crate) output: u64,
    /// Output tokens of one piece.
    pub(crate) piece: u64,
    pub(crate) says_usage: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Json,
    Stream,
    /// Answers 500 and charges nothing.
    Error,
    /// Hangs up: before an answer, or in the middle of a stream.
    HangsUp {
        streamed: bool,
    },
}

impl Plan {
    /// For a request as it arrived.
    pub(crate) fn of(dice: &Dice, received: &[u8]) -> Plan {
        let text = std::str::from_utf8(received).expect("text goes in, text comes out");
        let limit = number_after(text, r#""max_completion_tokens":"#).unwrap_or(u64::MAX);
        let streamed = text.contains(r#""stream":true"#);
        // Models mostly stop by themselves; without a limit this one goes on for long.
        let most = limit.min(OUTPUT_LIMIT * 20);
        let output = if dice.once_in(3) { most } else { dice.from(1, most) };
        let way = match dice.roll(12) {
            0 => Way::Error,
            1 => Way::HangsUp { streamed },
            _ if streamed => Way::Stream,
            _ => Way::Json,
        };
        let says_usage = text.contains(r#""include_usage":true"#) && !dice.once_in(8);
        Plan { way, limit, output, piece: 1 + output / dice.from(1, 4), says_usage }
    }
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

pub(crate) fn completion(prompt: u64, output: u64) -> String {
    let total = prompt + output;
    format!(
        r#"{{"id":"c","object":"chat.completion","model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hi"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{total}}}}}"#
    )
}

/// A piece of a stream: each " hello" is one token.
pub(crate) fn delta(tokens: u64) -> String {
    let hellos = " hello".repeat(usize::try_from(tokens).unwrap_or(0));
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{hellos}\"}}}}]}}\n\n"
    )
}

pub(crate) fn last_events(usage: Option<(u64, u64)>) -> String {
    let usage = usage.map_or(String::new(), |(prompt, output)| {
        let total = prompt + output;
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{{\"prompt_tokens\":{prompt},\"completion_tokens\":{output},\"total_tokens\":{total}}}}}\n\n"
        )
    });
    format!("{usage}data: [DONE]\n\n")
}
