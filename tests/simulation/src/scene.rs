//! What a seed's world is made of: how many Envoys, which budgets, how bad the network.

use crate::dice::Dice;
use policy::{Budget, Policy};
use std::fmt;
use std::ops::Deref;

/// 2026-11-23T18:00:00Z, the start of an hour.
const HOUR: u64 = 1_795_456_800_000;

/// The output limit that the policy sets where a client sets none.
pub(crate) const OUTPUT_LIMIT: u64 = 60;

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) nodes: usize,
    pub(crate) workers: usize,
    pub(crate) servers: usize,
    /// Whether servers share a Redis; else a file.
    pub(crate) fleet: bool,
    pub(crate) tenants: u64,
    /// Unix ms by a clock that is right.
    pub(crate) begins: u64,
    pub(crate) lasts_ms: u64,
    pub(crate) tick_ms: u64,
    pub(crate) ttl_ms: u64,
    /// Mean time between two calls on one node.
    pub(crate) gap_ms: u64,
    /// How long the slowest calls take.
    pub(crate) slowest_ms: u64,
    pub(crate) network: Network,
    pub(crate) faults: Faults,
    /// The first is in force at the beginning.
    pub(crate) policies: Policies,
}

pub(crate) struct Policies(Vec<Policy>);

impl Deref for Policies {
    type Target = [Policy];

    fn deref(&self) -> &[Policy] {
        &self.0
    }
}

/// Without prices, which are many.
impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|policy| &policy.budgets)).finish()
    }
}

/// One in so many messages; 0 is never.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) loses: u64,
    pub(crate) repeats: u64,
    pub(crate) delays: u64,
    /// How long a message is under way at most that is not delayed.
    pub(crate) usual_ms: u64,
    pub(crate) delayed_ms: u64,
}

/// Mean time between two of a kind, on the whole; 0 is never.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) envoy_crashes_ms: u64,
    pub(crate) server_crashes_ms: u64,
    pub(crate) partitions_ms: u64,
    /// Of Envoys, by hours.
    pub(crate) clock_jumps_ms: u64,
    /// Of servers, within their skew.
    pub(crate) server_clock_jumps_ms: u64,
    pub(crate) suspensions_ms: u64,
    pub(crate) policy_changes_ms: u64,
    pub(crate) adjustments_ms: u64,
    /// Of a Redis' replica.
    pub(crate) lags_ms: u64,
    /// Servers' clocks differ by up to this; Envoys' by days.
    pub(crate) server_skew_ms: u64,
    /// One in so many accesses to shared data another worker comes between.
    pub(crate) interrupts: u64,
    /// One in so many accesses to a shared Redis another server comes between.
    pub(crate) contends: u64,
}

impl Scene {
    pub(crate) fn of(dice: &Dice) -> Scene {
        let lasts_ms = dice.from(10_000, 40_000);
        let sometimes = |times: u64, value: u64| if dice.once_in(times) { value } else { 0 };
        let changes = sometimes(4, lasts_ms / 3);
        let policies = policies(dice, if changes > 0 { 4 } else { 1 });
        // What is likely is learned from many calls, and a local share is used up by them.
        let takes_many = |budget: &Budget| ["likely", "local"].contains(&budget.name.as_str());
        let server_clock_jumps_ms = sometimes(8, lasts_ms / 2);
        let skew_ms = sometimes(4, 5_000);
        let busy = if policies[0].budgets.iter().any(takes_many) { 6 } else { 1 };
        let mut scene = Scene {
            nodes: dice.pick(&[1, 2, 2, 3]),
            workers: dice.pick(&[1, 2, 2, 3]),
            servers: dice.pick(&[1, 1, 2, 3]),
            fleet: dice.once_in(2),
            tenants: dice.from(1, 3),
            // Shortly before an hour is over, or somewhere in it.
            begins: HOUR
                + if dice.once_in(3) { 3_600_000 - dice.roll(lasts_ms) } else { dice.roll(3_500_000) },
            lasts_ms,
            tick_ms: dice.pick(&[500, 1_000, 2_000]),
            ttl_ms: dice.pick(&[4_000, 4_000, 10_000, 20_000]),
            gap_ms: dice.from(300, 2_500) / busy,
            slowest_ms: dice.pick(&[500, 500, 3_000, 3_000, 15_000]),
            network: Network {
                loses: dice.pick(&[0, 5, 20]),
                repeats: dice.pick(&[0, 5, 20]),
                delays: dice.pick(&[0, 10, 40]),
                usual_ms: dice.pick(&[5, 50, 600]),
                delayed_ms: dice.pick(&[3_000, 3_000, 3_000, 30_000]),
            },
            faults: Faults {
                envoy_crashes_ms: sometimes(3, lasts_ms / 2),
                server_crashes_ms: sometimes(3, lasts_ms / 2),
                partitions_ms: sometimes(3, lasts_ms / 2),
                clock_jumps_ms: sometimes(6, lasts_ms / 2),
                server_clock_jumps_ms,
                suspensions_ms: sometimes(8, lasts_ms / 2),
                policy_changes_ms: changes,
                adjustments_ms: sometimes(4, lasts_ms / 5),
                lags_ms: 0,
                server_skew_ms: if server_clock_jumps_ms > 0 { dice.pick(&[5_000, 30_000]) } else { skew_ms },
                interrupts: dice.pick(&[0, 2, 6]),
                contends: dice.pick(&[0, 2, 4]),
            },
            policies,
        };
        if scene.fleet {
            scene.faults.lags_ms = sometimes(2, lasts_ms / 4);
        }
        scene
    }
}

/// What the model runs on, and how long a call is reserved for: longer than any takes.
pub(crate) const GPUS: u64 = 2;
pub(crate) const GPU_MAX_MS: u64 = 200_000;

/// Of the weighted budget.
pub(crate) const PROMPT_WEIGHT: u64 = 2;
pub(crate) const OUTPUT_WEIGHT: u64 = 5;

const BUDGETS: usize = 16;
/// The position of the one with a local share.
const LOCAL: usize = 8;
/// The position of the one to which calls of a tenant give way.
const YIELDS: usize = 9;

/// Policies with the same budgets and other limits.
fn policies(dice: &Dice, count: usize) -> Policies {
    let size = dice.pick(&[300, 1_000, 4_000]);
    let windows: Vec<&str> = (0..BUDGETS)
        .map(|_| {
            dice.pick(&[
                "20s",
                "1m",
                "1h",
                "day",
                "month",
                "lifetime",
                "rolling 10s",
                "rolling 1m",
                "refill 10s",
                "refill 1m",
            ])
        })
        .collect();
    // Zones where an hour of the clock is a new day, and one where it is not.
    let zone = dice.pick(&["UTC", "Asia/Almaty", "Asia/Kathmandu"]);
    // Where another budget denies there is no telling what a local share would admit.
    let on_its_own = dice.once_in(10);
    let chosen: Vec<bool> = (0..BUDGETS)
        .map(|at| match at {
            LOCAL => on_its_own,
            0 => !on_its_own,
            YIELDS => dice.once_in(2) && !on_its_own,
            _ => dice.once_in(4) && !on_its_own,
        })
        .collect();
    let own = dice.from(1, 5);
    let burst = dice.from(1, 5);
    let versions = (0..count).map(|version| {
        // Down as well as up.
        let size = if version == 0 { size } else { size * dice.from(1, 6) / 3 };
        let budget = |name: &str, per: &str, limit: String, rest: &str| {
            format!("{{ name: {name}, per: [{per}], limit: {limit}, WINDOW, {rest} }}")
        };
        // The books know the first tenant by this.
        let overrides = format!("overrides: [{{ when: {{ tenant: tenant-0 }}, limit: {} tokens }}], ", size * own / 2);
        let (deny, tokens) = ("when_unreachable: deny", format!("{size} tokens"));
        let budgets: [String; BUDGETS] = [
            budget("hard", "tenant", tokens.clone(), &format!("{overrides}{deny}")),
            budget("all", "", format!("{} tokens", size * 3 / 2), deny),
            budget("calls", "tenant", format!("{} requests", 2 + size / 60), deny),
            budget("money", "tenant", format!("{}.{:05} USD", size / 100_000, size % 100_000), deny),
            budget("output", "tenant", format!("{} output tokens", size / 2), deny),
            budget("prompt", "", format!("{} prompt tokens", size * 2), deny),
            budget("soft", "tenant", tokens.clone(), "when_unreachable: allow"),
            budget("loose", "tenant", tokens.clone(), "lost_lease: released, when_unreachable: deny"),
            budget("local", "tenant", tokens.clone(), "when_unreachable: local, local_share: 20%"),
            budget("yields", "", format!("{} tokens", size * 2 / 3), &format!("gives_way: [{{ when: {{ tenant: tenant-1 }}, at: 30% }}], {deny}")),
            budget("watched", "tenant", tokens, "mode: shadow"),
            budget("likely", "", format!("{} tokens", size * 3 / 4), &format!("reserve: {{ expected: 0.5 }}, {deny}")),
            budget(
                "weighted",
                "tenant",
                format!("{} weighted tokens", size * 4),
                &format!("weights: {{ prompt: {PROMPT_WEIGHT}, output: {OUTPUT_WEIGHT} }}, {deny}"),
            ),
            budget("gpus", "", format!("{} GPU seconds", size * 4), deny),
            budget("bursts", "tenant", format!("{} tokens", size / 2), &format!("burst: {} tokens, {deny}", size * burst / 4))
                .replace("WINDOW", &format!("window: refill {}", if burst.is_multiple_of(2) { "10s" } else { "1m" })),
            budget("flights", "tenant", format!("{} concurrent requests", 1 + size / 300), deny)
                .replace("WINDOW, ", ""),
        ];
        let chosen = budgets.iter().zip(&windows).zip(&chosen).filter(|(_, chosen)| **chosen);
        let chosen = chosen.map(|((budget, window), _)| budget.replace("WINDOW", &format!("window: {window}")));
        let yaml = format!(
            "time_zone: {zone}\ndimensions: {{ tenant: {{ header: x-tenant-id }} }}\noutput_limit: {OUTPUT_LIMIT}\nmodels: {{ gpt-4o: {{ gpus: {GPUS}, max_seconds: {} }} }}\nbudgets: [{}]\n",
            GPU_MAX_MS / 1_000,
            chosen.collect::<Vec<_>>().join(", ")
        );
        Policy::from_yaml(&yaml).unwrap_or_else(|problems| panic!("{yaml}: {problems:?}"))
    });
    Policies(versions.collect())
}
