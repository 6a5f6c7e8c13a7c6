//! A Kalman filter for three unknowns that do not move by themselves, in integers.

/// How a prompt is made of the unknowns: in 1/1024, the text in 1,024 tokens (so it is the number of its tokens), one
/// prompt, and whether there are tools.
pub(super) type Features = [i64; 3];

/// Values in 1/64 tokens: a thousand and twenty-four tokens of text, a prompt, tools. The first is a ratio in 1/65536.
pub(super) type Values = [i32; 3];

/// What is believed of the unknowns, and how firmly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    values: Values,
    /// Covariances in 1/256 square tokens.
    covariance: [[i64; 3]; 3],
}

/// The deviations at which an error is cut off (Huber's rule).
const CUT: i128 = 3;
/// Below these variances, in square tokens, the filter would stop following a provider that changes something: 1.6 % of
/// 1,024 tokens, two tokens, four. Above the others there is nothing more to be unsure of.
const LEAST: [i64; 3] = [256, 4, 16];
const MOST: i64 = 1 << 24;
/// Constants of a prompt, at most: more than 2^24 tokens do not fit the arithmetic.
const LARGEST: i128 = 1 << 30;

impl Filter {
    /// `variances` in square tokens.
    pub(super) fn new(values: Values, variances: [u32; 3]) -> Filter {
        let mut covariance = [[0; 3]; 3];
        for (at, (row, variance)) in covariance.iter_mut().zip(variances).enumerate() {
            if let Some(diagonal) = row.get_mut(at) {
                *diagonal = i64::from(variance).saturating_mul(256);
            }
        }
        Filter { values, covariance }
    }

    pub(super) const fn values(&self) -> Values {
        self.values
    }

    /// Tokens of a prompt.
    pub(super) fn expect(&self, features: &Features) -> i64 {
        let sum = self.values.iter().zip(features).fold(0i128, |sum, (value, feature)| {
            sum.saturating_add(i128::from(*value).saturating_mul(i128::from(*feature)))
        });
        i64::try_from(sum >> 16).unwrap_or(i64::MAX)
    }

    /// A prompt had `error` tokens more than expected; `noise` is the deviation that is its own, in tokens.
    pub(super) fn learn(&mut self, features: &Features, error: i64, noise: i64) {
        let wide = |value: i64| i128::from(value);
        // P·f, and f·P·f: how the error is expected to vary with each unknown, and altogether.
        let with_each = self.covariance.map(|row| {
            let sum = row.iter().zip(features).fold(0i128, |sum, (covariance, feature)| {
                sum.saturating_add(wide(*covariance).saturating_mul(wide(*feature)))
            });
            sum >> 10
        });
        let explained = with_each
            .iter()
            .zip(features)
            .fold(0i128, |sum, (with, feature)| sum.saturating_add(with.saturating_mul(wide(*feature))))
            >> 10;
        let own = wide(noise).saturating_mul(wide(noise)).saturating_add(2).saturating_mul(256);
        let all = explained.max(0).saturating_add(own);

        let most = (all >> 8).checked_isqrt().unwrap_or(0).saturating_mul(CUT);
        let is_cut = wide(error).saturating_abs() > most;
        let error = wide(error).clamp(most.saturating_neg(), most);
        for (value, with) in self.values.iter_mut().zip(with_each) {
            let step = error.saturating_mul(with).saturating_mul(64).checked_div(all).unwrap_or(0);
            let moved = i128::from(*value).saturating_add(step).clamp(-LARGEST, LARGEST);
            *value = i32::try_from(moved).unwrap_or(*value);
        }
        // Surer by what was explained, or, where the error was cut off, less sure by as much.
        for (row, with_row) in self.covariance.iter_mut().zip(with_each) {
            for (covariance, with_column) in row.iter_mut().zip(with_each) {
                let share = with_row.saturating_mul(with_column).checked_div(all).unwrap_or(0);
                let share = i64::try_from(share).unwrap_or(0);
                *covariance =
                    if is_cut { covariance.saturating_add(share) } else { covariance.saturating_sub(share) };
            }
        }
        self.keep_in_range();
    }

    /// No tokenizer is outside of a quarter to four times another, whatever the figures say; and no variance outside of
    /// its range.
    fn keep_in_range(&mut self) {
        let [ratio, ..] = &mut self.values;
        *ratio = (*ratio).clamp(1 << 14, 1 << 18);
        let diagonal = |(at, row): (usize, &[i64; 3])| row.get(at).copied().unwrap_or(0);
        while self.covariance.iter().enumerate().map(diagonal).any(|variance| variance > MOST << 8) {
            // All of it, so that it stays a covariance.
            self.covariance.iter_mut().flatten().for_each(|covariance| *covariance /= 2);
        }
        for (at, (row, least)) in self.covariance.iter_mut().zip(LEAST).enumerate() {
            if let Some(variance) = row.get_mut(at) {
                *variance = (*variance).max(least << 8);
            }
        }
    }

    pub(super) const BYTES: usize = 3 * 4 + 6 * 8;

    /// The values, and one half of the covariances; the other is the same.
    pub(super) fn write(&self, mut put: impl FnMut(&[u8])) {
        self.values.iter().for_each(|value| put(&value.to_le_bytes()));
        for (at, row) in self.covariance.iter().enumerate() {
            row.iter().take(at.saturating_add(1)).for_each(|covariance| put(&covariance.to_le_bytes()));
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<(Filter, &[u8])> {
        let mut rest = bytes;
        let mut filter = Filter { values: [0; 3], covariance: [[0; 3]; 3] };
        for value in &mut filter.values {
            let (bytes, after) = rest.split_first_chunk::<4>()?;
            *value = i32::from_le_bytes(*bytes);
            rest = after;
        }
        for row in 0..3usize {
            for column in 0..=row {
                let (bytes, after) = rest.split_first_chunk::<8>()?;
                let covariance = i64::from_le_bytes(*bytes);
                if covariance.checked_abs()? > MOST << 8 {
                    return None;
                }
                *filter.covariance.get_mut(row)?.get_mut(column)? = covariance;
                *filter.covariance.get_mut(column)?.get_mut(row)? = covariance;
                rest = after;
            }
        }
        filter.keep_in_range();
        Some((filter, rest))
    }
}
