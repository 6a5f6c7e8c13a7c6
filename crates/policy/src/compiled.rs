//! The form in which a policy is sent to the filters: JSON.
//!
//! Server and filters are of different versions while one of them is brought up to date. What an older server leaves out
//! has a default; so has what a newer one says and this version does not know, where the default is on the safe side. For the
//! rest the policy is refused: whoever does not know a unit can't hold anyone to it.

use crate::{Policy, Problem};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

impl Policy {
    /// The form that is sent to the filters.
    #[must_use]
    pub fn compiled(&self) -> Vec<u8> {
        // Serialising plain structs into memory has no way to fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Policy::compiled`] wrote, of this version or another.
    ///
    /// # Errors
    /// Says what a newer server sent that this version does not understand and must not guess.
    pub fn from_compiled(bytes: &[u8]) -> Result<Policy, Problem> {
        serde_json::from_slice(bytes).map_err(|error| Problem::new(format!("compiled policy: {error}")))
    }
}

/// For fields whose default is on the safe side of all that a newer version may say.
pub(crate) fn known_or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let said = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(said).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Budget, Counting, LostLease, Mode, OnOverrun, Reserve, Unit, WhenUnreachable, Window};
    use serde_json::{Value, json};

    /// What a server of the first version that had budgets sends, of the fields that there are still.
    fn oldest() -> Value {
        json!({
            "version": "v1", "dimensions": [], "prices": {}, "output_limit": 100,
            "budgets": [{
                "name": "b", "per": [], "limit": 5, "unit": "tokens",
                "mode": "enforce", "when_unreachable": "deny", "lost_lease": "spent",
            }],
        })
    }

    fn read(compiled: &Value) -> Result<Policy, Problem> {
        Policy::from_compiled(compiled.to_string().as_bytes())
    }

    fn with(field: &str, value: Value) -> Value {
        let mut compiled = oldest();
        compiled["budgets"][0][field] = value;
        compiled
    }

    #[test]
    fn what_an_older_server_leaves_out_has_a_default() {
        let policy = read(&oldest()).unwrap();
        assert_eq!(policy.count, Counting::WhenNeeded);
        assert_eq!(
            policy.budgets,
            [Budget {
                name: "b".to_owned(),
                per: vec![],
                limit: 5,
                overrides: vec![],
                gives_way: vec![],
                unit: Unit::Tokens,
                window: Window::Lifetime,
                mode: Mode::Enforce,
                reserve: Reserve::WorstCase,
                when_unreachable: WhenUnreachable::Deny,
                lost_lease: LostLease::Spent,
                on_overrun: OnOverrun::Charge,
            }]
        );
    }

    #[test]
    fn what_a_newer_server_says_is_passed_over_where_that_is_safe() {
        let plain = read(&oldest()).unwrap();
        for (field, value) in [
            ("reserve", json!("prophecy")),
            ("reserve", json!({"expected": {"model": "larger"}})),
            ("window", json!({"lunar": {"phase": 1}})),
            ("on_overrun", json!("apologise")),
            ("lost_lease", json!("auctioned")),
            ("horoscope", json!(["taurus"])),
        ] {
            assert_eq!(read(&with(field, value)).unwrap(), plain, "{field}");
        }
        let mut counted = oldest();
        counted["count"] = json!("twice");
        assert_eq!(read(&counted).unwrap(), plain);
    }

    #[test]
    fn what_can_not_be_held_is_refused_by_name() {
        for (field, value) in [
            ("unit", json!("lightyears")),
            ("mode", json!("strict")),
            ("when_unreachable", json!("pray")),
            ("limit", json!("much")),
        ] {
            let problem = read(&with(field, value.clone())).unwrap_err().to_string();
            assert!(problem.contains(value.as_str().unwrap_or("string")), "{field}: {problem}");
        }
    }
}
