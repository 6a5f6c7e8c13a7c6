//! Old rows of the ledger: hours become days, days months, and months go.
//!
//! Each step is one commit that looks whether the rows it moves are as they were read. So several servers may do this at
//! once, reports may still come to such a row, and a server that dies leaves the ledger before a step or after it.

use super::rows::CopiedRows;
use super::{ledger, names};
use crate::store::Error;
use crate::store::ledger::{Key, Retention};

/// Rows of a kind that are folded or dropped in one commit: bounds how long a Redis is busy with it.
const MOST: u32 = 500;

impl CopiedRows<'_> {
    /// Does some of what is due. Answers how many rows were; 0: it is all done.
    ///
    /// The first hour of a day has the name of that day, and the first day of a month the month's: it may be in two of the
    /// lists, and is then dropped and written anew.
    pub(super) fn retain(&mut self, keep: Retention) -> Result<u64, Error> {
        let due = keep.due(self.now);
        let mut done: u64 = 0;
        let lists = [
            (names::HOURS, due.hours_before),
            (names::DAYS, due.days_before),
            (names::MONTHS, due.gone_before),
        ];
        for (list, before) in lists {
            let Some(last) = before.checked_sub(1) else { continue };
            for row in self.copy.list(names::lowest(list, last, MOST)) {
                let sums = ledger::sums(self.copy.get(&names::text(&row)).unwrap_or_default());
                if let Some(key) = names::of_ledger(&row).filter(|key| key.hour >= due.gone_before) {
                    let into = if key.hour < due.days_before { names::MONTHS } else { names::DAYS };
                    self.add_row(into, &Key { hour: due.whole(key.hour), ..key }, &sums);
                }
                self.unscore(list, &row);
                self.copy.drop_all(row);
                done = done.saturating_add(1);
            }
        }
        // Whoever reads the ledger meanwhile sees by it that rows were moved.
        let folds = self.copy.number(&names::folds())?.unwrap_or(0);
        if done > 0 {
            self.copy.set_number(names::folds(), folds.wrapping_add(1));
        }
        Ok(done)
    }
}
