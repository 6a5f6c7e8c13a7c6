//! What a prompt consists of, whatever the provider's format: a walk over a request tells a [`Sink`], once to bound the
//! prompt and once to count it.

mod bound;
mod calls;
mod count;
mod media;
mod tools;

pub(crate) use bound::{ANY_MAKER, Bound, Frame};
pub(crate) use count::Count;
pub use count::PromptCount;

use crate::json::Str;
use tokens::Detail;

/// What the walk finds, in the order of the body. Each piece of the request goes to exactly one method, or to none where
/// it is documented not to reach the model.
pub(crate) trait Sink {
    /// A message (a turn, an item, a system prompt beside the messages) begins.
    fn message(&mut self);
    /// Its role, where the request says one.
    fn role(&mut self, role: &Str<'_>);
    /// Its author's name.
    fn name(&mut self, name: &Str<'_>);
    /// Text the model reads: content, a text part, a refusal, a tool's result.
    fn text(&mut self, text: &Str<'_>);
    /// Text that comes as the numbers of its tokens.
    fn tokens(&mut self, count: u64);
    /// An earlier turn's reasoning, sent back; not all providers put it before the model again.
    fn reasoning(&mut self, text: &Str<'_>);
    /// An image, linked or inline. Its base64 is never text.
    fn image(&mut self, image: Image<'_>);
    /// A recording, linked or inline.
    fn audio(&mut self, audio: Audio<'_>);
    /// A file, a video, an earlier recording, or a kind of part that is not known: its length says nothing.
    fn opaque(&mut self);
    /// Calls of tools in an earlier answer, as JSON: one, or an array of them.
    fn tool_calls(&mut self, json: &str);
    /// One tool on offer, as JSON.
    fn tool(&mut self, json: &str);
    /// One tool that the provider runs itself: it tells the model more of it than is in the request.
    fn hosted_tool(&mut self, json: &str);
    /// What a tool gave back, or a document, as JSON.
    fn tool_result(&mut self, json: &str);
    /// The schema or format that the answer is to have, as JSON.
    fn response_format(&mut self, json: &str);
    /// Any other value that may reach the model, as JSON.
    fn unknown(&mut self, json: &str);
}

/// An image, with what is needed to work its tokens out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image<'a> {
    pub(crate) detail: Detail,
    pub(crate) media: Media<'a>,
}

/// A recording, with what is needed to work its tokens out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audio<'a> {
    /// `wav`, `mp3`, `audio/ogg`, where the request says so.
    pub(crate) format: Option<Str<'a>>,
    pub(crate) media: Media<'a>,
}

/// Where an image or a recording is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Media<'a> {
    /// A link, or a `data:` URL.
    Url(Str<'a>),
    /// Its bytes in base64.
    Base64(Str<'a>),
    /// Its bytes as they are (a part of a multipart body).
    Bytes(&'a [u8]),
    /// Nothing of it is in the request.
    Elsewhere,
}

/// A detail by OpenAI's name for it.
pub(crate) fn detail_of(name: &str) -> Detail {
    match name {
        "low" => Detail::Low,
        "high" => Detail::High,
        "original" => Detail::Original,
        _ => Detail::Auto,
    }
}
