//! Reading a body by its format's tables, in one pass.

use super::error::{Problem, ReadError};
use super::format::{Field, Table, Walk, What, find, look_up};
use super::survey::Survey;
use crate::json::{Kind, Scanner, Span, Str};
use std::borrow::Cow;

/// Bytes of a model's name: far above any real one, small enough to be a stat's label and a log field.
pub(super) const LONGEST_MODEL: usize = 256;
/// Models to fall back to in one request: far above what providers take.
const MOST_MODELS: usize = 16;

/// What was read, with spans into the body.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) model: Option<(String, Span)>,
    /// A `null` in the model's place.
    pub(super) no_model: Option<Span>,
    pub(super) others: Vec<String>,
    pub(super) stream: Option<bool>,
    pub(super) include_usage: Option<(Span, bool)>,
    pub(super) limits: Vec<Limit>,
    pub(super) choices: u64,
    /// How many texts are answered by themselves.
    pub(super) prompts: u64,
    pub(super) background: bool,
    pub(super) tier: Option<Span>,
    pub(super) temperature: Option<f64>,
    pub(super) user: Option<Span>,
    /// The objects within that were given.
    pub(super) homes: Vec<(&'static str, Home)>,
    /// The parts of the prompt.
    pub(super) parts: Vec<Part>,
    /// How many requests a batch has, and the largest output limit of them; `None` if one has none.
    pub(super) each: Option<(u64, Option<u64>)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) label: &'static str,
    pub(super) told: Told,
    pub(super) span: Span,
}

/// How a part of the prompt is told to a sink.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// JSON.
    Walk(Walk),
    /// Of a form, as it is.
    Text,
    Image,
    Audio,
}

/// An output limit as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) span: Span,
    pub(super) tokens: Most,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Most {
    /// `null`: as if it were not there.
    Unsaid,
    /// A negative number: llama.cpp's, LM Studio's and Ollama's "no limit".
    Unlimited,
    Tokens(u64),
}

/// The limit that surely holds, of all that are given: the largest, because which name a server obeys is its own
/// affair.
pub(super) fn surely(limits: &[Limit]) -> Option<u64> {
    let mut most = None;
    for limit in limits {
        match limit.tokens {
            Most::Unsaid => {}
            Most::Unlimited => return None,
            Most::Tokens(tokens) => most = most.max(Some(tokens)),
        }
    }
    most
}

/// Where an object's fields can be put.
#[derive(Clone, Copy, Debug)]
pub(super) enum Home {
    /// `null` stands in its place.
    Null(Span),
    Object {
        /// Just after the opening brace.
        open: usize,
        empty: bool,
    },
}

#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) facts: Facts,
    pub(super) survey: Survey,
}

/// Which fields of the table an object has, in any spelling, whatever their values.
pub(super) fn given(body: &[u8], table: &'static Table) -> Result<u64, ReadError> {
    let mut scanner = Scanner::over(body)?;
    if scanner.peek()? != Kind::Object {
        return Ok(0);
    }
    let (mut seen, mut members) = (0u64, scanner.object()?);
    while let Some(key) = members.next(&mut scanner)? {
        seen |= find(table, &key.key()).map_or(0, |(bit, _)| bit);
        scanner.skip()?;
    }
    scanner.end()?;
    Ok(seen)
}

/// Whether the field of that label is among those of the mask.
pub(super) fn is_given(table: &'static Table, seen: u64, label: &str) -> bool {
    let bits = (0u32..).map(|bit| 1u64.wrapping_shl(bit));
    bits.zip(table.fields).any(|(bit, field)| field.label == label && seen & bit != 0)
}

impl Reader {
    /// Reads a whole body that is JSON.
    pub(super) fn body(&mut self, body: &[u8], table: &'static Table) -> Result<(Home, u64), ReadError> {
        let mut scanner = Scanner::over(body)?;
        if scanner.peek()? != Kind::Object {
            return Err(ReadError::new(Problem::NotAnObject, scanner.at()));
        }
        let read = self.object(&mut scanner, table)?;
        scanner.end()?;
        Ok(read)
    }

    /// Reads an object that the caller has peeked. The mask has a bit for each field of the table that was given.
    pub(super) fn object(
        &mut self,
        scanner: &mut Scanner<'_>,
        table: &'static Table,
    ) -> Result<(Home, u64), ReadError> {
        let mut members = scanner.object()?;
        let (open, mut empty, mut seen) = (scanner.at(), true, 0u64);
        while let Some(key) = members.next(scanner)? {
            empty = false;
            let name = key.key();
            match look_up(table, &name, key.at)? {
                Some((bit, field)) => {
                    if seen & bit != 0 {
                        return Err(ReadError::new(Problem::Twice(field.label), key.at));
                    }
                    seen |= bit;
                    self.field(field, key.at, scanner)?;
                }
                None => self.other(table.aside.contains(&&*name), scanner)?,
            }
        }
        Ok((Home::Object { open, empty }, seen))
    }

    fn field(&mut self, field: &Field, at: usize, scanner: &mut Scanner<'_>) -> Result<(), ReadError> {
        let kind = scanner.peek()?;
        let wrong = |must| Err(ReadError::new(Problem::Type(field.label, must), at));
        let facts = &mut self.facts;
        match &field.what {
            What::Model if kind == Kind::Null => facts.no_model = Some(scanner.skip()?),
            What::Model => match scanner.string_or_skip()? {
                Some(model) => facts.name_model(&model, Span { start: model.at, end: scanner.at() })?,
                None => return wrong("a string"),
            },
            What::Stream => {
                facts.stream = match kind {
                    Kind::True => Some(true),
                    Kind::False => Some(false),
                    Kind::Null => None,
                    _ => return wrong("a boolean or null"),
                };
                scanner.skip()?;
            }
            What::IncludeUsage => {
                let wanted = match kind {
                    Kind::True => true,
                    Kind::False | Kind::Null => false,
                    _ => return wrong("a boolean or null"),
                };
                facts.include_usage = Some((scanner.skip()?, wanted));
            }
            What::Limit | What::PositiveLimit => match whole(kind, scanner)? {
                Some((span, Most::Tokens(0))) if matches!(field.what, What::PositiveLimit) => {
                    facts.limits.push(Limit { span, tokens: Most::Unlimited });
                }
                Some((span, tokens)) => facts.limits.push(Limit { span, tokens }),
                None => return wrong("a whole number or null"),
            },
            What::OtherModels => facts.other_models(scanner)?,
            What::Choices => match whole(kind, scanner)? {
                Some((_, Most::Tokens(n))) => facts.choices = facts.choices.max(n),
                Some(_) => {}
                None => return wrong("a whole number or null"),
            },
            What::Background => {
                facts.background = kind == Kind::True;
                scanner.skip()?;
            }
            What::Tier => facts.tier = text_span(kind, scanner)?,
            What::User => facts.user = text_span(kind, scanner)?.or(facts.user),
            What::Temperature => {
                facts.temperature = scanner.number_or_skip()?.and_then(|number| number.parse().ok());
            }
            What::Prompt(shape, walk) | What::Prompts(shape, walk) => {
                if !shape.fits(kind) {
                    return wrong(shape.name());
                }
                if kind == Kind::Null {
                    scanner.skip()?;
                    return Ok(());
                }
                let (start, before) = (scanner.at(), self.survey.texts);
                walk(scanner, &mut self.survey)?;
                if matches!(field.what, What::Prompts(..)) {
                    self.facts.prompts = self.survey.texts.saturating_sub(before);
                }
                let span = Span { start, end: scanner.at() };
                self.facts.parts.push(Part { label: field.label, told: Told::Walk(*walk), span });
            }
            What::Nested(table) => {
                let home = match kind {
                    Kind::Object => self.object(scanner, table)?.0,
                    Kind::Null => Home::Null(scanner.skip()?),
                    _ => return wrong("an object or null"),
                };
                self.facts.homes.push((field.label, home));
            }
            What::Each(table) => {
                if kind != Kind::Array {
                    return wrong("an array");
                }
                self.each(table, field.label, at, scanner)?;
            }
        }
        Ok(())
    }

    fn each(
        &mut self,
        table: &'static Table,
        label: &'static str,
        at: usize,
        scanner: &mut Scanner<'_>,
    ) -> Result<(), ReadError> {
        let (mut requests, mut most) = (0u64, Some(0u64));
        let mut items = scanner.array()?;
        while items.next(scanner)? {
            if scanner.peek()? != Kind::Object {
                return Err(ReadError::new(Problem::Type(label, "an array of objects"), at));
            }
            let before = self.facts.limits.len();
            self.object(scanner, table)?;
            let own = self.facts.limits.get(before..).unwrap_or_default();
            most = most.zip(surely(own)).map(|(most, own)| most.max(own));
            requests = requests.saturating_add(1);
        }
        self.facts.each = Some((requests, most));
        Ok(())
    }

    /// A field that is not read: what is unknown might become prompt (vLLM's `documents`), so its bytes count.
    fn other(&mut self, aside: bool, scanner: &mut Scanner<'_>) -> Result<(), ReadError> {
        let kind = scanner.peek()?;
        let span = scanner.skip()?;
        if !aside && !matches!(kind, Kind::Null | Kind::False) {
            self.survey.unknown_field(scanner.slice(span));
        }
        Ok(())
    }
}

impl Facts {
    /// Names in an array, or in objects there. What is no name is none.
    fn other_models(&mut self, scanner: &mut Scanner<'_>) -> Result<(), ReadError> {
        if scanner.peek()? != Kind::Array {
            scanner.skip()?;
            return Ok(());
        }
        let mut items = scanner.array()?;
        while items.next(scanner)? {
            let mut name = None;
            if scanner.peek()? == Kind::Object {
                let mut members = scanner.object()?;
                while let Some(key) = members.next(scanner)? {
                    let value = scanner.string_or_skip()?;
                    name = value.filter(|_| key.key() == "model").or(name);
                }
            } else {
                name = scanner.string_or_skip()?;
            }
            let Some(name) = name else { continue };
            if self.others.len() >= MOST_MODELS {
                return Err(ReadError::new(Problem::TooMany("models", MOST_MODELS), name.at));
            }
            self.others.push(capped(&name)?);
        }
        Ok(())
    }

    /// `span`: what stands for the name, with its quotes if it has any.
    pub(super) fn name_model(&mut self, model: &Str<'_>, span: Span) -> Result<(), ReadError> {
        let name = capped(model)?;
        match &self.model {
            Some((other, _)) if *other != name => Err(ReadError::new(Problem::Mixed("model"), model.at)),
            Some(_) => Ok(()),
            None => {
                self.model = Some((name, span));
                Ok(())
            }
        }
    }
}

fn capped(model: &Str<'_>) -> Result<String, ReadError> {
    let too_long = || ReadError::new(Problem::TooLong("model", LONGEST_MODEL), model.at);
    // No escape is longer than six bytes for one: what is longer than that needs no unescaping to be too long.
    if model.raw.len() > LONGEST_MODEL.saturating_mul(6) {
        return Err(too_long());
    }
    let name = model.text();
    if name.len() > LONGEST_MODEL { Err(too_long()) } else { Ok(Cow::into_owned(name)) }
}

/// A string's place without its quotes.
fn text_span(kind: Kind, scanner: &mut Scanner<'_>) -> Result<Option<Span>, ReadError> {
    let Span { start, end } = scanner.skip()?;
    let inside = Span { start: start.saturating_add(1), end: end.saturating_sub(1) };
    Ok((kind == Kind::String).then_some(inside))
}

/// A whole number or `null`, with where it stands; `None` for anything else (fractions and exponents are refused rather
/// than rounded).
fn whole(kind: Kind, scanner: &mut Scanner<'_>) -> Result<Option<(Span, Most)>, ReadError> {
    let span = scanner.skip()?;
    let written = scanner.slice(span);
    // Clients without integers write `100.0`; it has one meaning.
    let digits = match written.split_once('.') {
        Some((digits, fraction)) if fraction.bytes().all(|b| b == b'0') => digits,
        _ => written,
    };
    let value = match kind {
        Kind::Null => Most::Unsaid,
        Kind::Number if digits.contains(['.', 'e', 'E']) => return Ok(None),
        Kind::Number if digits.starts_with('-') => Most::Unlimited,
        Kind::Number => Most::Tokens(digits.parse().unwrap_or(u64::MAX)),
        _ => return Ok(None),
    };
    Ok(Some((span, value)))
}
