//! `reserve:`, a word or `{ expected: 0.95 }`.

use super::windows::Wrong;
use crate::Reserve;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

const QUANTILE: f64 = 0.95;
const LEAST: f64 = 0.5;
const MOST: f64 = 0.999;

/// As written: the quantile is checked where its line is known.
#[derive(Clone, Copy, Default)]
pub(super) enum ReserveEntry {
    #[default]
    WorstCase,
    Expected(f64),
}

impl ReserveEntry {
    pub(super) fn read(self, line: u64, wrong: Wrong<'_>) -> Reserve {
        match self {
            ReserveEntry::WorstCase => Reserve::WorstCase,
            ReserveEntry::Expected(quantile) => {
                if !(LEAST..=MOST).contains(&quantile) {
                    let what = format!("expected: `{quantile}` must be from {LEAST} to {MOST}");
                    let suggestion = format!("{QUANTILE}: 19 of 20 answers stay within what they hold");
                    wrong("reserve", line, what, Some(suggestion));
                }
                Reserve::Expected { permille: permille(quantile) }
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to what fits")]
fn permille(quantile: f64) -> u16 {
    (quantile.clamp(LEAST, MOST) * 1000.0).round() as u16
}

impl<'de> Deserialize<'de> for ReserveEntry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ReserveEntry, D::Error> {
        from.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = ReserveEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`worst_case`, `expected` or `{ expected: 0.95 }`")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<ReserveEntry, E> {
        match word {
            "worst_case" => Ok(ReserveEntry::WorstCase),
            "expected" => Ok(ReserveEntry::Expected(QUANTILE)),
            other => Err(E::unknown_variant(other, &["worst_case", "expected"])),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ReserveEntry, M::Error> {
        let quantile = match map.next_key::<String>()?.as_deref() {
            Some("expected") => map.next_value()?,
            Some(other) => return Err(M::Error::unknown_field(other, &["expected"])),
            None => return Err(M::Error::missing_field("expected")),
        };
        match map.next_key::<String>()? {
            None => Ok(ReserveEntry::Expected(quantile)),
            Some(other) => Err(M::Error::unknown_field(&other, &["expected"])),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Policy, Reserve};

    fn read(reserve: &str) -> Result<Reserve, String> {
        let yaml =
            format!("budgets:\n  - name: b\n    limit: 1 tokens\n    window: 1h\n    reserve: {reserve}\n");
        match Policy::from_yaml(&yaml) {
            Ok(policy) => Ok(policy.budgets[0].reserve),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        }
    }

    #[test]
    fn a_word_or_a_quantile() {
        assert_eq!(read("worst_case"), Ok(Reserve::WorstCase));
        assert_eq!(read("expected"), Ok(Reserve::Expected { permille: 950 }));
        assert_eq!(read("{ expected: 0.5 }"), Ok(Reserve::Expected { permille: 500 }));
        assert_eq!(read("{ expected: 0.999 }"), Ok(Reserve::Expected { permille: 999 }));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(
            read("{ expected: 95 }"),
            Err("line 5: budgets[0].reserve: expected: `95` must be from 0.5 to 0.999 \
                 (0.95: 19 of 20 answers stay within what they hold)"
                .to_owned())
        );
        for (text, said) in [
            ("worst", "worst_case"),
            ("{ expect: 0.9 }", "expected"),
            ("{ expected: 0.9, at: 1 }", "at"),
            ("7", "expected"),
            ("{}", "expected"),
            ("{ expected: .nan }", "0.5 to 0.999"),
            ("{ expected: much }", "line 5"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(said) && problem.contains("line 5"), "{text}: {problem}");
        }
    }
}
