//! Top-ups and resets: what somebody asks for over HTTP, checked, and what is answered and shown of it.

use crate::edge::token;
use crate::report::{amount_text, moment_text, table};
use crate::store::audit::{Action, Adjustment, Entry, Standing, Which};
use policy::{Budget, Dimension, Policy, Window};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// Characters of a reason: a sentence or two.
const LONGEST_REASON: usize = 500;

/// Bytes of a key; a UUID has 36.
const LONGEST_KEY: usize = 128;

/// Entries in one answer: if not said, and at most.
const ENTRIES: u32 = 50;
const MOST_ENTRIES: u32 = 1_000;

/// The body of POST `/v1/budgets/NAME/top-up` and `/reset`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The values of the budget's dimensions.
    #[serde(default)]
    subject: BTreeMap<String, String>,
    /// Of a top-up, as a limit is written: `5000 tokens`.
    amount: Option<String>,
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    TopUp,
    Reset,
}

/// Why a change can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    UnknownBudget(String),
    Request(String),
}

/// What is asked for, with what is wrong with it said.
///
/// # Errors
/// What is wrong, and what to do.
pub fn read(
    policy: &Policy,
    budget: &str,
    kind: Kind,
    asked: Asked,
    key: Option<&str>,
    by: String,
) -> Result<Adjustment, Wrong> {
    let (place, budget) = policy.find_budget(budget).map_err(Wrong::UnknownBudget)?;
    let action = action(budget, kind, asked.amount.as_deref()).map_err(Wrong::Request)?;
    let subject = subject(budget, asked.subject).map_err(Wrong::Request)?;
    let reason = asked.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON || reason.contains(char::is_control) {
        return Err(Wrong::Request(format!(
            "reason: say why, in one line of at most {LONGEST_REASON} characters"
        )));
    }
    let key = match key {
        Some(key)
            if (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            key.to_owned()
        }
        Some(_) => {
            let why = format!("idempotency-key: expected 1 to {LONGEST_KEY} visible ASCII characters");
            return Err(Wrong::Request(why));
        }
        None => new_key().map_err(Wrong::Request)?,
    };
    Ok(Adjustment { budget: place, subject, action, by, reason, key })
}

/// A key that nobody else has.
///
/// # Errors
/// Where the system has no randomness to give.
pub fn new_key() -> Result<String, String> {
    token::make().map(|hex| hex.chars().take(32).collect())
}

fn action(budget: &Budget, kind: Kind, amount: Option<&str>) -> Result<Action, String> {
    let name = &budget.name;
    if budget.limits_flights() {
        return Err(format!(
            "budget `{name}` counts calls in flight, which end by themselves: change its limit in the policy"
        ));
    }
    match (kind, amount) {
        (Kind::TopUp, _) if matches!(budget.window, Window::Refill { .. }) => Err(format!(
            "budget `{name}` refills all the time, so there is no window to add to: reset it, or change its limit in \
             the policy"
        )),
        (Kind::TopUp, Some(amount)) => {
            budget.read_amount(amount).map(Action::TopUp).map_err(|problem| format!("amount: {problem}"))
        }
        (Kind::TopUp, None) => {
            Err(format!("amount: say how much, like `{}`", budget.unit.amount(budget.limit)))
        }
        (Kind::Reset, None) => Ok(Action::Reset),
        (Kind::Reset, Some(_)) => Err("amount: a reset has none".to_owned()),
    }
}

fn subject(budget: &Budget, mut said: BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let kept_per = match budget.per.as_slice() {
        [] => "is one for all, so it has no subject".to_owned(),
        per => format!("is kept per {}", per.join(", ")),
    };
    let mut subject = Vec::with_capacity(budget.per.len());
    let other = said.keys().find(|name| !budget.per.contains(name)).cloned();
    for name in &budget.per {
        let value = said.remove(name).ok_or_else(|| {
            let other =
                other.as_ref().map_or_else(String::new, |other| format!(", and `{other}` is none of it"));
            format!("subject: budget `{}` {kept_per}; `{name}` is missing{other}", budget.name)
        })?;
        let known_as = Dimension::sanitise(value.as_bytes());
        // A model's name comes from a request's body, and is taken as it is.
        if name != Dimension::MODEL && known_as != value {
            return Err(format!(
                "subject: no call has the {name} `{value}`: it would be known as `{known_as}`"
            ));
        }
        subject.push(value);
    }
    match other {
        None => Ok(subject),
        Some(other) => Err(format!("subject: budget `{}` {kept_per}; not `{other}`", budget.name)),
    }
}

/// Which entries are asked for with GET `/v1/audit`.
///
/// # Errors
/// Which parameter can't be read.
pub fn which(params: &HashMap<String, String>) -> Result<Which, String> {
    let number = |name: &str, least: u64, most: u64| match params.get(name) {
        None => Ok(None),
        Some(text) => match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(format!("{name}: `{text}` is no number from {least} to {most}")),
        },
    };
    let most = number("limit", 1, MOST_ENTRIES.into())?.and_then(|most| u32::try_from(most).ok());
    Ok(Which {
        before: number("before", 1, u64::MAX)?,
        budget: params.get("budget").cloned(),
        most: most.unwrap_or(ENTRIES),
    })
}

#[must_use]
pub fn json_of(entry: &Entry) -> Value {
    let subject: Map<String, Value> =
        entry.per.iter().cloned().zip(entry.subject.iter().map(|value| json!(value))).collect();
    let standing = |Standing { limit, used, outstanding }: Standing| json!({ "limit": limit, "used": used, "outstanding": outstanding });
    let amount = match entry.action {
        Action::TopUp(amount) => Some(amount),
        Action::Reset => None,
    };
    json!({
        "number": entry.number,
        "at": moment_text(entry.at),
        "at_ms": entry.at,
        "by": entry.by,
        "action": entry.action.name(),
        "budget": entry.budget,
        "subject": subject,
        "window_start_ms": entry.window,
        "unit": entry.unit,
        "amount": amount,
        "before": standing(entry.before),
        "after": standing(entry.after),
        "reason": entry.reason,
        "key": entry.key,
    })
}

/// The entries that `/v1/audit` answered, as a table.
///
/// # Errors
/// Says what is missing in it.
pub fn audit_table(answer: &Value) -> Result<String, String> {
    let entries = answer["entries"].as_array().ok_or("not a list of changes")?;
    let head = ["no.", "at", "by", "budget", "for", "change", "reason", "limit", "used"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for entry in entries {
        let change = match entry["amount"].as_u64() {
            Some(amount) => format!("+{}", amount_text(amount, &text(&entry["unit"]))),
            None => text(&entry["action"]),
        };
        lines.push(vec![
            entry["number"].to_string(),
            text(&entry["at"]),
            text(&entry["by"]),
            text(&entry["budget"]),
            subject_text(entry),
            change,
            text(&entry["reason"]),
            from_to(entry, "limit"),
            from_to(entry, "used"),
        ]);
    }
    Ok(table(&lines, 7))
}

/// One change as a sentence.
#[must_use]
pub fn sentence(answer: &Value) -> String {
    let unit = text(&answer["unit"]);
    let amount = |of: &Value| amount_text(of.as_u64().unwrap_or(0), &unit);
    let after = &answer["after"];
    let what = match answer["amount"].as_u64() {
        Some(added) => format!("topped up by {}", amount_text(added, &unit)),
        None => format!("reset: {} count no more", amount(&answer["before"]["used"])),
    };
    let subject = match subject_text(answer) {
        none if none.is_empty() => none,
        subject => format!(" for {subject}"),
    };
    let before = if answer["repeated"] == true { " (before, with this key)" } else { "" };
    format!(
        "{}{subject} was {what}{before}. Now {} of {} are used, {} reserved. Change {}, key {}.",
        text(&answer["budget"]),
        amount(&after["used"]),
        amount(&after["limit"]),
        amount(&after["outstanding"]),
        answer["number"],
        text(&answer["key"]),
    )
}

fn from_to(entry: &Value, figure: &str) -> String {
    let unit = text(&entry["unit"]);
    let [before, after] = ["before", "after"].map(|when| entry[when][figure].as_u64().unwrap_or(0));
    if before == after {
        amount_text(after, &unit)
    } else {
        format!("{} → {}", amount_text(before, &unit), amount_text(after, &unit))
    }
}

fn subject_text(entry: &Value) -> String {
    let values = entry["subject"].as_object().into_iter().flatten();
    values.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_dimension_is_named_beside_the_one_that_is_missing() {
        let policy = Policy::from_yaml(
            "dimensions: { tenant: { header: x-t } }\nbudgets: [{ name: b, per: [tenant], limit: 1 USD, window: 1d }]",
        )
        .unwrap();
        let said = BTreeMap::from([("tenat".to_owned(), "acme".to_owned())]);
        assert_eq!(
            subject(&policy.budgets[0], said).unwrap_err(),
            "subject: budget `b` is kept per tenant; `tenant` is missing, and `tenat` is none of it"
        );
    }
}
