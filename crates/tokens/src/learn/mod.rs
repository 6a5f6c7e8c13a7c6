//! Models whose tokenizer is not carried: an estimate that learns from what their providers report.
//!
//! What a prompt counts with `o200k_base` and OpenAI's framing is the raw figure. A model's own is taken to be
//!
//! > `ratio · text + overhead + base (+ tools, where there are any)`
//!
//! where `text` is weighted by script beforehand ([`prior`]), because tokenizers differ by script far more than by
//! content. The three unknowns start at what is known of the model's family, and each reported figure moves them by a
//! Kalman filter: a small prompt teaches the constants, a large one the ratio, and the more is known the less a figure
//! moves. An error of more than three standard deviations counts as three (Huber's rule), so
//! that a provider's slip or a prompt with something hidden in it does little; it also makes the filter less sure of
//! itself, so that a provider that did change something is followed.
//!
//! Beside it a histogram of how the figures compared with the estimates made before they were known gives a quantile,
//! for reservations that must hold.
//!
//! All integers, so that every worker computes the same; [`Learned::BYTES`] bytes a model.

mod filter;
mod histogram;
mod prior;
#[cfg(test)]
mod tests;

use crate::{Model, Scripts};
use filter::{Features, Filter};
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
    filter: Filter,
    histogram: Histogram,
}

/// A ratio of 1 in the filter.
const ONE: i32 = 1 << 16;
/// No prompt has more: larger figures are a mistake, and do not fit the arithmetic.
const LARGEST: u64 = 1 << 24;
/// How much texts of a kind differ from those of another, in percent of the figure: Claude's recordings do by 10.
const NOISE_PERCENT: u64 = 6;
/// Figures that teach what the tokenizer is like before estimates are judged by them.
const WARM_UP: u16 = 32;
/// Judged figures before the quantile counts for anything: fewer than a hundred say nothing of the hundredth.
const ENOUGH: u32 = 100;

impl Learned {
    /// Bytes of [`Learned::to_bytes`].
    pub const BYTES: usize = 4 + Filter::BYTES + Histogram::BYTES;
    const VERSION: u8 = 2;

    /// What is known of a model by its name alone.
    #[must_use]
    pub fn of(model: &Model) -> Learned {
        let prior = Prior::of(model);
        Learned {
            prior,
            samples: 0,
            filter: Filter::new(
                [ONE, prior.base.saturating_mul(64), prior.tools.saturating_mul(64)],
                [prior.ratio_variance, prior.base_variance, prior.tools_variance],
            ),
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
        let overhead = i64::try_from(raw.overhead.min(LARGEST)).unwrap_or(0);
        let all = self.filter.expect(&self.features(raw)).saturating_add(overhead);
        u64::try_from(all).unwrap_or(0).max(1)
    }

    /// The tokens of an answer, of which `tokens` of `o200k_base` were seen: in the script that most answers are in.
    #[must_use]
    pub fn estimate_output(&self, tokens: u64) -> u64 {
        let text = self.prior.weigh(tokens.min(LARGEST), &Scripts::default());
        let [ratio, ..] = self.filter.values();
        let ratio = u64::try_from(ratio).unwrap_or(0);
        text.saturating_mul(ratio).saturating_add(1 << 15) >> 16
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
        if self.samples >= WARM_UP {
            self.histogram.record(estimate, reported);
        }
        self.samples = self.samples.saturating_add(1);
        let signed = |tokens: u64| i64::try_from(tokens.min(LARGEST)).unwrap_or(0);
        let error = signed(reported).saturating_sub(signed(estimate));
        let noise = signed(estimate.min(LARGEST).saturating_mul(NOISE_PERCENT) / 100);
        let features = self.features(raw);
        self.filter.learn(&features, error, noise);
    }

    fn features(&self, raw: &Raw) -> Features {
        let text = i64::try_from(self.text(raw).min(LARGEST)).unwrap_or(0);
        [text, 1024, if raw.has_tools { 1024 } else { 0 }]
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
        self.filter.write(&mut put);
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
        let (filter, rest) = Filter::read(rest)?;
        learned.filter = filter;
        learned.histogram = Histogram::from_bytes(rest)?;
        Some(learned)
    }
}
