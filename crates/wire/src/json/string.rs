//! A string as it stands in a JSON text: escaped, borrowed.

use std::borrow::Cow;

/// The longest key this crate looks for, with every byte written as `\u00xx`.
const LONGEST_KEY: usize = 40 * 6;

/// What stands between the quotes; its escapes have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Str<'a> {
    pub(crate) raw: &'a str,
    pub(crate) escaped: bool,
    /// Offset of the opening quote.
    pub(crate) at: usize,
}

impl<'a> Str<'a> {
    /// The string itself.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut text = String::with_capacity(self.raw.len());
        self.append_to(&mut text);
        Cow::Owned(text)
    }

    /// The string as a key to compare with names of ours: as [`Str::text`], but copies nothing that is too long for
    /// one.
    pub(crate) fn key(&self) -> Cow<'a, str> {
        if self.raw.len() > LONGEST_KEY { Cow::Borrowed(self.raw) } else { self.text() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Appends the string. Half a surrogate pair becomes U+FFFD, as in Python's and Go's encoders to UTF-8; so the
    /// result is never longer than the raw text.
    pub(crate) fn append_to(&self, out: &mut String) {
        let mut rest = self.raw;
        while let Some((plain, escape)) = rest.split_once('\\') {
            out.push_str(plain);
            rest = unescape(escape, out);
        }
        out.push_str(rest);
    }
}

/// Appends the character of the escape that `text` starts with (its backslash is gone); returns what follows it.
fn unescape<'a>(text: &'a str, out: &mut String) -> &'a str {
    let mut chars = text.chars();
    match chars.next() {
        Some('n') => out.push('\n'),
        Some('t') => out.push('\t'),
        Some('r') => out.push('\r'),
        Some('b') => out.push('\u{8}'),
        Some('f') => out.push('\u{c}'),
        Some('u') => return unescape_unicode(chars.as_str(), out),
        Some(itself) => out.push(itself),
        None => {}
    }
    chars.as_str()
}

fn unescape_unicode<'a>(text: &'a str, out: &mut String) -> &'a str {
    let (unit, rest) = code_unit(text);
    if matches!(unit, 0xD800..0xDC00) {
        let (low, after) = rest.strip_prefix("\\u").map_or((0, rest), code_unit);
        if matches!(low, 0xDC00..0xE000) {
            let scalar = (unit & 0x3FF).wrapping_shl(10).wrapping_add(0x1_0000) | (low & 0x3FF);
            out.push(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
            return after;
        }
    }
    out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}

fn code_unit(text: &str) -> (u32, &str) {
    let (hex, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    (u32::from_str_radix(hex, 16).unwrap_or(u32::MAX), rest)
}
