//! What a request may hold at most, checked before anything is decided.

use quota::LARGEST_AMOUNT;
use quota::proto::{AcquireRequest, Bucket, LedgerEntry, Reporter, Settled, SyncRequest, Want};
use std::collections::HashSet;
use tonic::Status;

/// Bytes of one gRPC message: room for the most rows and settlements at once, with long names.
pub const MESSAGE: usize = 16 << 20;

const WANTS: usize = 64;
const SETTLED: usize = 10_000;
const LEDGER: usize = 10_000;
const UNANSWERED: usize = 10_000;
const REFILLS: usize = 1_000;
const VALUES: usize = 16;

/// Bytes of a name or a value.
const TEXT: usize = 256;

/// # Errors
/// `INVALID_ARGUMENT` naming the field.
#[allow(clippy::result_large_err, reason = "gRPC's own error type")]
pub fn check_acquire(request: &AcquireRequest) -> Result<(), Status> {
    reporter(request.reporter.as_ref())?;
    text("policy_version", &request.policy_version)?;
    at_most("wants", request.wants.len(), WANTS)?;
    let mut seen = HashSet::new();
    for each in &request.wants {
        want("wants", each)?;
        if !seen.insert(&each.bucket) {
            return Err(wrong("wants.bucket", "named twice"));
        }
    }
    Ok(())
}

/// What is wrong with a report as a whole; [`sort_out`] looks at its entries.
///
/// # Errors
/// `INVALID_ARGUMENT` naming the field.
#[allow(clippy::result_large_err, reason = "gRPC's own error type")]
pub fn check_sync(request: &SyncRequest) -> Result<(), Status> {
    reporter(request.reporter.as_ref())?;
    text("policy_version", &request.policy_version)?;
    at_most("settled", request.settled.len(), SETTLED)?;
    at_most("ledger", request.ledger.len(), LEDGER)?;
    at_most("unanswered", request.unanswered.len(), UNANSWERED)?;
    at_most("refills", request.refills.len(), REFILLS)?;
    Ok(())
}

/// What of a report can't be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub count: u32,
    /// What is wrong with the first.
    pub because: String,
    /// Where refills are missing that were asked for, in ascending order.
    pub refills: Vec<usize>,
}

/// Takes out of a report what can't be used: whoever sent it would lose all the rest with it.
pub fn sort_out(request: &mut SyncRequest) -> LeftOut {
    let mut left_out = LeftOut::default();
    let mut usable = |checked: Result<(), Status>| match checked {
        Ok(()) => true,
        Err(status) => {
            left_out.count = left_out.count.saturating_add(1);
            if left_out.because.is_empty() {
                status.message().clone_into(&mut left_out.because);
            }
            false
        }
    };
    request.settled.retain(|each| usable(settled(each)));
    request.ledger.retain(|each| usable(ledger(each)));
    let mut position = 0;
    let mut missing = Vec::new();
    request.refills.retain(|each| {
        let usable = usable(want("refills", each));
        if !usable {
            missing.push(position);
        }
        position += 1;
        usable
    });
    left_out.refills = missing;
    left_out
}

#[allow(clippy::result_large_err)]
fn settled(settled: &Settled) -> Result<(), Status> {
    bucket("settled.bucket", settled.bucket.as_ref())?;
    amount("settled.window", settled.window)?;
    amount("settled.spent", settled.spent)?;
    amount("settled.returned", settled.returned)
}

#[allow(clippy::result_large_err)]
fn reporter(reporter: Option<&Reporter>) -> Result<(), Status> {
    let Some(reporter) = reporter else { return Err(wrong("reporter", "missing")) };
    if reporter.node.is_empty() {
        return Err(wrong("reporter.node", "empty"));
    }
    text("reporter.node", &reporter.node)
}

#[allow(clippy::result_large_err)]
fn want(field: &str, want: &Want) -> Result<(), Status> {
    bucket(&format!("{field}.bucket"), want.bucket.as_ref())?;
    amount(&format!("{field}.need"), want.need)?;
    amount(&format!("{field}.demand"), want.demand)?;
    amount(&format!("{field}.held"), want.held)?;
    amount(&format!("{field}.keep"), want.keep)?;
    amount(&format!("{field}.in_hand"), want.in_hand)
}

#[allow(clippy::result_large_err)]
fn bucket(field: &str, bucket: Option<&Bucket>) -> Result<(), Status> {
    let Some(bucket) = bucket else { return Err(wrong(field, "missing")) };
    text(&format!("{field}.budget"), &bucket.budget)?;
    texts(&format!("{field}.subject"), &bucket.subject)
}

#[allow(clippy::result_large_err)]
fn ledger(entry: &LedgerEntry) -> Result<(), Status> {
    texts("ledger.dimensions", &entry.dimensions)?;
    text("ledger.model", &entry.model)?;
    text("ledger.provider", &entry.provider)?;
    text("ledger.outcome", &entry.outcome)?;
    text("ledger.source", &entry.source)?;
    text("ledger.price_version", &entry.price_version)?;
    at_most("ledger.tokens", entry.tokens.len(), crate::store::ledger::CLASSES)?;
    amount("ledger.requests", entry.requests)?;
    entry.tokens.iter().try_for_each(|&count| amount("ledger.tokens", count))?;
    amount("ledger.cost_pico_usd", entry.cost_pico_usd)?;
    amount("ledger.duration_ms", entry.duration_ms)?;
    amount("ledger.unpriced", entry.unpriced)
}

#[allow(clippy::result_large_err)]
pub(super) fn texts(field: &str, values: &[String]) -> Result<(), Status> {
    at_most(field, values.len(), VALUES)?;
    values.iter().try_for_each(|value| text(field, value))
}

#[allow(clippy::result_large_err)]
pub(super) fn text(field: &str, value: &str) -> Result<(), Status> {
    if value.len() <= TEXT { Ok(()) } else { Err(wrong(field, &format!("longer than {TEXT} bytes"))) }
}

#[allow(clippy::result_large_err)]
fn amount(field: &str, value: u64) -> Result<(), Status> {
    if value <= LARGEST_AMOUNT { Ok(()) } else { Err(wrong(field, "2^62 or more")) }
}

#[allow(clippy::result_large_err)]
pub(super) fn at_most(field: &str, count: usize, most: usize) -> Result<(), Status> {
    if count <= most { Ok(()) } else { Err(wrong(field, &format!("more than {most} of them"))) }
}

fn wrong(field: &str, how: &str) -> Status {
    Status::invalid_argument(format!("{field}: {how}"))
}
