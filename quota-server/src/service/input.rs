//! What a request may hold at most, checked before anything is decided.

use quota::LARGEST_AMOUNT;
use quota::proto::{AcquireRequest, Bucket, LedgerEntry, Reporter, SyncRequest, Want};
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
    for settled in &request.settled {
        bucket("settled.bucket", settled.bucket.as_ref())?;
        amount("settled.window", settled.window)?;
        amount("settled.spent", settled.spent)?;
        amount("settled.returned", settled.returned)?;
    }
    request.ledger.iter().try_for_each(ledger)?;
    request.refills.iter().try_for_each(|each| want("refills", each))
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
    amount(&format!("{field}.held"), want.held)
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
