//! A body, or a line of a stream, of which the last has the figures. Source: Ollama's API documentation, "Generate a
//! completion", "Generate a chat completion", "Generate embeddings".

use crate::openai::ERROR;
use crate::response::{Field, Figure, Leaf, Said, Scope};

pub(crate) static RESPONSE: Field = Field::document(&[
    Field::new("model").means(Leaf::Model),
    Field::new("message").with(&[
        Field::new("content").says(Said::Content),
        Field::new("thinking").says(Said::Reasoning),
        Field::new("tool_calls").opens(Scope::NewCall).with(&[Field::new("function").with(&[
            Field::new("name").says(Said::CallName),
            Field::new("arguments").says(Said::CallArguments),
        ])]),
    ]),
    Field::new("response").says(Said::Content),
    Field::new("thinking").says(Said::Reasoning),
    Field::new("done").means(Leaf::Done),
    Field::new("done_reason").means(Leaf::Finish),
    // Left out where all of the prompt was in the cache.
    Field::new("prompt_eval_count").is(Figure::Prompt),
    Field::new("eval_count").is(Figure::Output),
    ERROR,
]);
