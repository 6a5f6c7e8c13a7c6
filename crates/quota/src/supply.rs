//! What the server has said there is of a bucket beside what is in hand, and what is not to be had, until when.

/// Part of a [`Lease`](crate::Lease). Times are ms by a clock of this process that only goes forward.
///
/// Three things may be lacking, each for its own time: what is more than the server has left, what is used up until the
/// window ends, and what is kept for calls that do not give way to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// What the server had left ungranted when it last said.
    pub(crate) remaining: u64,
    /// Until then it need not be asked for more than `remaining`.
    pub(crate) dry_until: u64,
    /// A call that needs as much as `fits_need` does not fit before, even if all that is held came back.
    pub(crate) fits_at: u64,
    pub(crate) fits_need: u64,
    /// More is not to be had before the window ends, even if all that is held came back.
    pub(crate) attainable: u64,
    /// Until then calls that give way to others need not ask for what `remaining` does not have beside what is kept.
    pub(crate) kept_until: u64,
    /// The last change of any bucket by hand when these were said.
    pub(crate) said_at: u64,
}

impl Supply {
    /// Nothing was said: everything is worth asking for.
    pub const UNKNOWN: Supply = Supply {
        remaining: 0,
        dry_until: 0,
        fits_at: 0,
        fits_need: 0,
        attainable: u64::MAX,
        kept_until: 0,
        said_at: 0,
    };

    /// What the server had left ungranted when it last said.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Whether it is known that the server has no more than that.
    #[must_use]
    pub const fn is_dry(&self, now: u64) -> bool {
        now < self.dry_until
    }

    /// Whether there is so much, with what is in hand.
    #[must_use]
    pub const fn covers(&self, need: u64, in_hand: u64) -> bool {
        need <= in_hand.saturating_add(self.remaining)
    }

    /// Whether so much is known not to be had before the window ends.
    #[must_use]
    pub const fn is_beyond(&self, need: u64) -> bool {
        need > self.attainable
    }

    /// When a call that needs so much, and more than is in hand, can come back. `None`: it is worth asking now.
    ///
    /// What a smaller one needs than the one that was refused may be there sooner, so it asks sooner; and nobody knows of
    /// a larger one.
    #[must_use]
    pub const fn fits_at(&self, need: u64, in_hand: u64, now: u64) -> Option<u64> {
        if !self.is_dry(now) || self.covers(need, in_hand) {
            return None;
        }
        if self.fits_at <= self.dry_until || need < self.fits_need {
            return Some(self.dry_until);
        }
        if need > self.fits_need { None } else { Some(self.fits_at) }
    }

    /// When a call that gives way to others can come back, for whom there is not enough beside what is kept. `None`: it is
    /// worth asking now.
    #[must_use]
    pub const fn kept_until(&self, now: u64) -> Option<u64> {
        if now < self.kept_until { Some(self.kept_until) } else { None }
    }

    /// Whether anything is known not to be had now.
    #[must_use]
    pub const fn is_lacking(&self, now: u64) -> bool {
        self.is_dry(now) || self.kept_until(now).is_some() || self.attainable < u64::MAX
    }

    /// The server has granted what was asked for, and has so much left.
    #[must_use]
    pub const fn granted(self, remaining: u64) -> Supply {
        let dry_until = if remaining > 0 { 0 } else { self.dry_until };
        Supply { remaining, dry_until, ..self }
    }

    /// It has no more than `remaining` until `ask_at`, and a call that needs `need` does not fit before `fits_at`.
    #[must_use]
    pub const fn dried(self, remaining: u64, ask_at: u64, need: u64, fits_at: u64) -> Supply {
        Supply { remaining, dry_until: ask_at, fits_at, fits_need: need, ..self }
    }

    /// It has so much and keeps it for calls that do not give way, until then.
    #[must_use]
    pub const fn kept(self, remaining: u64, until: u64) -> Supply {
        Supply { remaining, kept_until: until, ..self }
    }

    /// No more than `attainable` is to be had before the window ends. A smaller call is still worth asking for: what others
    /// hold now may come back unused.
    #[must_use]
    pub const fn spent_but_for(self, attainable: u64) -> Supply {
        Supply { attainable, ..self }
    }

    /// There may be more again.
    #[must_use]
    pub const fn doubted(self) -> Supply {
        Supply { remaining: self.remaining, said_at: self.said_at, ..Supply::UNKNOWN }
    }

    /// What may still be believed of it: nothing of there being no more, if that was said before this change by hand.
    #[must_use]
    pub const fn believed(self, changed: u64) -> Supply {
        if self.said_at >= changed { self } else { self.doubted() }
    }

    /// The same, and what is said from now on is said after this change by hand.
    #[must_use]
    pub const fn as_of(self, changed: u64) -> Supply {
        Supply { said_at: changed, ..self.believed(changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    #[test]
    fn what_nobody_has_spoken_of_is_worth_asking_for() {
        let unknown = Supply::UNKNOWN;
        assert!(!unknown.is_dry(0) && !unknown.is_beyond(u64::MAX) && !unknown.covers(1, 0));
        assert!(!unknown.is_lacking(0) && !unknown.granted(7).is_lacking(0));
        assert_eq!((unknown.fits_at(u64::MAX, 0, 0), unknown.kept_until(0)), (None, None));
    }

    #[test]
    fn more_than_is_left_need_not_be_asked_for_until_then() {
        let dry = Supply::UNKNOWN.dried(20, NOW + 5_000, 100, NOW + 5_000);
        assert_eq!(dry.fits_at(31, 10, NOW), Some(NOW + 5_000));
        assert_eq!(dry.fits_at(30, 10, NOW), None, "10 in hand and 20 at the server cover 30");
        assert_eq!(dry.fits_at(200, 10, NOW), Some(NOW + 5_000), "larger ones fit no sooner");
        assert_eq!(dry.fits_at(31, 10, NOW + 5_000), None, "after the reset it is worth asking");
        assert!(dry.is_dry(NOW + 4_999) && !dry.is_dry(NOW + 5_000));
        assert!(dry.is_lacking(NOW + 4_999) && !dry.is_lacking(NOW + 5_000));
    }

    /// As the server says it of a budget whose amounts come back one after the other.
    #[test]
    fn a_call_of_the_size_that_was_refused_comes_back_when_it_fits_and_others_when_asking_may_help() {
        let dry = Supply::UNKNOWN.dried(20, NOW + 1_000, 100, NOW + 30_000);
        let fits_at = |need| dry.fits_at(need, 10, NOW + 999);
        assert_eq!([99, 100].map(fits_at), [Some(NOW + 1_000), Some(NOW + 30_000)]);
        assert_eq!([30, 101].map(fits_at), [None, None], "so much is left, and nobody knows");
        assert_eq!(dry.fits_at(100, 10, NOW + 1_000), None);
    }

    #[test]
    fn a_grant_that_leaves_something_says_that_there_is_more() {
        let dry = Supply::UNKNOWN.dried(0, NOW + 5_000, 100, NOW + 5_000);
        assert!(dry.granted(0).is_dry(NOW) && !dry.granted(1).is_dry(NOW));
        assert_eq!(dry.granted(1).remaining(), 1);
        let (spent, kept) = (dry.spent_but_for(50).granted(1), dry.kept(5, NOW + 300).granted(1));
        assert!(spent.is_beyond(51), "of what is used up nothing comes back with it");
        assert_eq!(kept.kept_until(NOW), Some(NOW + 300));
    }

    #[test]
    fn what_is_kept_and_what_is_used_up_have_their_own_times() {
        let kept = Supply::UNKNOWN.kept(50, NOW + 300);
        assert_eq!((kept.kept_until(NOW), kept.kept_until(NOW + 300)), (Some(NOW + 300), None));
        assert!(!kept.is_dry(NOW) && kept.covers(60, 10) && !kept.covers(61, 10));
        assert!(kept.is_lacking(NOW) && !kept.is_lacking(NOW + 300));
        let spent = kept.spent_but_for(50);
        assert!(spent.is_beyond(51) && !spent.is_beyond(50) && !spent.is_dry(NOW));
        assert!(spent.is_lacking(u64::MAX), "as long as the record speaks");
    }

    #[test]
    fn what_was_said_before_a_change_by_hand_is_not_believed_after_it() {
        let said = Supply::UNKNOWN.as_of(7).spent_but_for(50).dried(9, NOW + 900, 99, NOW + 900);
        let said = said.kept(9, NOW + 900);
        assert_eq!(said.believed(7), said);
        let doubted = said.believed(8);
        assert!(!doubted.is_lacking(NOW) && !doubted.is_beyond(u64::MAX));
        assert_eq!((doubted.fits_at(99, 0, NOW), doubted.kept_until(NOW)), (None, None));
        assert_eq!(doubted.remaining(), 9, "a figure, and not one to refuse by");
        assert_eq!(said.as_of(8).believed(8), said.as_of(8), "what is said now is believed");
    }
}
