//! Recorded traffic: what is metered of a response is what an independent reading of it finds.

use crate::common::{fed, figures};
use crate::corpus::{Exchange, exchanges};
use crate::{facts, reading};
use serde_json::Value;
use std::collections::BTreeMap;
use wire::{Api, FinishReason, MeterOptions, ResponseHead, ResponseMeter};

fn metered(exchange: &Exchange, chunk: usize) -> (ResponseMeter, Vec<u8>) {
    let content_type = |name: &str| (name == "content-type").then_some(exchange.content_type.as_bytes());
    let head = ResponseHead { status: exchange.status, header: &content_type };
    let meter = ResponseMeter::new(exchange.api, &head, MeterOptions::default());
    fed(meter, exchange.response.chunks(chunk))
}

/// Why a response has no usage. Anything else is a figure that was missed.
fn why_missing(exchange: &Exchange, documents: &[Value]) -> Option<&'static str> {
    let bedrock_embedding = ["cohere.embed", "nova-2-multimodal-embeddings"];
    if exchange.status >= 400 {
        Some("an error has none")
    } else if exchange.api == Api::OpenAiChat
        && documents.len() > 1
        && exchange.request["stream_options"]["include_usage"] != true
    {
        Some("a stream whose client did not ask for it")
    } else if exchange.api == Api::BedrockInvoke
        && bedrock_embedding.iter().any(|model| exchange.path.contains(model))
    {
        Some("only in headers, which were not recorded")
    } else if exchange.api == Api::GeminiEmbed && documents.iter().all(|d| d.get("usageMetadata").is_none()) {
        Some("an embedding for which Gemini gives none")
    } else if exchange.api == Api::GeminiGenerate && documents.iter().all(|d| d.get("candidates").is_none()) {
        Some("a prompt that Gemini blocked")
    } else {
        None
    }
}

#[test]
fn usage_is_the_providers_own_class_by_class() {
    let mut table: BTreeMap<(&str, String), [u32; 3]> = BTreeMap::new();
    let mut missing: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    let exchanges = exchanges();
    for exchange in &exchanges {
        let documents = exchange.documents();
        let expected = reading::usage(exchange.api, &documents);
        let [exact, none, bad] =
            table.entry((exchange.host.as_str(), format!("{:?}", exchange.api))).or_default();
        for chunk in [usize::MAX, 1, 7, 1000] {
            let (meter, client) = metered(exchange, chunk);
            assert_eq!(client, exchange.response, "{}", exchange.id);
            assert_eq!((meter.unread_bytes(), meter.is_truncated()), (0, false), "{}", exchange.id);
            let complete = meter.usage().is_none_or(|reported| reported.complete);
            if figures(&meter) != expected || !complete {
                let found = meter.usage();
                wrong.push(format!("{} in chunks of {chunk}: {found:?}, not {expected:?}", exchange.id));
                *bad += 1;
            }
        }
        if expected.is_some() {
            *exact += 1;
        } else {
            *none += 1;
            match why_missing(exchange, &documents) {
                Some(reason) => *missing.entry(reason).or_default() += 1,
                None => wrong.push(format!("{} {}: no usage", exchange.id, exchange.path)),
            }
        }
    }
    println!(
        "{:45} {:20} {:>9} {:>7} {:>7} {:>7}",
        "provider", "format", "exchanges", "exact", "missing", "wrong"
    );
    for ((host, api), [exact, none, bad]) in table {
        println!("{host:45} {api:20} {:>9} {exact:>7} {none:>7} {bad:>7}", exact + none);
    }
    println!("\nmissing:");
    for (reason, times) in missing {
        println!("{times:>4} {reason}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_else_a_response_says_is_found() {
    let mut found = [0u64; 5];
    for exchange in exchanges() {
        let (documents, api) = (exchange.documents(), exchange.api);
        let (meter, _) = metered(&exchange, 50);
        let id = &exchange.id;
        assert_eq!(meter.model().map(str::to_owned), facts::model(api, &documents), "{id}");
        assert_eq!(meter.raw_finish_reason().map(str::to_owned), facts::finish(api, &documents), "{id}");
        assert_ne!(meter.finish_reason(), Some(FinishReason::Other), "{id}: {:?}", meter.raw_finish_reason());
        assert_eq!(meter.tool_calls(), facts::tool_calls(api, &documents) as u64, "{id}");
        let extras = meter.extras();
        assert_eq!(extras.cost_pico_usd, facts::cost(&documents), "{id}");
        assert_eq!(extras.searches, facts::searches(api, &documents), "{id}");
        assert_eq!(meter.error_seen(), exchange.status >= 400 || facts::error(&documents), "{id}");
        let some = [
            u64::from(meter.finish_reason().is_some()),
            meter.tool_calls(),
            u64::from(extras.cost_pico_usd.is_some()),
            extras.searches,
            u64::from(meter.error_seen()),
        ];
        for (sum, n) in found.iter_mut().zip(some) {
            *sum += n;
        }
    }
    println!("finish reasons, calls, costs, searches, errors: {found:?}");
    assert!(found == [0; 5] || found.iter().all(|n| *n > 0), "{found:?}");
}
