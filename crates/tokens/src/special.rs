//! Special tokens: control marks that are one token where they are meant as such, and plain text where a user wrote them.

use crate::{Encoding, count};

/// The exact number of tokens of `text`, the encoding's special tokens (`<|endoftext|>`) counted as one each.
///
/// Providers read what is in a message as plain text: use [`count`] for that.
#[must_use]
pub fn count_with_special(encoding: Encoding, text: &str) -> u64 {
    let (mut tokens, mut plain, mut search) = (0u64, text, 0);
    while let Some(open) = plain.get(search..).and_then(|rest| rest.find("<|")) {
        let start = search.saturating_add(open);
        match special(encoding, plain.get(start..).unwrap_or("")) {
            Some(name) => {
                let before = plain.get(..start).unwrap_or("");
                tokens = tokens.saturating_add(count(encoding, before)).saturating_add(1);
                plain = plain.get(start.saturating_add(name.len())..).unwrap_or("");
                search = 0;
            }
            None => search = start.saturating_add(1),
        }
    }
    tokens.saturating_add(count(encoding, plain))
}

/// The special token that `text` begins with. Looks at no more of it than the longest one has.
fn special(encoding: Encoding, text: &str) -> Option<&str> {
    let beginning = text.as_bytes().get(..LONGEST).unwrap_or(text.as_bytes());
    let close = beginning.windows(2).position(|two| two == b"|>")?;
    text.get(..close.saturating_add(2)).filter(|name| is_special(encoding, name))
}

const LONGEST: usize = "<|reserved_201087|>".len();

/// Sources: `openai_public.py` of tiktoken 0.12; harmony's reserved ones by number, as there.
fn is_special(encoding: Encoding, name: &str) -> bool {
    match encoding {
        Encoding::O200kBase => matches!(name, "<|endoftext|>" | "<|endofprompt|>"),
        Encoding::Cl100kBase => matches!(
            name,
            "<|endoftext|>" | "<|fim_prefix|>" | "<|fim_middle|>" | "<|fim_suffix|>" | "<|endofprompt|>"
        ),
        Encoding::O200kHarmony => {
            matches!(
                name,
                "<|startoftext|>"
                    | "<|endoftext|>"
                    | "<|return|>"
                    | "<|constrain|>"
                    | "<|channel|>"
                    | "<|start|>"
                    | "<|end|>"
                    | "<|message|>"
                    | "<|call|>"
            ) || is_reserved(name)
        }
    }
}

fn is_reserved(name: &str) -> bool {
    let number = name.strip_prefix("<|reserved_").and_then(|rest| rest.strip_suffix("|>"));
    number
        .filter(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .is_some_and(|digits| {
            matches!(
                digits.parse(),
                Ok(200_000u32 | 200_001 | 200_004 | 200_009..=200_011 | 200_013..=201_087)
            )
        })
}
