//! The text that the stand-in "generates", token by token, and its exact count.

use tiktoken_rs::CoreBPE;

/// Prose that every request is answered with, as far and as often as it takes. Plain enough that each prefix of its
/// tokens is also how the vocabulary splits the prefix's text; with accents and signs of two to four bytes.
const PROSE: &str = "A toll road asks little of the traveller and much of its keeper. Every cart that passes is \
    counted, every axle weighed, and at dusk the book must agree with the box to the penny. Früher war das \
    mühsam: ein Zöllner, eine Kerze, ein Blatt Papier. Today the carts are questions and the axles are words, \
    yet the duty is unchanged — 数える, to count, and to lose nothing 🙂. Who sent it, what did it carry, and was \
    there enough left in the purse? A keeper who delays the road is worse than none; a keeper who guesses is no \
    keeper at all. So the gate stands open while the ledger fills, line after line, until the purse runs dry. ";

/// One choice of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// What is streamed one after the other: whole characters, each with the tokens it took.
    pub pieces: Vec<(String, u64)>,
    /// Thought and billed, not shown.
    pub reasoning: u64,
    /// Whether the caller's limit cut it.
    pub cut: bool,
}

impl Answer {
    /// The answer of `wanted` tokens, or the given text whole, at most `limit` tokens including the reasoning.
    pub(crate) fn new(
        bpe: &CoreBPE,
        wanted: usize,
        text: Option<&str>,
        reasoning: u64,
        limit: Option<u64>,
    ) -> Self {
        let tokens = match text {
            Some(text) => bpe.encode_ordinary(text),
            None => prose(bpe, wanted),
        };
        let limit = limit.unwrap_or(u64::MAX);
        let room = usize::try_from(limit.saturating_sub(reasoning)).unwrap_or(usize::MAX);
        let shown = &tokens[..tokens.len().min(room)];
        Self {
            pieces: pieces(bpe, shown),
            reasoning: reasoning.min(limit),
            cut: shown.len() < tokens.len() || reasoning > limit,
        }
    }

    /// The whole text shown.
    pub(crate) fn text(&self) -> String {
        self.pieces.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// Tokens of the text shown.
    pub(crate) fn tokens(&self) -> u64 {
        self.pieces.iter().map(|(_, tokens)| tokens).sum()
    }
}

fn prose(bpe: &CoreBPE, wanted: usize) -> Vec<u32> {
    // Where two of these texts meet, they may have a token less than apart.
    let whole = bpe.encode_ordinary(PROSE).len().max(2) - 1;
    let mut tokens = bpe.encode_ordinary(&PROSE.repeat(wanted / whole + 1));
    // The last token may still change with what follows it; do not end on it.
    debug_assert!(tokens.len() > wanted);
    tokens.truncate(wanted);
    tokens
}

/// A token may be a part of a character; as the API does, such parts wait until the character is whole. One that the
/// limit cut in two is not shown, and not billed.
fn pieces(bpe: &CoreBPE, tokens: &[u32]) -> Vec<(String, u64)> {
    let (mut pieces, mut bytes, mut waiting) = (Vec::new(), Vec::new(), 0);
    for token in tokens {
        bytes.extend(bpe.decode_bytes(&[*token]).unwrap_or_default());
        waiting += 1;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            pieces.push((text.to_owned(), waiting));
            bytes.clear();
            waiting = 0;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::vocabulary;

    #[test]
    fn what_is_billed_is_the_exact_count_of_what_is_shown_at_every_length() {
        for model in ["gpt-4o", "gpt-4"] {
            let bpe = vocabulary(model);
            for wanted in 0..400 {
                let answer = Answer::new(bpe, wanted, None, 0, None);
                assert_eq!(
                    answer.tokens(),
                    bpe.encode_ordinary(&answer.text()).len() as u64,
                    "{model} {wanted}"
                );
                assert!(answer.tokens() as usize <= wanted && wanted <= answer.tokens() as usize + 3);
            }
        }
    }

    #[test]
    fn the_callers_limit_covers_reasoning_and_text() {
        let bpe = vocabulary("gpt-4o");
        let answer = Answer::new(bpe, 40, None, 10, Some(16));
        assert_eq!((answer.tokens(), answer.reasoning, answer.cut), (6, 10, true));
        let answer = Answer::new(bpe, 40, None, 10, Some(4));
        assert_eq!((answer.tokens(), answer.reasoning, answer.cut), (0, 4, true));
        let answer = Answer::new(bpe, 40, None, 10, Some(50));
        assert_eq!((answer.tokens(), answer.reasoning, answer.cut), (40, 10, false));
    }

    #[test]
    fn a_given_text_is_answered_as_it_is() {
        let answer = Answer::new(vocabulary("gpt-4o"), 40, Some("tiktoken is great!"), 0, None);
        // The cookbook: `encoding.encode("tiktoken is great!")` has 6 tokens.
        assert_eq!((answer.text().as_str(), answer.tokens()), ("tiktoken is great!", 6));
    }
}
