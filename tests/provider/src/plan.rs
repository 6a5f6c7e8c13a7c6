//! From a request and its steering to everything that will be written: decided before the first byte is sent, so
//! that sending is only a matter of time and of who hangs up.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::answer::Answer;
use crate::billing::{Usage, prompt_tokens, vocabulary};
use crate::chat::Chat;
use crate::random::Random;
use crate::replay::Recording;
use crate::shape::{Choice, Chunk, Completion, Delta, Message};
use crate::steer::{Gzip, Steer, UsagePlace, Write};

/// An answer ready to be sent.
#[derive(Debug)]
pub(crate) struct Plan {
    pub id: Option<String>,
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Whether it comes piece by piece.
    pub streamed: bool,
    pub writes: Vec<Planned>,
    /// Absent for a recorded answer: what it cost is known to the one who recorded it.
    pub bill: Option<Bill>,
}

/// One write to the connection.
#[derive(Debug, PartialEq)]
pub(crate) struct Planned {
    pub bytes: Bytes,
    /// Events, and tokens shown, that are complete once this write is out.
    pub events: u64,
    pub tokens: u64,
}

/// What the answer costs, by how many of its tokens went out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bill {
    prompt: u64,
    cached: u64,
    reasoning: u64,
    visible: u64,
    /// Tokens that each of these is billed as.
    scale: u64,
}

impl Bill {
    pub(crate) fn whole(&self) -> Usage {
        self.after(self.visible)
    }

    pub(crate) fn after(&self, visible: u64) -> Usage {
        let [prompt, cached, visible, reasoning] =
            [self.prompt, self.cached, visible, self.reasoning].map(|tokens| tokens * self.scale);
        Usage::new(prompt, cached, visible, reasoning)
    }
}

struct Event {
    bytes: Vec<u8>,
    tokens: u64,
}

/// `number` tells apart the ids of calls with the same seed.
pub(crate) fn plan(chat: &Chat, steer: &Steer, accepts_gzip: bool, number: u64) -> Plan {
    let mut random = Random::new(steer.seed);
    let id = format!("chatcmpl-{}{number:06}", random.letters(23));
    let bpe = vocabulary(&chat.model);
    let answer = Answer::new(bpe, steer.tokens, steer.text.as_deref(), steer.reasoning, chat.limit);
    let n = chat.n as u64;
    let bill = Bill {
        prompt: prompt_tokens(bpe, &chat.body),
        cached: steer.cached,
        reasoning: answer.reasoning * n,
        visible: answer.tokens() * n,
        scale: steer.scale,
    };

    let mut events = if chat.stream {
        stream(chat, steer, &answer, &bill, &id, &mut random)
    } else {
        let usage = (steer.usage != UsagePlace::None).then(|| bill.whole());
        let mut bytes = serde_json::to_vec_pretty(&completion(chat, &answer, usage, &id)).unwrap_or_default();
        bytes.push(b'\n');
        vec![Event { bytes, tokens: bill.visible }]
    };
    let content_type = if chat.stream { "text/event-stream; charset=utf-8" } else { "application/json" };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", content_type),
        ("x-request-id", &format!("req_{number:032x}")),
        ("openai-version", "2020-10-01"),
        ("openai-processing-ms", &steer.first.as_millis().to_string()),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-reset-requests", "6ms"),
    ] {
        headers.extend(HeaderValue::from_str(value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
    compress(&mut events, steer, accepts_gzip, &mut headers);
    Plan {
        id: Some(id),
        status: StatusCode::OK,
        headers,
        streamed: chat.stream,
        writes: writes(&events, steer.write, &mut random),
        bill: Some(bill),
    }
}

/// The plan of a recorded answer.
pub(crate) fn replay(recording: &Recording, steer: &Steer, accepts_gzip: bool) -> Plan {
    let mut events = vec![Event { bytes: recording.body.to_vec(), tokens: 0 }];
    let mut headers = recording.headers.clone();
    compress(&mut events, steer, accepts_gzip, &mut headers);
    Plan {
        id: None,
        status: recording.status,
        headers,
        streamed: recording.streamed(),
        writes: writes(&events, steer.write, &mut Random::new(steer.seed)),
        bill: None,
    }
}

fn completion<'a>(chat: &'a Chat, answer: &Answer, usage: Option<Usage>, id: &'a str) -> Completion<'a> {
    let choice = |index| Choice {
        index,
        message: Some(Message { role: "assistant", content: answer.text(), refusal: None, annotations: [] }),
        delta: None,
        logprobs: None,
        finish_reason: Some(finish_reason(answer)),
    };
    Completion {
        id,
        object: "chat.completion",
        created: now(),
        model: chat.served_model(),
        choices: (0..chat.n).map(choice).collect(),
        usage,
        service_tier: "default",
        system_fingerprint: FINGERPRINT,
    }
}

fn stream(
    chat: &Chat,
    steer: &Steer,
    answer: &Answer,
    bill: &Bill,
    id: &str,
    random: &mut Random,
) -> Vec<Event> {
    let created = now();
    let usage = match steer.usage {
        UsagePlace::None => None,
        UsagePlace::WithChoices => Some(UsagePlace::WithChoices),
        place => chat.include_usage.then_some(place),
    };
    let (mut events, mut shown) = (Vec::new(), 0);
    let mut say = |choice: Option<Choice>, tokens: u64, figures: Option<Usage>| {
        shown += tokens;
        let figures = match usage {
            Some(UsagePlace::Every) => Some(Some(bill.after(shown))),
            Some(_) => Some(figures),
            None => None,
        };
        let chunk = Chunk {
            id,
            object: "chat.completion.chunk",
            created,
            model: chat.served_model(),
            service_tier: "default",
            system_fingerprint: FINGERPRINT,
            choices: choice.into_iter().collect(),
            usage: figures,
            obfuscation: chat.obfuscation.then(|| random.padding()),
        };
        let chunk = serde_json::to_string(&chunk).unwrap_or_default();
        events.push(Event { bytes: format!("data: {chunk}\n\n").into_bytes(), tokens });
    };
    let choice = |index, delta, finish_reason| Choice {
        index,
        message: None,
        delta: Some(delta),
        logprobs: None,
        finish_reason,
    };

    for index in 0..chat.n {
        say(Some(choice(index, Delta::opening(), None)), 0, None);
    }
    for (text, tokens) in &answer.pieces {
        for index in 0..chat.n {
            say(Some(choice(index, Delta::content(text), None)), *tokens, None);
        }
    }
    for index in 0..chat.n {
        let last = index + 1 == chat.n && usage == Some(UsagePlace::WithChoices);
        let figures = last.then(|| bill.whole());
        say(Some(choice(index, Delta::default(), Some(finish_reason(answer)))), 0, figures);
    }
    if matches!(usage, Some(UsagePlace::Last | UsagePlace::Every)) {
        say(None, 0, Some(bill.whole()));
    }
    events.push(Event { bytes: b"data: [DONE]\n\n".to_vec(), tokens: 0 });
    events
}

/// One gzip stream over all events, if it is wanted; flushed after each, as a proxy does that must not hold events back.
fn compress(events: &mut [Event], steer: &Steer, accepts_gzip: bool, headers: &mut HeaderMap) {
    match steer.gzip {
        Gzip::IfAccepted if accepts_gzip => {}
        Gzip::Always => {}
        _ => return,
    }
    headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for event in events.iter_mut() {
        // Writing to memory can't fail.
        let _ = gzip.write_all(&event.bytes).and_then(|()| gzip.flush());
        event.bytes = std::mem::take(gzip.get_mut());
    }
    if let (Some(last), Ok(end)) = (events.last_mut(), gzip.finish()) {
        last.bytes.extend(end);
    }
}

fn writes(events: &[Event], how: Write, random: &mut Random) -> Vec<Planned> {
    let bytes: Bytes = events.iter().flat_map(|event| event.bytes.iter().copied()).collect();
    // Where each event ends, and the tokens shown up to there.
    let ends: Vec<(usize, u64)> = events
        .iter()
        .scan((0, 0), |(end, tokens), event| {
            *end += event.bytes.len();
            *tokens += event.tokens;
            Some((*end, *tokens))
        })
        .collect();
    let cuts: Vec<usize> = match how {
        Write::Event => ends.iter().map(|(end, _)| *end).collect(),
        Write::Batch(size) => {
            ends.chunks(size).filter_map(|batch| batch.last()).map(|(end, _)| *end).collect()
        }
        Write::Cut(size) => std::iter::successors(Some(0), |&at| {
            (at < bytes.len()).then(|| (at + 1 + random.below(size)).min(bytes.len()))
        })
        .skip(1)
        .collect(),
    };
    let mut from = 0;
    let write = |cut: usize| {
        let done = ends.partition_point(|(end, _)| *end <= cut);
        let tokens = done.checked_sub(1).map_or(0, |last| ends[last].1);
        Planned { bytes: bytes.slice(std::mem::replace(&mut from, cut)..cut), events: done as u64, tokens }
    };
    cuts.into_iter().map(write).collect()
}

fn finish_reason(answer: &Answer) -> &'static str {
    if answer.cut { "length" } else { "stop" }
}

const FINGERPRINT: &str = "fp_07871e2ad8";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
