//! In which scripts a text is, roughly and fast: tokenizers differ by that.

/// Bytes of a text by script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// ASCII, and letters up to U+07FF: Latin, Greek, Cyrillic, Hebrew, Arabic.
    pub latin: u64,
    /// U+4000 to U+9FFF.
    pub han: u64,
    /// U+3000 to U+3FFF: kana, and the punctuation around them.
    pub kana: u64,
    /// Everything else: Indic scripts, Thai, Hangul, emoji.
    pub other: u64,
}

impl Scripts {
    /// Adds a text.
    pub fn add(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let (mut han, mut kana, mut other) = (0u64, 0u64, 0u64);
        if !bytes.is_ascii() {
            // The first byte of a character tells its block: those of three bytes begin with E0 to EF, of four with F0.
            for byte in bytes {
                han = han.saturating_add(u64::from(matches!(byte, 0xE4..=0xE9)));
                kana = kana.saturating_add(u64::from(*byte == 0xE3));
                other = other.saturating_add(u64::from(matches!(byte, 0xE0..=0xE2 | 0xEA..=0xFF)));
            }
        }
        let bytes = bytes.len() as u64;
        let [han, kana, other] = [han, kana, other].map(|characters| characters.saturating_mul(3));
        let rest = bytes.saturating_sub(han).saturating_sub(kana).saturating_sub(other);
        self.latin = self.latin.saturating_add(rest);
        self.han = self.han.saturating_add(han);
        self.kana = self.kana.saturating_add(kana);
        self.other = self.other.saturating_add(other);
    }

    /// All bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.latin.saturating_add(self.han).saturating_add(self.kana).saturating_add(self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::Scripts;

    #[test]
    fn bytes_go_to_their_script() {
        let mut scripts = Scripts::default();
        for text in ["plain", "Größe", "你好", "かな。", "नमस्ते", ""] {
            scripts.add(text);
        }
        assert_eq!(scripts, Scripts { latin: 5 + 7, han: 6, kana: 9, other: 18 });
    }
}
