//! What a response says, whatever way it comes, and what the client gets of it.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;

use common::{EVENTS, JSON, chat_meter, figures};
use tokens::Encoding::O200kBase;
use tokens::{Usage, count};
use wire::{Passed, ResponseMeter};

const ROLE: &str = r#"data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}"#;
const HELLO: &str = r#"data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Hello "},"finish_reason":null}],"usage":null}"#;
const WORLD: &str = r#"data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"wörld 日本"},"finish_reason":null}],"usage":null}"#;
const STOP: &str = r#"data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":6},"completion_tokens_details":{"reasoning_tokens":192,"audio_tokens":8,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#;
const DONE: &str = "data: [DONE]";

fn stream(events: &[&str]) -> String {
    events.iter().map(|event| format!("{event}\n\n")).collect()
}

/// Feeds the pieces, ends with the last one, and returns the meter and what the client gets.
fn pass(pieces: &[&[u8]], kind: &str, strip: bool) -> (ResponseMeter, Vec<u8>) {
    let mut meter = chat_meter(kind, strip);
    let mut client = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match meter.feed(piece, at + 1 == pieces.len()) {
            Passed::Untouched => client.extend_from_slice(piece),
            Passed::Replaced(bytes) => client.extend(bytes),
        }
    }
    (meter, client)
}

fn events(text: &str, strip: bool) -> (ResponseMeter, String) {
    let (meter, client) = pass(&[text.as_bytes()], EVENTS, strip);
    (meter, String::from_utf8(client).unwrap())
}

fn json(text: &str) -> ResponseMeter {
    pass(&[text.as_bytes()], JSON, false).0
}

fn usage_of(usage: &str) -> Option<Usage> {
    json(&format!(r#"{{"choices":[],"usage":{usage}}}"#)).usage().map(|reported| reported.usage)
}

/// `USAGE`, by hand: the details are subsets of the totals.
fn expected() -> Usage {
    Usage {
        uncached_input: 2006 - 1920 - 6,
        cache_read: 1920,
        audio_in: 6,
        output_visible: 300 - 192 - 8,
        reasoning: 192,
        audio_out: 8,
        ..Usage::default()
    }
}

#[test]
fn a_stream_is_metered_and_passes_untouched() {
    let text = stream(&[ROLE, HELLO, WORLD, STOP, USAGE, DONE]);
    let (meter, client) = events(&text, false);
    assert_eq!(client, text);
    assert_eq!(figures(&meter), Some(expected()));
    assert_eq!(meter.model(), Some("gpt-4o-2024-08-06"));
    assert_eq!(meter.output_chunks(), 2);
    assert!(meter.has_output() && !meter.error_seen());
    assert_eq!(meter.unread_bytes(), 0);
    let counted = meter.count_output(O200kBase);
    assert_eq!((counted.tokens, counted.exact), (count(O200kBase, "Hello wörld 日本"), true));
}

#[test]
fn the_usage_chunk_that_was_asked_for_on_the_clients_behalf_is_taken_out() {
    let text = stream(&[ROLE, HELLO, STOP, USAGE, DONE]);
    let (meter, client) = events(&text, true);
    assert_eq!(client, stream(&[ROLE, HELLO, STOP, DONE]));
    assert_eq!(figures(&meter), Some(expected()));
}

#[test]
fn no_other_event_is_taken_out() {
    let moderation = r#"data: {"choices":[],"moderation":{"input":{}}}"#;
    let filter = r#"data: {"choices":[],"prompt_filter_results":[]}"#;
    let null = r#"data: {"choices":[],"usage":null}"#;
    let both =
        r#"data: {"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let error = r#"data: {"choices":[],"usage":{"prompt_tokens":1},"error":{"message":"no"}}"#;
    for event in [moderation, filter, null, both, error, ": OPENROUTER PROCESSING", "event: ping", "data: ["]
    {
        let text = stream(&[ROLE, event, DONE]);
        assert_eq!(events(&text, true).1, text);
    }
}

#[test]
fn every_line_end_and_every_cut_gives_the_same_bytes_and_figures() {
    for line_end in ["\n", "\r\n", "\r"] {
        let of = |events: &[&str]| {
            events.iter().map(|event| format!("{event}{line_end}{line_end}")).collect::<String>()
        };
        let comment = ": keep-alive";
        let text = of(&[comment, ROLE, comment, WORLD, comment, USAGE, comment, DONE]);
        let expected_client = of(&[comment, ROLE, comment, WORLD, comment, comment, DONE]);
        for cut in 0..=text.len() {
            let (a, b) = text.as_bytes().split_at(cut);
            let (meter, client) = pass(&[a, b], EVENTS, true);
            assert_eq!(String::from_utf8(client).unwrap(), expected_client, "{line_end:?} cut at {cut}");
            assert_eq!(figures(&meter), Some(expected()), "{line_end:?} cut at {cut}");
            assert_eq!(meter.count_output(O200kBase).tokens, count(O200kBase, "wörld 日本"));
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        let (meter, client) = pass(&bytes, EVENTS, true);
        assert_eq!(String::from_utf8(client).unwrap(), expected_client);
        assert_eq!(figures(&meter), Some(expected()));
    }
}

/// Streams flow: as soon as a chunk shows that it has choices, it is passed on, however little of it there is.
#[test]
fn an_unfinished_event_with_content_is_not_kept_back() {
    let text = stream(&[HELLO]);
    let shown = text.find(r#""choices":[{"#).unwrap() + r#""choices":[{"#.len();
    for cut in shown..text.len() {
        let mut meter = chat_meter(EVENTS, true);
        match meter.feed(&text.as_bytes()[..cut], false) {
            Passed::Untouched => {}
            Passed::Replaced(bytes) => assert_eq!(bytes, &text.as_bytes()[..cut]),
        }
    }
}

#[test]
fn what_is_kept_back_is_bounded_and_a_larger_usage_chunk_is_passed_on() {
    let padded = USAGE.replace(r#""choices":[]"#, &format!(r#""pad":"{}","choices":[]"#, "x".repeat(5000)));
    let text = stream(&[ROLE, &padded, DONE]);
    let (meter, client) = events(&text, true);
    assert_eq!((client, figures(&meter)), (text.clone(), Some(expected())));
    let mut meter = chat_meter(EVENTS, true);
    let mut passed = 0;
    for (at, byte) in text.as_bytes().iter().enumerate() {
        passed += match meter.feed(&[*byte], false) {
            Passed::Untouched => 1,
            Passed::Replaced(bytes) => bytes.len(),
        };
        assert!(at + 1 - passed <= 4096);
    }
    assert_eq!(passed + meter.release().len(), text.len());
}

#[test]
fn a_stream_cut_inside_the_usage_chunk_gives_back_what_was_kept() {
    let text = stream(&[HELLO]);
    for cut in [1, 5, 6, 20, 100, USAGE.len() - 1] {
        let beginning = format!("{text}{}", &USAGE[..cut]);
        let mut meter = chat_meter(EVENTS, true);
        let passed = match meter.feed(beginning.as_bytes(), false) {
            Passed::Untouched => beginning.clone().into_bytes(),
            Passed::Replaced(bytes) => bytes,
        };
        assert_eq!(passed, text.as_bytes());
        meter.finish();
        meter.finish();
        assert_eq!([passed, meter.release()].concat(), beginning.as_bytes());
        assert!(meter.release().is_empty());
        // Figures that have come whole count, also where the rest of their chunk has not.
        assert_eq!(figures(&meter), (cut == USAGE.len() - 1).then(expected));
        assert_eq!(meter.count_output(O200kBase).tokens, count(O200kBase, "Hello "));
    }
}

#[test]
fn a_stream_that_ends_with_trailers_is_read_to_its_end() {
    let text = stream(&[HELLO, USAGE]);
    let unfinished = text.trim_end();
    let mut meter = chat_meter(EVENTS, true);
    meter.feed(unfinished.as_bytes(), false);
    assert_eq!(figures(&meter), None);
    assert!(meter.release().is_empty(), "a whole usage chunk is dropped, with or without its empty line");
    assert_eq!(figures(&meter), Some(expected()));
    assert_eq!(meter.feed(b"more", true), Passed::Untouched);
}

#[test]
fn the_last_usage_wins_and_is_never_added_up() {
    let cumulative = |n: u64| {
        format!(
            r#"data: {{"choices":[{{"index":0,"delta":{{"content":"a"}}}}],"usage":{{"prompt_tokens":5,"completion_tokens":{n},"total_tokens":{}}}}}"#,
            5 + n
        )
    };
    let (meter, _) = events(&stream(&[&cumulative(1), &cumulative(2), &cumulative(3), DONE]), false);
    assert_eq!(figures(&meter), Some(Usage { uncached_input: 5, output_visible: 3, ..Usage::default() }));
}

#[test]
fn an_explicit_zero_is_a_figure_and_nothing_is_none() {
    assert_eq!(
        usage_of(r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#),
        Some(Usage::default())
    );
    assert_eq!(usage_of("null"), None);
    assert_eq!(usage_of("{}"), None);
    assert_eq!(json(r#"{"choices":[]}"#).usage(), None);
}

#[test]
fn classes_are_disjoint_and_add_up_to_the_providers_totals() {
    let cache_write = r#"{"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30,"image_tokens":4}}"#;
    let classes = Usage {
        uncached_input: 6,
        cache_read: 60,
        cache_write_5m: 30,
        image_in: 4,
        output_visible: 1,
        ..Usage::default()
    };
    assert_eq!(usage_of(cache_write), Some(classes));
    // Reported by OpenRouter: more reasoning than output.
    let contradictory =
        r#"{"prompt_tokens":43,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":11}}"#;
    assert_eq!(
        usage_of(contradictory),
        Some(Usage { uncached_input: 43, reasoning: 10, ..Usage::default() })
    );
    // Reported by OpenRouter: the same tokens written to the cache and read from it.
    let both = r#"{"prompt_tokens":2168,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":2161,"cache_write_tokens":2161}}"#;
    assert_eq!(usage_of(both), Some(Usage { uncached_input: 7, cache_read: 2161, ..Usage::default() }));
    let huge = r#"{"prompt_tokens":1e40,"completion_tokens":-5,"total_tokens":12.0}"#;
    assert_eq!(usage_of(huge), Some(Usage { uncached_input: u64::MAX, ..Usage::default() }));
    let total_only = r#"{"prompt_tokens":7,"total_tokens":9}"#;
    assert_eq!(
        usage_of(total_only),
        Some(Usage { uncached_input: 7, output_visible: 2, ..Usage::default() })
    );
}

#[test]
fn figures_that_compatible_providers_put_elsewhere_are_found() {
    let groq = r#"data: {"choices":[{"index":0,"delta":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":4,"completion_tokens":2}}}"#;
    assert_eq!(
        figures(&events(&stream(&[groq]), false).0),
        Some(Usage { uncached_input: 4, output_visible: 2, ..Usage::default() })
    );
    for elsewhere in [r#""num_cached_tokens":3"#, r#""cached_tokens":3"#, r#""prompt_cache_hit_tokens":3"#] {
        let usage = usage_of(&format!(r#"{{"prompt_tokens":4,"completion_tokens":2,{elsewhere}}}"#));
        let expected = Usage { uncached_input: 1, cache_read: 3, output_visible: 2, ..Usage::default() };
        assert_eq!(usage, Some(expected));
    }
}

#[test]
fn a_json_response_is_read_at_its_end_in_any_split() {
    let text = r#"{"id":"c","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hello wörld","refusal":null}},{"index":1,"message":{"role":"assistant","content":"日本"}}],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;
    for cut in 0..=text.len() {
        let (a, b) = text.as_bytes().split_at(cut);
        let (meter, client) = pass(&[a, b], JSON, true);
        assert_eq!(client, text.as_bytes());
        assert_eq!(figures(&meter), Some(Usage { uncached_input: 9, output_visible: 4, ..Usage::default() }));
        let choices = count(O200kBase, "Hello wörld") + count(O200kBase, "日本");
        assert_eq!(meter.count_output(O200kBase).tokens, choices);
        assert_eq!(meter.output_chunks(), 1);
    }
}

#[test]
fn calls_reasoning_and_refusals_are_output_each_by_itself() {
    let deltas = [
        r#"{"reasoning_content":"Think"}"#,
        r#"{"refusal":"I can"}"#,
        r#"{"refusal":"not"}"#,
        r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get_weather","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}},{"index":1,"function":{"name":"get_time"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"\"Paris\"}"}}]}"#,
    ];
    let text: String =
        deltas.iter().map(|d| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{d}}}]}}\n\n")).collect();
    let (meter, _) = events(&text, false);
    let texts = ["Think", "I cannot", "get_weather", r#"{"city":"Paris"}"#, "get_time"];
    let counted = meter.count_output(O200kBase);
    // One call costs 7 tokens around it, a second one 24 more.
    assert_eq!(counted.tokens, texts.iter().map(|text| count(O200kBase, text)).sum::<u64>() + 7 + 24);
    assert!(!counted.exact, "what surrounds a call is not documented");
    assert_eq!(meter.output_chunks(), 6);
}

#[test]
fn output_beyond_what_is_kept_is_counted_all_the_same() {
    let words: Vec<String> = (0..30_000).map(|n| format!("word{n} ")).collect();
    let text: String = words
        .iter()
        .map(|word| format!("data: {{\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n"))
        .collect();
    let (meter, _) = events(&text, false);
    let counted = meter.count_output(O200kBase);
    assert_eq!((counted.tokens, counted.exact), (count(O200kBase, &words.concat()), true));
    assert!(!meter.count_output(tokens::Encoding::Cl100kBase).exact, "it was counted with another encoding");
}

#[test]
fn an_error_inside_a_stream_or_as_a_body_is_seen() {
    let midway = r#"data: {"error":{"code":400,"message":"Token limit reached"},"choices":[]}"#;
    assert!(events(&stream(&[HELLO, midway]), true).0.error_seen());
    assert!(
        json(r#"{"error":{"message":"The model does not exist","code":"model_not_found"}}"#).error_seen()
    );
    assert!(!json(r#"{"error":null,"choices":[]}"#).error_seen());
}

#[test]
fn what_cannot_be_read_is_counted_and_passed_on() {
    let bad = r#"data: {"choices":[{"#;
    let text = stream(&[bad, HELLO, USAGE]);
    let (meter, client) = events(&text, false);
    assert_eq!(client, text);
    assert_eq!(
        (meter.unread_bytes(), figures(&meter)),
        ((bad.len() - "data: ".len()) as u64, Some(expected()))
    );

    let trailing = format!(r#"{} and more"#, r#"{"usage":{"prompt_tokens":1,"completion_tokens":2}}"#);
    let (meter, _) = pass(&[trailing.as_bytes()], JSON, false);
    assert_eq!((meter.unread_bytes(), figures(&meter).is_some()), (" and more".len() as u64, true));
}

/// Images come as megabytes of base64, with the usage at the end.
#[test]
fn events_and_bodies_of_any_size_are_read() {
    let large = format!(r#"data: {{"x":"{}","choices":[]}}"#, "x".repeat(2_000_000));
    let text = stream(&[&large, USAGE, DONE]);
    for size in [text.len(), 16_384] {
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        let (meter, client) = pass(&pieces, EVENTS, true);
        assert_eq!(client, stream(&[&large, DONE]).as_bytes());
        assert_eq!((meter.unread_bytes(), figures(&meter)), (0, Some(expected())));
    }

    let body =
        format!(r#"{{"x":"{}",{}}}"#, "x".repeat(50_000_000), &USAGE["data: {".len()..USAGE.len() - 1]);
    for size in [body.len(), 16_384] {
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
        let (meter, client) = pass(&pieces, JSON, false);
        assert_eq!(client, body.as_bytes());
        assert_eq!((meter.unread_bytes(), figures(&meter)), (0, Some(expected())));
    }
}

#[test]
fn an_empty_response_says_nothing() {
    for kind in [JSON, EVENTS] {
        let (meter, client) = pass(&[b""], kind, true);
        assert!(client.is_empty() && figures(&meter).is_none() && !meter.has_output());
        assert_eq!(meter.count_output(O200kBase).tokens, 0);
    }
}

#[test]
fn json_in_place_of_events_is_known_in_any_split() {
    let body = " \r\n\t {\"error\":{\"message\":\"m\",\"code\":\"overloaded\"}}";
    for cut in 0..=body.len() {
        let (a, b) = body.as_bytes().split_at(cut);
        let (meter, client) = pass(&[a, b], EVENTS, true);
        assert_eq!(client, body.as_bytes(), "cut at {cut}");
        let said = (meter.is_stream(), meter.error_seen(), meter.unread_bytes(), meter.is_truncated());
        assert_eq!(said, (false, true, 0, false), "cut at {cut}");
    }
}
