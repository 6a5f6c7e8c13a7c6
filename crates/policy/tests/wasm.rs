//! A compiled policy says the same under wasm as where it was compiled, and money adds up to the same.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

use policy::{Policy, Unit};
use tokens::Usage;
use wasm_bindgen_test::wasm_bindgen_test;

const COMPILED: &str = r#"{
    "version": "v1",
    "dimensions": [{ "name": "tenant", "source": { "header": "x-tenant-id" } }],
    "budgets": [{
        "name": "month", "per": ["tenant"], "limit": 500000000000000, "unit": "pico_usd", "window": { "calendar": {
            "period": "month", "time_zone": "Europe/Berlin", "month_start": 1, "year_start": 1
        } },
        "mode": "enforce", "when_unreachable": "deny", "lost_lease": "spent"
    }],
    "prices": { "gpt-4o": { "input": 2500000, "output": 10000000, "cache_read": 1250000 } },
    "output_limit": 4096
}"#;

#[wasm_bindgen_test]
fn a_compiled_policy_is_read_and_written_alike() {
    let policy = Policy::from_compiled(COMPILED.as_bytes()).unwrap();
    assert_eq!(Policy::from_compiled(&policy.compiled()).unwrap(), policy);
    let month = policy.budget("month").unwrap();
    assert_eq!((month.unit, month.limit), (Unit::PicoUsd, 500_000_000_000_000));
    assert_eq!(month.window.to_string(), "per month");
}

#[wasm_bindgen_test]
fn a_large_bill_does_not_wrap() {
    let policy = Policy::from_compiled(COMPILED.as_bytes()).unwrap();
    let price = policy.prices.of("gpt-4o-2024-08-06").unwrap();
    let usage = Usage {
        uncached_input: 1_000_000_000,
        cache_read: 1_000_000_000,
        output_visible: 1_000_000,
        ..Usage::default()
    };
    // 1000 million × 2.50 + 1000 million × 1.25 + 1 million × 10 USD, each per million: 3,760 USD.
    assert_eq!(price.cost(&usage), Some(3_760_000_000_000_000));
    assert_eq!(price.cost(&Usage { uncached_input: u64::MAX, ..Usage::default() }), None);
}
