//! Sums over the ledger, for people and programs.

use crate::store::ledger::{CLASSES, Entry, Key, Sums};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use tokens::TokenClass;

/// What to sum up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Unix ms; 0 for everything.
    pub since: u64,
    /// Dimensions, or `model`, `provider`, `outcome`, `source`, `price_version`, `hour`.
    pub by: Vec<String>,
}

impl Query {
    pub const DEFAULT_BY: &'static str = "tenant,model";

    /// `since` is an age (`90m`, `24h`, `7d`) or a moment (RFC 3339, UTC); `by` a list with commas.
    ///
    /// # Errors
    /// Says which of the two can't be read.
    pub fn parse(since: Option<&str>, by: Option<&str>, now: u64) -> Result<Query, String> {
        let by: Vec<String> = by
            .unwrap_or(Query::DEFAULT_BY)
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        Ok(Query { since: since.map_or(Ok(0), |text| moment(text, now))?, by })
    }

    /// Whether all that is asked by is known: to every ledger, to the policy (its dimensions are `named`), or to an entry.
    ///
    /// # Errors
    /// What is not, and what is.
    pub fn known<'a>(
        &self,
        entries: &'a [Entry],
        named: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), String> {
        // What nobody has asked for can't be a mistake.
        if self.by.join(",") == Query::DEFAULT_BY {
            return Ok(());
        }
        let kept = entries.iter().flat_map(|entry| entry.key.dimensions.keys().map(String::as_str));
        let dimensions: BTreeSet<&str> = named.into_iter().chain(kept).collect();
        let known = |name: &&String| !ALWAYS.contains(&name.as_str()) && !dimensions.contains(name.as_str());
        match self.by.iter().find(known) {
            None => Ok(()),
            Some(name) => {
                let all: Vec<&str> = dimensions.into_iter().chain(ALWAYS).collect();
                Err(format!("by: nothing is kept by `{name}` (known: {})", all.join(", ")))
            }
        }
    }
}

/// What every entry has beside its dimensions.
const ALWAYS: [&str; 6] = ["model", "provider", "outcome", "source", "price_version", "hour"];

fn moment(text: &str, now: u64) -> Result<u64, String> {
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if let Ok(age) = humantime::parse_duration(text) {
        return Ok(now.saturating_sub(ms(age)));
    }
    let at = humantime::parse_rfc3339_weak(text).map_err(|_| {
        format!("since: {text:?} is neither an age like 24h nor a moment like 2026-11-23T18:00:00Z")
    })?;
    Ok(at.duration_since(std::time::UNIX_EPOCH).map_or(0, ms))
}

/// The answer: a row per group that has any calls, sorted by group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub query: Query,
    pub rows: Vec<(Vec<String>, Row)>,
    pub total: Row,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Every call seen, refused ones included.
    pub requests: u64,
    /// Calls that policy refused.
    pub refused: u64,
    pub tokens: [u64; CLASSES],
    /// Wider than a ledger row, so that sums of years stay exact.
    pub cost_pico_usd: u128,
    pub duration_ms: u64,
    /// Calls whose model has no price: the cost leaves them out.
    pub unpriced: u64,
}

impl Row {
    fn add(&mut self, key: &Key, sums: &Sums) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.requests, sums.requests);
        if key.outcome.starts_with("refused") {
            add(&mut self.refused, sums.requests);
        }
        self.tokens.iter_mut().zip(sums.tokens).for_each(|(sum, more)| add(sum, more));
        self.cost_pico_usd = self.cost_pico_usd.saturating_add(u128::from(sums.cost_pico_usd));
        add(&mut self.duration_ms, sums.duration_ms);
        add(&mut self.unpriced, sums.unpriced);
    }

    fn count(&self, wanted: impl Fn(TokenClass) -> bool) -> u64 {
        let classes = TokenClass::ALL.into_iter().zip(self.tokens);
        classes.filter(|(class, _)| wanted(*class)).fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Prompt tokens of every class.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        self.count(TokenClass::is_input)
    }

    /// Generated tokens of every class.
    #[must_use]
    pub fn completion_tokens(&self) -> u64 {
        self.count(|class| !class.is_input())
    }

    fn json(&self) -> Map<String, Value> {
        let classes = TokenClass::ALL.into_iter().zip(self.tokens);
        let classes: Map<String, Value> =
            classes.map(|(class, count)| (class.name().to_owned(), json!(count))).collect();
        let Value::Object(map) = json!({
            "requests": self.requests,
            "refused": self.refused,
            "prompt_tokens": self.prompt_tokens(),
            "completion_tokens": self.completion_tokens(),
            "tokens": classes,
            // Texts: programs that read numbers as floats would round them.
            "cost_usd": usd(self.cost_pico_usd),
            "cost_pico_usd": self.cost_pico_usd.to_string(),
            "duration_ms": self.duration_ms,
            "unpriced": self.unpriced,
        }) else {
            return Map::new();
        };
        map
    }
}

impl Report {
    #[must_use]
    pub fn of(entries: &[Entry], query: Query) -> Report {
        let mut rows: BTreeMap<Vec<String>, Row> = BTreeMap::new();
        let mut total = Row::default();
        for Entry { key, sums } in entries {
            let group = query.by.iter().map(|name| value(key, name)).collect();
            rows.entry(group).or_default().add(key, sums);
            total.add(key, sums);
        }
        Report { query, rows: rows.into_iter().collect(), total }
    }

    /// `{since_ms, by, rows: [{group: {…}, requests, …}], total: {…}}`
    #[must_use]
    pub fn json(&self) -> Value {
        let row = |(group, row): &(Vec<String>, Row)| {
            let group: Map<String, Value> =
                self.query.by.iter().zip(group).map(|(name, value)| (name.clone(), json!(value))).collect();
            let mut map = row.json();
            map.insert("group".into(), Value::Object(group));
            Value::Object(map)
        };
        json!({
            "since_ms": self.query.since,
            "by": self.query.by,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "total": self.total.json(),
        })
    }
}

/// Absent values (a dimension the policy did not have then) read as `-`.
fn value(key: &Key, name: &str) -> String {
    match name {
        "model" => key.model.clone(),
        "provider" => key.provider.clone(),
        "outcome" => key.outcome.clone(),
        "source" => key.source.clone(),
        "price_version" => key.price_version.clone(),
        "hour" => moment_text(key.hour),
        dimension => key.dimensions.get(dimension).cloned().unwrap_or_else(|| "-".to_owned()),
    }
}

/// Unix ms as RFC 3339, to the second.
#[must_use]
pub fn moment_text(ms: u64) -> String {
    let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_millis(ms));
    at.map_or_else(|| "-".to_owned(), |at| humantime::format_rfc3339_seconds(at).to_string())
}

/// Exact decimal USD, without trailing zeros beyond cents.
#[must_use]
pub fn usd(pico: u128) -> String {
    let whole = pico / u128::from(policy::PICO_PER_USD);
    let mut fraction = format!("{:012}", pico % u128::from(policy::PICO_PER_USD));
    while fraction.len() > 2 && fraction.ends_with('0') {
        fraction.pop();
    }
    format!("{whole}.{fraction}")
}

/// An amount in what its budget keeps it in, for people.
#[must_use]
pub fn amount_text(amount: u64, base: &str) -> String {
    format!("{} {}", figure_text(amount, base), unit_text(base))
}

/// The unit that people write for what a budget keeps its amounts in.
fn unit_text(base: &str) -> &str {
    match base {
        "pico_usd" => "USD",
        "gpu_ms" => "GPU seconds",
        base => base,
    }
}

/// An amount in that unit.
fn figure_text(amount: u64, base: &str) -> String {
    match base {
        "pico_usd" => usd(amount.into()),
        "gpu_ms" => format!("{}.{:03}", amount / 1_000, amount % 1_000),
        _ => amount.to_string(),
    }
}

/// The report `/v1/usage` answered, as a table.
///
/// # Errors
/// Says what is missing in it.
pub fn usage_table(report: &Value) -> Result<String, String> {
    let list = |value: &Value| value.as_array().cloned().ok_or("not a usage report");
    let by: Vec<String> = list(&report["by"])?.iter().map(cell).collect();
    let figures = ["requests", "prompt_tokens", "completion_tokens", "cost_usd", "refused", "unpriced"];
    let head = ["requests", "prompt", "completion", "cost USD", "refused", "unpriced"];

    let mut lines = vec![by.iter().cloned().chain(head.map(str::to_owned)).collect::<Vec<_>>()];
    for row in list(&report["rows"])? {
        let group = by.iter().map(|name| cell(&row["group"][name]));
        lines.push(group.chain(figures.iter().map(|name| cell(&row[*name]))).collect());
    }
    let label = by.iter().enumerate().map(|(i, _)| if i == 0 { "total".to_owned() } else { String::new() });
    lines.push(label.chain(figures.iter().map(|name| cell(&report["total"][*name]))).collect());
    Ok(table(&lines, by.len()))
}

/// The buckets `/v1/budgets` answered, as a table.
///
/// # Errors
/// Says what is missing in it.
pub fn budgets_table(answer: &Value) -> Result<String, String> {
    let buckets = answer["buckets"].as_array().ok_or("not a list of buckets")?;
    let head = ["budget", "for", "unit", "limit", "used", "reserved", "remaining", "resets"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for bucket in buckets {
        let subject = bucket["subject"].as_object();
        let subject = subject.into_iter().flatten().map(|(name, value)| format!("{name}={}", cell(value)));
        let base = cell(&bucket["unit"]);
        let mut line =
            vec![cell(&bucket["budget"]), subject.collect::<Vec<_>>().join(" "), unit_text(&base).to_owned()];
        let figures = ["limit", "used", "outstanding", "remaining"];
        line.extend(figures.map(|name| figure_text(bucket[name].as_u64().unwrap_or(0), &base)));
        line.push(cell(&bucket["resets_at"]));
        lines.push(line);
    }
    Ok(table(&lines, 3))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// Columns as wide as their widest cell; the first `texts` to the left, figures to the right.
pub(crate) fn table(lines: &[Vec<String>], texts: usize) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            // Writing to a String has no way to fail.
            let _ = if column < texts {
                write!(text, "{cell:<width$}  ")
            } else {
                write!(text, "{cell:>width$}  ")
            };
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(
        tenant: &str,
        model: &str,
        outcome: &str,
        requests: u64,
        input: u64,
        output: u64,
        cost: u64,
    ) -> Entry {
        let mut tokens = [0; CLASSES];
        (tokens[0], tokens[6]) = (input, output);
        Entry {
            key: Key {
                hour: 0,
                dimensions: [("tenant".to_owned(), tenant.to_owned())].into(),
                model: model.into(),
                provider: "openai".into(),
                outcome: outcome.into(),
                source: "reported".into(),
                price_version: "p".into(),
            },
            sums: Sums { requests, tokens, cost_pico_usd: cost, ..Sums::default() },
        }
    }

    fn query(by: &str) -> Query {
        Query::parse(None, Some(by), 0).unwrap()
    }

    #[test]
    fn rows_are_sums_per_group_and_the_total_is_over_all() {
        let entries = [
            entry("acme", "gpt-4o", "ok", 3, 300, 30, 1_050_000_000),
            entry("acme", "gpt-4o", "client_closed", 1, 100, 5, 300_000_000),
            entry("acme", "gpt-4o", "refused:budget", 2, 0, 0, 0),
            entry("beta", "gpt-4o", "ok", 1, 10, 1, 35_000_000),
        ];
        let report = Report::of(&entries, query("tenant,model"));
        let (group, acme) = &report.rows[0];
        assert_eq!(group, &["acme", "gpt-4o"]);
        assert_eq!((acme.requests, acme.refused), (6, 2));
        assert_eq!((acme.prompt_tokens(), acme.completion_tokens()), (400, 35));
        assert_eq!(acme.cost_pico_usd, 1_350_000_000);
        assert_eq!((report.rows.len(), report.total.requests), (2, 7));
    }

    #[test]
    fn a_group_by_nothing_is_the_total_and_an_unknown_name_is_a_dash() {
        let entries = [entry("acme", "gpt-4o", "ok", 3, 300, 30, 5)];
        assert_eq!(Report::of(&entries, query("")).rows, [(vec![], Report::of(&entries, query("")).total)]);
        assert_eq!(Report::of(&entries, query("team")).rows[0].0, ["-"]);
    }

    #[test]
    fn what_nothing_is_kept_by_is_a_mistake() {
        let entries = [entry("acme", "gpt-4o", "ok", 3, 300, 30, 5)];
        assert_eq!(query("tenant,hour,team").known(&entries, ["team"]), Ok(()));
        assert_eq!(query(Query::DEFAULT_BY).known(&[], []), Ok(()), "it may be that no policy has tenants");
        assert_eq!(
            query("tenat").known(&entries, ["team"]).unwrap_err(),
            "by: nothing is kept by `tenat` (known: team, tenant, model, provider, outcome, source, price_version, hour)"
        );
    }

    #[test]
    fn budgets_are_shown_in_the_units_of_the_policy() {
        let bucket = |unit: &str, limit: u64, resets: Value| {
            json!({ "budget": "b", "subject": { "tenant": "acme" }, "unit": unit, "limit": limit, "used": 0,
                    "outstanding": 1_500, "remaining": 2, "resets_at": resets })
        };
        let buckets = [
            bucket("pico_usd", 12_500_000_000_000, json!("2026-11-29T00:00:00Z")),
            bucket("gpu_ms", 60_000, Value::Null),
        ];
        let table = budgets_table(&json!({ "buckets": buckets })).unwrap();
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect())
            .collect();
        assert_eq!(
            rows[1],
            [
                "b",
                "tenant=acme",
                "USD",
                "12.50",
                "0.00",
                "0.0000000015",
                "0.000000000002",
                "2026-11-29T00:00:00Z"
            ]
        );
        assert_eq!(rows[2], ["b", "tenant=acme", "GPU seconds", "60.000", "0.000", "1.500", "0.002", "-"]);
    }

    #[test]
    fn costs_are_exact_decimals() {
        assert_eq!(usd(0), "0.00");
        assert_eq!(usd(1_500_000_000_000), "1.50");
        assert_eq!(usd(1), "0.000000000001");
        assert_eq!(usd(123_456_789_000_000), "123.456789");
    }

    #[test]
    fn since_is_an_age_or_a_moment() {
        let now = 1_795_458_971_000;
        let since = |text| Query::parse(Some(text), None, now).map(|query| query.since);
        assert_eq!(since("1h"), Ok(now - 3_600_000));
        assert_eq!(since("2026-11-23T18:36:11Z"), Ok(now));
        assert!(since("yesterday").unwrap_err().contains("24h"));
    }

    #[test]
    fn the_table_lines_up() {
        let entries = [entry("acme", "gpt-4o", "ok", 3, 300, 30, 1_050_000_000)];
        let table = usage_table(&Report::of(&entries, query("tenant,model")).json()).unwrap();
        assert_eq!(
            table,
            "tenant  model   requests  prompt  completion  cost USD  refused  unpriced\n\
             acme    gpt-4o         3     300          30   0.00105        0         0\n\
             total                  3     300          30   0.00105        0         0\n"
        );
    }
}
