//! Streams that end before their end: what is reported of them, and what is left to count.

use crate::common::{EVENTS, JSON, fed, meter};
use crate::fixtures::EVENT_STREAM;
use crate::frames::{chunk, event};
use tokens::Encoding::O200kBase;
use tokens::{Usage, count};
use wire::{Api, Reported, ResponseMeter};

fn after(api: Api, content_type: &str, body: &[u8]) -> ResponseMeter {
    fed(meter(api, content_type, false), [body]).0
}

fn partial(usage: Usage) -> Option<Reported> {
    Some(Reported { usage, complete: false })
}

const ANTHROPIC: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"model":"claude-sonnet-4-5","usage":{"input_tokens":472,"cache_creation_input_tokens":30,"cache_read_input_tokens":20,"output_tokens":2}}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Once upon a time"}}"#,
    "\n\n",
);

/// The first event has the input, and promises of the output.
#[test]
fn anthropic_input_is_reported_and_the_output_is_left_to_count() {
    let meter = after(Api::AnthropicMessages, EVENTS, ANTHROPIC.as_bytes());
    let input = Usage { uncached_input: 472, cache_read: 20, cache_write_5m: 30, ..Usage::default() };
    assert_eq!(meter.usage(), partial(input));
    assert_eq!(meter.count_unreported(O200kBase).tokens, count(O200kBase, "Once upon a time"));

    let whole = [ANTHROPIC, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n"].concat();
    let meter = after(Api::AnthropicMessages, EVENTS, whole.as_bytes());
    assert_eq!(meter.usage(), Some(Reported { usage: Usage { output_visible: 4, ..input }, complete: true }));
    assert_eq!(meter.count_unreported(O200kBase).tokens, 0);
}

/// Half of an event, too, has what it has.
#[test]
fn what_came_of_an_event_that_was_cut_is_counted() {
    let cut = ANTHROPIC.find(" a time").unwrap();
    let meter = after(Api::AnthropicMessages, EVENTS, &ANTHROPIC.as_bytes()[..cut]);
    assert_eq!(meter.count_unreported(O200kBase).tokens, count(O200kBase, "Once upon"));
    assert!(meter.is_truncated() && meter.unread_bytes() == 0);
}

/// vLLM's continuous usage covers everything before it.
#[test]
fn continuous_usage_leaves_only_what_came_after_it() {
    let chunk = |text: &str, usage: &str| {
        format!(r#"data: {{"model":"qwen","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]{usage}}}"#)
            + "\n\n"
    };
    let with = |n: u64| {
        format!(r#","usage":{{"prompt_tokens":9,"completion_tokens":{n},"total_tokens":{}}}"#, 9 + n)
    };
    let body = chunk("One two three", &with(3)) + &chunk(" four five", "");
    let meter = after(Api::OpenAiChat, EVENTS, body.as_bytes());
    assert_eq!(meter.usage(), partial(Usage { uncached_input: 9, output_visible: 3, ..Usage::default() }));
    assert_eq!(meter.count_unreported(O200kBase).tokens, count(O200kBase, " four five"));
    assert_eq!(meter.count_output(O200kBase).tokens, count(O200kBase, "One two three four five"));
}

/// Gemini reports in every chunk, cumulative; the last one says why it stopped.
#[test]
fn gemini_is_complete_with_its_finish_reason() {
    let element = |text: &str, finish: &str, n: u64| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{text}"}}]}}{finish}}}],"usageMetadata":{{"promptTokenCount":8,"candidatesTokenCount":{n},"totalTokenCount":{}}}}}"#,
            8 + n
        )
    };
    let usage = |n| Usage { uncached_input: 8, output_visible: n, ..Usage::default() };
    let first = element("One", "", 1);
    for (content_type, begin, between) in [(JSON, "[", ",\r\n"), (EVENTS, "data: ", "\n\ndata: ")] {
        let cut = format!("{begin}{first}{between}");
        let meter = after(Api::GeminiGenerate, content_type, cut.as_bytes());
        assert_eq!(meter.usage(), partial(usage(1)), "{content_type}");
        assert_eq!(meter.count_unreported(O200kBase).tokens, 0);
        let whole = cut + &element(" two", r#","finishReason":"STOP""#, 2);
        let meter = after(Api::GeminiGenerate, content_type, whole.as_bytes());
        assert_eq!(meter.usage(), Some(Reported { usage: usage(2), complete: true }));
    }
}

/// A chunk whose usage says nothing of output has not counted it.
#[test]
fn text_beside_a_report_of_the_input_alone_is_left_to_count() {
    let body = r#"data: {"candidates":[{"content":{"parts":[{"text":"One"}]}}],"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8}}"#;
    let meter = after(Api::GeminiGenerate, EVENTS, body.as_bytes());
    assert_eq!(meter.usage(), partial(Usage { uncached_input: 8, ..Usage::default() }));
    assert_eq!(meter.count_unreported(O200kBase).tokens, count(O200kBase, "One"));
}

#[test]
fn a_stream_without_any_report_is_left_to_count() {
    let delta = event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"One two"}}"#);
    let meter = after(Api::BedrockConverse, EVENT_STREAM, &delta);
    assert_eq!(meter.usage(), None);
    assert_eq!(meter.count_unreported(O200kBase).tokens, count(O200kBase, "One two"));
    assert!(!meter.is_truncated());
    assert!(after(Api::BedrockConverse, EVENT_STREAM, &delta[..delta.len() - 1]).is_truncated());
}

/// A damaged message is told by its checksum: its figures do not count, and what follows is read.
#[test]
fn a_damaged_message_is_unread() {
    let metadata = |n: u64| {
        event("metadata", &format!(r#"{{"usage":{{"inputTokens":{n},"outputTokens":1,"totalTokens":9}}}}"#))
    };
    let mut damaged = metadata(7);
    let place = damaged.len() - 30;
    damaged[place] ^= 1;
    let body = [damaged.clone(), metadata(5)].concat();
    let meter = after(Api::BedrockConverse, EVENT_STREAM, &body);
    assert_eq!(meter.usage().map(|r| r.usage.uncached_input), Some(5));
    assert_eq!(meter.unread_bytes(), damaged.len() as u64);
    let meter = after(Api::BedrockConverse, EVENT_STREAM, &damaged);
    assert_eq!((meter.usage(), meter.unread_bytes()), (None, damaged.len() as u64));
}

/// Lengths that are not those that were sent make the rest unreadable; nothing is guessed.
#[test]
fn after_a_damaged_prelude_nothing_is_read() {
    let good = chunk(
        r#"{"generation":"Hi","prompt_token_count":9,"generation_token_count":1,"stop_reason":"stop"}"#,
    );
    let mut bad = good.clone();
    bad[2] ^= 1;
    let meter = after(Api::BedrockInvoke, EVENT_STREAM, &[good.clone(), bad, good.clone()].concat());
    assert_eq!(meter.unread_bytes(), 2 * good.len() as u64);
    assert_eq!(meter.usage().map(|r| r.usage.uncached_input), Some(9));
}
