//! Messages in a few words, for traces.

use prost::Message as _;
use quota::proto::{
    AcquireRequest, AcquireResponse, Bucket, Grant, LeaseTerm, SyncRequest, SyncResponse, Want,
};

fn bucket(bucket: Option<&Bucket>) -> String {
    bucket.map_or_else(String::new, |bucket| format!("{}[{}]", bucket.budget, bucket.subject.join(",")))
}

fn want(want: &Want) -> String {
    format!("{}: {} and {} held, demand {}", bucket(want.bucket.as_ref()), want.need, want.held, want.demand)
}

fn grant(grant: &Grant) -> String {
    format!("{} in {}, {} left", grant.amount, grant.window / 1_000 % 100_000, grant.remaining)
}

fn list<T>(of: &[T], each: impl Fn(&T) -> String) -> String {
    format!("[{}]", of.iter().map(each).collect::<Vec<_>>().join("; "))
}

pub(crate) fn acquire(request: &AcquireRequest) -> String {
    format!("Acquire {}: {}", request.number, list(&request.wants, want))
}

pub(crate) fn sync(request: &SyncRequest) -> String {
    let settled = list(&request.settled, |settled| {
        let (bucket, window) = (bucket(settled.bucket.as_ref()), settled.window / 1_000 % 100_000);
        let (generation, spent, returned) = (settled.generation, settled.spent, settled.returned);
        format!("{bucket}: {spent} spent {returned} back in {window}/{generation}")
    });
    let rows = list(&request.ledger, |row| {
        format!(
            "{}: {} {}, {} tokens",
            row.dimensions.concat(),
            row.requests,
            row.outcome,
            row.tokens.iter().sum::<u64>()
        )
    });
    let (unanswered, refills) = (&request.unanswered, list(&request.refills, want));
    format!("Sync {}: {settled} {rows}, unanswered {unanswered:?}, wants {refills}", request.sequence)
}

pub(crate) fn answer(method: &str, result: &Result<Vec<u8>, u32>) -> String {
    let generation = |term: Option<LeaseTerm>| term.map_or(0, |term| term.generation);
    match (method, result) {
        (_, Err(status)) => format!("{method}: status {status}"),
        ("Acquire", Ok(bytes)) => {
            let answer = AcquireResponse::decode(bytes.as_slice()).unwrap_or_default();
            let exhausted =
                answer.exhausted.map(|exhausted| format!("exhausted {exhausted:?}")).unwrap_or_default();
            format!("Acquire, term {}: {}{exhausted}", generation(answer.term), list(&answer.grants, grant))
        }
        (_, Ok(bytes)) => {
            let answer = SyncResponse::decode(bytes.as_slice()).unwrap_or_default();
            format!("Sync, term {}: {}", generation(answer.term), list(&answer.refills, grant))
        }
    }
}
