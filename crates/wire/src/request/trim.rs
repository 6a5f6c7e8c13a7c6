//! Leaving out the oldest turns of a conversation that is too long.

use super::reader::{Part, Told};
use super::turns::{Item, Role, items};
use super::{Request, rewrite::Edit};
use crate::json::{Scanner, Span};
use crate::prompt::Count;
use tokens::{Cache, Model};

/// What to leave out of a request, and what that saves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trim {
    cuts: Vec<Span>,
    /// Turns left out: messages of the user with all that followed them, up to the next one.
    pub turns: u64,
    /// Messages left out.
    pub messages: u64,
    /// Bytes of the body left out.
    pub bytes: u64,
    /// Tokens left out, by count.
    pub tokens: u64,
    /// Tokens of the prompt that remains, by count. It may still be more than what was asked for.
    pub remaining: u64,
}

impl Trim {
    pub(super) fn edits(&self) -> impl Iterator<Item = Edit> {
        self.cuts.iter().map(|span| Edit { span: *span, text: String::new() })
    }
}

impl Request {
    /// Which of the oldest turns to leave out so that the prompt has at most `most` tokens as `model` counts them, in the
    /// body this was read from. A turn goes as a whole, with its calls of tools and what came of them; system messages
    /// and the last turn stay. What is beside the messages (tools, a system prompt) stays, too.
    ///
    /// `None` where nothing can be left out: the prompt has few enough tokens, is one turn, or is no conversation.
    #[must_use]
    pub fn trim(&self, body: &[u8], model: &Model, most: u64, cache: &mut Cache) -> Option<Trim> {
        let turns = self.format.turns?;
        let mut count = Count::new(model, self.api, cache);
        let mut conversation = None;
        for part in &self.facts.parts {
            let text = text_of(body, part)?;
            let Told::Walk(walk) = part.told else { return None };
            let is_conversation = part.label == turns && conversation.is_none();
            if is_conversation {
                count.mark_messages();
            }
            walk(&mut Scanner::new(text), &mut count).ok()?;
            if is_conversation {
                conversation = Some((part.span.start, text, count.marks()));
            }
        }
        let total = count.total().tokens();
        let (start, text, marks) = conversation?;
        let items = items(text).ok()?;
        // Each message was told once, and where the last one ends.
        if total <= most || items.len().saturating_add(1) != marks.len() {
            return None;
        }
        // Where the question is beside the history, all of the history may go.
        let last = if self.format.question_apart { usize::MAX } else { items.last()?.turn };
        let mut trim = Trim { remaining: total, ..Trim::default() };
        let mut dropped = vec![false; items.len()];
        let mut turn = 0;
        while trim.remaining > most && turn < last && items.last().is_some_and(|item| turn <= item.turn) {
            let places = items.iter().zip(marks.windows(2)).zip(dropped.iter_mut());
            for ((item, ends), dropped) in places {
                if item.turn != turn || item.role == Role::System {
                    continue;
                }
                let tokens = match ends {
                    [before, after] => after.saturating_sub(*before),
                    _ => 0,
                };
                *dropped = true;
                trim.messages = trim.messages.saturating_add(1);
                trim.tokens = trim.tokens.saturating_add(tokens);
                trim.remaining = trim.remaining.saturating_sub(tokens);
            }
            trim.turns = trim.turns.saturating_add(1);
            turn = turn.saturating_add(1);
        }
        trim.cuts = cuts(&items, &dropped, start);
        trim.bytes = trim.cuts.iter().map(|cut| cut.end.saturating_sub(cut.start) as u64).sum();
        (trim.messages > 0).then_some(trim)
    }
}

fn text_of<'a>(body: &'a [u8], part: &Part) -> Option<&'a str> {
    str::from_utf8(body.get(part.span.start..part.span.end)?).ok()
}

/// The stretches to take out, with the commas that go with them.
fn cuts(items: &[Item], dropped: &[bool], start: usize) -> Vec<Span> {
    let at = |place: usize| start.saturating_add(place);
    let mut cuts: Vec<Span> = Vec::new();
    let mut kept_end: Option<usize> = None;
    let mut run: Option<Span> = None;
    for (item, dropped) in items.iter().zip(dropped) {
        if *dropped {
            let begin = run.map_or(item.span.start, |run| run.start);
            run = Some(Span { start: begin, end: item.span.end });
            continue;
        }
        if let Some(run) = run.take() {
            cuts.push(Span { start: at(run.start), end: at(item.span.start) });
        }
        kept_end = Some(item.span.end);
    }
    if let Some(run) = run {
        // Nothing follows: the comma before goes, if anything is before.
        cuts.push(Span { start: at(kept_end.unwrap_or(run.start)), end: at(run.end) });
    }
    cuts
}
