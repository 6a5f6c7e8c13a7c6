//! Other inputs from known ones: by bytes, which break everything, and by JSON values, which keep what surrounds them
//! whole and so get further in.

use crate::Random;
use serde_json::{Map, Value, json};

/// The largest input that is made. Growth finds nothing more beyond it; [`swell`] is for that.
const LARGEST: usize = 32 << 10;

/// What readers trip over.
const TOKENS: &[&[u8]] = &[
    b"\n\n",
    b"\r\n\r\n",
    b"\r",
    b"\n",
    b"data: ",
    b"data:",
    b"event: error\n",
    b": comment\n",
    b"[DONE]",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f\x99",
    b"\0",
    b"\\u0000",
    b"\\ud83d",
    b"\\ude42",
    b"\\",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"1e999",
    b"-0",
    b"-1",
    b"0.1e-400",
    b"18446744073709551616",
    b"99999999999999999999999",
    b"{}",
    b"[]",
    b"[[[[[[[[[[[[[[[[",
    b"--toll\r\n",
    b"--toll--",
    b"\"usage\":",
    b"\"usage\":{",
    b"\"model\":\"",
];

/// A mutation of one of the seeds, sometimes with pieces of another.
#[must_use]
pub fn mutate(random: &mut Random, seeds: &[Vec<u8>], keys: &[String]) -> Vec<u8> {
    let mut input = random.pick(seeds).cloned().unwrap_or_default();
    let other = random.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..=random.below(4) {
        if random.one_in(2) {
            by_value(random, &mut input, &other, keys);
        } else {
            by_bytes(random, &mut input, &other);
        }
        input.truncate(LARGEST);
    }
    input
}

/// A seed with one span of it repeated until it is about so long.
#[must_use]
pub fn swell(random: &mut Random, seed: &[u8], length: usize) -> Vec<u8> {
    let (start, end) = span(random, seed.len());
    let piece = if start == end { &b"x"[..] } else { &seed[start..end] };
    let middle = piece.iter().copied().cycle().take(length / piece.len() * piece.len());
    seed[..end].iter().copied().chain(middle).chain(seed[end..].iter().copied()).collect()
}

/// All names of members in the JSON of these inputs.
#[must_use]
pub fn keys(inputs: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for input in inputs {
        for (start, end) in documents(input) {
            if let Ok(value) = serde_json::from_slice::<Value>(&input[start..end]) {
                collect(&value, &mut found);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            keys.push(key.clone());
            collect(value, keys);
        }),
        Value::Array(list) => list.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}

fn span(random: &mut Random, length: usize) -> (usize, usize) {
    let start = random.below(length + 1);
    // Short ones mostly: they keep more whole.
    let most = if random.one_in(2) { 8 } else { length };
    (start, (start + random.below(most + 1)).min(length))
}

fn by_bytes(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    let (start, end) = span(random, input.len());
    match random.below(9) {
        0 if !input.is_empty() => {
            let at = random.below(input.len());
            input[at] ^= 1 << random.below(8);
        }
        1 if !input.is_empty() => {
            let at = random.below(input.len());
            input[at] = random.number() as u8;
        }
        2 => input.truncate(start),
        3 => drop(input.drain(start..end)),
        4 => {
            let piece = input[start..end].to_vec();
            let at = random.below(input.len() + 1);
            input.splice(at..at, piece);
        }
        5 => {
            let (from, to) = span(random, other.len());
            input.splice(start..end, other[from..to].iter().copied());
        }
        6 => {
            let piece = input[start..end].repeat(1 + random.below(60));
            input.splice(start..end, piece.into_iter().take(LARGEST));
        }
        _ => {
            let token = random.pick(TOKENS).copied().unwrap_or_default();
            let end = if random.one_in(2) { start } else { end };
            input.splice(start..end, token.iter().copied());
        }
    }
}

/// Changes a value in one of the JSON documents of the input.
fn by_value(random: &mut Random, input: &mut Vec<u8>, other: &[u8], keys: &[String]) {
    let Some((start, end)) = random.pick(&documents(input)).copied() else {
        return by_bytes(random, input, other);
    };
    let Ok(mut value) = serde_json::from_slice::<Value>(&input[start..end]) else {
        return by_bytes(random, input, other);
    };
    let graft = random
        .pick(&documents(other))
        .and_then(|&(start, end)| serde_json::from_slice(&other[start..end]).ok());
    let graft = random.one_in(4).then(|| graft.map(|value: Value| any_node(random, &value))).flatten();
    change(random, &mut value, graft, keys);
    let mut text = if random.one_in(8) { format!("{value:#}") } else { value.to_string() };
    if random.one_in(8) {
        text = text.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect();
    }
    // An event or a line must not be broken by the change.
    if start > 0 || end < input.len() {
        text = text.replace('\n', " ");
    }
    input.splice(start..end, text.into_bytes());
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// The places of the JSON documents in it: the whole, or what lines hold, after `data:` or not.
fn documents(input: &[u8]) -> Vec<(usize, usize)> {
    let trimmed = input.trim_ascii_start();
    if matches!(trimmed.first(), Some(b'{' | b'['))
        && serde_json::from_slice::<serde_json::value::Value>(input).is_ok()
    {
        return vec![(0, input.len())];
    }
    let mut at = 0;
    let lines = input.split_inclusive(|byte| *byte == b'\n');
    let found = lines.filter_map(|line| {
        let start = at;
        at += line.len();
        let skip = if line.starts_with(b"data:") { 5 } else { 0 };
        let first = line.iter().skip(skip).position(|byte| !byte.is_ascii_whitespace())? + skip;
        let last = line.iter().rposition(|byte| !byte.is_ascii_whitespace())? + 1;
        matches!(line.get(first), Some(b'{' | b'[')).then_some((start + first, start + last))
    });
    found.collect()
}

/// A copy of some value within.
fn any_node(random: &mut Random, value: &Value) -> Value {
    let inner = match value {
        Value::Array(list) => random.pick(list),
        Value::Object(map) => random.pick(&map.values().collect::<Vec<_>>()).copied(),
        _ => None,
    };
    match inner {
        Some(inner) if !random.one_in(3) => any_node(random, inner),
        _ => value.clone(),
    }
}

fn change(random: &mut Random, value: &mut Value, graft: Option<Value>, keys: &[String]) {
    let deeper = !random.one_in(4);
    match value {
        Value::Array(list) if deeper && !list.is_empty() => {
            let at = random.below(list.len());
            change(random, &mut list[at], graft, keys);
        }
        Value::Object(map) if deeper && !map.is_empty() => {
            let at = random.below(map.len());
            if let Some(inner) = map.values_mut().nth(at) {
                change(random, inner, graft, keys);
            }
        }
        Value::Array(list) => change_list(random, list, graft, keys),
        Value::Object(map) => change_map(random, map, graft, keys),
        _ => *value = graft.unwrap_or_else(|| scalar(random, keys)),
    }
}

fn change_list(random: &mut Random, list: &mut Vec<Value>, graft: Option<Value>, keys: &[String]) {
    let at = random.below(list.len() + 1);
    match random.below(4) {
        0 if at < list.len() => drop(list.remove(at)),
        1 if at < list.len() => {
            let copies = vec![list[at].clone(); 1 + random.below(20)];
            list.splice(at..at, copies);
        }
        2 => list.reverse(),
        _ => list.insert(at, graft.unwrap_or_else(|| scalar(random, keys))),
    }
}

fn change_map(random: &mut Random, map: &mut Map<String, Value>, graft: Option<Value>, keys: &[String]) {
    let own = map.keys().nth(random.below(map.len())).cloned();
    let new = random.pick(keys).cloned().unwrap_or_else(|| "model".to_owned());
    match (random.below(5), own) {
        (0, Some(own)) => drop(map.remove(&own)),
        (1, Some(own)) => {
            if let Some(value) = map.remove(&own) {
                map.insert(new, value);
            }
        }
        // The same name in other letters, which some readers take for the same.
        (2, Some(own)) => {
            let value = map.get(&own).cloned().unwrap_or_default();
            map.insert(own.to_uppercase(), value);
        }
        (3, Some(own)) => {
            map.insert(own, graft.unwrap_or_else(|| scalar(random, keys)));
        }
        _ => {
            map.insert(new, graft.unwrap_or_else(|| scalar(random, keys)));
        }
    }
}

fn scalar(random: &mut Random, keys: &[String]) -> Value {
    match random.below(14) {
        0 => Value::Null,
        1 => random.one_in(2).into(),
        2 => 0.into(),
        3 => (-1).into(),
        4 => u64::MAX.into(),
        5 => i64::MIN.into(),
        6 => json!(1e300),
        7 => json!(0.1),
        8 => (random.number() % 100_000).into(),
        9 => json!([]),
        10 => json!({}),
        11 => random.pick(keys).cloned().unwrap_or_default().into(),
        12 => "é🙂\u{0}\"\\ text ".repeat(1 + random.below(300)).into(),
        _ => (0..random.below(300)).fold(json!("deep"), |inner, _| {
            if random.one_in(2) { json!([inner]) } else { json!({"a": inner}) }
        }),
    }
}
