//! Changing a request's body: a few bytes replaced or inserted, every other byte as the client sent it.

use super::request::{ChatRequest, Limit, StreamOptions};
use crate::json::Span;

/// What to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Ask for the usage chunk of a stream. No effect on a request that does not stream: providers refuse
    /// `stream_options` there.
    pub include_usage: bool,
    /// The most tokens each choice may generate. A lower limit of the client's stays; a higher one, or none, becomes
    /// this one.
    pub output_limit: Option<u64>,
}

struct Edit {
    span: Span,
    text: String,
}

impl Edit {
    fn insert(at: usize, text: String) -> Edit {
        Edit { span: Span { start: at, end: at }, text }
    }
}

impl ChatRequest {
    /// The changed body, `None` when nothing changes. `body` must be the one this was read from.
    #[must_use]
    pub fn rewrite(&self, body: &[u8], edits: &Rewrite) -> Option<Vec<u8>> {
        let mut changes = Vec::new();
        if edits.include_usage && self.stream {
            changes.extend(self.ask_for_usage());
        }
        if let Some(limit) = edits.output_limit {
            self.limit_output(limit, &mut changes);
        }
        changes.sort_by_key(|edit| edit.span.start);
        if changes.is_empty() || body.len() != self.length {
            return None;
        }
        apply(body, &changes)
    }

    fn ask_for_usage(&self) -> Option<Edit> {
        match self.stream_options {
            StreamOptions::Absent => {
                Some(Edit::insert(self.open, r#""stream_options":{"include_usage":true},"#.into()))
            }
            StreamOptions::Null(span) => Some(Edit { span, text: r#"{"include_usage":true}"#.into() }),
            StreamOptions::Object { include_usage: Some((_, true)), .. } => None,
            StreamOptions::Object { include_usage: Some((span, false)), .. } => {
                Some(Edit { span, text: "true".into() })
            }
            StreamOptions::Object { open, empty, include_usage: None } => {
                let comma = if empty { "" } else { "," };
                Some(Edit::insert(open, format!(r#""include_usage":true{comma}"#)))
            }
        }
    }

    /// Every limit that is given is lowered, under both names: which one a provider obeys is its own affair. A `null`
    /// is left alone unless nothing else limits.
    fn limit_output(&self, most: u64, changes: &mut Vec<Edit>) {
        let given: Vec<Limit> = [self.max_completion_tokens, self.max_tokens].into_iter().flatten().collect();
        let replace = |limit: &Limit| Edit { span: limit.span, text: most.to_string() };
        if given.iter().any(|limit| limit.tokens.is_some()) {
            changes.extend(given.iter().filter(|limit| limit.tokens.is_some_and(|n| n > most)).map(replace));
        } else if let Some(unlimited) = given.first() {
            changes.push(replace(unlimited));
        } else {
            changes.push(Edit::insert(self.open, format!(r#""max_completion_tokens":{most},"#)));
        }
    }
}

fn apply(body: &[u8], changes: &[Edit]) -> Option<Vec<u8>> {
    let grown: usize = changes.iter().map(|edit| edit.text.len()).sum();
    let mut out = Vec::with_capacity(body.len().saturating_add(grown));
    let mut done = 0;
    for edit in changes {
        out.extend_from_slice(body.get(done..edit.span.start)?);
        out.extend_from_slice(edit.text.as_bytes());
        done = edit.span.end;
    }
    out.extend_from_slice(body.get(done..)?);
    Some(out)
}
