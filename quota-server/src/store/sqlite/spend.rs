//! Spending without leases, for clients that ask at each request.

use super::rows::{BucketRow, subject_key};
use crate::store::{Charge, Moment, Spent};
use policy::Mode;
use rusqlite::{Connection, Result};
use std::collections::HashMap;

pub(super) fn spend(db: &Connection, at: &Moment, charges: &[Charge]) -> Result<Spent> {
    // One bucket may be charged more than once: each charge sees what the ones before it left.
    let mut rows: HashMap<(usize, String), BucketRow> = HashMap::new();
    let mut fits = Vec::with_capacity(charges.len());
    let mut keys = Vec::with_capacity(charges.len());
    for charge in charges {
        let Some(budget) = at.policy.budgets.get(charge.budget) else { continue };
        let key = (charge.budget, subject_key(&charge.subject));
        let row = match rows.get_mut(&key) {
            Some(row) => row,
            None => {
                let row = BucketRow::open(db, budget, &key.1, at.now)?;
                rows.entry(key.clone()).or_insert(row)
            }
        };
        let limit = match budget.mode {
            Mode::Enforce => row.limit(budget),
            Mode::Shadow => u64::MAX,
        };
        fits.push(row.state.spend(limit, charge.amount).is_ok());
        keys.push(key);
    }
    let all_fit = fits.iter().all(|&fits| fits);
    for row in rows.values_mut() {
        if all_fit {
            row.save(db)?;
        } else {
            row.state = BucketRow::load(db, row.id)?.state;
        }
    }
    let buckets = keys.iter().filter_map(|key| rows.get(key)).map(|row| row.counted()).collect();
    Ok(Spent { fits, buckets })
}
