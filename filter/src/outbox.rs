//! What a worker has to tell the server, kept until the server says it has it.

use crate::rules::Labels;
use prost::Message;
use quota::proto::{Bucket, LedgerEntry, Settled, SyncRequest, Want};
use quota::{BucketKey, Epoch, LARGEST_AMOUNT};
use std::collections::BTreeMap;

/// Distinct ledger rows kept between two reports; what exceeds them is kept under [`OTHER`].
const MOST_ROWS: usize = 4_096;

/// Settlements sent in one report; the server takes up to 10,000. More can only pile up while it is away.
const MOST_SETTLED: usize = 8_000;

/// Refills asked for, and unanswered questions named, in one report; the server takes up to 1,000 and 10,000.
const MOST_REFILLS: usize = 1_000;
const MOST_UNANSWERED: usize = 8_000;

/// The label of what was folded together because there was too much to keep apart.
pub(crate) const OTHER: &str = "other";

/// Deltas since the last report. One report is under way at a time; until it is acknowledged the very same bytes are
/// sent again, so that the server can tell a repeat from news. What a report says and in which order depends on nothing
/// but what happened, so that a simulation can be played again.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    settled: BTreeMap<(BucketKey, Epoch), Settled>,
    rows: BTreeMap<RowKey, LedgerEntry>,
    unanswered: Vec<u64>,
    refills: BTreeMap<BucketKey, Want>,
    sequence: u64,
    sent: Option<Report>,
}

/// A report as it is sent, and which buckets its refills are for.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) message: Vec<u8>,
    pub(crate) refills: Vec<(BucketKey, Bucket)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey {
    provider: String,
    dimensions: Vec<String>,
    model: String,
    outcome: String,
    source: &'static str,
    price_version: String,
}

/// One call for the ledger.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) outcome: String,
    pub(crate) source: &'static str,
    pub(crate) usage: tokens::Usage,
    /// `None`: the model has no price.
    pub(crate) cost_pico_usd: Option<u64>,
    pub(crate) price_version: &'a str,
    pub(crate) duration_ms: u64,
}

impl Outbox {
    /// `spent` of a bucket is used, `returned` of it is not and no longer held here.
    pub(crate) fn settle(
        &mut self,
        key: BucketKey,
        epoch: Epoch,
        bucket: impl FnOnce() -> Bucket,
        spent: u64,
        returned: u64,
    ) {
        if spent == 0 && returned == 0 {
            return;
        }
        let settled = self.settled.entry((key, epoch)).or_insert_with(|| Settled {
            bucket: Some(bucket()),
            window: epoch.window,
            generation: epoch.generation,
            ..Settled::default()
        });
        settled.spent = settled.spent.saturating_add(spent);
        settled.returned = settled.returned.saturating_add(returned);
    }

    /// What is spent of a bucket and in no report yet.
    pub(crate) fn unreported(&self, key: BucketKey) -> u64 {
        let latest = Epoch { window: u64::MAX, generation: u32::MAX };
        let of_bucket = self.settled.range((key, Epoch::default())..=(key, latest));
        of_bucket.fold(0, |sum, (_, settled)| sum.saturating_add(settled.spent))
    }

    pub(crate) fn record(&mut self, provider: &str, entry: Entry<'_>) {
        let mut key = RowKey {
            provider: provider.to_owned(),
            dimensions: entry.labels.dimensions.clone(),
            model: entry.labels.model.clone(),
            outcome: entry.outcome,
            source: entry.source,
            price_version: entry.price_version.to_owned(),
        };
        if self.rows.len() >= MOST_ROWS && !self.rows.contains_key(&key) {
            key.dimensions.iter_mut().for_each(|value| OTHER.clone_into(value));
            OTHER.clone_into(&mut key.model);
        }
        let row = self.rows.entry(key).or_insert_with_key(|key| LedgerEntry {
            dimensions: key.dimensions.clone(),
            model: key.model.clone(),
            provider: key.provider.clone(),
            outcome: key.outcome.clone(),
            source: key.source.to_owned(),
            price_version: key.price_version.clone(),
            tokens: vec![0; tokens::TokenClass::ALL.len()],
            ..LedgerEntry::default()
        });
        row.requests = row.requests.saturating_add(1);
        for (sum, (_, count)) in row.tokens.iter_mut().zip(entry.usage.classes()) {
            *sum = sum.saturating_add(count);
        }
        row.cost_pico_usd = row.cost_pico_usd.saturating_add(entry.cost_pico_usd.unwrap_or(0));
        row.unpriced = row.unpriced.saturating_add(u64::from(entry.cost_pico_usd.is_none()));
        row.duration_ms = row.duration_ms.saturating_add(entry.duration_ms);
    }

    /// The answer to an `Acquire` never came: what it may have granted is to be taken back.
    pub(crate) fn unanswered(&mut self, number: u64) {
        self.unanswered.push(number);
    }

    /// A bucket's lease runs low.
    pub(crate) fn want(&mut self, key: BucketKey, want: Want) {
        self.refills.insert(key, want);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_none()
            && self.settled.is_empty()
            && self.rows.is_empty()
            && self.unanswered.is_empty()
            && self.refills.is_empty()
    }

    /// The report to send now: the unacknowledged one again, or a new one.
    pub(crate) fn report(&mut self, head: impl FnOnce() -> SyncRequest) -> Report {
        if let Some(report) = &self.sent {
            return report.clone();
        }
        self.sequence = self.sequence.saturating_add(1);
        // What is not asked for now is asked for when it is needed.
        let refills: Vec<_> = std::mem::take(&mut self.refills).into_iter().take(MOST_REFILLS).collect();
        let wants = refills.iter().map(|(_, want)| want.clone()).collect();
        let refills = refills.into_iter().map(|(key, want)| (key, want.bucket.unwrap_or_default())).collect();
        let settled = std::iter::from_fn(|| self.settled.pop_first()).take(MOST_SETTLED);
        let unanswered = self.unanswered.len().min(MOST_UNANSWERED);
        let mut request = SyncRequest {
            sequence: self.sequence,
            settled: settled.map(|(_, settled)| settled).collect(),
            ledger: std::mem::take(&mut self.rows).into_values().collect(),
            unanswered: self.unanswered.drain(..unanswered).collect(),
            refills: wants,
            ..head()
        };
        cut_amounts(&mut request);
        let report = Report { message: request.encode_to_vec(), refills };
        self.sent = Some(report.clone());
        report
    }

    /// The server has the report. Answers which buckets its refills were for, in order.
    pub(crate) fn acknowledged(&mut self) -> Vec<(BucketKey, Bucket)> {
        self.sent.take().map(|report| report.refills).unwrap_or_default()
    }
}

/// One absurd amount must not have the whole report refused, and with it what everyone else consumed.
fn cut_amounts(request: &mut SyncRequest) {
    let cut = |amount: &mut u64| *amount = (*amount).min(LARGEST_AMOUNT);
    for settled in &mut request.settled {
        cut(&mut settled.spent);
        cut(&mut settled.returned);
    }
    for row in &mut request.ledger {
        row.tokens.iter_mut().for_each(cut);
        cut(&mut row.cost_pico_usd);
    }
    for want in &mut request.refills {
        cut(&mut want.demand);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(tenant: &str) -> Labels {
        Labels { dimensions: vec![tenant.to_owned()], model: "gpt-4o".to_owned() }
    }

    fn record(outbox: &mut Outbox, tenant: &str, prompt: u64) {
        outbox.record(
            "openai",
            Entry {
                labels: &labels(tenant),
                outcome: "ok".to_owned(),
                source: "reported",
                usage: tokens::Usage { uncached_input: prompt, ..tokens::Usage::default() },
                cost_pico_usd: Some(prompt),
                price_version: "p1",
                duration_ms: 1,
            },
        );
    }

    fn sent(outbox: &mut Outbox) -> SyncRequest {
        SyncRequest::decode(outbox.report(SyncRequest::default).message.as_slice()).unwrap()
    }

    #[test]
    fn an_unacknowledged_report_is_repeated_to_the_byte_and_later_calls_wait() {
        let mut outbox = Outbox::default();
        record(&mut outbox, "acme", 10);
        let first = outbox.report(SyncRequest::default).message;
        record(&mut outbox, "acme", 5);
        assert_eq!(outbox.report(SyncRequest::default).message, first);
        outbox.acknowledged();
        let next = sent(&mut outbox);
        assert_eq!((next.sequence, next.ledger[0].tokens[0], next.ledger[0].requests), (2, 5, 1));
        outbox.acknowledged();
        assert!(outbox.is_empty());
    }

    #[test]
    fn like_calls_share_a_row() {
        let mut outbox = Outbox::default();
        record(&mut outbox, "acme", 10);
        record(&mut outbox, "acme", 5);
        record(&mut outbox, "globex", 1);
        let mut rows: Vec<_> = sent(&mut outbox)
            .ledger
            .into_iter()
            .map(|row| (row.dimensions[0].clone(), row.requests, row.tokens[0]))
            .collect();
        rows.sort();
        assert_eq!(rows, [("acme".to_owned(), 2, 15), ("globex".to_owned(), 1, 1)]);
    }

    #[test]
    fn endless_tenants_are_folded_into_other_and_no_token_is_lost() {
        let mut outbox = Outbox::default();
        for tenant in 0..MOST_ROWS + 500 {
            record(&mut outbox, &tenant.to_string(), 1);
        }
        let report = sent(&mut outbox);
        assert_eq!(report.ledger.len(), MOST_ROWS + 1);
        assert_eq!(report.ledger.iter().map(|row| row.tokens[0]).sum::<u64>(), MOST_ROWS as u64 + 500);
        assert!(report.ledger.iter().any(|row| row.dimensions[0] == OTHER && row.requests == 500));
    }

    #[test]
    fn an_absurd_amount_does_not_have_the_report_refused() {
        let mut outbox = Outbox::default();
        let bucket = || Bucket { budget: "b".to_owned(), subject: vec![] };
        record(&mut outbox, "acme", u64::MAX);
        outbox.settle(BucketKey(1), Epoch::default(), bucket, u64::MAX, 1);
        for key in 0..2_000 {
            outbox.want(BucketKey(key), Want { demand: u64::MAX, ..Want::default() });
        }
        let report = sent(&mut outbox);
        assert_eq!((report.settled[0].spent, report.ledger[0].tokens[0]), (LARGEST_AMOUNT, LARGEST_AMOUNT));
        assert_eq!((report.refills.len(), report.refills[0].demand), (MOST_REFILLS, LARGEST_AMOUNT));
    }

    #[test]
    fn settlements_of_a_bucket_add_up_per_window() {
        let mut outbox = Outbox::default();
        let bucket = || Bucket { budget: "b".to_owned(), subject: vec![] };
        let now = Epoch { window: 7, generation: 1 };
        outbox.settle(BucketKey(1), now, bucket, 10, 0);
        outbox.settle(BucketKey(1), now, bucket, 5, 85);
        outbox.settle(BucketKey(1), Epoch { window: 8, generation: 1 }, bucket, 1, 0);
        outbox.settle(BucketKey(2), now, bucket, 0, 0);
        let mut settled: Vec<_> = sent(&mut outbox)
            .settled
            .iter()
            .map(|settled| (settled.window, settled.spent, settled.returned))
            .collect();
        settled.sort_unstable();
        assert_eq!(settled, [(7, 15, 85), (8, 1, 0)]);
    }

    #[test]
    fn what_piled_up_goes_in_reports_that_the_server_takes() {
        let mut outbox = Outbox::default();
        for key in 0..20_000 {
            outbox.settle(BucketKey(key), Epoch::default(), Bucket::default, 1, 0);
        }
        let mut sizes = Vec::new();
        while !outbox.is_empty() {
            sizes.push(sent(&mut outbox).settled.len());
            outbox.acknowledged();
        }
        assert_eq!(sizes, [8_000, 8_000, 4_000]);
    }
}
