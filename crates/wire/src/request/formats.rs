//! Which tables a body is read by.

use super::format::{Format, Limits, Table, What, field};
use crate::{Api, Route, openai};

pub(super) fn of(route: &Route, _body: &[u8]) -> &'static Format {
    match route.api {
        Api::OpenAiChat => &openai::CHAT,
        Api::OpenAiCompletions => &openai::COMPLETIONS,
        Api::OpenAiEmbeddings => &openai::EMBEDDINGS,
        _ => &UNREAD,
    }
}

static UNREAD: Format = Format {
    body: Table { fields: &[field(&["model"], What::Model), field(&["stream"], What::Stream)], aside: &[] },
    required: &[],
    model_optional: true,
    streams: false,
    limit: Limits::Unknown,
};
