//! Images and recordings inside a request: their first bytes are looked at, the rest is never decoded.

use super::{Audio, Media};
use crate::json::Str;
use std::borrow::Cow;
use tokens::{ImageSize, Model, audio_milliseconds, audio_tokens, image_size};

/// Characters that are unescaped where the text is: some JSON writers escape every `/` of base64. An image's size stands
/// further back only behind large previews.
const MOST_UNESCAPED: usize = 64 * 1024;

/// The bytes of an inline image or recording, as they are or to be decoded one by one.
struct Inline<'a> {
    text: Cow<'a, [u8]>,
    is_base64: bool,
    /// How many bytes there are, also where the text is cut.
    length: usize,
}

impl<'a> Inline<'a> {
    fn of(media: Media<'a>) -> Option<Inline<'a>> {
        match media {
            Media::Bytes(bytes) => {
                Some(Inline { text: Cow::Borrowed(bytes), is_base64: false, length: bytes.len() })
            }
            Media::Base64(text) => Some(Inline::of_text(&text)),
            Media::Url(url) => {
                // RFC 2397: `data:image/png;base64,…`.
                let (head, data) = url.raw.strip_prefix("data:")?.split_once(',')?;
                head.ends_with(";base64").then(|| Inline::of_text(&Str { raw: data, ..url }))
            }
            Media::Elsewhere => None,
        }
    }

    fn of_text(text: &Str<'a>) -> Inline<'a> {
        let length = (text.raw.len() / 4).saturating_mul(3);
        if !text.escaped {
            return Inline { text: Cow::Borrowed(text.raw.as_bytes()), is_base64: true, length };
        }
        let end = (0..=text.raw.len().min(MOST_UNESCAPED)).rev().find(|at| text.raw.is_char_boundary(*at));
        let start = text.raw.get(..end.unwrap_or(0)).unwrap_or_default();
        let plain = Str { raw: start, ..*text }.text().into_owned();
        Inline { text: Cow::Owned(plain.into_bytes()), is_base64: true, length }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        if !self.is_base64 {
            return self.text.get(at).copied();
        }
        // Three bytes are four characters of six bits.
        let first = at.checked_div(3)?.checked_mul(4)?.checked_add(at % 3)?;
        let high = self.text.get(first).copied().and_then(sextet)?;
        let low = self.text.get(first.checked_add(1)?).copied().and_then(sextet)?;
        Some(match at % 3 {
            0 => high << 2 | low >> 4,
            1 => high << 4 | low >> 2,
            _ => high << 6 | low,
        })
    }
}

/// Six bits of base64 in either alphabet (RFC 4648): Gemini's clients write the one for URLs.
const fn sextet(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character.wrapping_sub(b'A'),
        b'a'..=b'z' => character.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => character.wrapping_sub(b'0').wrapping_add(52),
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// An image's size, where its bytes are in the request and of a format that is known.
pub(super) fn size(media: Media<'_>) -> Option<ImageSize> {
    let inline = Inline::of(media)?;
    image_size(|at| inline.byte(at))
}

/// Tokens of a recording, `None` where it is not in the request.
pub(super) fn sound(audio: &Audio<'_>, model: &Model) -> Option<u64> {
    let inline = Inline::of(audio.media)?;
    let milliseconds = match audio.format.as_ref().map(|format| format.raw) {
        // OpenAI's raw format: 24 kHz, 16 bits (guide "Realtime", "Audio formats").
        Some("pcm16") => (inline.length as u64).saturating_mul(1000).div_ceil(48_000),
        _ => audio_milliseconds(inline.length, |at| inline.byte(at)),
    };
    Some(audio_tokens(milliseconds, model.audio_per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first 24 bytes of a PNG of 640 x 480, encoded by Python's base64 module.
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg";

    fn text(raw: &str, escaped: bool) -> Str<'_> {
        Str { raw, escaped, at: 0 }
    }

    #[test]
    fn the_size_of_an_inline_image_is_found_without_decoding_it() {
        let url = format!("data:image/png;base64,{PNG}{}", "A".repeat(100));
        for media in [Media::Base64(text(PNG, false)), Media::Url(text(&url, false))] {
            assert_eq!(size(media), Some(ImageSize { width: 640, height: 480 }));
        }
    }

    #[test]
    fn a_linked_one_has_none_and_text_that_is_no_base64_neither() {
        for url in ["https://example.com/a.png", "data:image/png,abc", "data:image/png;base64,", "data:", ""]
        {
            assert_eq!(size(Media::Url(text(url, false))), None, "{url}");
        }
        for base64 in ["", "=", "iVBO", "iVBORw0K!!!!", "äöü"] {
            assert_eq!(size(Media::Base64(text(base64, false))), None, "{base64}");
        }
    }

    #[test]
    fn both_alphabets_and_escaped_slashes_are_read() {
        // A JPEG's first bytes, then a frame header of 540 x 360 (the bytes by Python's base64).
        let standard = "/9j/wAARCAFoAhwD";
        for (raw, escaped) in [(standard, false), ("_9j_wAARCAFoAhwD", false), ("\\/9j\\/wAARCAFoAhwD", true)]
        {
            assert_eq!(
                size(Media::Base64(text(raw, escaped))),
                Some(ImageSize { width: 540, height: 360 }),
                "{raw}"
            );
        }
    }

    #[test]
    fn a_recording_counts_by_its_length() {
        let model = Model::of("gpt-4o-audio-preview");
        let second = "A".repeat(64_000);
        let audio = Audio { format: Some(text("pcm16", false)), media: Media::Base64(text(&second, false)) };
        assert_eq!(sound(&audio, &model), Some(10));
    }
}
