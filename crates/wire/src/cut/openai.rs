//! Chat completions, text completions and responses.

use super::{LastWords, event, raw};
use tokens::Usage;

/// Choices that are told apart; nobody asks for more.
const MOST_CHOICES: usize = 128;
/// Bytes of finished items and of text that are kept, to be said again in the last event of a response.
const MOST_KEPT: usize = 256 * 1024;

/// Chunks of a chat or text completion.
#[derive(Debug, Default)]
pub(super) struct Chat {
    texts: bool,
    /// What is the same in all chunks, as the first one wrote it.
    head: Option<Head>,
    /// Choices by their index, and whether they are finished.
    choices: Vec<(u64, bool)>,
    /// Not all who speak this format say of each choice that it is finished.
    over: bool,
}

#[derive(Debug)]
struct Head {
    id: String,
    created: String,
    model: String,
}

impl Chat {
    pub(super) fn of_texts() -> Chat {
        Chat { texts: true, ..Chat::default() }
    }

    pub(super) fn read(&mut self, chunk: &str) {
        self.over |= chunk.trim() == "[DONE]";
        let Some(choices) = raw::member(chunk, "choices") else { return };
        if self.head.is_none() {
            let part = |key| raw::member(chunk, key).unwrap_or("null").to_owned();
            self.head = Some(Head { id: part("id"), created: part("created"), model: part("model") });
        }
        for choice in raw::items(choices) {
            let index = raw::member(choice, "index").and_then(raw::number).unwrap_or(0);
            let finished = raw::member(choice, "finish_reason").is_some_and(|reason| !raw::is_null(reason));
            if let Some((_, known)) = self.choices.iter_mut().find(|(known, _)| *known == index) {
                *known |= finished;
            } else if self.choices.len() < MOST_CHOICES {
                self.choices.push((index, finished));
            }
        }
    }

    /// The chunks that finish the choices which are not.
    pub(super) fn chunks(&self, last: &LastWords) -> Option<Vec<String>> {
        let head = self.head.as_ref().filter(|_| !self.over)?;
        let (object, said) = if self.texts {
            ("text_completion", "\"text\":\"\"")
        } else {
            ("chat.completion.chunk", "\"delta\":{}")
        };
        let chunk = |rest: &str| {
            let Head { id, created, model } = head;
            let head = format!("\"id\":{id},\"object\":\"{object}\",\"created\":{created},\"model\":{model}");
            format!("{{{head},{rest}}}")
        };
        let mut chunks = Vec::new();
        for (index, _) in self.choices.iter().filter(|(_, finished)| !finished) {
            let choice = format!("\"index\":{index},{said},\"logprobs\":null,\"finish_reason\":\"length\"");
            chunks.push(chunk(&format!("\"choices\":[{{{choice}}}]")));
        }
        if chunks.is_empty() {
            return None;
        }
        if last.include_usage {
            chunks.push(chunk(&format!("\"choices\":[],\"usage\":{}", chat_usage(&last.usage))));
        }
        Some(chunks)
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        let chunks = self.chunks(last)?;
        let data = chunks.iter().map(String::as_str).chain(["[DONE]"]);
        Some(data.map(|data| event(None, data)).collect::<String>().into_bytes())
    }
}

fn chat_usage(usage: &Usage) -> String {
    let (input, output) = (usage.input(), usage.output());
    format!(
        "{{\"prompt_tokens\":{input},\"completion_tokens\":{output},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":{}}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":{}}}}}",
        usage.total(),
        usage.cache_read,
        usage.reasoning
    )
}

/// Events of a response.
#[derive(Debug, Default)]
pub(super) struct Responses {
    /// The response as it was when it began.
    response: Option<String>,
    sequence: u64,
    /// Finished items of its output.
    items: Vec<String>,
    kept: usize,
    message: Option<Message>,
    over: bool,
}

/// A message that is being said.
#[derive(Debug)]
struct Message {
    id: String,
    output_index: String,
    /// The part of its content that is being said, and its text so far, still escaped.
    part: Option<(String, String)>,
}

impl Responses {
    pub(super) fn read(&mut self, data: &str) {
        if let Some(sequence) = raw::member(data, "sequence_number").and_then(raw::number) {
            self.sequence = sequence;
        }
        let kind = raw::member(data, "type").and_then(raw::within).unwrap_or_default();
        match kind {
            "response.created" | "response.in_progress" => {
                self.response = raw::member(data, "response").map(str::to_owned).or(self.response.take());
            }
            "response.completed" | "response.incomplete" | "response.failed" | "error" => self.over = true,
            "response.output_item.added" => {
                let item = raw::member(data, "item").unwrap_or_default();
                let is_message = raw::member(item, "type").and_then(raw::within) == Some("message");
                self.message = is_message.then(|| Message {
                    id: raw::member(item, "id").unwrap_or("null").to_owned(),
                    output_index: raw::member(data, "output_index").unwrap_or("0").to_owned(),
                    part: None,
                });
            }
            "response.output_item.done" => {
                self.message = None;
                if let Some(item) = raw::member(data, "item") {
                    self.kept = self.kept.saturating_add(item.len());
                    if self.kept <= MOST_KEPT {
                        self.items.push(item.to_owned());
                    }
                }
            }
            "response.output_text.delta" => {
                let index = raw::member(data, "content_index").unwrap_or("0");
                let delta = raw::member(data, "delta").and_then(raw::within).unwrap_or_default();
                let Some(message) = &mut self.message else { return };
                let (known, text) = message.part.get_or_insert_with(|| (index.to_owned(), String::new()));
                if known == index && text.len().saturating_add(delta.len()) <= MOST_KEPT {
                    text.push_str(delta);
                }
            }
            _ => {}
        }
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        let response = self.response.as_ref().filter(|_| !self.over)?;
        let mut sequence = self.sequence;
        let mut ending = String::new();
        let mut say = |kind: &str, rest: &str| {
            sequence = sequence.saturating_add(1);
            let data = format!("{{\"type\":\"{kind}\",\"sequence_number\":{sequence},{rest}}}");
            ending.push_str(&event(Some(kind), &data));
        };
        let mut items = self.items.clone();
        if let Some(Message { id, output_index, part }) = &self.message {
            let place = format!("\"output_index\":{output_index}");
            let mut content = String::new();
            if let Some((index, text)) = part {
                content = format!(
                    "{{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"{text}\"}}"
                );
                let place = format!("\"item_id\":{id},{place},\"content_index\":{index}");
                say("response.output_text.done", &format!("{place},\"text\":\"{text}\",\"logprobs\":[]"));
                say("response.content_part.done", &format!("{place},\"part\":{content}"));
            }
            let item = format!(
                "{{\"id\":{id},\"type\":\"message\",\"status\":\"incomplete\",\"role\":\"assistant\",\
                 \"content\":[{content}]}}"
            );
            say("response.output_item.done", &format!("{place},\"item\":{item}"));
            items.push(item);
        }
        let usage = &last.usage;
        let usage = format!(
            "{{\"input_tokens\":{},\"input_tokens_details\":{{\"cached_tokens\":{}}},\"output_tokens\":{},\
             \"output_tokens_details\":{{\"reasoning_tokens\":{}}},\"total_tokens\":{}}}",
            usage.input(),
            usage.cache_read,
            usage.output(),
            usage.reasoning,
            usage.total()
        );
        let response = raw::with(
            response,
            &[
                ("status", "\"incomplete\""),
                ("incomplete_details", "{\"reason\":\"max_output_tokens\"}"),
                ("output", &format!("[{}]", items.join(","))),
                ("usage", &usage),
            ],
        );
        say("response.incomplete", &format!("\"response\":{response}"));
        Some(ending.into_bytes())
    }
}
