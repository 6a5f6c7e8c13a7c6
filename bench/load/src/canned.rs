//! What the mock provider answers, byte for byte in OpenAI's documented shape, so that the client can compare.
//!
//! Each chunk of a stream carries the moment it was sent, in the field that OpenAI fills with random characters
//! (`obfuscation`): both ends run on one machine, so the client can tell how long the way through the proxy took.

use std::time::{SystemTime, UNIX_EPOCH};

/// Chunks of a stream, by OpenAI's count: without the usage chunk and without `[DONE]`.
pub const CHUNKS: usize = 100;

/// What every call is charged, streamed or not.
pub const PROMPT_TOKENS: u64 = 412;
pub const COMPLETION_TOKENS: u64 = 98;

const USAGE: &str = r#"{"prompt_tokens":412,"completion_tokens":98,"total_tokens":510,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;

const ANSWER: &str = "The ferry timetable and the tide table disagree because they use different reference ports. \
    Take the harbour gauge as the authority, shift the published times by the difference (between eleven and \
    fourteen minutes in spring), and note the source in the log. If the two still differ by more than five minutes, \
    ask the harbour office before the evening crossing: they correct the table by hand after a storm, and the \
    correction reaches the website a day later.";

/// The words of a stream's answer, in the pieces that a tokenizer would make of them.
const PIECES: [&str; 14] = [
    "The",
    " ferry",
    " timetable",
    " and",
    " the",
    " tide",
    " table",
    " disagree",
    ",",
    " because",
    " they",
    " use",
    " different",
    ".\\n",
];

/// Nanoseconds since 1970 have this many digits until the year 2286.
const STAMP: usize = 19;

pub fn completion() -> String {
    format!(
        r#"{{"id":"chatcmpl-C3bench0000000000000000000000","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{ANSWER}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{USAGE},"service_tier":"default","system_fingerprint":"fp_07871e2ad8"}}"#
    )
}

/// One event of a stream, and where in it the moment of sending goes.
#[derive(Debug)]
pub struct Event {
    pub bytes: Vec<u8>,
    pub stamp: Option<usize>,
}

impl Event {
    fn chunk(choices: &str, usage: &str) -> Self {
        let upto = format!(
            r#"data: {{"id":"chatcmpl-C3bench0000000000000000000000","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_07871e2ad8","choices":[{choices}]{usage},"obfuscation":""#
        );
        let stamp = upto.len();
        let bytes = format!("{upto}{:0>STAMP$}\"}}\n\n", "").into_bytes();
        Self { bytes, stamp: Some(stamp) }
    }

    fn done() -> Self {
        Self { bytes: b"data: [DONE]\n\n".to_vec(), stamp: None }
    }

    /// Whether `received` is this event, and when it was sent (0 where the event does not say).
    pub fn sent_at(&self, received: &[u8]) -> Option<u64> {
        let Some(stamp) = self.stamp else { return (received == self.bytes).then_some(0) };
        let same = received.len() == self.bytes.len()
            && received[..stamp] == self.bytes[..stamp]
            && received[stamp + STAMP..] == self.bytes[stamp + STAMP..];
        let digits = received.get(stamp..stamp + STAMP)?;
        if same { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
    }
}

/// The events of one stream, `[DONE]` included. Asked for usage, OpenAI adds a null to every chunk and a chunk of its own.
pub fn stream(with_usage: bool) -> Vec<Event> {
    let null = if with_usage { r#","usage":null"# } else { "" };
    let choice = |delta: &str, finish: &str| {
        let choices =
            format!(r#"{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}"#);
        Event::chunk(&choices, null)
    };
    let mut events = vec![choice(r#""role":"assistant","content":"","refusal":null"#, "null")];
    let pieces = PIECES.iter().cycle().take(CHUNKS - 2);
    events.extend(pieces.map(|piece| choice(&format!(r#""content":"{piece}""#), "null")));
    events.push(choice("", "\"stop\""));
    if with_usage {
        events.push(Event::chunk("", &format!(",\"usage\":{USAGE}")));
    }
    events.push(Event::done());
    events
}

pub fn stamp(at: &mut [u8], nanoseconds: u64) {
    let digits = format!("{nanoseconds:0>STAMP$}");
    at[..STAMP].copy_from_slice(digits.as_bytes());
}

/// The clock that both ends share, in nanoseconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn data(event: &Event) -> Value {
        let text = std::str::from_utf8(&event.bytes).expect("UTF-8");
        let json = text.strip_prefix("data: ").and_then(|text| text.strip_suffix("\n\n")).expect("one event");
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn the_usage_is_what_the_constants_say() {
        let completion: Value = serde_json::from_str(&completion()).expect("JSON");
        assert_eq!(completion["usage"]["prompt_tokens"], PROMPT_TOKENS);
        assert_eq!(completion["usage"]["completion_tokens"], COMPLETION_TOKENS);
        assert_eq!(completion["usage"]["total_tokens"], PROMPT_TOKENS + COMPLETION_TOKENS);
    }

    #[test]
    fn a_stream_has_a_hundred_chunks_and_one_more_for_usage() {
        let plain = stream(false);
        assert_eq!(plain.len(), CHUNKS + 1);
        assert!(plain[..CHUNKS].iter().all(|event| data(event).get("usage").is_none()));
        let asked = stream(true);
        assert_eq!(asked.len(), CHUNKS + 2);
        assert!(asked[..CHUNKS].iter().all(|event| data(event)["usage"].is_null()));
        assert_eq!(data(&asked[CHUNKS])["usage"]["prompt_tokens"], PROMPT_TOKENS);
        assert_eq!(data(&asked[CHUNKS])["choices"], Value::Array(Vec::new()));
    }

    #[test]
    fn an_event_tells_when_it_was_sent_and_no_other_passes_for_it() {
        let events = stream(false);
        let mut sent = events[1].bytes.clone();
        stamp(&mut sent[events[1].stamp.expect("a chunk")..], 1_760_000_000_123_456_789);
        assert_eq!(events[1].sent_at(&sent), Some(1_760_000_000_123_456_789));
        assert_eq!(events[2].sent_at(&sent), None);
        assert_eq!(events[1].sent_at(&sent[..sent.len() - 1]), None);
    }
}
