//! How a provider's request body is described: tables of fields, and walks over what becomes prompt.

use super::error::{Problem, ReadError};
use crate::json::{Error, Kind, Scanner};
use crate::prompt::{Frame, Sink};

/// Goes over one value and tells the sink what of it is prompt. The scanner stands before the value.
pub(crate) type Walk = fn(&mut Scanner<'_>, &mut dyn Sink) -> Result<(), Error>;

/// One format of request bodies.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) body: &'static Table,
    /// What must be there for it to be a call: of each group one field, by label.
    pub(crate) required: &'static [&'static [&'static str]],
    /// Whether `model` may be left out, because the provider has a default.
    pub(crate) model_optional: bool,
    /// Whether a body that does not say so asks for a stream.
    pub(crate) streams: bool,
    /// Where an output limit goes that the client left out.
    pub(crate) limit: Limits,
    /// What the provider puts around a prompt, at most.
    pub(crate) frame: &'static Frame,
    /// The label of the field that holds the turns of a conversation.
    pub(crate) turns: Option<&'static str>,
    /// Whether the user's question is in a field of its own, and all the turns are past.
    pub(crate) question_apart: bool,
}

/// Where an output limit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// OpenAI's chat completions: the name depends on who answers.
    Chat,
    /// A field of the body.
    Field(&'static str),
    /// A field of an object in the body.
    Within(&'static str, &'static str),
    /// Nowhere: each answer has at most so many tokens by the provider's own rules.
    Fixed(u64),
    /// Nowhere, and nothing bounds it.
    Unknown,
}

/// The fields of an object.
#[derive(Debug)]
pub(crate) struct Table {
    /// Those that are read. At most 64.
    pub(crate) fields: &'static [Field],
    /// Those that are documented to be no part of the prompt, and not read. All others may become prompt.
    pub(crate) aside: &'static [&'static str],
}

/// A field that decides what a call costs or does. It may come once, under one of its names, spelt exactly so.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) names: &'static [&'static str],
    /// How it is called in errors: with the objects around it.
    pub(crate) label: &'static str,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Model,
    /// Models to fall back to.
    OtherModels,
    Stream,
    IncludeUsage,
    /// An output limit.
    Limit,
    /// An output limit where some servers read 0 as none.
    PositiveLimit,
    /// How many answers: the largest counts.
    Choices,
    Tier,
    Temperature,
    /// Whether the answer comes later and elsewhere.
    Background,
    User,
    Prompt(Shape, Walk),
    /// Texts that are each answered by themselves.
    Prompts(Shape, Walk),
    Nested(&'static Table),
    /// An array of objects.
    Each(&'static Table),
}

/// What a part of the prompt must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Array,
    ArrayOrNull,
    Text,
    Any,
}

impl Shape {
    pub(crate) const fn fits(self, kind: Kind) -> bool {
        match self {
            Shape::Array => matches!(kind, Kind::Array),
            Shape::ArrayOrNull => matches!(kind, Kind::Array | Kind::Null),
            Shape::Text => matches!(kind, Kind::String | Kind::Array | Kind::Null),
            Shape::Any => true,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Shape::Array => "an array",
            Shape::ArrayOrNull => "an array or null",
            Shape::Text => "a string, an array or null",
            Shape::Any => "a value",
        }
    }
}

/// A field of the body itself.
pub(crate) const fn field(names: &'static [&'static str], what: What) -> Field {
    let label = match names.first() {
        Some(name) => name,
        None => "",
    };
    Field { names, label, what }
}

/// A field of an object within.
pub(crate) const fn inner(names: &'static [&'static str], label: &'static str, what: What) -> Field {
    Field { names, label, what }
}

/// The field of that name, with its bit.
pub(super) fn look_up(
    table: &'static Table,
    name: &str,
    at: usize,
) -> Result<Option<(u64, &'static Field)>, ReadError> {
    match find(table, name) {
        Some((_, field)) if !field.names.contains(&name) => {
            Err(ReadError::new(Problem::Spelling(field.label), at))
        }
        found => Ok(found),
    }
}

/// The field that a lenient reader could take for one of that name.
pub(super) fn find(table: &'static Table, name: &str) -> Option<(u64, &'static Field)> {
    let bits = (0u32..).map(|bit| 1u64.wrapping_shl(bit));
    bits.zip(table.fields).find(|(_, field)| field.names.iter().any(|known| folds_to(name, known)))
}

/// Whether a lenient reader could take `name` for `field`: Go's `encoding/json` folds letter case, and with it the
/// long s and the Kelvin sign.
fn folds_to(name: &str, field: &str) -> bool {
    name == field
        || (!name.is_empty()
            && name.len() <= field.len().saturating_mul(3)
            && name.chars().map(fold).eq(field.chars().map(fold)))
}

const fn fold(c: char) -> char {
    match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}
