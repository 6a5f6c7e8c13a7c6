//! How one call is steered by the one who sends it: a header `x-stand-in: key=value; key=value`, or the same after a
//! `?` in the model's name, for clients that can't send headers. A key that is not known is an error, so that a test
//! can't believe it steered what it did not.

use std::time::Duration;

/// The header that steers a call.
pub const HEADER: &str = "x-stand-in";

/// What a call asked of the stand-in. The default is a short, friendly, complete answer at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Steer {
    /// `tokens=N`: length of the visible answer, before the caller's own limit cuts it.
    pub tokens: usize,
    /// `text=…` (percent-encoded): the answer itself, instead of the built-in text.
    pub text: Option<String>,
    /// `reasoning=N`: tokens thought and billed, but not shown.
    pub reasoning: u64,
    /// `cached=N`: prompt tokens said to come from the cache.
    pub cached: u64,
    /// `scale=N`: a tokenizer of the provider's own, which makes N tokens of each.
    pub scale: u64,
    /// `seed=N`: of everything random (ids, obfuscation, cutting).
    pub seed: u64,
    /// `first_ms=N`: from the request to the first byte of the body (of a JSON answer: to its headers).
    pub first: Duration,
    /// `gap_ms=N`: between writes.
    pub gap: Duration,
    /// `write=event`, `write=batch:N`, `write=cut:N`: how events become writes.
    pub write: Write,
    /// `usage=last|with_choices|every|none`: where a stream carries its usage. `none` leaves it out of JSON too.
    pub usage: UsagePlace,
    /// `status=N`: refuse with this status, in OpenAI's error shape.
    pub status: Option<u16>,
    /// `retry_after=N`: seconds, as a header on a refusal.
    pub retry_after: Option<u64>,
    /// `refuse_stream_options`: an upstream that does not know the field, and says so with a 400.
    pub refuse_stream_options: bool,
    /// `reset=start`, `reset=N`: break the connection before the answer or after N writes of its body.
    pub reset: Option<usize>,
    /// `hang=start`, `hang=N`: say nothing more, likewise.
    pub hang: Option<usize>,
    /// `trailers`: end the answer with a trailer `x-stand-in-end: complete`.
    pub trailers: bool,
    /// `recording=ID`: the answer stored under this id, on any path; how it is written, broken off, ended or compressed
    /// is steered as ever.
    pub recording: Option<String>,
    /// `gzip`: compress if the caller accepts it; `gzip=always`: even if not.
    pub gzip: Gzip,
}

/// How the events of an answer are grouped into writes to the connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Write {
    /// One write an event.
    Event,
    /// So many events a write.
    Batch(usize),
    /// Random pieces of one to so many bytes, inside events and inside characters.
    Cut(usize),
}

/// Where a stream carries its usage, if its caller asked for usage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UsagePlace {
    /// OpenAI: in an extra chunk without choices before `[DONE]`.
    Last,
    /// Mistral and others: in the chunk that says why the answer ended.
    WithChoices,
    /// vLLM's `continuous_usage_stats`: cumulative, in every chunk, and in the extra one.
    Every,
    /// Nowhere, whatever the caller asked.
    None,
}

/// When an answer is compressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gzip {
    Never,
    IfAccepted,
    Always,
}

/// Before any byte of the answer, for `reset` and `hang`.
pub(crate) const START: usize = usize::MAX;

impl Default for Steer {
    fn default() -> Self {
        Self {
            tokens: 40,
            text: None,
            reasoning: 0,
            cached: 0,
            scale: 1,
            seed: 0,
            first: Duration::ZERO,
            gap: Duration::ZERO,
            write: Write::Event,
            usage: UsagePlace::Last,
            status: None,
            retry_after: None,
            refuse_stream_options: false,
            reset: None,
            hang: None,
            trailers: false,
            recording: None,
            gzip: Gzip::Never,
        }
    }
}

impl Steer {
    /// Reads `key=value; key=value` over the default. The error says which part was not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steer = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            steer.set(key.trim(), value.trim()).ok_or_else(|| format!("{HEADER}: can't read `{part}`"))?;
        }
        Ok(steer)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "tokens" => self.tokens = value.parse().ok()?,
            "text" => self.text = Some(percent_decode(value)?),
            "reasoning" => self.reasoning = value.parse().ok()?,
            "cached" => self.cached = value.parse().ok()?,
            "scale" => self.scale = value.parse().ok()?,
            "seed" => self.seed = value.parse().ok()?,
            "first_ms" => self.first = Duration::from_millis(value.parse().ok()?),
            "gap_ms" => self.gap = Duration::from_millis(value.parse().ok()?),
            "write" => self.write = Write::parse(value)?,
            "usage" => self.usage = UsagePlace::parse(value)?,
            "status" => self.status = Some(value.parse().ok()?),
            "retry_after" => self.retry_after = Some(value.parse().ok()?),
            "refuse_stream_options" => self.refuse_stream_options = flag(value)?,
            "reset" => self.reset = Some(writes(value)?),
            "hang" => self.hang = Some(writes(value)?),
            "recording" => self.recording = Some(percent_decode(value)?),
            "trailers" => self.trailers = flag(value)?,
            "gzip" if value == "always" => self.gzip = Gzip::Always,
            "gzip" if flag(value)? => self.gzip = Gzip::IfAccepted,
            _ => return None,
        }
        Some(())
    }
}

impl Write {
    fn parse(value: &str) -> Option<Self> {
        let (kind, size) = value.split_once(':').unwrap_or((value, ""));
        let size = || size.parse().ok().filter(|&size| size > 0);
        match kind {
            "event" => Some(Self::Event),
            "batch" => size().map(Self::Batch),
            "cut" => size().map(Self::Cut),
            _ => None,
        }
    }
}

impl UsagePlace {
    fn parse(value: &str) -> Option<Self> {
        match value {
            "last" => Some(Self::Last),
            "with_choices" => Some(Self::WithChoices),
            "every" => Some(Self::Every),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "" | "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn writes(value: &str) -> Option<usize> {
    if value == "start" { Some(START) } else { value.parse().ok() }
}

fn percent_decode(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_over_the_default() {
        let steer = Steer::parse("tokens=7; write=cut:5 ;gap_ms=3;refuse_stream_options;hang=start").unwrap();
        let expected = Steer {
            tokens: 7,
            write: Write::Cut(5),
            gap: Duration::from_millis(3),
            refuse_stream_options: true,
            hang: Some(START),
            ..Steer::default()
        };
        assert_eq!(steer, expected);
        assert_eq!(Steer::parse("").unwrap(), Steer::default());
    }

    #[test]
    fn a_text_may_hold_anything_once_encoded() {
        let steer = Steer::parse("text=a%3Bb%20%E2%82%AC; tokens=1").unwrap();
        assert_eq!(steer.text.as_deref(), Some("a;b €"));
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_names_it() {
        for wrong in ["tokans=7", "tokens=many", "write=cut:0", "usage=maybe", "text=%f", "trailers=2"] {
            assert!(Steer::parse(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
