//! What the store has to hold by all that servers have taken; it goes back with the store when a replica takes over.

use crate::books::{Bill, Place};
use quota::proto::SyncRequest;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) done: Done,
    /// What reports say was spent, on the whole and by process.
    pub(crate) told: BTreeMap<Place, u64>,
    pub(crate) told_by: BTreeMap<(usize, Place), u64>,
    pub(crate) told_rows: BTreeMap<(usize, u64), Bill>,
    /// What people have added or forgiven, each change once.
    pub(crate) adjusted: BTreeMap<Place, u64>,
    /// What the store last held of each bucket: used and outstanding.
    pub(crate) last: BTreeMap<(Place, u64), u64>,
}

/// Reports that the server has taken, and changes by hand, by their keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    pub(crate) reports: BTreeSet<(usize, usize, u64)>,
    pub(crate) adjustments: BTreeSet<String>,
}

impl Kept {
    /// A report, which counts once. `rule` finds a budget by its name.
    pub(crate) fn take_report(
        &mut self,
        envoy: usize,
        worker: usize,
        report: &SyncRequest,
        rule: impl Fn(&str) -> Option<usize>,
    ) {
        if !self.done.reports.insert((envoy, worker, report.sequence)) {
            return;
        }
        for settled in &report.settled {
            let bucket = settled.bucket.as_ref().expect("a bucket");
            let Some(rule) = rule(&bucket.budget) else { continue };
            let place = (rule, bucket.subject.concat());
            *self.told.entry(place.clone()).or_default() += settled.spent;
            *self.told_by.entry((envoy, place)).or_default() += settled.spent;
        }
        for row in report.ledger.iter().filter(|row| !row.outcome.starts_with("refused")) {
            let tenant = row.dimensions[0].trim_start_matches("tenant-").parse().expect("a tenant");
            let told = self.told_rows.entry((envoy, tenant)).or_default();
            told.calls += row.requests;
            told.consumed.prompt += row.tokens[0];
            told.consumed.output += row.tokens[6];
        }
    }

    /// What was added or forgiven of a bucket by hand.
    pub(crate) fn by_hand(&self, place: &Place) -> u64 {
        self.adjusted.get(place).copied().unwrap_or(0)
    }
}

impl Done {
    /// Nothing of it is missing in `kept`.
    pub(crate) fn is_all_in(&self, kept: &Done) -> Result<(), String> {
        if let Some(lost) = self.reports.difference(&kept.reports).next() {
            return Err(format!("report {lost:?} (envoy, worker, sequence) was acknowledged, and is lost"));
        }
        match self.adjustments.difference(&kept.adjustments).next() {
            Some(lost) => Err(format!("change {lost} by hand was acknowledged, and is lost")),
            None => Ok(()),
        }
    }
}
