//! Ollama's lines.

use super::{LastWords, raw};

#[derive(Debug, Default)]
pub(super) struct Ollama {
    texts: bool,
    /// The model and the time, as the last line wrote them.
    last: Option<(String, String)>,
    over: bool,
}

impl Ollama {
    pub(super) fn of_texts() -> Ollama {
        Ollama { texts: true, ..Ollama::default() }
    }

    pub(super) fn read(&mut self, line: &str) {
        let Some(done) = raw::member(line, "done") else { return };
        self.over |= done == "true";
        let part = |key| raw::member(line, key).unwrap_or("null").to_owned();
        self.last = Some((part("model"), part("created_at")));
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        let (model, created) = self.last.as_ref().filter(|_| !self.over)?;
        let said = if self.texts {
            "\"response\":\"\""
        } else {
            "\"message\":{\"role\":\"assistant\",\"content\":\"\"}"
        };
        let line = format!(
            "{{\"model\":{model},\"created_at\":{created},{said},\"done\":true,\"done_reason\":\"length\",\
             \"prompt_eval_count\":{},\"eval_count\":{}}}\n",
            last.usage.input(),
            last.usage.output()
        );
        Some(line.into_bytes())
    }
}
