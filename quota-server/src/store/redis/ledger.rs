//! The ledger's rows: hashes of sums, which only grow.

use crate::store::ledger::{CLASSES, Sums};

const TOKENS: [&str; CLASSES] = ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"];
const REQUESTS: &str = "requests";
const COST: &str = "cost_pico_usd";
const DURATION: &str = "duration_ms";
const UNPRICED: &str = "unpriced";

/// What is to be added to which field.
pub(super) fn fields(sums: &Sums) -> impl Iterator<Item = (&'static str, u64)> {
    let rest = [
        (REQUESTS, sums.requests),
        (COST, sums.cost_pico_usd),
        (DURATION, sums.duration_ms),
        (UNPRICED, sums.unpriced),
    ];
    TOKENS.into_iter().zip(sums.tokens).chain(rest).filter(|(_, amount)| *amount > 0)
}

/// The sums of a row by its fields; those of a newer version are left out.
pub(super) fn sums(fields: &[(String, Vec<u8>)]) -> Sums {
    let mut sums = Sums::default();
    for (field, value) in fields {
        let value = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        match field.as_str() {
            REQUESTS => sums.requests = value,
            COST => sums.cost_pico_usd = value,
            DURATION => sums.duration_ms = value,
            UNPRICED => sums.unpriced = value,
            class => {
                let place = TOKENS.iter().position(|name| *name == class);
                if let Some(tokens) = place.and_then(|place| sums.tokens.get_mut(place)) {
                    *tokens = value;
                }
            }
        }
    }
    sums
}
