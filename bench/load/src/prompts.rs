//! Chat requests in the size that is asked for: English prose in several messages, every request a different text, so
//! that nothing between the ends can answer from memory.

use memchr::memmem;
use serde_json::json;

/// Requests to choose from; each is made unique again by its case number when it is sent.
const DISTINCT: usize = 64;

/// Digits of the case number that stands in the last message.
const CASE: usize = 10;
const CASE_MARK: &str = "Case 0000000000: ";

const OPENINGS: [&str; 4] = [
    "You are a patient assistant for the harbour office. Answer briefly, in plain words, and name your source. ",
    "You help the night shift of a small hospital with its paperwork. Never guess a figure; say what is missing. ",
    "You review letters before they are sent. Keep the writer's voice, correct the grammar, and flag promises. ",
    "You plan routes for a bakery with three vans. Mention road works, school hours and the weight on each axle. ",
];

/// `{n}` a name, `{p}` a place, `{t}` a thing, `{v}` something done, `{a}` a quality, `{d}` a number.
const PATTERNS: [&str; 24] = [
    "{n} {v} the {t} in {p} before the {a} season began. ",
    "According to {n}, the {t} cost {d} euros, which is {d} percent more than last year. ",
    "We wrote to the office in {p} on the {d}th, but nobody there {v} the {t}. ",
    "Could you explain why the {a} {t} was {v} twice while the other {d} were left alone? ",
    "It's not that {n} dislikes {p}; the {t} is simply too {a} for the road. ",
    "\"I have never seen such a {a} {t},\" said {n}, and {v} it anyway. ",
    "The report lists {d} cases: in {p} the {t} was {a}, elsewhere it was {v} by hand. ",
    "If the {t} isn't {v} by Friday, {n} will have to drive to {p} with {d} boxes. ",
    "My grandmother kept a {a} {t} in the kitchen and {v} it every evening at {d} o'clock. ",
    "Please compare the {t} from {p} with the {a} one that {n} {v} in spring. ",
    "There were {d} people in the hall, most of them {a}, and {n} spoke about the {t}. ",
    "Whatever happens, don't let anyone touch the {t}: it was {v} only {d} days ago. ",
    "The second paragraph is {a}, the third repeats what {n} {v}, and the {t} is never mentioned again.\n\n",
    "For the {t}, take {d} grams of flour, a {a} egg and whatever {n} {v} from {p}. ",
    "Since the storm, the {t} near {p} has been {a}, and repairs will take about {d} weeks. ",
    "{n}'s theory, {v} first in {p}, holds that every {t} becomes {a} sooner or later. ",
    "Between you and me, the {a} {t} was the reason why {n} left {p} after {d} years. ",
    "Section {d} of the contract says the {t} must be {v} by a {a} engineer. ",
    "I'd like to know: (1) who {v} the {t}, (2) how {a} it was, and (3) whether {n} agreed. ",
    "Then {n} took the 7:{d} train to {p}, opened the {a} {t} and read until midnight.\n",
    "Nobody doubts that the {t} was {v}; the question is whether {n} knew it was {a}. ",
    "The café in {p} — the {a} one, with the {t} in the window — closes at {d}. ",
    "What surprised {n} most was the silence: no {t}, no {a} neighbours, only the sea. ",
    "Summarise the discussion about the {t} in {d} sentences, and leave {p} out of it. ",
];

const NAMES: [&str; 20] = [
    "Margaret",
    "Oluwaseun",
    "Mr Petersen",
    "the librarian",
    "Ingrid",
    "Captain Doyle",
    "Yusuf",
    "Professor Lindqvist",
    "my cousin",
    "the new apprentice",
    "Chiara",
    "Dr Okonkwo",
    "Benedict",
    "the ferryman",
    "Rosalind",
    "Tomasz",
    "Aunt Josephine",
    "Hiroshi",
    "the inspector",
    "Fernanda",
];
const PLACES: [&str; 16] = [
    "Bergen",
    "the old brewery",
    "Valparaíso",
    "the upper valley",
    "Newcastle",
    "Lake Constance",
    "the northern depot",
    "Tallinn",
    "the botanical garden",
    "Porto",
    "the second floor",
    "Inverness",
    "Kraków",
    "the railway museum",
    "Halifax",
    "the river mouth",
];
const THINGS: [&str; 24] = [
    "lighthouse",
    "invoice",
    "spreadsheet",
    "orchard",
    "turbine",
    "manuscript",
    "greenhouse",
    "timetable",
    "violin",
    "insurance claim",
    "bridge",
    "archive",
    "sourdough",
    "telescope",
    "harbour gauge",
    "wedding dress",
    "questionnaire",
    "generator",
    "staircase",
    "microphone",
    "vineyard",
    "translation",
    "fire alarm",
    "bicycle workshop",
];
const DONE: [&str; 18] = [
    "repaired",
    "photographed",
    "inherited",
    "measured",
    "forgotten",
    "reorganised",
    "auctioned",
    "catalogued",
    "repainted",
    "questioned",
    "delivered",
    "dismantled",
    "recommended",
    "rehearsed",
    "borrowed",
    "misplaced",
    "translated",
    "inspected",
];
const QUALITIES: [&str; 18] = [
    "reliable",
    "peculiar",
    "overgrown",
    "waterproof",
    "temporary",
    "magnificent",
    "underfunded",
    "transparent",
    "fragile",
    "seasonal",
    "bewildering",
    "quiet",
    "well-documented",
    "unfinished",
    "remarkably heavy",
    "old-fashioned",
    "controversial",
    "lukewarm",
];

/// Ready to send, but for its head; the case number is written in place.
#[derive(Debug)]
pub struct Prompt {
    pub body: Vec<u8>,
    case: usize,
}

impl Prompt {
    pub fn renumber(&mut self, number: u64) {
        let digits = format!("{:0>CASE$}", number % 10_u64.pow(CASE as u32));
        self.body[self.case..self.case + CASE].copy_from_slice(digits.as_bytes());
    }
}

/// Requests whose messages hold `bytes` bytes of text between them, in UTF-8 before JSON escapes.
pub fn prompts(bytes: usize, stream: bool, include_usage: bool, seed: u64) -> Vec<Prompt> {
    let mut dice = Dice(seed);
    (0..DISTINCT).map(|_| prompt(bytes, stream, include_usage, &mut dice)).collect()
}

fn prompt(bytes: usize, stream: bool, include_usage: bool, dice: &mut Dice) -> Prompt {
    let mut messages = Vec::new();
    let mut left = bytes;
    let mut say = |role: &str, text: String| messages.push(json!({"role": role, "content": text}));
    let opening = truncated(dice.pick(&OPENINGS).to_string(), left);
    left -= opening.len();
    say("system", opening);
    // A conversation grows by turns: the earlier ones get about half, the question gets the rest.
    let turns = match bytes {
        0..1_000 => 0,
        1_000..8_000 => 1,
        _ => 4,
    };
    for turn in 0..turns {
        for role in ["user", "assistant"] {
            let text = prose(left / (2 * (turns - turn) + 2), dice);
            left -= text.len();
            say(role, text);
        }
    }
    let question = format!("{CASE_MARK}{}", prose(left.saturating_sub(CASE_MARK.len()), dice));
    say("user", question);

    let mut request =
        json!({"model": "gpt-4o-mini", "messages": messages, "temperature": 0.3, "max_tokens": 400});
    if stream {
        request["stream"] = json!(true);
    }
    if include_usage {
        request["stream_options"] = json!({"include_usage": true});
    }
    let body = request.to_string().into_bytes();
    let mark = memmem::rfind(&body, CASE_MARK.as_bytes()).unwrap_or_default();
    let case = mark + CASE_MARK.len() - CASE - 2;
    Prompt { body, case }
}

/// Exactly `bytes` of prose (less by the rest of a character that would be cut).
fn prose(bytes: usize, dice: &mut Dice) -> String {
    let mut text = String::with_capacity(bytes + 200);
    while text.len() < bytes {
        let mut pattern = dice.pick(&PATTERNS);
        while let Some((before, slot)) = pattern.split_once('{') {
            text.push_str(before);
            let (slot, rest) = slot.split_once('}').unwrap_or(("", slot));
            match slot {
                "n" => text.push_str(dice.pick(&NAMES)),
                "p" => text.push_str(dice.pick(&PLACES)),
                "t" => text.push_str(dice.pick(&THINGS)),
                "v" => text.push_str(dice.pick(&DONE)),
                "a" => text.push_str(dice.pick(&QUALITIES)),
                _ => text.push_str(&(11 + dice.below(49)).to_string()),
            }
            pattern = rest;
        }
        text.push_str(pattern);
    }
    truncated(text, bytes)
}

fn truncated(mut text: String, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// SplitMix64 (Steele, Lea, Flood 2014): a seed gives the same texts on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn texts(prompt: &Prompt) -> Vec<String> {
        let request: Value = serde_json::from_slice(&prompt.body).expect("JSON");
        let messages = request["messages"].as_array().expect("messages");
        messages.iter().map(|message| message["content"].as_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn the_text_has_the_size_asked_for_in_several_messages_and_no_two_are_alike() {
        for (bytes, messages) in [(300, 2), (2_000, 4), (32_000, 10)] {
            let made = prompts(bytes, false, false, 7);
            let distinct: HashSet<&[u8]> = made.iter().map(|prompt| prompt.body.as_slice()).collect();
            assert_eq!(distinct.len(), DISTINCT);
            for prompt in &made {
                let texts = texts(prompt);
                let length: usize = texts.iter().map(String::len).sum();
                assert!(length <= bytes && length + 3 * messages >= bytes, "{length} of {bytes}");
                assert_eq!(texts.len(), messages);
            }
        }
    }

    #[test]
    fn the_case_number_is_replaced_in_place() {
        let mut prompt = prompts(300, true, false, 1).remove(0);
        prompt.renumber(42);
        let question = texts(&prompt).pop().expect("a question");
        assert!(question.starts_with("Case 0000000042: "), "{question}");
    }

    #[test]
    fn a_stream_asks_for_usage_only_when_told_to() {
        let request = |usage| -> Value {
            serde_json::from_slice(&prompts(300, true, usage, 1).remove(0).body).expect("JSON")
        };
        assert_eq!(request(false)["stream"], true);
        assert_eq!(request(false).get("stream_options"), None);
        assert_eq!(request(true)["stream_options"]["include_usage"], true);
    }
}
