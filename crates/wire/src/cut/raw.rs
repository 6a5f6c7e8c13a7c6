//! Parts of JSON texts as they were written, to be written again.

use crate::json::{Kind, Scanner};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The value of a member of an object, as it is written. `None` where there is none, and in what is no JSON.
pub(super) fn member<'j>(object: &'j str, key: &str) -> Option<&'j str> {
    members(object).into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// All members of an object.
pub(super) fn members(object: &str) -> Vec<(Cow<'_, str>, &str)> {
    let mut found = Vec::new();
    let _ = (|| {
        let mut scanner = Scanner::new(object);
        if scanner.peek()? != Kind::Object {
            return Ok(());
        }
        let mut members = scanner.object()?;
        while let Some(key) = members.next(&mut scanner)? {
            let name = key.text();
            let span = scanner.skip()?;
            found.push((name, scanner.slice(span)));
        }
        Ok::<(), crate::json::Error>(())
    })();
    found
}

/// The items of an array.
pub(super) fn items(array: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let _ = (|| {
        let mut scanner = Scanner::new(array);
        if scanner.peek()? != Kind::Array {
            return Ok(());
        }
        let mut items = scanner.array()?;
        while items.next(&mut scanner)? {
            let span = scanner.skip()?;
            found.push(scanner.slice(span));
        }
        Ok::<(), crate::json::Error>(())
    })();
    found
}

pub(super) fn number(value: &str) -> Option<u64> {
    value.trim().parse().ok()
}

pub(super) fn is_null(value: &str) -> bool {
    value.trim() == "null"
}

/// What stands between the quotes of a string, still escaped.
pub(super) fn within(value: &str) -> Option<&str> {
    value.trim().strip_prefix('"')?.strip_suffix('"')
}

/// An object with some members put in place of those of the same names, every other one as it was.
pub(super) fn with(object: &str, changes: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(object.len());
    let kept = members(object);
    let kept = kept.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| name == changed));
    for (name, value) in kept.map(|(name, value)| (name.as_ref(), *value)).chain(changes.iter().copied()) {
        // Names of ours and of providers need no escapes; one that does is left out.
        if name.chars().all(|c| c != '"' && c != '\\' && !c.is_control()) {
            out.push(if out.is_empty() { '{' } else { ',' });
            let _ = write!(out, "\"{name}\":{value}");
        }
    }
    out.push_str(if out.is_empty() { "{}" } else { "}" });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_and_put_back_as_they_were_written() {
        let json = r#" {"a" : {"b":[1, "x\"]", {}]}, "c":null} "#;
        let inner = member(member(json, "a").unwrap(), "b").unwrap();
        assert_eq!(inner, r#"[1, "x\"]", {}]"#);
        assert_eq!(items(inner), ["1", r#""x\"]""#, "{}"]);
        assert_eq!(with(json, &[("c", "7"), ("d", "[]")]), r#"{"a":{"b":[1, "x\"]", {}]},"c":7,"d":[]}"#);
        assert_eq!(within(r#""x\"]""#), Some(r#"x\"]"#));
        assert_eq!(with("[1]", &[]), "{}");
        assert_eq!(member("{\"a\":", "a"), None);
    }
}
