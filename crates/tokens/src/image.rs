//! What an image costs: the size that its header says, and each provider's rule.

/// An image's width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    pub width: u32,
    pub height: u32,
}

/// How closely an image is looked at, where the request can say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Low,
    High,
    /// As large as it is (OpenAI since gpt-5.4).
    Original,
    /// As the provider thinks right: the default.
    Auto,
}

/// How a family of models counts images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageRule {
    /// OpenAI, guide "Images and vision" (November 2025): scaled into 2048 x 2048, then down to a shorter side of 768;
    /// a base, and so much for each tile of 512 pixels.
    Tiles { base: u16, tile: u16 },
    /// OpenAI, the same guide: patches of 32 pixels, scaled down to a budget of patches, times a factor in hundredths.
    Patches { budget: u16, percent: u16 },
    /// Anthropic, guide "Vision" (2026): patches of 28 pixels, scaled down to a longest edge and a number of tokens.
    /// Before, the guide said `width * height / 750`, which is the same within a percent.
    Claude { edge: u16, tokens: u16 },
    /// Gemini 1.5 to 2.5, guide "Understand and count tokens" (2025): 258 tokens up to 384 x 384, else 258 a tile.
    /// The overview beside the tiles is recorded (540 x 360: 7 times 258).
    GeminiTiles,
    /// Gemini 3, guide "Media resolution" (November 2025): 280, 560 or 1120 tokens, whatever the size.
    GeminiFixed,
    /// Not documented.
    Unknown,
}

/// Where nothing is known of an image or of the rule: the usual picture of 1024 x 1024 on gpt-4o costs 765, on Claude
/// 1369, on Gemini 2 up to 1290.
const USUAL: u64 = 1300;

impl ImageRule {
    /// Tokens of an image; of a usual one where its size is not known.
    #[must_use]
    pub fn tokens(self, size: Option<ImageSize>, detail: Detail) -> u64 {
        let size = size.filter(|size| size.width > 0 && size.height > 0);
        let (w, h) = size.map_or((1024, 1024), |size| (u64::from(size.width), u64::from(size.height)));
        match self {
            ImageRule::Tiles { base, tile } => {
                let tiles = if detail == Detail::Low { 0 } else { tiles(w, h) };
                u64::from(base).saturating_add(u64::from(tile).saturating_mul(tiles))
            }
            ImageRule::Patches { budget, percent } => {
                let budget = match detail {
                    Detail::Original if budget > 1536 => 10_000,
                    _ => u64::from(budget),
                };
                patches(w, h, 32, budget).saturating_mul(u64::from(percent)) / 100
            }
            ImageRule::Claude { edge, tokens } => {
                let (edge, tokens) = (u64::from(edge), u64::from(tokens));
                let longest = w.max(h);
                let (w, h) = if longest > edge {
                    (scaled(w, edge, longest), scaled(h, edge, longest))
                } else {
                    (w, h)
                };
                patches(w, h, 28, tokens)
            }
            ImageRule::GeminiTiles if w <= 384 && h <= 384 => 258,
            ImageRule::GeminiTiles => {
                let unit = (w.min(h).saturating_mul(2) / 3).clamp(256, 768);
                let tiles = w.div_ceil(unit).saturating_mul(h.div_ceil(unit));
                // Larger ones are scaled down; the guides do not say to what.
                tiles.saturating_add(1).min(50).saturating_mul(258)
            }
            ImageRule::GeminiFixed if detail == Detail::Low => 280,
            ImageRule::GeminiFixed => 1120,
            ImageRule::Unknown => USUAL,
        }
    }
}

/// `value * to / from`, at least 1.
fn scaled(value: u64, to: u64, from: u64) -> u64 {
    value.saturating_mul(to).checked_div(from).unwrap_or(0).max(1)
}

/// Tiles of 512 pixels after scaling down.
fn tiles(w: u64, h: u64) -> u64 {
    let longest = w.max(h);
    let (w, h) = if longest > 2048 { (scaled(w, 2048, longest), scaled(h, 2048, longest)) } else { (w, h) };
    let shortest = w.min(h);
    let (w, h) = if shortest > 768 { (scaled(w, 768, shortest), scaled(h, 768, shortest)) } else { (w, h) };
    w.div_ceil(512).saturating_mul(h.div_ceil(512))
}

/// Patches of `side` pixels, after scaling down to at most `budget` of them with the aspect ratio kept: one of the two
/// edges then is a whole number of patches.
fn patches(w: u64, h: u64, side: u64, budget: u64) -> u64 {
    let whole = w.div_ceil(side.max(1)).saturating_mul(h.div_ceil(side.max(1)));
    if whole <= budget {
        return whole;
    }
    let (w, h) = (w.max(1), h.max(1));
    let across = scaled(budget, w, h).isqrt().max(1);
    let down = scaled(budget, h, w).isqrt().max(1);
    let wide = across.min(down.saturating_mul(w).div_ceil(h)).max(1);
    let high = down.min(across.saturating_mul(h).div_ceil(w)).max(1);
    wide.saturating_mul(high).min(budget)
}

/// The size that an image's header says: PNG, JPEG, GIF, WebP. `byte` gives its bytes by their position, so that only
/// those are decoded that are looked at.
#[must_use]
pub fn image_size(byte: impl Fn(usize) -> Option<u8>) -> Option<ImageSize> {
    let bytes = Bytes(byte);
    let size = match bytes.at::<4>(0)? {
        [0x89, b'P', b'N', b'G'] => {
            bytes.sized(u32::from_be_bytes(bytes.at(16)?), u32::from_be_bytes(bytes.at(20)?))
        }
        [b'G', b'I', b'F', b'8'] => bytes
            .sized(u32::from(u16::from_le_bytes(bytes.at(6)?)), u32::from(u16::from_le_bytes(bytes.at(8)?))),
        [0xFF, 0xD8, ..] => bytes.jpeg(),
        [b'R', b'I', b'F', b'F'] => bytes.webp(),
        _ => None,
    };
    size.filter(|size| size.width > 0 && size.height > 0)
}

struct Bytes<F>(F);

impl<F: Fn(usize) -> Option<u8>> Bytes<F> {
    fn at<const N: usize>(&self, start: usize) -> Option<[u8; N]> {
        let mut out = [0; N];
        for (place, offset) in out.iter_mut().zip(0usize..) {
            *place = (self.0)(start.checked_add(offset)?)?;
        }
        Some(out)
    }

    #[expect(clippy::unused_self, reason = "reads like the others")]
    const fn sized(&self, width: u32, height: u32) -> Option<ImageSize> {
        Some(ImageSize { width, height })
    }

    /// From segment to segment (ITU-T T.81, annex B) to the frame header. A file has a few dozen; one made to be slow
    /// is given up.
    fn jpeg(&self) -> Option<ImageSize> {
        let mut at = 2usize;
        for _ in 0..1024 {
            let [mark, kind] = self.at(at)?;
            if mark != 0xFF {
                return None;
            }
            match kind {
                // Fill bytes, and markers without a length.
                0xFF => at = at.checked_add(1)?,
                0x01 | 0xD0..=0xD8 => at = at.checked_add(2)?,
                0xC0..=0xCF if !matches!(kind, 0xC4 | 0xC8 | 0xCC) => {
                    let height = u16::from_be_bytes(self.at(at.checked_add(5)?)?);
                    let width = u16::from_be_bytes(self.at(at.checked_add(7)?)?);
                    return self.sized(u32::from(width), u32::from(height));
                }
                // The data begin, or end, without a frame header.
                0xD9 | 0xDA => return None,
                _ => {
                    let length = u16::from_be_bytes(self.at(at.checked_add(2)?)?);
                    at = at.checked_add(usize::from(length.max(2)))?.checked_add(2)?;
                }
            }
        }
        None
    }

    /// The WebP container specification (RFC 9649).
    fn webp(&self) -> Option<ImageSize> {
        if self.at(8)? != *b"WEBP" {
            return None;
        }
        match self.at(12)? {
            [b'V', b'P', b'8', b' '] => {
                let width = u16::from_le_bytes(self.at(26)?) & 0x3FFF;
                let height = u16::from_le_bytes(self.at(28)?) & 0x3FFF;
                self.sized(u32::from(width), u32::from(height))
            }
            [b'V', b'P', b'8', b'L'] => {
                let bits = u32::from_le_bytes(self.at(21)?);
                self.sized((bits & 0x3FFF).saturating_add(1), ((bits >> 14) & 0x3FFF).saturating_add(1))
            }
            [b'V', b'P', b'8', b'X'] => {
                let edge = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]).saturating_add(1);
                self.sized(edge(self.at(24)?), edge(self.at(27)?))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const GPT_4O: ImageRule = ImageRule::Tiles { base: 85, tile: 170 };

    fn of(rule: ImageRule, width: u32, height: u32, detail: Detail) -> u64 {
        rule.tokens(Some(ImageSize { width, height }), detail)
    }

    // The examples of OpenAI's guide "Images and vision".
    #[test]
    fn tiles_and_patches_are_those_of_openais_examples() {
        assert_eq!(of(GPT_4O, 1024, 1024, Detail::High), 765);
        assert_eq!(of(GPT_4O, 2048, 4096, Detail::High), 1105);
        assert_eq!(of(GPT_4O, 4096, 8192, Detail::Low), 85);
        let one = ImageRule::Patches { budget: 1536, percent: 100 };
        assert_eq!(of(one, 1024, 1024, Detail::Auto), 1024);
        assert_eq!(of(one, 1800, 2400, Detail::Auto), 1452);
    }

    // Measured by users with the API and told in OpenAI's forum: 128 x 64 pixels on gpt-4o cost a tile, 1600 x 1600 on
    // gpt-5-mini 1521 patches.
    #[test]
    fn so_are_users_measurements() {
        assert_eq!(of(GPT_4O, 128, 64, Detail::High), 85 + 170);
        assert_eq!(of(ImageRule::Patches { budget: 1536, percent: 100 }, 1600, 1600, Detail::High), 1521);
    }

    // Anthropic's guide: 1000 x 1000 costs 1296 by patches of 28 pixels; the largest have 1568 tokens.
    #[test]
    fn claudes_images_are_those_of_anthropics_guide() {
        let rule = ImageRule::Claude { edge: 1568, tokens: 1568 };
        assert_eq!(of(rule, 1000, 1000, Detail::Auto), 1296);
        assert_eq!(of(rule, 200, 200, Detail::Auto), 64);
        assert!((1_500..=1568).contains(&of(rule, 8000, 8000, Detail::Auto)));
        assert!(of(rule, 8000, 10, Detail::Auto) <= 56);
    }

    // 540 x 360 is recorded with 1806 tokens on gemini-2.0-flash.
    #[test]
    fn geminis_tiles_are_those_of_a_recording() {
        assert_eq!(of(ImageRule::GeminiTiles, 384, 384, Detail::Auto), 258);
        assert_eq!(of(ImageRule::GeminiTiles, 540, 360, Detail::Auto), 1806);
    }

    #[test]
    fn no_size_is_too_large_or_too_small_for_any_rule() {
        let rules = [
            GPT_4O,
            ImageRule::Patches { budget: 1536, percent: 246 },
            ImageRule::Patches { budget: 2500, percent: 120 },
            ImageRule::Claude { edge: 1568, tokens: 1568 },
            ImageRule::GeminiTiles,
            ImageRule::GeminiFixed,
            ImageRule::Unknown,
        ];
        let sides = [0, 1, 2, 27, 31, 513, 2049, 65_535, u32::MAX];
        for rule in rules {
            for (width, height) in sides.iter().flat_map(|w| sides.map(|h| (*w, h))) {
                for detail in [Detail::Low, Detail::High, Detail::Original, Detail::Auto] {
                    let tokens = of(rule, width, height, detail);
                    assert!((1..=25_000).contains(&tokens), "{rule:?} {width}x{height}: {tokens}");
                }
            }
        }
    }

    fn size(bytes: &[u8]) -> Option<(u32, u32)> {
        image_size(|at| bytes.get(at).copied()).map(|size| (size.width, size.height))
    }

    /// Headers as the formats' specifications lay them out.
    fn headers() -> Vec<(Vec<u8>, (u32, u32))> {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &[0, 0, 2, 0x80, 0, 0, 1, 0xE0]].concat();
        let gif = [b"GIF89a".as_slice(), &[0x40, 1, 0xC8, 0]].concat();
        let jpeg = [
            &[0xFF, 0xD8, 0xFF, 0xE0, 0, 16][..],
            &[0; 14],
            &[0xFF, 0xFF, 0xFE, 0, 4, 1, 2],
            &[0xFF, 0xC2, 0, 17, 8, 0x01, 0x68, 0x02, 0x1C, 3],
        ]
        .concat();
        let lossy = [b"RIFF\0\0\0\0WEBPVP8 ".as_slice(), &[0; 10], &[0x26, 2, 0x70, 1]].concat();
        let lossless = [b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".as_slice(), &[0x8F, 0x01, 0x4B, 0x00]].concat();
        let extended = [b"RIFF\0\0\0\0WEBPVP8X".as_slice(), &[0; 8], &[0x7F, 2, 0, 0xDF, 1, 0]].concat();
        Vec::from([
            (png, (640, 480)),
            (gif, (320, 200)),
            (jpeg, (540, 360)),
            (lossy, (550, 368)),
            (lossless, (400, 301)),
            (extended, (640, 480)),
        ])
    }

    #[test]
    fn sizes_are_read_from_headers() {
        for (bytes, expected) in headers() {
            assert_eq!(size(&bytes), Some(expected), "{:?}", bytes.get(..16));
        }
    }

    #[test]
    fn cut_and_damaged_headers_give_no_size_or_some_size_and_never_a_panic() {
        let mut seed = 7u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        for (bytes, _) in headers() {
            for end in 0..bytes.len() {
                let _ = size(&bytes[..end]);
            }
            for _ in 0..20_000 {
                let mut damaged = bytes.clone();
                for _ in 0..=random() % 4 {
                    let at = random() as usize % damaged.len();
                    damaged[at] = random() as u8;
                }
                let _ = size(&damaged);
            }
        }
        // Segments without end, each of length 2.
        assert_eq!(image_size(|at| Some(if at == 1 { 0xD8 } else { 0xFF })), None);
        assert_eq!(image_size(|_| Some(0xFF)), None);
        assert_eq!(image_size(|_| None), None);
    }
}
