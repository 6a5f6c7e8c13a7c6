//! Which requests are calls to a model, and whose: detected, or as the operator says.

use crate::host::{Headers, Host};
use serde::{Deserialize, Deserializer, de};
use wire::{Api, Route};

/// What the operator says of some requests. All of the conditions that are given must hold; there must be one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRule {
    /// The request's host, without its port: a name, or `*.` and what it ends with, as in Envoy's `domains`.
    #[serde(default)]
    pub host: Option<String>,
    /// What the path begins with, as in Envoy's `prefix`.
    #[serde(default)]
    pub path_prefix: Option<String>,
    /// The name of the Envoy route.
    #[serde(default)]
    pub route: Option<String>,
    /// The format of its requests and answers.
    #[serde(default)]
    pub api: Format,
    /// The `provider` label.
    #[serde(default)]
    pub provider: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// By path, host and body.
    #[default]
    Detected,
    Is(Api),
    /// None: these requests are let by unread.
    LetBy,
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Format, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.as_str() {
            "auto" => Ok(Format::Detected),
            "none" => Ok(Format::LetBy),
            name => Api::named(name).map(Format::Is).ok_or_else(|| {
                let known = Api::ALL.map(Api::name).join(", ");
                de::Error::custom(format!("unknown api `{name}`; known: auto, none, {known}"))
            }),
        }
    }
}

impl RouteRule {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if !given(&self.host) && !given(&self.path_prefix) && !given(&self.route) {
            return Err("says neither host nor path_prefix nor route: it would hold for every request");
        }
        if self.path_prefix.as_ref().is_some_and(|prefix| !prefix.starts_with('/')) {
            return Err("has a path_prefix that does not begin with /");
        }
        Ok(())
    }

    fn holds(&self, path: &[u8], host: &[u8], route: &[u8]) -> bool {
        let holds = |wanted: &Option<String>, test: &dyn Fn(&[u8]) -> bool| {
            wanted.as_ref().is_none_or(|wanted| test(wanted.as_bytes()))
        };
        holds(&self.path_prefix, &|prefix| path.starts_with(prefix))
            && holds(&self.route, &|name| route == name)
            && holds(&self.host, &|name| is_host(host, name))
    }
}

fn is_host(host: &[u8], wanted: &[u8]) -> bool {
    // An IPv6 address has colons of its own, within brackets.
    let name = match host.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(at) if host.get(at) == Some(&b':') => host.get(..at).unwrap_or_default(),
        _ => host,
    };
    match wanted.strip_prefix(b"*") {
        Some(end) => {
            let start = name.len().checked_sub(end.len()).filter(|start| *start > 0);
            start.and_then(|start| name.get(start..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        }
        None => name.eq_ignore_ascii_case(wanted),
    }
}

/// The route of the request whose headers have arrived, and its `provider` label; `None` for other traffic.
pub(crate) fn find(host: &dyn Host, rules: &[RouteRule]) -> Option<(Route, Option<String>)> {
    let header = |name| host.header(Headers::Request, name).ok().flatten().unwrap_or_default();
    let path = header(":path");
    // What else there is to know is only asked for where it matters: other traffic pays for one header.
    let (route, provider) = if rules.is_empty() {
        (Route::of_path(&path)?.at_host(&header(":authority")), None)
    } else {
        by_rules(host, rules, &path, &header(":authority"))?
    };
    (header(":method") == b"POST").then_some((route, provider))
}

fn by_rules(
    host: &dyn Host,
    rules: &[RouteRule],
    path: &[u8],
    authority: &[u8],
) -> Option<(Route, Option<String>)> {
    let names_routes = rules.iter().any(|rule| rule.route.is_some());
    let name =
        if names_routes { host.property(&["xds", "route_name"]).unwrap_or_default() } else { Vec::new() };
    let rule = rules.iter().find(|rule| rule.holds(path, authority, &name));
    let route = match rule.map_or(Format::Detected, |rule| rule.api) {
        Format::Detected => Route::of_path(path)?.at_host(authority),
        Format::Is(api) => Route::forced(api, path, authority),
        Format::LetBy => return None,
    };
    Some((route, rule.and_then(|rule| rule.provider.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> RouteRule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_rule_holds_where_all_its_conditions_do() {
        let all = rule(r#"{"host": "*.corp", "path_prefix": "/llm/", "route": "ai", "api": "ollama_chat"}"#);
        assert!(all.holds(b"/llm/chat", b"models.CORP:8080", b"ai"));
        assert!(!all.holds(b"/chat", b"models.corp", b"ai"));
        assert!(!all.holds(b"/llm/chat", b"corp", b"ai"));
        assert!(!all.holds(b"/llm/chat", b"models.corp", b"other"));
        assert!(rule(r#"{"host": "a.b"}"#).holds(b"/", b"A.b:1", b""));
        assert!(!rule(r#"{"host": "a.b"}"#).holds(b"/", b"x.a.b", b""));
        assert!(rule(r#"{"host": "[::1]"}"#).holds(b"/", b"[::1]:80", b""));
        assert!(rule(r#"{"host": "[::1]"}"#).holds(b"/", b"[::1]", b""));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong =
            serde_json::from_str::<RouteRule>(r#"{"host": "h", "api": "openai"}"#).unwrap_err().to_string();
        assert!(wrong.contains("unknown api `openai`") && wrong.contains("openai_chat"), "{wrong}");
        assert!(rule(r#"{"provider": "mine"}"#).check().is_err());
        assert!(rule(r#"{"path_prefix": "llm"}"#).check().is_err());
        assert!(rule(r#"{"path_prefix": "/llm"}"#).check().is_ok());
    }
}
