//! What is wrong with a policy, said so that it can be mended.

use std::fmt;

/// One thing that is wrong: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    line: Option<u64>,
    what: String,
    suggestion: Option<String>,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Problem { line: None, what: what.into(), suggestion: None }
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn at(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    #[cfg(feature = "yaml")]
    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The line of the policy file, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.line
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " ({suggestion})"),
            None => Ok(()),
        }
    }
}
