//! Names that stand for models: deployments, aliases of a gateway.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// From a name that clients use to the model that answers to it, which says how it counts and what it costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models(BTreeMap<String, String>);

impl Models {
    pub fn insert(&mut self, name: impl Into<String>, model: impl Into<String>) {
        self.0.insert(name.into(), model.into());
    }

    /// The model behind a name; a name that stands for nothing is a model's own.
    #[must_use]
    pub fn behind<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::Models;

    #[test]
    fn a_name_stands_for_its_model_and_every_other_for_itself() {
        let mut models = Models::default();
        models.insert("chat-prod", "gpt-4o");
        assert_eq!(models.behind("chat-prod"), "gpt-4o");
        assert_eq!(models.behind("chat-prod-2"), "chat-prod-2");
    }
}
