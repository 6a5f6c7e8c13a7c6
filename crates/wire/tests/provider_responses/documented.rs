//! What the documented responses say.

use crate::common::{self, fed};
use crate::fixtures::{Fixture, Said, all};
use tokens::Encoding::O200kBase;
use wire::{Api, MeterOptions, ResponseHead, ResponseMeter};

pub(crate) fn meter(fixture: &Fixture, strip_usage: bool) -> ResponseMeter {
    let header = |name: &str| {
        let found = fixture.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_bytes());
        found.or((name == "content-type").then_some(fixture.content_type.as_bytes()))
    };
    let head = ResponseHead { status: 200, header: &header };
    ResponseMeter::new(fixture.api, &head, MeterOptions { strip_usage })
}

#[test]
fn every_documented_response_says_what_its_documentation_says() {
    for fixture in all() {
        let (meter, client) = fed(meter(&fixture, false), [fixture.body.as_slice()]);
        assert_eq!(client, fixture.body, "{}", fixture.name);
        assert_eq!((meter.unread_bytes(), meter.is_truncated()), (0, false), "{}", fixture.name);
        let error = meter.error_seen().then(|| meter.error().unwrap_or_default());
        let tokens = meter.count_output(O200kBase).tokens;
        let said = Said {
            usage: common::figures(&meter),
            model: None,
            finish: None,
            error: None,
            calls: meter.tool_calls(),
            chunks: meter.output_chunks(),
            text: fixture.said.text,
        };
        let names = (meter.model(), meter.raw_finish_reason(), error);
        assert_eq!(
            said,
            Said { model: None, finish: None, error: None, ..fixture.said.clone() },
            "{}",
            fixture.name
        );
        assert_eq!(names, (fixture.said.model, fixture.said.finish, fixture.said.error), "{}", fixture.name);
        // Texts apart are counted apart, and around calls there are a few tokens.
        let together = tokens::count(O200kBase, fixture.said.text);
        let around = 3 + 24 * meter.tool_calls();
        assert!(tokens.abs_diff(together) <= around, "{}: {tokens} for {together}", fixture.name);
    }
}

fn named(name: &str) -> ResponseMeter {
    let fixture = all().into_iter().find(|fixture| fixture.name == name).expect(name);
    fed(meter(&fixture, false), [fixture.body.as_slice()]).0
}

#[test]
fn what_is_consumed_beside_tokens_is_found() {
    assert_eq!(named("images").extras().images, 2);
    assert_eq!(named("a stream of images").extras().images, 1);
    assert_eq!(named("a transcription billed by its length").extras().audio_ms, 9000);
    assert_eq!(named("a transcription without usage").extras().audio_ms, 8470);
    assert_eq!(named("a transcription").extras().audio_ms, 0);
    assert_eq!(named("a stream of a response").extras().searches, 1);
    let anthropic = named("a cache written for an hour").extras();
    assert_eq!((anthropic.searches, anthropic.fetches), (1, 2));
    assert_eq!(named("Cohere's older body").extras().searches, 1);
    let aside = named("a compaction beside the message").extras().aside;
    assert_eq!((aside.input(), aside.output()), (180_000, 3500));
    let images =
        br#"{"created":1589478378,"data":[{"url":"https://a.example"},{"url":"https://b.example"}]}"#;
    let dalle = fed(common::meter(Api::OpenAiImages, "application/json", false), [&images[..]]).0;
    assert_eq!((dalle.extras().images, dalle.usage()), (2, None));
}

#[test]
fn tiers_are_found() {
    for (name, tier) in [
        ("a stream of a response", "flex"),
        ("a cache written for an hour", "standard"),
        ("media, partly cached", "ON_DEMAND"),
        ("Converse with a cache of two lifetimes", "flex"),
    ] {
        assert_eq!(named(name).service_tier(), Some(tier), "{name}");
    }
}

/// OpenRouter's and Perplexity's own costs, in US dollars.
#[test]
fn the_providers_own_cost_is_kept_in_pico_usd() {
    for (cost, pico) in [
        (r#""cost":0.00014"#, 140_000_000),
        (r#""cost":1.5e-06"#, 1_500_000),
        (r#""cost":0"#, 0),
        (r#""cost":{"input_tokens_cost":0.00002,"total_cost":0.005}"#, 5_000_000_000),
        (r#""cost":-1"#, 0),
    ] {
        let body = format!(r#"{{"usage":{{"prompt_tokens":1,"completion_tokens":1,{cost}}}}}"#);
        let meter = fed(common::chat_meter("application/json", false), [body.as_bytes()]).0;
        assert_eq!(meter.extras().cost_pico_usd, Some(pico), "{cost}");
    }
}

#[test]
fn which_responses_are_streams_is_told_by_their_form() {
    for (name, stream) in [
        ("legacy completions", true),
        ("images", false),
        ("a stream as an array", true),
        ("Cohere's older stream", true),
        ("Ollama's chat", true),
        ("Llama through Bedrock", true),
        ("Llama's text", false),
        ("JSON where events are announced", false),
    ] {
        assert_eq!(named(name).is_stream(), stream, "{name}");
    }
}
