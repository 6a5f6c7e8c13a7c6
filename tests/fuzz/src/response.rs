//! Responses of every format in every framing: the same in any split, and the provider's bytes to the client.

use crate::memory::peak;
use crate::seeds::{EVENTS, FRAMES, JSON, LINES, Seeds};
use crate::{Random, Target, frames};
use tokens::Encoding;
use wire::{Api, Extras, FinishReason, MeterOptions, Passed, ResponseHead, ResponseMeter};

/// Bytes that a meter may take, whatever comes: mostly 64 KiB of output text, and the work of counting it.
const MOST: usize = 400 << 10;

pub(crate) fn targets(seeds: &Seeds) -> Vec<Target> {
    let mut targets = Vec::new();
    for api in Api::ALL {
        for (name, kind) in [("json", JSON), ("events", EVENTS), ("lines", LINES)] {
            let own = seeds.responses(api, kind);
            if !own.is_empty() {
                let check = move |body: &[u8]| check(api, kind, body);
                let name = format!("response/{}/{name}", api.name());
                targets.push(Target { name, seeds: own, check: Box::new(check) });
            }
        }
    }
    targets.extend(framed(seeds));
    targets
}

/// Bedrock's streams, whose checksums mutation would only break: lines, that become messages.
fn framed(seeds: &Seeds) -> Vec<Target> {
    let converse = b"{\"role\":\"assistant\"}\n{\"contentBlockIndex\":0,\"start\":{\"toolUse\":{\"name\":\"f\",\"toolUseId\":\"t\"}}}\n{\"contentBlockIndex\":0,\"delta\":{\"text\":\"h\"}}\n{\"contentBlockIndex\":1,\"delta\":{\"reasoningContent\":{\"text\":\"r\"}}}\n{\"stopReason\":\"end_turn\"}\n{\"usage\":{\"inputTokens\":9,\"outputTokens\":4,\"cacheReadInputTokens\":2,\"cacheWriteInputTokens\":3}}\n!{\"message\":\"m\"}".to_vec();
    let titan = b"{\"outputText\":\"h\",\"index\":0}\n{\"outputText\":\"\",\"completionReason\":\"FINISH\",\"inputTextTokenCount\":4,\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":4,\"outputTokenCount\":7}}".to_vec();
    let claude = seeds.responses(Api::AnthropicMessages, EVENTS).into_iter().map(|events| {
        let lines = events.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data: "));
        lines.collect::<Vec<_>>().join(&b'\n')
    });
    let invoke: Vec<Vec<u8>> = claude.chain([titan]).collect();
    let raw: Vec<Vec<u8>> = std::iter::once(frames::stream(&converse, <[u8]>::to_vec))
        .chain(seeds.responses(Api::BedrockConverse, FRAMES))
        .collect();
    let target = |name: &str, seeds, check: fn(&[u8])| Target {
        name: format!("response/{name}"),
        seeds,
        check: Box::new(check),
    };
    vec![
        target("bedrock_converse/frames", vec![converse], |lines| {
            check(Api::BedrockConverse, FRAMES, &frames::stream(lines, <[u8]>::to_vec));
        }),
        target("bedrock_invoke/frames", invoke, |lines| {
            check(Api::BedrockInvoke, FRAMES, &frames::stream(lines, frames::wrapped));
        }),
        target("bedrock_converse/raw_frames", raw, |bytes| check(Api::BedrockConverse, FRAMES, bytes)),
    ]
}

/// Everything that a meter says in the end.
#[derive(Debug, PartialEq)]
struct Said {
    usage: Option<(tokens::Usage, bool)>,
    output: (u64, bool),
    unreported: (u64, bool),
    chunks: u64,
    model: Option<String>,
    reason: Option<(FinishReason, Option<String>)>,
    calls: u64,
    tier: Option<String>,
    extras: Extras,
    error: (bool, Option<String>),
    truncated: bool,
    unread: u64,
    streamed: bool,
}

fn check(api: Api, kind: &str, body: &[u8]) {
    let mut random = Random::of(body);
    let trailers = random.one_in(2);
    for strip in [false, true] {
        let (whole, client) = metered(api, kind, body, &[0, body.len()], strip, false);
        if !strip {
            assert!(client == body, "a response was changed");
        } else {
            assert!(is_subsequence(&client, body), "a client got bytes that the provider did not send");
        }
        for cuts in [random.cuts(body.len()), each_byte(body.len())] {
            let (pieces, passed) = metered(api, kind, body, &cuts, strip, trailers);
            assert_eq!(pieces, whole, "cut at {cuts:?}");
            assert!(passed == client, "other bytes to the client, cut at {cuts:?}");
        }
    }
}

fn each_byte(length: usize) -> Vec<usize> {
    // Every byte by itself where that is quick, else towards the end, where the figures are.
    let first = length.saturating_sub(3_000);
    std::iter::once(0).chain(first.max(1)..=length).collect()
}

fn metered(
    api: Api,
    kind: &str,
    body: &[u8],
    cuts: &[usize],
    strip_usage: bool,
    trailers: bool,
) -> (Said, Vec<u8>) {
    let header = |name: &str| match name {
        "content-type" => Some(kind.as_bytes()),
        // Of a length to be taken for a figure, or not.
        "x-amzn-bedrock-input-token-count" => body.get(body.len().saturating_sub(body.len() % 5)..),
        _ => None,
    };
    let mut meter =
        ResponseMeter::new(api, &ResponseHead { status: 200, header: &header }, MeterOptions { strip_usage });
    let mut client = Vec::with_capacity(body.len() + 1);
    for (number, ends) in cuts.windows(2).enumerate() {
        let piece = &body[ends[0]..ends[1]];
        let last = !trailers && number + 2 == cuts.len();
        let (passed, bytes) = peak(|| meter.feed(piece, last));
        assert!(bytes <= MOST + 2 * piece.len(), "{bytes} bytes of memory for a piece of {}", piece.len());
        match passed {
            Passed::Untouched => client.extend_from_slice(piece),
            Passed::Replaced(bytes) => client.extend_from_slice(&bytes),
        }
    }
    client.extend_from_slice(&meter.release());
    (said(&mut meter), client)
}

fn said(meter: &mut ResponseMeter) -> Said {
    let counted = |counted: wire::Counted| (counted.tokens, counted.exact);
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Said {
        usage: meter.usage().map(|reported| (reported.usage, reported.complete)),
        output: counted(meter.count_output(Encoding::O200kBase)),
        unreported: counted(meter.count_unreported(Encoding::O200kBase)),
        chunks: meter.output_chunks(),
        model: owned(meter.model()),
        reason: meter.finish_reason().map(|reason| (reason, owned(meter.raw_finish_reason()))),
        calls: meter.tool_calls(),
        tier: owned(meter.service_tier()),
        extras: meter.extras(),
        error: (meter.error_seen(), owned(meter.error())),
        truncated: meter.is_truncated(),
        unread: meter.unread_bytes(),
        streamed: meter.is_stream(),
    }
}

/// Whether the bytes of `part` are all in `whole`, in this order.
fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|other| other == byte))
}
