//! Attributes of a request that budgets, stats and reports are kept by.

use serde::{Deserialize, Serialize};

/// A named attribute and where its value comes from. An absent value reads [`Dimension::UNKNOWN`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    pub name: String,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A request header, by its lower-case name.
    Header(String),
    Constant(String),
}

impl Dimension {
    /// The value of a request that carries none.
    pub const UNKNOWN: &'static str = "unknown";

    /// Longest value kept, in bytes: values come from clients and end up in stat names and database keys.
    pub const LONGEST_VALUE: usize = 64;

    /// The dimension that every request has without configuration: the model it asks for.
    pub const MODEL: &'static str = "model";

    /// A client's value made safe for stats, logs and keys: printable ASCII without the characters that stat names
    /// and label lists use as separators, capped in length; everything else becomes `_`.
    #[must_use]
    pub fn sanitise(value: &[u8]) -> String {
        let kept: String = value
            .trim_ascii()
            .iter()
            .take(Dimension::LONGEST_VALUE)
            .map(|&byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'@' | b'/' | b':' | b'+' => {
                    char::from(byte)
                }
                _ => '_',
            })
            .collect();
        if kept.is_empty() { Dimension::UNKNOWN.to_owned() } else { kept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_kept() {
        assert_eq!(Dimension::sanitise(b"acme-corp.eu/team_1"), "acme-corp.eu/team_1");
        assert_eq!(Dimension::sanitise(b"  user@example.org "), "user@example.org");
    }

    #[test]
    fn separators_control_bytes_and_non_utf8_cannot_reach_a_stat_name() {
        assert_eq!(Dimension::sanitise(b"a;.;b=.=c\n\xff"), "a_._b_._c__");
        assert_eq!(Dimension::sanitise(b""), "unknown");
        assert_eq!(Dimension::sanitise(&[b'x'; 4096]).len(), 64);
    }
}
