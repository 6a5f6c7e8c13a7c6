//! `budgets:`

use super::gives_way::{GivesWayEntry, read_gives_way};
use super::line;
use super::overrides::{OverrideEntry, own_amount, read_overrides};
use super::reserve::ReserveEntry;
use super::unreachable::UnreachableEntry;
use super::values::{limit, nearest};
use super::weights::{WeightsEntry, read_weights};
use super::windows::{CalendarEntry, read_window};
use crate::{Budget, Dimension, LostLease, Mode, OnOverrun, Problem, Unit, WhenUnreachable, Window};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// More would make a request's admission too dear.
const MOST_BUDGETS: usize = 16;

const EXAMPLES: &str = "such as `100000 tokens`, `5000 output tokens`, `5000 weighted tokens`, `20 requests`, \
                        `20 concurrent requests`, `500 USD` or `3600 GPU seconds`";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetEntry {
    name: Spanned<String>,
    #[serde(default)]
    per: Vec<Spanned<String>>,
    limit: Spanned<String>,
    #[serde(default)]
    overrides: Vec<Spanned<OverrideEntry>>,
    #[serde(default)]
    weights: WeightsEntry,
    #[serde(default)]
    gives_way: Vec<Spanned<GivesWayEntry>>,
    window: Option<Spanned<String>>,
    burst: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
    fiscal_month_start: Option<Spanned<u64>>,
    fiscal_year_start: Option<Spanned<u64>>,
    #[serde(default)]
    mode: Mode,
    reserve: Option<Spanned<ReserveEntry>>,
    #[serde(default)]
    when_unreachable: UnreachableEntry,
    local_share: Option<Spanned<String>>,
    lost_lease: Option<Spanned<LostLease>>,
    #[serde(default)]
    on_overrun: OnOverrun,
}

impl BudgetEntry {
    pub(super) fn limit_line(&self) -> u64 {
        line(&self.limit)
    }
}

pub(super) fn read_budgets(
    entries: Vec<Spanned<BudgetEntry>>,
    dimensions: &[Dimension],
    calendar: &CalendarEntry,
    problems: &mut Vec<Problem>,
) -> Vec<Budget> {
    if entries.len() > MOST_BUDGETS {
        problems.push(Problem::new(format!(
            "budgets: {} of them, at most {MOST_BUDGETS} are enforced",
            entries.len()
        )));
    }
    let mut budgets: Vec<Budget> = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let mut entry = entry.value;
        let mut wrong = |field: &str, line: u64, what: String, suggestion: Option<String>| {
            let problem = Problem::new(format!("budgets[{at}].{field}: {what}")).at(line);
            problems.push(match suggestion {
                Some(suggestion) => problem.suggest(suggestion),
                None => problem,
            });
        };
        let name = entry.name.value.clone();
        if name.is_empty() || Dimension::sanitise(name.as_bytes()) != name {
            wrong(
                "name",
                line(&entry.name),
                format!("`{name}` is not usable as a name"),
                Some("letters, digits, - and _, at most 64".into()),
            );
        } else if budgets.iter().any(|other| other.name == name) {
            wrong("name", line(&entry.name), format!("`{name}` is taken by an earlier budget"), None);
        }
        let names: Vec<&str> =
            dimensions.iter().map(|dimension| dimension.name.as_str()).chain([Dimension::MODEL]).collect();
        for dimension in &entry.per {
            if !names.contains(&dimension.value.as_str()) {
                let suggestion = nearest(&dimension.value, &names);
                wrong("per", line(dimension), format!("no dimension `{}`", dimension.value), suggestion);
            }
        }
        let (limit, unit) = limit(&entry.limit.value).unwrap_or_else(|what| {
            wrong("limit", line(&entry.limit), what, Some(EXAMPLES.to_owned()));
            // What goes by the unit can't be judged without one.
            (entry.overrides, entry.burst) = (Vec::new(), None);
            entry.weights = WeightsEntry::default();
            (0, Unit::Requests)
        });
        let per: Vec<&str> = entry.per.iter().map(|dimension| dimension.value.as_str()).collect();
        let overrides = read_overrides(entry.overrides, &per, unit, &mut wrong);
        let burst = entry.burst.as_ref().and_then(|burst| {
            own_amount(burst, unit, &mut |_, line, what, suggestion| wrong("burst", line, what, suggestion))
        });
        let unit = read_weights(unit, &entry.weights, line(&entry.limit), &mut wrong);
        let gives_way = read_gives_way(entry.gives_way, &names, &mut wrong);
        let own = CalendarEntry {
            time_zone: entry.time_zone,
            month_start: entry.fiscal_month_start,
            year_start: entry.fiscal_year_start,
        };
        let window = match &entry.window {
            Some(window) if unit == Unit::ConcurrentRequests => {
                let what = "calls in flight are counted while they are, and have none".to_owned();
                wrong("window", line(window), what, Some("leave the line out".to_owned()));
                Window::Lifetime
            }
            Some(window) => read_window(window, own, calendar, &mut wrong),
            None if unit == Unit::ConcurrentRequests => Window::Lifetime,
            None => {
                let what = "missing".to_owned();
                wrong("window", line(&entry.limit), what, Some(super::windows::EXAMPLES.to_owned()));
                Window::Lifetime
            }
        };
        let window = match (window, &entry.burst) {
            (Window::Refill { ms, .. }, _) => Window::Refill { ms, burst },
            (other, Some(burst)) => {
                let what = "only a bucket that is refilled all the time has one".to_owned();
                wrong("burst", line(burst), what, Some("such as `window: refill 60s`".to_owned()));
                other
            }
            (other, None) => other,
        };
        let lost_lease = match entry.lost_lease {
            Some(given) if unit == Unit::ConcurrentRequests && given.value == LostLease::Spent => {
                let what = "nothing of calls in flight is spent: they are released".to_owned();
                wrong("lost_lease", line(&given), what, Some("leave the line out".to_owned()));
                LostLease::Released
            }
            None if unit == Unit::ConcurrentRequests => LostLease::Released,
            given => given.map_or_else(Default::default, |given| given.value),
        };
        let reserve = entry
            .reserve
            .map_or_else(Default::default, |reserve| reserve.value.read(line(&reserve), &mut wrong));
        let when_unreachable = entry.when_unreachable.read(entry.local_share.as_ref(), &mut wrong);
        if unit == Unit::ConcurrentRequests && matches!(when_unreachable, WhenUnreachable::Local { .. }) {
            let what = "calls in flight have no share that could be used up".to_owned();
            wrong("when_unreachable", line(&entry.limit), what, Some("`allow` or `deny`".to_owned()));
        }
        budgets.push(Budget {
            name,
            per: entry.per.into_iter().map(|dimension| dimension.value).collect(),
            limit,
            overrides,
            gives_way,
            unit,
            window,
            mode: entry.mode,
            reserve,
            when_unreachable,
            lost_lease,
            on_overrun: entry.on_overrun,
        });
    }
    budgets
}
