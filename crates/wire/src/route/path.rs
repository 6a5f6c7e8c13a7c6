//! A path as lenient servers read it, so that no spelling of a metered path goes by unmetered.

use std::borrow::Cow;
use std::ops::Range;

/// A path without its query: percent-encoding decoded once, empty and `.` segments and matrix parameters (`;x=y`) left
/// out, `..` resolved. It starts with a slash before each segment.
pub(super) struct Normal<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// For each of the bytes where it stands in the path as it was sent; absent where that is the same place.
    origin: Option<Vec<Range<usize>>>,
}

impl<'a> Normal<'a> {
    pub(super) fn of(path: &'a [u8]) -> Normal<'a> {
        let path = path.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
        if is_plain(path) {
            let path = path.strip_suffix(b"/").unwrap_or(path);
            return Normal { bytes: Cow::Borrowed(path), origin: None };
        }
        let decoded = decoded(path);
        let (mut bytes, mut origin) = (Vec::with_capacity(decoded.len()), Vec::with_capacity(decoded.len()));
        for segment in decoded.split(|(byte, _)| *byte == b'/') {
            let mut name = segment.iter().map(|(byte, _)| *byte);
            match (name.next(), name.next(), name.next()) {
                (None | Some(b'.'), None, _) => {}
                (Some(b'.'), Some(b'.'), None) => {
                    let parent = bytes.iter().rposition(|b| *b == b'/').unwrap_or(0);
                    bytes.truncate(parent);
                    origin.truncate(parent);
                }
                _ => {
                    bytes.push(b'/');
                    origin.push(0..0);
                    bytes.extend(segment.iter().map(|(byte, _)| *byte));
                    origin.extend(segment.iter().map(|(_, sent)| sent.clone()));
                }
            }
        }
        Normal { bytes: Cow::Owned(bytes), origin: Some(origin) }
    }

    /// Where a stretch of it stands in the path as it was sent.
    pub(super) fn sent(&self, stretch: Range<usize>) -> Option<Range<usize>> {
        let Some(origin) = &self.origin else { return Some(stretch) };
        let stretch = origin.get(stretch)?;
        Some(stretch.first()?.start..stretch.last()?.end)
    }
}

fn is_plain(path: &[u8]) -> bool {
    path.starts_with(b"/")
        && !path.iter().any(|b| matches!(b, b'%' | b';'))
        && !path.windows(2).any(|pair| matches!(pair, b"//" | b"/."))
}

/// Each byte with the stretch of `path` that it stands for; matrix parameters are gone.
fn decoded(path: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut decoded = Vec::with_capacity(path.len());
    let (mut at, mut in_parameters) = (0usize, false);
    while let Some(byte) = path.get(at).copied() {
        let hex = path.get(at.saturating_add(1)..).and_then(|rest| rest.first_chunk::<2>());
        let (value, width) = match hex.filter(|_| byte == b'%').and_then(|hex| hex_byte(*hex)) {
            Some(value) => (value, 3),
            None => (byte, 1),
        };
        let end = at.saturating_add(width);
        in_parameters = (in_parameters || byte == b';') && byte != b'/';
        if !in_parameters {
            decoded.push((value, at..end));
        }
        at = end;
    }
    decoded
}

fn hex_byte([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)?.wrapping_shl(4) | digit(low)?)
}
