//! The turns of a conversation: which messages belong together.

use super::walk::{members, skip};
use crate::json::{Error, Kind, Scanner, Span};

/// A message, by what it is to a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Holds for the whole conversation.
    System,
    /// Begins a turn.
    User,
    /// Belongs to the turn before it: an answer, a call of a tool, what came of it.
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) span: Span,
    pub(super) role: Role,
    /// Counted from 0. Messages of the user that follow one another are one turn.
    pub(super) turn: usize,
}

/// The items of an array of messages, in any provider's format. Spans are relative to `json`.
pub(super) fn items(json: &str) -> Result<Vec<Item>, Error> {
    let mut scanner = Scanner::new(json);
    let mut items: Vec<Item> = Vec::new();
    if scanner.peek()? != Kind::Array {
        return Ok(items);
    }
    let mut array = scanner.array()?;
    let (mut turn, mut in_question, mut begun) = (0usize, false, false);
    while array.next(&mut scanner)? {
        scanner.peek()?;
        let start = scanner.at();
        let role = role(&mut scanner)?;
        match role {
            Role::System => {}
            Role::User => {
                if begun && !in_question {
                    turn = turn.saturating_add(1);
                }
                (in_question, begun) = (true, true);
            }
            Role::Other => (in_question, begun) = (false, true),
        }
        items.push(Item { span: Span { start, end: scanner.at() }, role, turn });
    }
    Ok(items)
}

/// Reads one message. Some providers have what came of a tool in a message of the user's; it answers a call, so it
/// begins no turn.
fn role(scanner: &mut Scanner<'_>) -> Result<Role, Error> {
    if scanner.peek()? != Kind::Object {
        skip(scanner)?;
        return Ok(Role::Other);
    }
    let (mut role, mut has_result) = (None, false);
    let mut is_content = false;
    members(scanner, |key, kind, scanner| match (key, kind) {
        ("role", Kind::String) => {
            role = Some(scanner.string()?.key().to_ascii_lowercase());
            Ok(())
        }
        ("content" | "parts", Kind::Array) => {
            is_content |= key == "parts";
            let mut blocks = scanner.array()?;
            while blocks.next(scanner)? {
                has_result |= is_result(scanner)?;
            }
            Ok(())
        }
        _ => skip(scanner),
    })?;
    Ok(match role.as_deref() {
        Some("system" | "developer") => Role::System,
        Some("user") if !has_result => Role::User,
        // Gemini's user need not say so.
        None if is_content && !has_result => Role::User,
        _ => Role::Other,
    })
}

/// Whether a content block is what a tool gave back: Anthropic's `tool_result` and the results of its own tools, Bedrock's
/// `toolResult`, Gemini's `functionResponse`.
fn is_result(scanner: &mut Scanner<'_>) -> Result<bool, Error> {
    if scanner.peek()? != Kind::Object {
        skip(scanner)?;
        return Ok(false);
    }
    let mut is_result = false;
    members(scanner, |key, kind, scanner| {
        if (key, kind) == ("type", Kind::String) {
            is_result |= scanner.string()?.key().ends_with("tool_result");
            return Ok(());
        }
        is_result |= matches!(key, "toolResult" | "functionResponse" | "function_response" | "toolResponse");
        skip(scanner)
    })?;
    Ok(is_result)
}
