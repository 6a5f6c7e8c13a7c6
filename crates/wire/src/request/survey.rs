//! What a walk over a request finds out in passing: the bound of its tokens, and how many of what there are.

use crate::json::Str;
use crate::prompt::{Audio, Bound, Image, Sink};

#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) bound: Bound,
    pub(super) texts: u64,
    pub(super) tools: u64,
    pub(super) images: u64,
    pub(super) audio: u64,
    /// Files, videos and other parts whose length says nothing.
    pub(super) files: u64,
    /// There are fields that are not known.
    pub(super) unknown: bool,
}

impl Survey {
    /// Whether nothing was found that a model could read.
    pub(super) const fn is_empty(&self) -> bool {
        self.texts == 0 && self.images == 0
    }

    /// A field that no table names.
    pub(super) fn unknown_field(&mut self, json: &str) {
        self.unknown = true;
        self.bound.unknown(json);
    }
}

fn one_more(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Sink for Survey {
    fn message(&mut self) {
        self.bound.message();
    }

    fn role(&mut self, role: &Str<'_>) {
        self.bound.role(role);
    }

    fn name(&mut self, name: &Str<'_>) {
        self.bound.name(name);
    }

    fn text(&mut self, text: &Str<'_>) {
        one_more(&mut self.texts);
        self.bound.text(text);
    }

    fn tokens(&mut self, count: u64) {
        one_more(&mut self.texts);
        self.bound.tokens(count);
    }

    fn reasoning(&mut self, text: &Str<'_>) {
        self.bound.reasoning(text);
    }

    fn image(&mut self, image: Image<'_>) {
        one_more(&mut self.images);
        self.bound.image(image);
    }

    fn audio(&mut self, audio: Audio<'_>) {
        one_more(&mut self.audio);
        self.bound.audio(audio);
    }

    fn opaque(&mut self) {
        one_more(&mut self.files);
        self.bound.opaque();
    }

    fn tool_calls(&mut self, json: &str) {
        self.bound.tool_calls(json);
    }

    fn tool(&mut self, json: &str) {
        one_more(&mut self.tools);
        self.bound.tool(json);
    }

    fn hosted_tool(&mut self, json: &str) {
        one_more(&mut self.tools);
        self.bound.hosted_tool(json);
    }

    fn tool_result(&mut self, json: &str) {
        self.bound.tool_result(json);
    }

    fn response_format(&mut self, json: &str) {
        self.bound.response_format(json);
    }

    fn unknown(&mut self, json: &str) {
        self.bound.unknown(json);
    }
}
