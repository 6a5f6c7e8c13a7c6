//! `budgets:`

use super::line;
use super::overrides::{OverrideEntry, read_overrides};
use super::reserve::ReserveEntry;
use super::unreachable::UnreachableEntry;
use super::values::{limit, nearest};
use super::windows::{CalendarEntry, read_window};
use crate::{Budget, Dimension, LostLease, Mode, OnOverrun, Problem};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// More would make a request's admission too dear.
const MOST_BUDGETS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetEntry {
    name: Spanned<String>,
    #[serde(default)]
    per: Vec<Spanned<String>>,
    limit: Spanned<String>,
    #[serde(default)]
    overrides: Vec<Spanned<OverrideEntry>>,
    window: Spanned<String>,
    time_zone: Option<Spanned<String>>,
    fiscal_month_start: Option<Spanned<u64>>,
    fiscal_year_start: Option<Spanned<u64>>,
    #[serde(default)]
    mode: Mode,
    reserve: Option<Spanned<ReserveEntry>>,
    #[serde(default)]
    when_unreachable: UnreachableEntry,
    local_share: Option<Spanned<String>>,
    #[serde(default)]
    lost_lease: LostLease,
    #[serde(default)]
    on_overrun: OnOverrun,
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
        let entry = entry.value;
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
            wrong(
                "limit",
                line(&entry.limit),
                what,
                Some("such as `100000 tokens`, `5000 output tokens`, `20 requests` or `500 USD`".into()),
            );
            (0, crate::Unit::Requests)
        });
        let per: Vec<&str> = entry.per.iter().map(|dimension| dimension.value.as_str()).collect();
        let overrides = read_overrides(entry.overrides, &per, unit, &mut wrong);
        let own = CalendarEntry {
            time_zone: entry.time_zone,
            month_start: entry.fiscal_month_start,
            year_start: entry.fiscal_year_start,
        };
        let window = read_window(&entry.window, own, calendar, &mut wrong);
        let reserve = entry
            .reserve
            .map_or_else(Default::default, |reserve| reserve.value.read(line(&reserve), &mut wrong));
        let when_unreachable = entry.when_unreachable.read(entry.local_share.as_ref(), &mut wrong);
        budgets.push(Budget {
            name,
            per: entry.per.into_iter().map(|dimension| dimension.value).collect(),
            limit,
            overrides,
            unit,
            window,
            mode: entry.mode,
            reserve,
            when_unreachable,
            lost_lease: entry.lost_lease,
            on_overrun: entry.on_overrun,
        });
    }
    budgets
}
