//! A message, or the events that lead to one. Source: the API reference, "Messages" and "Streaming messages".

use crate::openai::ERROR;
use crate::response::{Field, Figure, Leaf, Said, Scope};

pub(crate) static MESSAGES_RESPONSE: Field = Field::document(MESSAGES);

pub(crate) const MESSAGES: &[Field] = &[
    Field::new("type").means(Leaf::Kind),
    Field::new("index").means(Leaf::Call),
    Field::new("delta").with(&[
        Field::new("text").says(Said::Content),
        Field::new("thinking").says(Said::Reasoning),
        Field::new("partial_json").says(Said::CallArguments),
        STOP,
    ]),
    // A block begins: with the name of what it calls, and else empty.
    Field::new("content_block").with(&[Field::new("name").says(Said::CallName)]),
    Field::new("message").with(&[MODEL, STOP, USAGE]),
    CONTENT,
    MODEL,
    STOP,
    USAGE,
    ERROR,
];

const MODEL: Field = Field::new("model").means(Leaf::Model);
const STOP: Field = Field::new("stop_reason").means(Leaf::Finish);

/// The blocks of a whole message. Results of the provider's own tools are no output of the model's, and not read.
const CONTENT: Field = Field::new("content").opens(Scope::Calls).with(&[
    Field::new("text").says(Said::Content),
    Field::new("thinking").says(Said::Reasoning),
    Field::new("name").says(Said::CallName),
    Field::new("input").says(Said::CallArguments),
]);

/// The input leaves out what came from a cache or went to one. In a stream it comes twice, cumulative, the second time
/// maybe only with the output.
const USAGE: Field = Field::new("usage").opens(Scope::MoreUsage).with(USAGE_MEMBERS);

pub(crate) const USAGE_MEMBERS: &[Field] = &[
    Field::new("input_tokens").is(Figure::Uncached),
    Field::new("cache_read_input_tokens").is(Figure::CacheRead),
    Field::new("cache_creation_input_tokens").is(Figure::CacheWrite),
    Field::new("cache_creation").with(CACHE_CREATION),
    Field::new("output_tokens").is(Figure::Output),
    Field::new("output_tokens_details").with(&[Field::new("thinking_tokens").is(Figure::Reasoning)]),
    Field::new("server_tool_use").with(&[
        Field::new("web_search_requests").means(Leaf::Searches),
        Field::new("web_fetch_requests").means(Leaf::Fetches),
    ]),
    Field::new("service_tier").means(Leaf::Tier),
    // Compactions, and what an advisor is asked: not in the figures above, and billed.
    Field::new("iterations").opens(Scope::Inferences).with(&[
        Field::new("type").means(Leaf::InferenceType),
        Field::new("input_tokens").is(Figure::Uncached),
        Field::new("cache_read_input_tokens").is(Figure::CacheRead),
        Field::new("cache_creation_input_tokens").is(Figure::CacheWrite),
        Field::new("cache_creation").with(CACHE_CREATION),
        Field::new("output_tokens").is(Figure::Output),
    ]),
];

const CACHE_CREATION: &[Field] = &[
    Field::new("ephemeral_5m_input_tokens").is(Figure::CacheWriteShort),
    Field::new("ephemeral_1h_input_tokens").is(Figure::CacheWriteLong),
];
