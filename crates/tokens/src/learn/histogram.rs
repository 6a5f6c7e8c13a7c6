//! How reported figures compare with the estimates made of them.

/// A count for each class of `reported / estimate`, in hundredths up to which it goes; the last has no end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Histogram {
    counts: [u16; CLASSES],
}

const CLASSES: usize = 16;
const UP_TO: [u64; CLASSES - 1] = [80, 90, 95, 98, 100, 102, 105, 110, 115, 120, 130, 150, 175, 200, 300];
/// Added to both sides, so that a token more or less on a prompt of ten is no outlier.
const SLACK: u64 = 16;
/// Then all are halved: what was long ago counts less and less.
const MOST: u32 = 4096;
/// One in so many may be above the quantile.
const ONE_IN: u32 = 100;

impl Histogram {
    pub(super) const BYTES: usize = CLASSES * 2;

    pub(super) fn record(&mut self, estimate: u64, reported: u64) {
        let percent = reported
            .saturating_add(SLACK)
            .saturating_mul(100)
            .div_ceil(estimate.saturating_add(SLACK).max(1));
        let class = UP_TO.iter().position(|end| percent <= *end).unwrap_or(UP_TO.len());
        if let Some(count) = self.counts.get_mut(class) {
            *count = count.saturating_add(1);
        }
        if self.total() > MOST {
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
    }

    pub(super) fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).fold(0, u32::saturating_add)
    }

    /// What the figure for `estimate` will hardly exceed: the end of the class that the quantile falls into.
    pub(super) fn upper(&self, estimate: u64) -> Option<u64> {
        let mut above = self.total();
        let allowed = above / ONE_IN;
        for (count, end) in self.counts.iter().zip(UP_TO) {
            above = above.saturating_sub(u32::from(*count));
            if above <= allowed {
                let bound = estimate.saturating_add(SLACK).saturating_mul(end).div_ceil(100);
                return Some(bound.saturating_sub(SLACK).max(1));
            }
        }
        None
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = u16> {
        self.counts.into_iter()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Histogram> {
        let mut histogram = Histogram::default();
        let mut rest = bytes;
        for count in &mut histogram.counts {
            let (this, after) = rest.split_first_chunk::<2>()?;
            *count = u16::from_le_bytes(*this);
            rest = after;
        }
        rest.is_empty().then_some(histogram)
    }
}
