//! The provider's own figures, as disjoint classes.

use crate::json::{Error, Kind, Scanner};
use tokens::Usage;

/// `usage` as OpenAI and its likes report it. The details are subsets of the two totals.
#[derive(Debug, Default)]
struct Reported {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: u64,
    cache_write: u64,
    audio_in: u64,
    image_in: u64,
    reasoning: u64,
    audio_out: u64,
}

/// Reads the value of a `usage` field; `None` where it is no object or holds no total. Zero is a figure.
pub(super) fn read_usage(scanner: &mut Scanner<'_>) -> Result<Option<Usage>, Error> {
    let mut reported = Reported::default();
    if scanner.peek()? != Kind::Object {
        return scanner.skip().map(|_| None);
    }
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        match &*key.key() {
            "prompt_tokens" => reported.prompt = figure(scanner)?,
            "completion_tokens" => reported.completion = figure(scanner)?,
            "total_tokens" => reported.total = figure(scanner)?,
            "prompt_tokens_details" => details(scanner, |name, n| match name {
                "cached_tokens" => reported.cached = reported.cached.max(n),
                "cache_write_tokens" => reported.cache_write = n,
                "audio_tokens" => reported.audio_in = n,
                "image_tokens" => reported.image_in = n,
                _ => {}
            })?,
            "completion_tokens_details" => details(scanner, |name, n| match name {
                "reasoning_tokens" => reported.reasoning = n,
                "audio_tokens" => reported.audio_out = n,
                _ => {}
            })?,
            // The same figure elsewhere: Together, Mistral, DeepSeek.
            "cached_tokens" | "num_cached_tokens" | "prompt_cache_hit_tokens" => {
                reported.cached = reported.cached.max(figure(scanner)?.unwrap_or(0));
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(reported.disjoint())
}

fn details(scanner: &mut Scanner<'_>, mut set: impl FnMut(&str, u64)) -> Result<(), Error> {
    if scanner.peek()? != Kind::Object {
        return scanner.skip().map(|_| ());
    }
    let mut members = scanner.object()?;
    while let Some(key) = members.next(scanner)? {
        if let Some(n) = figure(scanner)? {
            set(&key.key(), n);
        }
    }
    Ok(())
}

/// A count of tokens. Some providers write whole numbers with a fraction (`12.0`).
fn figure(scanner: &mut Scanner<'_>) -> Result<Option<u64>, Error> {
    let Some(written) = scanner.number_or_skip()? else { return Ok(None) };
    let whole = written.parse().ok();
    // A negative figure becomes 0, one beyond u64 its largest: `as` saturates.
    Ok(whole.or_else(|| written.parse::<f64>().ok().map(|n| n as u64)))
}

impl Reported {
    /// Takes the subsets out of the totals, one after the other, never more than is left: the classes always add up
    /// to the provider's totals, also where its details contradict them (OpenRouter has reported 11 reasoning tokens
    /// of 10).
    fn disjoint(self) -> Option<Usage> {
        let (prompt, completion) = match (self.prompt, self.completion, self.total) {
            (None, None, None) => return None,
            (prompt, None, Some(total)) => (prompt.unwrap_or(0), total.saturating_sub(prompt.unwrap_or(0))),
            (None, Some(completion), Some(total)) => (total.saturating_sub(completion), completion),
            (prompt, completion, _) => (prompt.unwrap_or(0), completion.unwrap_or(0)),
        };
        let (mut input, mut output) = (prompt, completion);
        // Where more was read from and written to the cache than there is prompt, what was written was also read
        // (Gemini through OpenRouter: 2,161 each of 2,168): it counts as read.
        let overlap = self.cached.saturating_add(self.cache_write) > prompt;
        let cache_write =
            if overlap { self.cache_write.saturating_sub(self.cached) } else { self.cache_write };
        Some(Usage {
            cache_read: take(&mut input, self.cached),
            // OpenAI's cache lives for minutes; it has no price of its own for writing an hour.
            cache_write_5m: take(&mut input, cache_write),
            audio_in: take(&mut input, self.audio_in),
            image_in: take(&mut input, self.image_in),
            uncached_input: input,
            reasoning: take(&mut output, self.reasoning),
            audio_out: take(&mut output, self.audio_out),
            output_visible: output,
            ..Usage::default()
        })
    }
}

fn take(left: &mut u64, part: u64) -> u64 {
    let taken = part.min(*left);
    *left = left.saturating_sub(taken);
    taken
}
