//! What the operator asks for: dimensions, prices and budgets.
//!
//! * [`Policy`] is the checked form that everything else works with. The server reads it from YAML
//!   (`Policy::from_yaml`, feature `yaml`) and sends it to the filters as JSON ([`Policy::compiled`]).
//! * [`Guardrail`] limits single calls.
//! * [`Budget`] is one rule: an amount of a [`Unit`], per dimension values and [`Window`].
//! * [`Price`] turns [`tokens::Usage`] into pico-USD.
//!
//! No I/O: texts come in, rules go out.
#![forbid(unsafe_code)]

mod budget;
mod classes;
mod compiled;
mod count;
mod dimension;
mod gpus;
mod guardrail;
mod models;
mod money;
mod price;
mod reserve;
mod unit;
mod weights;
mod window;

#[cfg(feature = "yaml")]
mod file;
#[cfg(feature = "yaml")]
mod known_prices;
mod problem;

pub use budget::{Budget, GivesWay, LostLease, Mode, OnOverrun, Override, WhenUnreachable, part};
pub use classes::Classes;
pub use count::Counting;
pub use dimension::{Dimension, Source};
pub use gpus::{Gpu, Gpus};
pub use guardrail::{Condition, Guardrail, OnExceeded};
pub use models::Models;
pub use money::PICO_PER_USD;
pub use price::{Price, Prices};
pub use problem::Problem;
pub use reserve::Reserve;
pub use unit::{Consumed, Most, Unit};
pub use weights::Weights;
#[cfg(feature = "calendar")]
pub use window::FOR_EVER;
pub use window::{Calendar, Period, Window};

use compiled::known_or_default;
use serde::{Deserialize, Serialize};

/// A policy that was checked: every name it refers to exists, every amount fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Changes whenever the meaning does; short enough for a log line.
    pub version: String,
    pub dimensions: Vec<Dimension>,
    #[serde(default)]
    pub guardrails: Vec<Guardrail>,
    pub budgets: Vec<Budget>,
    pub prices: Prices,
    /// The most output tokens a call may ask for where a budget reserves for the worst case and the client set no
    /// limit of its own.
    pub output_limit: u64,
    /// When prompts are counted.
    #[serde(default, deserialize_with = "known_or_default")]
    pub count: Counting,
    /// What models names of the operator's own stand for.
    #[serde(default)]
    pub models: Models,
    /// Models that run on GPUs of the operator's.
    #[serde(default)]
    pub gpus: Gpus,
}

impl Policy {
    #[must_use]
    pub fn budget(&self, name: &str) -> Option<&Budget> {
        self.budgets.iter().find(|budget| budget.name == name)
    }
}
