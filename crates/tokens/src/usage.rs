//! What a call consumed, in classes that never overlap.

/// A kind of token that has a price of its own.
///
/// Providers report overlapping figures (OpenAI's `prompt_tokens` include the cached ones); these classes do not
/// overlap, so sums over them are right and every token is priced once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenClass {
    UncachedInput,
    CacheRead,
    CacheWrite5m,
    CacheWrite1h,
    AudioIn,
    ImageIn,
    OutputVisible,
    Reasoning,
    AudioOut,
}

impl TokenClass {
    pub const ALL: [TokenClass; 9] = [
        TokenClass::UncachedInput,
        TokenClass::CacheRead,
        TokenClass::CacheWrite5m,
        TokenClass::CacheWrite1h,
        TokenClass::AudioIn,
        TokenClass::ImageIn,
        TokenClass::OutputVisible,
        TokenClass::Reasoning,
        TokenClass::AudioOut,
    ];

    /// The name in stats, the ledger and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TokenClass::UncachedInput => "uncached_input",
            TokenClass::CacheRead => "cache_read",
            TokenClass::CacheWrite5m => "cache_write_5m",
            TokenClass::CacheWrite1h => "cache_write_1h",
            TokenClass::AudioIn => "audio_in",
            TokenClass::ImageIn => "image_in",
            TokenClass::OutputVisible => "output_visible",
            TokenClass::Reasoning => "reasoning",
            TokenClass::AudioOut => "audio_out",
        }
    }

    /// Whether the class is part of the prompt.
    #[must_use]
    pub const fn is_input(self) -> bool {
        !matches!(self, TokenClass::OutputVisible | TokenClass::Reasoning | TokenClass::AudioOut)
    }
}

/// Tokens of one call (or a sum of calls), one field a class. Sums saturate: a count is never small by wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub uncached_input: u64,
    pub cache_read: u64,
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
    pub audio_in: u64,
    pub image_in: u64,
    pub output_visible: u64,
    pub reasoning: u64,
    pub audio_out: u64,
}

impl Usage {
    #[must_use]
    pub const fn get(&self, class: TokenClass) -> u64 {
        match class {
            TokenClass::UncachedInput => self.uncached_input,
            TokenClass::CacheRead => self.cache_read,
            TokenClass::CacheWrite5m => self.cache_write_5m,
            TokenClass::CacheWrite1h => self.cache_write_1h,
            TokenClass::AudioIn => self.audio_in,
            TokenClass::ImageIn => self.image_in,
            TokenClass::OutputVisible => self.output_visible,
            TokenClass::Reasoning => self.reasoning,
            TokenClass::AudioOut => self.audio_out,
        }
    }

    /// Every class with its tokens, zeros included, in the order of [`TokenClass::ALL`].
    pub fn classes(&self) -> impl Iterator<Item = (TokenClass, u64)> + '_ {
        TokenClass::ALL.iter().map(|&class| (class, self.get(class)))
    }

    /// All prompt tokens, cached or not.
    #[must_use]
    pub fn input(&self) -> u64 {
        self.sum(TokenClass::is_input)
    }

    /// All generated tokens, visible or not.
    #[must_use]
    pub fn output(&self) -> u64 {
        self.sum(|class| !class.is_input())
    }

    #[must_use]
    pub fn total(&self) -> u64 {
        self.sum(|_| true)
    }

    /// Class by class.
    #[must_use]
    pub const fn saturating_add(self, other: Usage) -> Usage {
        Usage {
            uncached_input: self.uncached_input.saturating_add(other.uncached_input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write_5m: self.cache_write_5m.saturating_add(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            audio_in: self.audio_in.saturating_add(other.audio_in),
            image_in: self.image_in.saturating_add(other.image_in),
            output_visible: self.output_visible.saturating_add(other.output_visible),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            audio_out: self.audio_out.saturating_add(other.audio_out),
        }
    }

    fn sum(&self, wanted: impl Fn(TokenClass) -> bool) -> u64 {
        self.classes().filter(|(class, _)| wanted(*class)).fold(0, |sum, (_, n)| u64::saturating_add(sum, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_add_up_to_input_and_output() {
        let usage =
            Usage { uncached_input: 7, cache_read: 20, output_visible: 3, reasoning: 40, ..Usage::default() };
        assert_eq!((usage.input(), usage.output(), usage.total()), (27, 43, 70));
    }

    #[test]
    fn sums_saturate_instead_of_wrapping() {
        let usage = Usage { uncached_input: u64::MAX, output_visible: 5, ..Usage::default() };
        assert_eq!(usage.total(), u64::MAX);
    }
}
