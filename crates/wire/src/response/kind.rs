//! Kinds of events, by the names that providers give them.

use super::field::Said;

/// What an event is, as far as its kind tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any other, or one that does not say.
    #[default]
    Other,
    /// The first of a response: what it says of output is a promise.
    Start,
    /// The last of a response.
    Last,
    /// The last of a response that brings an image.
    LastImage,
    /// It says again what has been said.
    Restates,
    Error,
    Delta(Said),
    /// An item of output begins.
    ItemBegins,
    ItemEnds,
}

impl Kind {
    /// The names are those of Anthropic's messages, OpenAI's responses, images and transcriptions, and Cohere's chat,
    /// which do not collide.
    pub(super) fn of(name: &str) -> Kind {
        match name {
            "message_start" => Kind::Start,
            "message_stop"
            | "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled"
            | "transcript.text.done"
            | "message-end"
            | "stream-end" => Kind::Last,
            "image_generation.completed" | "image_edit.completed" => Kind::LastImage,
            "error" => Kind::Error,
            "response.output_text.delta" | "transcript.text.delta" => Kind::Delta(Said::Content),
            "response.refusal.delta" => Kind::Delta(Said::Refusal),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                Kind::Delta(Said::Reasoning)
            }
            "response.function_call_arguments.delta"
            | "response.custom_tool_call_input.delta"
            | "response.mcp_call_arguments.delta"
            | "response.code_interpreter_call_code.delta" => Kind::Delta(Said::CallArguments),
            "response.output_item.added" => Kind::ItemBegins,
            "response.output_item.done" => Kind::ItemEnds,
            // All the calls once more, which came in chunks before.
            "tool-calls-generation" => Kind::Restates,
            // Audio in base64, and everything that repeats a finished text.
            _ if name.ends_with(".done") || name.starts_with("response.audio") => Kind::Restates,
            _ => Kind::Other,
        }
    }
}
