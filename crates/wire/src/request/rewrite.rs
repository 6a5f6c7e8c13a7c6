//! Changing a request's body: a few bytes replaced or inserted, every other byte as the client sent it.

use super::Request;
use super::format::Limits;
use super::reader::{Home, Limit, Most};
use super::trim::Trim;
use crate::Api;
use crate::json::Span;
use std::fmt::Write as _;

/// What to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite<'a> {
    /// Ask for the usage chunk of a stream. No effect on a request that does not stream (providers refuse
    /// `stream_options` there), nor in a format that reports usage unasked.
    pub include_usage: bool,
    /// The most tokens each choice may generate. A lower limit of the client's stays; a higher one, or none, becomes
    /// this one.
    pub output_limit: Option<u64>,
    /// Another model. No effect where the path names it: see [`crate::Route::path_with_model`].
    pub model: Option<&'a str>,
    /// Leave the oldest turns out: see [`Request::trim`].
    pub trim: Option<&'a Trim>,
}

pub(super) struct Edit {
    pub(super) span: Span,
    pub(super) text: String,
}

impl Edit {
    fn insert(at: usize, text: String) -> Edit {
        Edit { span: Span { start: at, end: at }, text }
    }

    /// Puts a member first into an object.
    fn insert_into(home: Home, member: String) -> Edit {
        match home {
            Home::Null(span) => Edit { span, text: format!("{{{member}}}") },
            Home::Object { open, empty: true } => Edit::insert(open, member),
            Home::Object { open, empty: false } => Edit::insert(open, member + ","),
        }
    }
}

impl Request {
    /// The changed body, `None` when nothing changes. `body` must be the one this was read from.
    #[must_use]
    pub fn rewrite(&self, body: &[u8], edits: &Rewrite<'_>) -> Option<Vec<u8>> {
        let mut changes = Vec::new();
        if edits.include_usage && self.streams && self.asks_for_usage() {
            changes.extend(self.ask_for_usage());
        }
        if let Some(limit) = edits.output_limit {
            self.limit_output(limit, &mut changes);
        }
        if let Some(model) = edits.model
            && model != self.model
            && !self.model_in_path
        {
            changes.extend(self.name_model(model));
        }
        changes.extend(edits.trim.into_iter().flat_map(Trim::edits));
        changes.retain(|edit| body.get(edit.span.start..edit.span.end) != Some(edit.text.as_bytes()));
        changes.sort_by_key(|edit| edit.span.start);
        if changes.is_empty() || body.len() != self.length {
            return None;
        }
        apply(body, &changes)
    }

    /// Whether a stream in this format only reports its usage when asked to.
    #[must_use]
    pub const fn asks_for_usage(&self) -> bool {
        matches!(self.api, Api::OpenAiChat | Api::OpenAiCompletions)
    }

    fn home_of(&self, label: &str) -> Option<Home> {
        self.facts.homes.iter().find(|(name, _)| *name == label).map(|(_, home)| *home)
    }

    fn ask_for_usage(&self) -> Option<Edit> {
        match (self.facts.include_usage, self.home_of("stream_options")) {
            (Some((_, true)), _) => None,
            (Some((span, false)), _) => Some(Edit { span, text: "true".into() }),
            (None, Some(home)) => Some(Edit::insert_into(home, r#""include_usage":true"#.into())),
            (None, None) => {
                Some(Edit::insert_into(self.home?, r#""stream_options":{"include_usage":true}"#.into()))
            }
        }
    }

    fn name_model(&self, model: &str) -> Option<Edit> {
        match (&self.facts.model, self.home) {
            (Some((_, span)), Some(_)) => Some(Edit { span: *span, text: quoted(model) }),
            // A form has its values as they are.
            (Some((_, span)), None) => Some(Edit { span: *span, text: model.to_owned() }),
            (None, home) => Some(match self.facts.no_model {
                Some(null) => Edit { span: null, text: quoted(model) },
                None => Edit::insert_into(home?, format!(r#""model":{}"#, quoted(model))),
            }),
        }
    }

    /// Every limit that is given is lowered, under all its names: which one a provider obeys is its own affair. A `null`
    /// is left alone unless nothing else limits.
    fn limit_output(&self, most: u64, changes: &mut Vec<Edit>) {
        let replace = |limit: &Limit| Edit { span: limit.span, text: most.to_string() };
        let given = &self.facts.limits;
        if given.iter().any(|limit| limit.tokens != Most::Unsaid) {
            let too_much = |limit: &&Limit| match limit.tokens {
                Most::Unsaid => false,
                Most::Unlimited => true,
                Most::Tokens(tokens) => tokens > most,
            };
            changes.extend(given.iter().filter(too_much).map(replace));
        } else if let Some(unlimited) = given.first() {
            changes.push(replace(unlimited));
        } else {
            changes.extend(self.add_limit(most));
        }
    }

    fn add_limit(&self, most: u64) -> Option<Edit> {
        match self.format.limit {
            Limits::Chat => {
                let name = crate::openai::limit_name(self.provider, &self.model);
                Some(Edit::insert_into(self.home?, format!(r#""{name}":{most}"#)))
            }
            Limits::Field(name) => Some(Edit::insert_into(self.home?, format!(r#""{name}":{most}"#))),
            Limits::Within(object, name) => Some(match self.home_of(object) {
                Some(home) => Edit::insert_into(home, format!(r#""{name}":{most}"#)),
                None => Edit::insert_into(self.home?, format!(r#""{object}":{{"{name}":{most}}}"#)),
            }),
            Limits::Fixed(_) | Limits::Unknown => None,
        }
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // Writing into a string has no way to fail.
            '\0'..=' ' if c != ' ' => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
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
