//! The plugin's own configuration, from Envoy. Everything about tenants and money is in the policy instead.

use crate::routes::RouteRule;
use serde::Deserialize;

/// More would be slow to go through for each request.
const MOST_ROUTES: usize = 64;

/// The `configuration` of the filter in Envoy: a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The Envoy cluster of the quota server.
    pub quota_cluster: String,
    /// How often each worker reports to the server, milliseconds.
    #[serde(default = "default_tick_ms")]
    pub tick_ms: u32,
    /// How long a request waits for the server when no lease covers it, milliseconds.
    #[serde(default = "default_acquire_timeout_ms")]
    pub acquire_timeout_ms: u32,
    /// The `provider` label of stats and reports; by host and path where it is left out.
    #[serde(default)]
    pub provider: Option<String>,
    /// What detection is not to decide; the first rule that holds counts.
    #[serde(default)]
    pub routes: Vec<RouteRule>,
    /// A filter behind this one signs requests (Envoy's `aws_request_signing`): so those that clients have signed may be
    /// changed, too.
    #[serde(default)]
    pub rewrite_signed: bool,
    /// What happens to calls before any policy is known: the server was not to be reached since Envoy started, or sends
    /// one that this version does not understand.
    #[serde(default)]
    pub without_policy: WithoutPolicy,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutPolicy {
    /// They are refused with 503.
    #[default]
    Refuse,
    /// They pass, neither counted nor charged.
    Pass,
}

fn default_tick_ms() -> u32 {
    1_000
}

fn default_acquire_timeout_ms() -> u32 {
    1_000
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// A sentence for Envoy's log: what is wrong and where.
    pub fn read(json: &[u8]) -> Result<Config, String> {
        let config: Config = serde_json::from_slice(json).map_err(|error| {
            format!("configuration: {error}; expected such as {{\"quota_cluster\": \"tollkeeper\"}}")
        })?;
        let within = |name: &str, value: u32, least: u32, most: u32| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(format!("configuration: {name} is {value}, must be from {least} to {most}"))
            }
        };
        within("tick_ms", config.tick_ms, 10, 60_000)?;
        within("acquire_timeout_ms", config.acquire_timeout_ms, 1, 60_000)?;
        if config.routes.len() > MOST_ROUTES {
            return Err(format!("configuration: {} routes, at most {MOST_ROUTES}", config.routes.len()));
        }
        for (at, rule) in config.routes.iter().enumerate() {
            rule.check().map_err(|what| format!("configuration: routes[{at}] {what}"))?;
        }
        if config.quota_cluster.is_empty() {
            return Err("configuration: quota_cluster is empty, must name an Envoy cluster".to_owned());
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn only_the_cluster_is_required() {
        let config = Config::read(br#"{"quota_cluster": "quota-svc"}"#).unwrap();
        assert_eq!((config.quota_cluster.as_str(), config.tick_ms), ("quota-svc", 1_000));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, word) in [
            (r#"{"quota_cluster": "q", "tickms": 5}"#, "tickms"),
            (r#"{"tick_ms": 100}"#, "quota_cluster"),
            (r#"{"quota_cluster": "q", "tick_ms": 1}"#, "tick_ms is 1"),
            (r#"{"quota_cluster": ""}"#, "empty"),
            (r#"{"quota_cluster": "q", "routes": [{"path_prefix": "/a"}, {}]}"#, "routes[1]"),
            (r#"{"quota_cluster": "q", "routes": [{"host": "h", "api": "x"}]}"#, "anthropic_messages"),
            (r#"{"quota_cluster": "q", "without_policy": "panic"}"#, "refuse"),
            ("", "configuration"),
        ] {
            let error = Config::read(json.as_bytes()).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
