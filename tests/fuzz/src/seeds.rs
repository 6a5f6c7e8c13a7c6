//! Where mutation begins: recorded traffic, and a little of every form beside it, so that no target starts from nothing
//! where the recordings are absent.

use serde_json::Value;
use std::path::{Path, PathBuf};
use wire::{Api, recognise};

/// The largest body that is mutated: more takes time and finds nothing more.
const LARGEST: usize = 6_000;
/// How many recordings of a kind are enough.
const ENOUGH: usize = 24;

/// One exchange of the recordings.
pub(crate) struct Exchange {
    pub api: Api,
    pub content_type: String,
    pub request: Vec<u8>,
    pub response: Vec<u8>,
}

pub(crate) struct Seeds {
    exchanges: Vec<Exchange>,
    /// Paths of the recordings.
    pub paths: Vec<Vec<u8>>,
}

impl Seeds {
    pub(crate) fn read() -> Self {
        let mut seeds = Self { exchanges: Vec::new(), paths: Vec::new() };
        let Some(text) = corpus().and_then(|file| std::fs::read_to_string(file).ok()) else {
            println!("skipped: the corpus of recordings is absent, fuzzing starts from the built-in seeds");
            return seeds;
        };
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("a line of the corpus is JSON");
            let text = |name: &str| line[name].as_str().unwrap_or_default();
            let bytes = |name: &str| body(text(&format!("{name}_body")), text(&format!("{name}_encoding")));
            seeds.paths.push(text("path").into());
            let route =
                recognise(text("method").as_bytes(), text("path").as_bytes(), text("host").as_bytes());
            if let Some(route) = route {
                seeds.exchanges.push(Exchange {
                    api: route.api,
                    content_type: text("content_type").split(';').next().unwrap_or_default().to_owned(),
                    request: bytes("request"),
                    response: bytes("response"),
                });
            }
        }
        seeds
    }

    /// Requests of a format, the built-in ones first.
    pub(crate) fn requests(&self, api: Api) -> Vec<Vec<u8>> {
        let recorded = self.exchanges.iter().filter(|one| one.api == api).map(|one| one.request.clone());
        let own = built_in("request", api, "json").chain(built_in("request", api, "form"));
        own.chain(some(recorded)).collect()
    }

    /// Responses of a format and a media type, the built-in ones first.
    pub(crate) fn responses(&self, api: Api, content_type: &str) -> Vec<Vec<u8>> {
        let extension = match content_type {
            EVENTS => "events",
            LINES => "lines",
            _ => "json",
        };
        let recorded = self.exchanges.iter().filter(|one| one.api == api && one.content_type == content_type);
        built_in("response", api, extension).chain(some(recorded.map(|one| one.response.clone()))).collect()
    }
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENTS: &str = "text/event-stream";
pub(crate) const LINES: &str = "application/x-ndjson";
pub(crate) const FRAMES: &str = "application/vnd.amazon.eventstream";

/// The files `seeds/FOLDER/API.EXTENSION`, `API-2.EXTENSION` and so on: a little of everything that a format has.
fn built_in(folder: &str, api: Api, extension: &str) -> impl Iterator<Item = Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(folder);
    let names = (1..).map(move |number| match number {
        1 => format!("{}.{extension}", api.name()),
        _ => format!("{}-{number}.{extension}", api.name()),
    });
    names.map_while(move |name| std::fs::read(folder.join(name)).ok())
}

/// Some that are not too large, of all over the recordings.
fn some(bodies: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let bodies: Vec<Vec<u8>> = bodies
        .map(|mut body| {
            body.truncate(LARGEST);
            body
        })
        .collect();
    let step = bodies.len() / ENOUGH + 1;
    bodies.into_iter().step_by(step).collect()
}

fn body(text: &str, encoding: &str) -> Vec<u8> {
    if encoding == "base64" { unbase64(text) } else { text.as_bytes().to_vec() }
}

/// RFC 4648, of text that is known to be right.
fn unbase64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits =
            four.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - four.len()));
        let [_, a, b, c] = bits.to_be_bytes();
        [a, b, c].into_iter().take(four.len() - 1)
    });
    bytes.collect()
}

fn corpus() -> Option<PathBuf> {
    let configured = std::env::var_os("TOLLKEEPER_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/corpus"));
    configured.into_iter().chain(beside).map(|dir| dir.join("recorded.jsonl")).find(|file| file.is_file())
}
