//! What a request body says, and how it is changed.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use tokens::{Cache, Model};
use wire::{ReadError, Request, Rewrite, recognise};

fn try_read(body: &[u8]) -> Result<Request, ReadError> {
    let route = recognise(b"POST", b"/v1/chat/completions", b"api.openai.com").unwrap();
    Request::read(&route, b"application/json", body).map(|request| request.expect("the path is certain"))
}

fn read(body: &str) -> Request {
    try_read(body.as_bytes()).unwrap_or_else(|e| panic!("{body}: {e}"))
}

fn refusal(body: &str) -> String {
    try_read(body.as_bytes()).expect_err(body).to_string()
}

/// A body with these fields beside the two required ones.
fn with(fields: &str) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[]{}{fields}}}"#, if fields.is_empty() { "" } else { "," })
}

#[test]
fn the_facts_are_read_from_a_usual_body() {
    let request = read(
        r#" { "messages": [{"role":"user","content":"Hi"}], "model" : "gpt-4o\u002dmini", "stream": true,
              "stream_options": {"include_usage": true}, "max_completion_tokens": 100, "n": 3 } "#,
    );
    assert_eq!(request.model(), "gpt-4o-mini");
    assert!(request.stream() && request.include_usage());
    assert_eq!((request.output_limit(), request.choices()), (Some(100), 3));
}

#[test]
fn what_is_left_out_or_null_has_its_default() {
    for fields in [
        "",
        r#""stream":null,"stream_options":null,"max_tokens":null,"max_completion_tokens":null,"n":null,"tools":null"#,
        r#""stream":false,"stream_options":{},"n":1"#,
    ] {
        let request = read(&with(fields));
        assert!(!request.stream() && !request.include_usage(), "{fields}");
        assert_eq!((request.output_limit(), request.choices()), (None, 1), "{fields}");
    }
}

/// vLLM obeys `max_completion_tokens`, llama.cpp `max_tokens`; OpenAI refuses both together.
#[test]
fn of_two_output_limits_the_larger_counts_and_none_at_all_counts_most() {
    let limit = |fields: &str| read(&with(fields)).output_limit();
    assert_eq!(limit(r#""max_tokens":7,"max_completion_tokens":9"#), Some(9));
    assert_eq!(limit(r#""max_tokens":9,"max_completion_tokens":7"#), Some(9));
    assert_eq!(limit(r#""max_tokens":7,"max_completion_tokens":null"#), Some(7));
    assert_eq!(limit(r#""max_tokens":7.0"#), Some(7));
    assert_eq!(limit(r#""max_tokens":7,"max_completion_tokens":-1"#), None);
    assert_eq!(limit(r#""max_tokens":-1"#), None);
    assert_eq!(limit(r#""max_tokens":0"#), None);
    assert_eq!(limit(r#""max_tokens":99999999999999999999999"#), Some(u64::MAX));
}

#[test]
fn a_refusal_names_the_field_and_the_byte_and_quotes_nothing() {
    assert_eq!(refusal(r#"{"model":1,"messages":[]}"#), "`model` must be a string (byte 1)");
    assert_eq!(refusal(r#"{"messages":[]}"#), "`model` is missing (byte 15)");
    assert_eq!(refusal(r#"{"model":"m"}"#), "`messages` is missing (byte 13)");
    assert_eq!(refusal(r#"{"model":"m","messages":"secret"}"#), "`messages` must be an array (byte 13)");
    assert_eq!(refusal("[]"), "the request body must be a JSON object (byte 0)");
    assert_eq!(refusal(""), "the request body is not valid JSON: the text ends too early (byte 0)");
    assert_eq!(
        refusal(r#"{"messages":[{"content":"secret}]"#),
        "the request body is not valid JSON: the text ends too early (byte 33)"
    );
    assert_eq!(refusal(&with(r#""stream":"true""#)), "`stream` must be a boolean or null (byte 32)");
    assert_eq!(
        refusal(&with(r#""stream_options":7"#)),
        "`stream_options` must be an object or null (byte 32)"
    );
    assert_eq!(
        refusal(&with(r#""max_tokens":"7""#)),
        "`max_tokens` must be a whole number or null (byte 32)"
    );
    assert_eq!(
        refusal(&with(r#""max_tokens":1e3"#)),
        "`max_tokens` must be a whole number or null (byte 32)"
    );
    assert_eq!(refusal(&with(r#""n":1.5"#)), "`n` must be a whole number or null (byte 32)");
    let error = try_read(br#"{"model":1,"messages":[]}"#).unwrap_err();
    assert_eq!((error.field(), error.at()), (Some("model"), 1));
}

#[test]
fn a_model_name_is_at_most_256_bytes_however_it_is_written() {
    let body = |name: &str| format!(r#"{{"model":"{name}","messages":[]}}"#);
    assert_eq!(read(&body(&"m".repeat(256))).model().len(), 256);
    assert_eq!(read(&body(&r"\u006d".repeat(256))).model(), "m".repeat(256));
    for name in ["m".repeat(257), r"\u006d".repeat(257), "m".repeat(1_000_000)] {
        assert_eq!(refusal(&body(&name)), "`model` is longer than 256 bytes (byte 9)");
    }
}

/// Python reads the last of two equal keys, other readers the first, and Go takes `MODEL` for `model`.
#[test]
fn a_field_that_two_readers_could_read_differently_is_refused() {
    assert_eq!(refusal(&with(r#""model":"gpt-5""#)), "`model` is given more than once (byte 32)");
    assert_eq!(refusal(&with(r#""mod\u0065l":"gpt-5""#)), "`model` is given more than once (byte 32)");
    assert_eq!(refusal(&with(r#""MODEL":"gpt-5""#)), "`model` must be spelt exactly so (byte 32)");
    assert_eq!(refusal(&with(r#""\u017ftream":true"#)), "`stream` must be spelt exactly so (byte 32)");
    assert_eq!(refusal(&with("\"max_to\u{212a}ens\":1")), "`max_tokens` must be spelt exactly so (byte 32)");
    assert_eq!(
        refusal(&with(r#""max_tokens":1,"max_tokens":2"#)),
        "`max_tokens` is given more than once (byte 47)"
    );
    assert_eq!(
        refusal(&with(r#""stream_options":{"include_usage":true,"include_usage":false}"#)),
        "`stream_options.include_usage` is given more than once (byte 71)"
    );
}

#[test]
fn a_body_nested_a_hundred_levels_deep_is_read_and_a_million_is_refused() {
    let nested = |n: usize| with(&format!(r#""metadata":{}{}"#, "[".repeat(n), "]".repeat(n)));
    assert!(try_read(nested(100).as_bytes()).is_ok());
    assert!(refusal(&nested(1_000_000)).contains("nested too deeply"));
}

fn rewritten(body: &str, edits: Rewrite<'_>) -> String {
    let changed = read(body).rewrite(body.as_bytes(), &edits);
    changed.map_or_else(|| "unchanged".to_owned(), |bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn usage_is_asked_for_where_the_client_left_it_out() {
    let ask = Rewrite { include_usage: true, ..Rewrite::default() };
    for (before, after) in [
        (r#"{"stream":true,"#, r#"{"stream_options":{"include_usage":true},"stream":true,"#),
        (
            r#"{ "stream":true,"stream_options": null ,"#,
            r#"{ "stream":true,"stream_options": {"include_usage":true} ,"#,
        ),
        (
            r#"{"stream":true,"stream_options":{ },"#,
            r#"{"stream":true,"stream_options":{"include_usage":true },"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage" : false},"#,
            r#"{"stream":true,"stream_options":{"include_usage" : true},"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage":null,"x":1},"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"x":1},"#,
        ),
        (
            r#"{"stream":true,"stream_options":{ "include_obfuscation":false},"#,
            r#"{"stream":true,"stream_options":{"include_usage":true, "include_obfuscation":false},"#,
        ),
    ] {
        let rest = r#" "messages" : [ {"role":"user", "content":"\u00e9 é 😀"} ],"model":"gpt-4o"}"#;
        let changed = rewritten(&format!("{before}{rest}"), ask);
        assert_eq!(changed, format!("{after}{rest}"));
        assert!(read(&changed).include_usage());
        assert_eq!(rewritten(&changed, ask), "unchanged");
    }
}

#[test]
fn usage_is_not_asked_for_where_nothing_streams() {
    let ask = Rewrite { include_usage: true, ..Rewrite::default() };
    assert_eq!(rewritten(&with(""), ask), "unchanged");
    assert_eq!(rewritten(&with(r#""stream":false"#), ask), "unchanged");
}

#[test]
fn the_output_limit_is_lowered_where_it_stands_and_never_raised() {
    let limit =
        |fields: &str| rewritten(&with(fields), Rewrite { output_limit: Some(100), ..Rewrite::default() });
    assert_eq!(limit(r#""max_tokens":100"#), "unchanged");
    assert_eq!(limit(r#""max_completion_tokens":7,"max_tokens":null"#), "unchanged");
    assert_eq!(limit(r#""max_tokens": 4000 "#), with(r#""max_tokens": 100 "#));
    assert_eq!(limit(r#""max_tokens":-1"#), with(r#""max_tokens":100"#));
    assert_eq!(limit(r#""max_completion_tokens":null"#), with(r#""max_completion_tokens":100"#));
    assert_eq!(
        limit(r#""max_completion_tokens":200,"max_tokens":300"#),
        with(r#""max_completion_tokens":100,"max_tokens":100"#)
    );
    assert_eq!(limit(""), r#"{"max_completion_tokens":100,"model":"gpt-4o","messages":[]}"#);
}

#[test]
fn both_changes_go_into_one_body() {
    let body = with(r#""max_tokens":500,"stream":true"#);
    let changed =
        rewritten(&body, Rewrite { include_usage: true, output_limit: Some(50), model: None, trim: None });
    assert_eq!(
        changed,
        r#"{"stream_options":{"include_usage":true},"model":"gpt-4o","messages":[],"max_tokens":50,"stream":true}"#
    );
}

#[test]
fn another_body_than_the_one_read_is_left_alone() {
    let request = read(&with(r#""stream":true"#));
    assert_eq!(
        request.rewrite(
            b"{}",
            &Rewrite { include_usage: true, output_limit: Some(1), model: Some("x"), trim: None }
        ),
        None
    );
    assert!(!request.count_prompt(b"\xff\xff", &Model::of("gpt-4o"), &mut Cache::new()).exact);
}

/// The example of OpenAI's cookbook, with the figures its API reported there: 129 for gpt-4 and gpt-3.5-turbo, 124 for
/// gpt-4o.
#[test]
fn the_cookbooks_messages_count_as_the_api_counted_them() {
    let body = r#"{"model":"gpt-4o","messages":[
        {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
        {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
        {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
        {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;
    let request = read(body);
    for (model, tokens) in [("gpt-4", 129), ("gpt-4o", 124)] {
        let counted = request.count_prompt(body.as_bytes(), &Model::of(model), &mut Cache::new());
        assert_eq!((counted.tokens(), counted.exact), (tokens, true));
        assert!(request.prompt_bound() >= tokens);
    }
}

/// The cookbook's example for functions: 101 tokens on gpt-4o, 105 on gpt-4 and gpt-3.5.
#[test]
fn the_cookbooks_tool_counts_as_the_api_counted_it() {
    let body = r#"{"model":"gpt-4o","messages":[
        {"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},
        {"role":"user","content":"What's the weather like in San Francisco?"}],
      "tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location",
        "parameters":{"type":"object","properties":{
          "location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
          "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},
        "required":["location"]}}}]}"#;
    let request = read(body);
    for (model, tokens) in [("gpt-4", 105), ("gpt-4o", 101)] {
        let counted = request.count_prompt(body.as_bytes(), &Model::of(model), &mut Cache::new());
        assert_eq!((counted.tokens(), counted.exact), (tokens, false));
    }
}

#[test]
fn a_field_that_is_not_known_makes_the_count_an_estimate_of_the_same_prompt() {
    let body = |field: &str| {
        format!(r#"{{"model":"gpt-4o",{field}"messages":[{{"role":"user","content":"Hello there"}}]}}"#)
    };
    let count =
        |body: String| read(&body).count_prompt(body.as_bytes(), &Model::of("gpt-4o"), &mut Cache::new());
    let (plain, unknown) = (count(body("")), count(body(r#""tool_choice":"auto","#)));
    assert_eq!(plain.tokens(), unknown.tokens());
    assert!(plain.exact && !unknown.exact);
}

#[test]
fn escapes_count_as_what_they_stand_for() {
    let plain = r#"{"model":"m","messages":[{"role":"user","content":"é \" 日本"}]}"#;
    let escaped = r#"{"model":"m","messages":[{"role":"user","content":"\u00e9 \u0022 \u65e5\u672c"}]}"#;
    let count = |body: &str| {
        read(body).count_prompt(body.as_bytes(), &Model::of("gpt-4o"), &mut Cache::new()).tokens()
    };
    assert_eq!(count(plain), count(escaped));
}

#[test]
fn an_inline_image_is_bounded_by_what_an_image_can_cost_not_by_its_bytes() {
    let body = |detail: &str| {
        let data = "A".repeat(3_000_000);
        format!(
            r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":[{{"type":"text","text":"What is it?"}},
            {{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"{detail}}}}}]}}]}}"#
        )
    };
    // 2833 tokens a picture and 5667 a tile, at most 8 tiles, or 4784; the text and its message stay below 30.
    let high = read(&body("")).prompt_bound();
    assert!((48_169..48_199).contains(&high), "{high}");
    let low = read(&body(r#","detail":"low""#)).prompt_bound();
    assert!((4_784..4_814).contains(&low), "{low}");
    let with_image = body("");
    assert!(
        !read(&with_image).count_prompt(with_image.as_bytes(), &Model::of("gpt-4o"), &mut Cache::new()).exact
    );
}

#[test]
fn a_part_of_unknown_kind_can_be_as_large_as_a_context_window() {
    let body =
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}"#;
    assert!(read(body).prompt_bound() >= 1_047_576);
    assert!(!read(body).count_prompt(body.as_bytes(), &Model::of("gpt-4o"), &mut Cache::new()).exact);
}
