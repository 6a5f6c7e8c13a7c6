//! A provider's figures, and the disjoint classes that follow from them.

use tokens::Usage;

/// What a figure counts. Providers cut the same whole in different ways: the names say what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The prompt, what came from a cache included.
    Prompt,
    /// The prompt without what was read from a cache or written to one.
    Uncached,
    /// Prompt that came up during the call: results of the provider's own tools.
    ToolPrompt,
    /// The output, reasoning included.
    Output,
    /// The output without its reasoning, unless the total says otherwise.
    Answer,
    Total,
    CacheRead,
    /// The same figure under another name; the larger one counts.
    CacheReadToo,
    CacheWrite,
    CacheWriteShort,
    CacheWriteLong,
    AudioIn,
    ImageIn,
    /// Images of the prompt that are not in the prompt's figure.
    ImagesBeside,
    CachedAudio,
    CachedImage,
    /// Reasoning, as part of the output.
    Reasoning,
    /// Reasoning, beside the answer.
    Thoughts,
    AudioOut,
    /// What went through the model, for where nothing is said of what is billed.
    ProcessedPrompt,
    ProcessedOutput,
    ProcessedCached,
}

const FIGURES: usize = Figure::ProcessedCached as usize + 1;

/// The figures given so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    given: [Option<u64>; FIGURES],
    /// It is billed by another measure than tokens.
    measured: bool,
    changed: bool,
}

impl Figures {
    pub(super) fn clear(&mut self) {
        *self = Figures::default();
    }

    pub(super) fn set(&mut self, figure: Figure, n: u64) {
        if let Some(place) = self.given.get_mut(figure as usize) {
            *place = Some(n);
            self.changed = true;
        }
    }

    pub(super) fn add(&mut self, figure: Figure, n: u64) {
        self.set(figure, self.or_zero(figure).saturating_add(n));
    }

    /// There are figures, if not in tokens.
    pub(super) fn measured(&mut self) {
        self.measured = true;
        self.changed = true;
    }

    /// Whether there is news since this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn get(&self, figure: Figure) -> Option<u64> {
        self.given.get(figure as usize).copied().flatten()
    }

    fn or_zero(&self, figure: Figure) -> u64 {
        self.get(figure).unwrap_or(0)
    }

    /// The classes; `None` where no figure says anything of a whole. Zero is a figure.
    ///
    /// Subsets are taken out of their totals one after the other, never more than is left: the classes always add up
    /// to the provider's totals, also where its details contradict them (OpenRouter has reported 11 reasoning tokens
    /// of 10).
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut usage = Usage::default();
        let has_input = self.input(&mut usage);
        let has_output = self.output(&mut usage);
        (has_input || has_output || self.measured).then_some(usage)
    }

    fn input(&self, usage: &mut Usage) -> bool {
        if let Some(uncached) = self.get(Figure::Uncached) {
            self.input_beside_cache(uncached, usage);
            return true;
        }
        let (output, total) = (self.get(Figure::Output), self.get(Figure::Total));
        let prompt = self
            .get(Figure::Prompt)
            .or_else(|| Some(total?.saturating_sub(output?)))
            .or_else(|| self.get(Figure::ProcessedPrompt));
        let (whole, found) = (prompt.unwrap_or(0), prompt.is_some());
        let cached = self.or_zero(Figure::CacheRead).max(self.or_zero(Figure::CacheReadToo));
        let cached = cached.max(self.or_zero(Figure::ProcessedCached));
        let (short, long) = self.written();
        // Where more was read from and written to the cache than there is prompt, what was written was also read
        // (Gemini through OpenRouter: 2,161 each of 2,168): it counts as read.
        let overlap = cached.saturating_add(short).saturating_add(long) > whole;
        let short = if overlap { short.saturating_sub(cached) } else { short };
        let mut left = whole;
        usage.cache_read = take(&mut left, cached);
        usage.cache_write_5m = take(&mut left, short);
        usage.cache_write_1h = take(&mut left, long);
        let not_cached = |all: Figure, cached: Figure| self.or_zero(all).saturating_sub(self.or_zero(cached));
        usage.audio_in = take(&mut left, not_cached(Figure::AudioIn, Figure::CachedAudio));
        usage.image_in = take(&mut left, not_cached(Figure::ImageIn, Figure::CachedImage));
        usage.image_in = usage.image_in.saturating_add(self.or_zero(Figure::ImagesBeside));
        usage.uncached_input = left.saturating_add(self.or_zero(Figure::ToolPrompt));
        found || self.get(Figure::ToolPrompt).is_some() || self.get(Figure::ImagesBeside).is_some()
    }

    /// Anthropic, Bedrock, Cohere: what came from the cache is not in the input.
    fn input_beside_cache(&self, uncached: u64, usage: &mut Usage) {
        let (short, long) = self.written();
        usage.uncached_input = uncached;
        usage.cache_read = self.or_zero(Figure::CacheRead).max(self.or_zero(Figure::CacheReadToo));
        usage.cache_write_5m = short;
        usage.cache_write_1h = long;
        usage.image_in = self.or_zero(Figure::ImagesBeside);
    }

    /// What was written to a cache, for minutes and for longer. What is in no part lives for minutes.
    fn written(&self) -> (u64, u64) {
        let (short, long) = (self.or_zero(Figure::CacheWriteShort), self.or_zero(Figure::CacheWriteLong));
        (short.max(self.or_zero(Figure::CacheWrite).saturating_sub(long)), long)
    }

    fn output(&self, usage: &mut Usage) -> bool {
        let prompt = self.or_zero(Figure::Prompt).saturating_add(self.or_zero(Figure::ToolPrompt));
        let total = self.get(Figure::Total);
        let (answer, thoughts) = (self.get(Figure::Answer), self.get(Figure::Thoughts));
        if answer.is_some() || thoughts.is_some() {
            let (answer, thoughts) = (answer.unwrap_or(0), thoughts.unwrap_or(0));
            // Where prompt and answer already are the total, the answer has the reasoning in it.
            let included = total == Some(prompt.saturating_add(answer));
            self.split_output(answer, thoughts, included, usage);
            return true;
        }
        let rest_of_total = || Some(total?.saturating_sub(prompt));
        let output = self.get(Figure::Output).or_else(rest_of_total);
        let Some(output) = output.or_else(|| self.get(Figure::ProcessedOutput)) else { return false };
        let reasoning = self.or_zero(Figure::Reasoning);
        // xAI has the reasoning beside the completion; the total tells.
        let beside = reasoning > 0
            && self.get(Figure::Prompt).is_some()
            && total == Some(prompt.saturating_add(output).saturating_add(reasoning));
        self.split_output(output, reasoning, !beside, usage);
        true
    }

    fn split_output(&self, output: u64, reasoning: u64, included: bool, usage: &mut Usage) {
        let mut left = output;
        usage.reasoning = if included { take(&mut left, reasoning) } else { reasoning };
        usage.audio_out = take(&mut left, self.or_zero(Figure::AudioOut));
        usage.output_visible = left;
    }
}

fn take(left: &mut u64, part: u64) -> u64 {
    let taken = part.min(*left);
    *left = left.saturating_sub(taken);
    taken
}

/// A count as providers write it: some write whole numbers with a fraction (`12.0`), Cohere always. `None` where it
/// is no number.
pub(super) fn count(written: &str) -> Option<u64> {
    let whole = written.parse().ok();
    // A negative figure becomes 0, one beyond u64 its largest: `as` saturates.
    whole.or_else(|| written.parse::<f64>().ok().map(|n| n.round() as u64))
}
