//! How long answers are: what a call is likely to put out, learned from those before it.
//!
//! A count of answers for each class of length: one class a token below four, then four a doubling, so that the upper end of
//! a class is less than a quarter above its lower one. Once there are [`MOST`] answers all counts are halved: what was long
//! ago counts less and less, and a change is followed within a few thousand calls.

/// The lengths of answers, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs {
    counts: [u16; CLASSES],
}

/// Up to 2^20 tokens; the last class has no end.
const CLASSES: usize = 4 + 18 * 4 + 1;
/// Then all counts are halved.
const MOST: u32 = 1024;
/// Answers before a quantile of them counts for anything.
const ENOUGH: u32 = 30;
/// Changes with the classes: what another version of the module learned is not misread.
const VERSION: u8 = 1;

impl Default for Outputs {
    fn default() -> Outputs {
        Outputs { counts: [0; CLASSES] }
    }
}

impl Outputs {
    /// Bytes of [`Outputs::to_bytes`].
    pub const BYTES: usize = 1 + CLASSES * 2;

    /// Takes note of an answer of so many tokens.
    pub fn record(&mut self, tokens: u64) {
        if let Some(count) = self.counts.get_mut(class_of(tokens)) {
            *count = count.saturating_add(1);
        }
        if self.total() >= MOST {
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
    }

    /// What at least `permille` of a thousand answers do not exceed: never below the exact quantile of those counted, and
    /// at most a quarter above it. `None`: too little is known, or there is no such end.
    #[must_use]
    pub fn quantile(&self, permille: u16) -> Option<u64> {
        let total = self.total();
        let within = total.saturating_mul(u32::from(permille)).div_ceil(1000).max(1);
        if total < ENOUGH {
            return None;
        }
        let mut seen = 0_u32;
        let is_it = |count: &u16| {
            seen = seen.saturating_add(u32::from(*count));
            seen >= within
        };
        self.counts.iter().position(is_it).and_then(end_of)
    }

    fn total(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).fold(0, u32::saturating_add)
    }

    #[must_use]
    pub fn to_bytes(&self) -> [u8; Outputs::BYTES] {
        let mut bytes = [VERSION; Outputs::BYTES];
        let places = bytes.iter_mut().skip(1);
        let counts = self.counts.iter().flat_map(|count| count.to_le_bytes());
        places.zip(counts).for_each(|(place, byte)| *place = byte);
        bytes
    }

    /// `None` for anything that [`Outputs::to_bytes`] of this version did not write.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Outputs> {
        let (&version, counts) = bytes.split_first()?;
        let mut outputs = Outputs::default();
        if version != VERSION || bytes.len() != Outputs::BYTES {
            return None;
        }
        for (count, bytes) in outputs.counts.iter_mut().zip(counts.chunks_exact(2)) {
            *count = u16::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(outputs)
    }
}

/// The class of a length: its own below four, else the doubling it lies in and which quarter of that.
fn class_of(tokens: u64) -> usize {
    let class = match tokens.checked_ilog2() {
        None | Some(0 | 1) => tokens,
        Some(doubling) => {
            let shift = doubling.saturating_sub(2);
            let quarter = (tokens >> shift) & 3;
            u64::from(shift).saturating_mul(4).saturating_add(4).saturating_add(quarter)
        }
    };
    usize::try_from(class).unwrap_or(CLASSES).min(CLASSES.saturating_sub(1))
}

/// The longest that belongs to a class. `None` for the last, which has no end.
fn end_of(class: usize) -> Option<u64> {
    let next = u64::try_from(class.saturating_add(1)).ok()?;
    let begin_of_next = match next.checked_sub(4) {
        _ if class.saturating_add(1) >= CLASSES => return None,
        None => next,
        Some(above) => (above % 4).saturating_add(4) << (above / 4),
    };
    begin_of_next.checked_sub(1)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(lengths: impl IntoIterator<Item = u64>) -> Outputs {
        let mut outputs = Outputs::default();
        lengths.into_iter().for_each(|tokens| outputs.record(tokens));
        outputs
    }

    #[test]
    fn too_few_answers_say_nothing() {
        assert_eq!(of([100; 29]).quantile(950), None);
        assert!(of([100; 30]).quantile(950).is_some());
    }

    #[test]
    fn lengths_beyond_all_bounds_have_no_quantile() {
        assert_eq!(of([u64::MAX; 100]).quantile(950), None);
        assert_eq!(of([1 << 20; 100]).quantile(500), None);
        assert_eq!(of([(1 << 20) - 1; 100]).quantile(500), Some((1 << 20) - 1));
    }

    #[test]
    fn a_change_is_followed_up_at_once_and_down_within_a_few_thousand_answers() {
        let mut outputs = of([50; 5_000]);
        assert!(outputs.quantile(950) < Some(63));
        (0..60).for_each(|_| outputs.record(4_000));
        assert!(outputs.quantile(950) >= Some(4_000));
        (0..4_000).for_each(|_| outputs.record(50));
        assert!(outputs.quantile(950) < Some(63));
    }

    #[test]
    fn what_another_version_wrote_is_not_read() {
        let mut bytes = of([5; 40]).to_bytes();
        assert_eq!(Outputs::from_bytes(&bytes[1..]), None);
        bytes[0] = VERSION + 1;
        assert_eq!(Outputs::from_bytes(&bytes), None);
    }

    proptest! {
        /// The length of rank `ceil(n · q)` in order is the exact quantile.
        #[test]
        fn never_below_the_exact_quantile_and_at_most_a_quarter_above_it(
            mut lengths in prop::collection::vec(prop_oneof![0..40_u64, 0..2_000_u64, 0..1_000_000_u64], 30..1_000),
            permille in 500..=999_u16,
        ) {
            let found = of(lengths.iter().copied()).quantile(permille).unwrap();
            lengths.sort_unstable();
            let rank = lengths.len().saturating_mul(usize::from(permille)).div_ceil(1_000);
            let exact = lengths[rank.saturating_sub(1)];
            prop_assert!(exact <= found && found.saturating_sub(exact) <= exact / 4, "{exact} found as {found}");
        }

        #[test]
        fn it_survives_the_round_trip(lengths in prop::collection::vec(any::<u64>(), 0..3_000)) {
            let outputs = of(lengths);
            prop_assert_eq!(Outputs::from_bytes(&outputs.to_bytes()), Some(outputs));
        }
    }
}
