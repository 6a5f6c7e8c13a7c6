//! AWS's event stream, written by an encoder of its own: "Event stream encoding" in Amazon Transcribe's and S3 Select's
//! documentation.

/// One message: `:event-type` or `:exception-type`, and a payload.
pub(crate) fn frame(kind: (&str, &str), payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    let message = if kind.0 == ":event-type" { "event" } else { "exception" };
    for (name, value) in [kind, (":content-type", "application/json"), (":message-type", message)] {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(7); // a string
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = (16 + headers.len() + payload.len()) as u32;
    let mut bytes = total.to_be_bytes().to_vec();
    bytes.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(&headers);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

/// A stream of the lines of an input, each in a message of its own. A line of an exception begins with `!`.
pub(crate) fn stream(lines: &[u8], wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let messages = lines.split(|byte| *byte == b'\n').flat_map(|line| match line.split_first() {
        Some((b'!', line)) => frame((":exception-type", "throttlingException"), line),
        _ => frame((":event-type", "chunk"), &wrap(line)),
    });
    messages.collect()
}

/// As InvokeModel's stream has it: the model's own event in base64.
pub(crate) fn wrapped(event: &[u8]) -> Vec<u8> {
    format!(r#"{{"bytes":"{}","p":"abc"}}"#, base64(event)).into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
