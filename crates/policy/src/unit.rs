//! What budgets count.

use crate::{Classes, Weights};
use serde::{Deserialize, Serialize};
use std::fmt;
use tokens::Usage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Requests,
    /// Calls in flight: held while they run, and never spent.
    ConcurrentRequests,
    /// Prompt and output tokens of every class.
    Tokens,
    /// Tokens of some classes.
    TokensOf(Classes),
    /// Tokens of every class, each times its weight.
    Weighted(Weights),
    /// Money, in pico-USD (1e-12 USD).
    PicoUsd,
    /// Time of GPUs, in GPU-milliseconds.
    GpuMs,
}

/// What a call consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consumed {
    pub usage: Usage,
    pub cost_pico_usd: u64,
    pub gpu_ms: u64,
}

/// The most a call can consume, or is expected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    pub prompt: u64,
    pub output: u64,
    /// 0 where the model has no price.
    pub cost_pico_usd: u64,
    pub gpu_ms: u64,
}

impl Unit {
    /// How much of this unit a call has spent.
    #[must_use]
    pub fn spent(self, consumed: &Consumed) -> u64 {
        match self {
            Unit::Requests => 1,
            Unit::ConcurrentRequests => 0,
            Unit::Tokens => consumed.usage.total(),
            Unit::TokensOf(classes) => classes.count(&consumed.usage),
            Unit::Weighted(weights) => weights.count(&consumed.usage),
            Unit::PicoUsd => consumed.cost_pico_usd,
            Unit::GpuMs => consumed.gpu_ms,
        }
    }

    /// How much of this unit a call holds while it runs.
    #[must_use]
    pub fn held(self, most: &Most) -> u64 {
        match self {
            Unit::Requests | Unit::ConcurrentRequests => 1,
            Unit::Tokens => most.prompt.saturating_add(most.output),
            // Whichever classes they turn out to be of.
            Unit::TokensOf(classes) => {
                let prompt = if classes.has_input() { most.prompt } else { 0 };
                prompt.saturating_add(if classes.has_output() { most.output } else { 0 })
            }
            Unit::Weighted(weights) => weights.most(most.prompt, most.output),
            Unit::PicoUsd => most.cost_pico_usd,
            Unit::GpuMs => most.gpu_ms,
        }
    }

    /// What amounts are kept in: `pico_usd`, `gpu_ms`, else as limits are written.
    #[must_use]
    pub fn base(self) -> String {
        match self {
            Unit::PicoUsd => "pico_usd".to_owned(),
            Unit::GpuMs => "gpu_ms".to_owned(),
            unit => unit.to_string(),
        }
    }

    /// An amount with its unit, as limits are written: `20 requests`, `1.5 GPU seconds`.
    #[must_use]
    pub fn amount(self, amount: u64) -> String {
        match self {
            Unit::PicoUsd => format!("{} USD", decimal(amount, 12, 2)),
            Unit::GpuMs => format!("{} GPU seconds", decimal(amount, 3, 0)),
            unit => format!("{amount} {unit}"),
        }
    }
}

/// `amount` with so many decimal places, without trailing zeros beyond `least`.
fn decimal(amount: u64, places: u32, least: usize) -> String {
    let scale = 10_u64.saturating_pow(places);
    let (whole, fraction) = (amount.checked_div(scale), amount.checked_rem(scale));
    let width = usize::try_from(places).unwrap_or(0);
    let mut fraction = format!("{:0width$}", fraction.unwrap_or(0));
    while fraction.len() > least && fraction.ends_with('0') {
        fraction.pop();
    }
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", whole.unwrap_or(0))
}

/// As limits are written: `tokens`, `output tokens`, `USD`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Requests => f.write_str("requests"),
            Unit::ConcurrentRequests => f.write_str("concurrent requests"),
            Unit::Tokens => f.write_str("tokens"),
            Unit::TokensOf(classes) => write!(f, "{classes} tokens"),
            Unit::Weighted(_) => f.write_str("weighted tokens"),
            Unit::PicoUsd => f.write_str("USD"),
            Unit::GpuMs => f.write_str("GPU seconds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokens::TokenClass;

    #[test]
    fn amounts_follow_the_unit() {
        let usage = Usage { uncached_input: 10, output_visible: 5, ..Usage::default() };
        let consumed = Consumed { usage, cost_pico_usd: 77, gpu_ms: 88 };
        let most = Most { prompt: 12, output: 9, cost_pico_usd: 99, gpu_ms: 111 };
        let twice =
            Unit::Weighted(Weights::of(
                |class| if class == TokenClass::OutputVisible { 2_000 } else { 1_000 },
            ));
        for (unit, held, spent) in [
            (Unit::Requests, 1, 1),
            (Unit::ConcurrentRequests, 1, 0),
            (Unit::Tokens, 21, 15),
            (Unit::TokensOf(Classes::named("output").unwrap()), 9, 5),
            (twice, 30, 20),
            (Unit::PicoUsd, 99, 77),
            (Unit::GpuMs, 111, 88),
        ] {
            assert_eq!((unit.held(&most), unit.spent(&consumed)), (held, spent), "{unit}");
        }
    }

    #[test]
    fn amounts_are_written_exactly() {
        assert_eq!(Unit::PicoUsd.amount(500_000_000_000_000), "500.00 USD");
        assert_eq!(Unit::PicoUsd.amount(1_500_000), "0.0000015 USD");
        assert_eq!(Unit::GpuMs.amount(3_600_000), "3600 GPU seconds");
        assert_eq!(Unit::GpuMs.amount(1_050), "1.05 GPU seconds");
        assert_eq!(Unit::Requests.amount(20), "20 requests");
    }
}
