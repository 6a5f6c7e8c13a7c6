//! `when_unreachable:` and `local_share:`.

use super::line;
use super::values::permille;
use super::windows::Wrong;
use crate::WhenUnreachable;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// A tenth, where a budget does not say otherwise.
const SHARE: u16 = 100;

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnreachableEntry {
    #[default]
    Allow,
    Deny,
    Local,
}

impl UnreachableEntry {
    pub(super) fn read(self, share: Option<&Spanned<String>>, wrong: Wrong<'_>) -> WhenUnreachable {
        let given = share.map(|share| (share, permille(&share.value)));
        if let Some((share, Err(what))) = &given {
            wrong("local_share", line(share), what.clone(), Some("such as `10%`".to_owned()));
        }
        if let Some(share) = share.filter(|_| self != UnreachableEntry::Local) {
            let what = "there is one only with `when_unreachable: local`".to_owned();
            wrong("local_share", line(share), what, None);
        }
        match self {
            UnreachableEntry::Allow => WhenUnreachable::Allow,
            UnreachableEntry::Deny => WhenUnreachable::Deny,
            UnreachableEntry::Local => {
                WhenUnreachable::Local { permille: given.and_then(|(_, share)| share.ok()).unwrap_or(SHARE) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Policy, WhenUnreachable};

    fn read(rule: &str) -> Result<WhenUnreachable, String> {
        let yaml = format!("budgets:\n  - name: b\n    limit: 1 tokens\n    window: 1h\n{rule}\n");
        match Policy::from_yaml(&yaml) {
            Ok(policy) => Ok(policy.budgets[0].when_unreachable),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        }
    }

    #[test]
    fn a_local_share_is_a_tenth_or_what_is_said() {
        assert_eq!(read(""), Ok(WhenUnreachable::Allow));
        assert_eq!(read("    when_unreachable: deny"), Ok(WhenUnreachable::Deny));
        assert_eq!(read("    when_unreachable: local"), Ok(WhenUnreachable::Local { permille: 100 }));
        assert_eq!(
            read("    when_unreachable: local\n    local_share: 2.5%"),
            Ok(WhenUnreachable::Local { permille: 25 })
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(
            read("    when_unreachable: local\n    local_share: 2.55%"),
            Err("line 6: budgets[0].local_share: `2.55%` is no part: from 0.1% to 100%, in steps of 0.1% (such as `10%`)"
                .to_owned())
        );
        assert_eq!(
            read("    when_unreachable: deny\n    local_share: 5%"),
            Err("line 6: budgets[0].local_share: there is one only with `when_unreachable: local`".to_owned())
        );
    }
}
