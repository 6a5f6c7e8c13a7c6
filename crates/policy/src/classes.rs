//! Some of the token classes, as a budget counts them.

use serde::{Deserialize, Serialize};
use std::fmt;
use tokens::{TokenClass, Usage};

/// A set of classes: bit `n` is the class at place `n` of [`TokenClass::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Classes(u16);

impl Classes {
    /// Those that `wanted` says.
    #[must_use]
    pub fn of(wanted: impl Fn(TokenClass) -> bool) -> Classes {
        let bits = TokenClass::ALL.iter().enumerate().filter(|(_, class)| wanted(**class));
        Classes(bits.fold(0, |set, (place, _)| set | bit(place)))
    }

    /// `prompt`, `output`, a class's name, or several of them: `cache_read + reasoning`.
    ///
    /// # Errors
    /// The name that is none.
    pub fn named(text: &str) -> Result<Classes, &str> {
        text.split('+').map(str::trim).try_fold(Classes(0), |set, name| {
            let more = match name {
                "prompt" => Classes::of(TokenClass::is_input),
                "output" => Classes::of(|class| !class.is_input()),
                name => Classes::of(|class| class.name() == name),
            };
            if more.0 == 0 { Err(name) } else { Ok(Classes(set.0 | more.0)) }
        })
    }

    pub fn iter(self) -> impl Iterator<Item = TokenClass> {
        let members = TokenClass::ALL.into_iter().enumerate();
        members.filter(move |(place, _)| self.0 & bit(*place) != 0).map(|(_, class)| class)
    }

    /// Whether any of them is in prompts.
    #[must_use]
    pub fn has_input(self) -> bool {
        self.iter().any(TokenClass::is_input)
    }

    #[must_use]
    pub fn has_output(self) -> bool {
        self.iter().any(|class| !class.is_input())
    }

    /// The tokens of these classes.
    #[must_use]
    pub fn count(self, usage: &Usage) -> u64 {
        self.iter().fold(0, |sum, class| sum.saturating_add(usage.get(class)))
    }
}

const fn bit(place: usize) -> u16 {
    // There are nine classes.
    1 << (place & 15)
}

/// As [`Classes::named`] reads it.
impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, all) in [
            ("prompt", Classes::of(TokenClass::is_input)),
            ("output", Classes::of(|class| !class.is_input())),
        ] {
            if *self == all {
                return f.write_str(name);
            }
        }
        let names: Vec<&str> = self.iter().map(TokenClass::name).collect();
        f.write_str(&names.join(" + "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_alone_together_or_by_their_side() {
        let usage = Usage {
            uncached_input: 1,
            cache_read: 20,
            output_visible: 300,
            reasoning: 4_000,
            ..Usage::default()
        };
        for (name, count) in [
            ("prompt", 21),
            ("output", 4_300),
            ("reasoning", 4_000),
            ("cache_read + reasoning", 4_020),
            ("audio_in", 0),
        ] {
            let classes = Classes::named(name).unwrap();
            assert_eq!((classes.count(&usage), classes.to_string().as_str()), (count, name));
        }
        assert_eq!(Classes::named("prompt+output").unwrap().count(&usage), usage.total());
        assert_eq!(Classes::named("cache_read + images"), Err("images"));
        assert_eq!(Classes::named(""), Err(""));
    }

    #[test]
    fn a_class_belongs_to_one_side() {
        let sides = |name| {
            let classes = Classes::named(name).unwrap();
            (classes.has_input(), classes.has_output())
        };
        assert_eq!(sides("cache_read"), (true, false));
        assert_eq!(sides("reasoning"), (false, true));
        assert_eq!(sides("cache_read + reasoning"), (true, true));
    }
}
