//! Spending without leases, for clients that ask at each request.

use super::bucket::Open;
use super::{Rows, Rules, subject_key};
use crate::store::{Charge, Spent};
use policy::Mode;
use quota::Bucket;
use std::collections::BTreeMap;

struct Charged<B> {
    open: Open<B>,
    /// Its state before all charges.
    was: Bucket,
}

pub(in crate::store) fn spend<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    charges: &[Charge],
) -> Result<Spent, R::Error> {
    // One bucket may be charged more than once: each charge sees what the ones before it left.
    let mut opened: BTreeMap<(usize, String), Charged<R::Bucket>> = BTreeMap::new();
    let mut fits = Vec::with_capacity(charges.len());
    let mut keys = Vec::with_capacity(charges.len());
    for charge in charges {
        let Some(budget) = at.policy.budgets.get(charge.budget) else { continue };
        let key = (charge.budget, subject_key(&charge.subject));
        let Charged { open, .. } = match opened.get_mut(&key) {
            Some(charged) => charged,
            None => {
                let open = Open::of(rows, at, budget, &charge.subject)?;
                let was = open.state;
                opened.entry(key.clone()).or_insert(Charged { open, was })
            }
        };
        let limit = match budget.mode {
            Mode::Enforce => open.limit(),
            Mode::Shadow => u64::MAX,
        };
        fits.push(open.state.spend(limit, charge.amount).is_ok());
        keys.push(key);
    }
    let all_fit = fits.iter().all(|&fits| fits);
    for Charged { open, was } in opened.values_mut() {
        if all_fit {
            rows.set_state(&open.bucket, open.state)?;
        } else {
            open.state = *was;
        }
    }
    let buckets =
        keys.iter().filter_map(|key| opened.get(key)).map(|charged| charged.open.counted()).collect();
    Ok(Spent { fits, buckets })
}
