//! Where one unit of a stream ends and the next begins.

/// A larger unit is passed on like any other, but not read.
const LARGEST: usize = 256 * 1024;

/// Lengths and checksums of a message without headers and payload.
const LEAST_MESSAGE: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// A JSON document a line.
    Lines,
    /// A JSON array.
    Array,
    /// AWS's binary event stream.
    Messages,
}

impl Framing {
    /// By the media type, with or without parameters; `None` for one that says nothing.
    pub(super) fn of(content_type: &[u8]) -> Option<Framing> {
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        match essence.to_ascii_lowercase().as_slice() {
            b"text/event-stream" => Some(Framing::Events),
            b"application/vnd.amazon.eventstream" => Some(Framing::Messages),
            b"application/x-ndjson"
            | b"application/ndjson"
            | b"application/jsonl"
            | b"application/x-jsonlines"
            | b"application/stream+json" => Some(Framing::Lines),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Units {
    framing: Framing,
    /// The unfinished unit, or the one that was finished last.
    kept: Vec<u8>,
    finished: bool,
    /// Bytes of the unit, kept or not.
    size: usize,
    /// Bytes of its line, without line ends.
    line: usize,
    json: Depth,
}

/// How deep inside a JSON text its last byte is.
#[derive(Clone, Copy, Debug, Default)]
struct Depth {
    open: u32,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Whether this byte closes an item of the outermost array.
    fn closes_item(&mut self, byte: u8) -> bool {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.open = self.open.saturating_add(1),
            b']' | b'}' => {
                self.open = self.open.saturating_sub(1);
                return self.open == 1;
            }
            _ => {}
        }
        false
    }
}

/// A finished unit.
#[derive(Debug)]
pub(super) struct Unit<'u> {
    framing: Framing,
    bytes: &'u [u8],
}

impl Units {
    pub(super) const fn new(framing: Framing) -> Units {
        let json = Depth { open: 0, in_string: false, escaped: false };
        Units { framing, kept: Vec::new(), finished: false, size: 0, line: 0, json }
    }

    /// How many bytes up to the end of the unit; `None` if all of them belong to it and it is not finished.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        if std::mem::take(&mut self.finished) {
            self.kept.clear();
            self.size = 0;
        }
        let end = self.end(bytes);
        let taken = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
        self.size = self.size.saturating_add(taken.len());
        if self.size <= LARGEST {
            self.kept.extend_from_slice(taken);
        }
        self.finished = end.is_some();
        end
    }

    /// The finished unit, unless it was too large to be kept.
    pub(super) fn unit(&self) -> Option<Unit<'_>> {
        let whole = self.finished && self.size <= LARGEST;
        whole.then_some(Unit { framing: self.framing, bytes: &self.kept })
    }

    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let last = match self.framing {
            Framing::Events => bytes.iter().position(|byte| self.ends_event(*byte)),
            Framing::Lines => bytes.iter().position(|byte| *byte == b'\n'),
            Framing::Array => bytes.iter().position(|byte| self.json.closes_item(*byte)),
            Framing::Messages => return self.message_end(bytes),
        };
        last.map(|last| last.saturating_add(1))
    }

    /// An event ends with an empty line. Lines that end by carriage returns alone, which nobody sends, are none here.
    fn ends_event(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' => std::mem::take(&mut self.line) == 0,
            b'\r' => false,
            _ => {
                self.line = self.line.saturating_add(1);
                false
            }
        }
    }

    /// A message says its length first. One that can't be right is the end of all order.
    fn message_end(&self, bytes: &[u8]) -> Option<usize> {
        let before = self.kept.iter().take(4);
        let length: Vec<u8> = before.chain(bytes).take(4).copied().collect();
        let length = u32::from_be_bytes(length.try_into().ok()?);
        let length = usize::try_from(length).ok().filter(|length| *length >= LEAST_MESSAGE)?;
        let left = length.checked_sub(self.size)?;
        (left > 0 && left <= bytes.len()).then_some(left)
    }
}

impl Unit<'_> {
    pub(super) const fn framing(&self) -> Framing {
        self.framing
    }

    pub(super) fn ends_with(&self, end: &[u8]) -> bool {
        self.bytes.ends_with(end)
    }

    /// The JSON in it.
    pub(super) fn data(&self, read: impl FnOnce(&str)) {
        let Ok(text) = str::from_utf8(self.bytes) else { return };
        match self.framing {
            Framing::Events => {
                let lines = text.split('\n').filter_map(|line| line.strip_prefix("data:"));
                let data: Vec<&str> = lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect();
                match data.as_slice() {
                    [] => {}
                    [one] => read(one),
                    several => read(&several.join("\n")),
                }
            }
            Framing::Lines => read(text),
            Framing::Array => read(text.trim_start_matches(['[', ',', ' ', '\r', '\n', '\t'])),
            Framing::Messages => {}
        }
    }

    /// The event type and the payload of a message.
    pub(super) fn message(&self, read: impl FnOnce(&str, &str)) {
        let Some((kind, payload)) = self.parts() else { return };
        read(kind, payload);
    }

    /// Source: "Event stream encoding" in the Smithy specification. Lengths of message and headers and their checksum;
    /// headers, each a name, a type (7: a string) and a value; payload; checksum.
    fn parts(&self) -> Option<(&str, &str)> {
        let headers = u32::from_be_bytes(*self.bytes.get(4..)?.first_chunk::<4>()?);
        let (headers, payload) = self.bytes.get(12..)?.split_at_checked(usize::try_from(headers).ok()?)?;
        let payload = payload.get(..payload.len().checked_sub(4)?)?;
        let mut rest = headers;
        loop {
            let (name, after) =
                rest.split_first().and_then(|(n, after)| after.split_at_checked((*n).into()))?;
            let (7, after) = after.split_first().map(|(kind, after)| (*kind, after))? else { return None };
            let (length, after) = after.split_first_chunk::<2>()?;
            let (value, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            if name == b":event-type" {
                return Some((str::from_utf8(value).ok()?, str::from_utf8(payload).ok()?));
            }
            rest = after;
        }
    }
}
