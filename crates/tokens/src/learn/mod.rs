//! Models whose tokenizer is not carried: an estimate that learns from what their providers report.
//!
//! What a prompt counts with `o200k_base` and OpenAI's framing is the raw figure. A model's own is taken to be
//!
//! > `ratio · text + overhead + base (+ tools, where there are any)`
//!
//! where `text` is weighted by script beforehand ([`prior`]), because tokenizers differ by script far more than by
//! content. The three unknowns start at what is known of the model's family, and each reported figure moves them by a
//! Kalman filter with a diagonal covariance: a small prompt teaches the constants, a large one the ratio, and the more
//! is known the less a figure moves. An error of more than three standard deviations counts as three (Huber's rule), so
//! that a provider's slip or a prompt with something hidden in it does little; it also makes the filter less sure of
//! itself, so that a provider that did change something is followed.
//!
//! Beside it a histogram of how the figures compared with the estimates made before they were known gives a quantile,
//! for reservations that must hold.
//!
//! All integers, so that every worker computes the same; [`Learned::BYTES`] bytes a model.

mod histogram;
mod prior;
#[cfg(test)]
mod tests;

use crate::{Model, Scripts};
use core::ops::RangeInclusive;
use histogram::Histogram;
use prior::Prior;

/// What there is to know of a prompt before its provider counts it. Images and recordings are left out: they have rules
/// of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// Tokens of its texts.
    pub text: u64,
    /// In which scripts they are.
    pub scripts: Scripts,
    /// Tokens around messages and tools, by OpenAI's rules.
    pub overhead: u64,
    /// Whether tools are on offer.
    pub has_tools: bool,
}

/// What has been learned of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    prior: &'static Prior,
    samples: u16,
    /// In 1/65536.
    ratio: Unknown,
    /// In 1/16 tokens.
    base: Unknown,
    tools: Unknown,
    histogram: Histogram,
}

/// A value and how unsure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unknown {
    value: i32,
    /// Of the ratio in 2^-20, of the constants in square tokens.
    variance: u32,
}

const ONE: i32 = 1 << 16;
/// No prompt has more: larger figures are a mistake, and do not fit the arithmetic.
const LARGEST: u64 = 1 << 24;
/// Below this the filter would stop following a provider that changes something: a ratio's deviation of 0.5 %, a token.
const LEAST_RATIO_VARIANCE: u32 = 26;
const LEAST_VARIANCE: u32 = 1;
/// Above this nothing more is to be unsure of: a ratio's deviation of 50 %, 4,000 tokens.
const MOST_RATIO_VARIANCE: u32 = 1 << 18;
const MOST_VARIANCE: u32 = 1 << 24;
/// How much texts of a kind differ from those of another, in percent of the figure: Claude's recordings do by 10.
const NOISE_PERCENT: i128 = 6;
/// The deviations at which an error is cut off.
const CUT: i128 = 3;
/// Figures before the quantile counts for anything: fewer than a hundred say nothing of the hundredth.
const ENOUGH: u32 = 100;

impl Learned {
    /// Bytes of [`Learned::to_bytes`].
    pub const BYTES: usize = 28 + Histogram::BYTES;
    const VERSION: u8 = 1;

    /// What is known of a model by its name alone.
    #[must_use]
    pub fn of(model: &Model) -> Learned {
        let prior = Prior::of(model);
        Learned {
            prior,
            samples: 0,
            ratio: Unknown { value: ONE, variance: prior.ratio_variance },
            base: Unknown { value: prior.base.saturating_mul(16), variance: prior.base_variance },
            tools: Unknown { value: prior.tools.saturating_mul(16), variance: prior.tools_variance },
            histogram: Histogram::default(),
        }
    }

    /// Figures learned from, up to 65,535.
    #[must_use]
    pub const fn samples(&self) -> u16 {
        self.samples
    }

    /// The tokens a prompt will most likely be reported with, at least 1.
    #[must_use]
    pub fn estimate(&self, raw: &Raw) -> u64 {
        let text = i64::try_from(self.text(raw)).unwrap_or(i64::MAX);
        let of_text = text.saturating_mul(i64::from(self.ratio.value)) >> 16;
        let mut constants = i64::from(self.base.value);
        if raw.has_tools {
            constants = constants.saturating_add(i64::from(self.tools.value));
        }
        let overhead = i64::try_from(raw.overhead.min(LARGEST)).unwrap_or(0);
        let all = of_text.saturating_add(overhead).saturating_add(constants >> 4);
        u64::try_from(all).unwrap_or(0).max(1)
    }

    /// Tokens that a prompt will hardly exceed: of the prompts seen, at most one in a hundred would have. `None` until
    /// enough were seen, or where they were too wild to say.
    #[must_use]
    pub fn upper(&self, raw: &Raw) -> Option<u64> {
        (self.histogram.total() >= ENOUGH).then(|| self.histogram.upper(self.estimate(raw))).flatten()
    }

    /// Takes a reported figure to heart: the whole prompt's, with what came from a cache, without images and sound.
    pub fn learn(&mut self, raw: &Raw, reported: u64) {
        if reported == 0 || reported > LARGEST || raw.text > LARGEST {
            return;
        }
        let estimate = self.estimate(raw);
        self.histogram.record(estimate, reported);
        self.samples = self.samples.saturating_add(1);
        let signed = |tokens: u64| i128::from(tokens.min(LARGEST));
        let (text, tools) = (signed(self.text(raw)), i128::from(raw.has_tools));

        // How much of the error's variance each unknown explains, in square tokens; the rest is a figure's own noise.
        let by_ratio = i128::from(self.ratio.variance).saturating_mul(text).saturating_mul(text) >> 20;
        let by_base = i128::from(self.base.variance);
        let by_tools = i128::from(self.tools.variance).saturating_mul(tools);
        let noise = signed(estimate).saturating_mul(NOISE_PERCENT) / 100;
        let all = by_ratio
            .saturating_add(by_base)
            .saturating_add(by_tools)
            .saturating_add(noise.saturating_mul(noise))
            .saturating_add(2);
        let most = all.checked_isqrt().unwrap_or(0).saturating_mul(CUT);
        let error = signed(reported).saturating_sub(signed(estimate));
        let cut = error.saturating_abs() > most;
        let error = error.clamp(most.saturating_neg(), most);
        let figure = Figure { error, all, cut };

        // Error times variance times text, from 2^-20 to 1/65536.
        let of_ratio = i128::from(self.ratio.variance).saturating_mul(text) >> 4;
        self.ratio.learn(figure, of_ratio, by_ratio, LEAST_RATIO_VARIANCE..=MOST_RATIO_VARIANCE);
        // No tokenizer is outside of a quarter to four times another, whatever the figures say.
        self.ratio.value = self.ratio.value.clamp(ONE / 4, ONE.saturating_mul(4));
        self.base.learn(figure, by_base.saturating_mul(16), by_base, LEAST_VARIANCE..=MOST_VARIANCE);
        self.tools.learn(figure, by_tools.saturating_mul(16), by_tools, LEAST_VARIANCE..=MOST_VARIANCE);
    }

    /// The texts' tokens as the family's tokenizer is expected to count them.
    fn text(&self, raw: &Raw) -> u64 {
        self.prior.weigh(raw.text.min(LARGEST), &raw.scripts)
    }

    /// For a place that all workers share.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Learned::BYTES] {
        let mut bytes = [0; Learned::BYTES];
        let mut rest = bytes.as_mut_slice();
        let mut put = |part: &[u8]| {
            if let Some((place, after)) = core::mem::take(&mut rest).split_at_mut_checked(part.len()) {
                place.copy_from_slice(part);
                rest = after;
            }
        };
        put(&[Learned::VERSION, 0]);
        put(&self.samples.to_le_bytes());
        for unknown in [self.ratio, self.base, self.tools] {
            put(&unknown.value.to_le_bytes());
            put(&unknown.variance.to_le_bytes());
        }
        self.histogram.counts().for_each(|count| put(&count.to_le_bytes()));
        bytes
    }

    /// What [`Learned::to_bytes`] wrote for the same model; `None` for anything else.
    #[must_use]
    pub fn from_bytes(model: &Model, bytes: &[u8]) -> Option<Learned> {
        if bytes.len() != Learned::BYTES || bytes.first() != Some(&Learned::VERSION) {
            return None;
        }
        let mut learned = Learned::of(model);
        let (samples, rest) = bytes.get(2..)?.split_first_chunk::<2>()?;
        learned.samples = u16::from_le_bytes(*samples);
        let mut rest = rest;
        for unknown in [&mut learned.ratio, &mut learned.base, &mut learned.tools] {
            let (value, after) = rest.split_first_chunk::<4>()?;
            let (variance, after) = after.split_first_chunk::<4>()?;
            *unknown = Unknown { value: i32::from_le_bytes(*value), variance: u32::from_le_bytes(*variance) };
            rest = after;
        }
        if !(ONE / 4..=ONE.saturating_mul(4)).contains(&learned.ratio.value) {
            return None;
        }
        learned.histogram = Histogram::from_bytes(rest)?;
        Some(learned)
    }
}

/// What one reported figure says.
#[derive(Clone, Copy)]
struct Figure {
    error: i128,
    /// The variance that was expected of it.
    all: i128,
    /// Whether the error was larger, and was cut off.
    cut: bool,
}

impl Unknown {
    /// Moves by its gain (`covariance / all`) times the error. Then it is surer by what it `explains` of the variance, or,
    /// where the error was cut off, less sure.
    fn learn(&mut self, figure: Figure, covariance: i128, explains: i128, range: RangeInclusive<u32>) {
        let step = figure.error.saturating_mul(covariance).checked_div(figure.all).unwrap_or(0);
        let moved = i128::from(self.value).saturating_add(step);
        // 2^28 sixteenths are the largest prompt.
        self.value = i32::try_from(moved.clamp(-(1 << 28), 1 << 28)).unwrap_or(self.value);
        let variance = i128::from(self.variance);
        let share = variance.saturating_mul(explains).checked_div(figure.all).unwrap_or(0);
        let variance =
            if figure.cut { variance.saturating_add(share / 2) } else { variance.saturating_sub(share) };
        self.variance = u32::try_from(variance).unwrap_or(u32::MAX).clamp(*range.start(), *range.end());
    }
}
