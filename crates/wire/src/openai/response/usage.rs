//! Usage, in the words of chat completions and in those of everything newer.

use crate::response::{Field, Figure, Leaf, Scope};

/// `usage` of completions: the details are subsets of the two totals.
pub(super) const USAGE: Field = Field::new("usage").opens(Scope::Usage).with(USAGE_MEMBERS);

pub(crate) const USAGE_MEMBERS: &[Field] = &[
    Field::new("prompt_tokens").is(Figure::Prompt),
    Field::new("completion_tokens").is(Figure::Output),
    Field::new("total_tokens").is(Figure::Total),
    Field::new("prompt_tokens_details").with(&[
        Field::new("cached_tokens").is(Figure::CacheRead),
        Field::new("cache_write_tokens").is(Figure::CacheWrite),
        Field::new("audio_tokens").is(Figure::AudioIn),
        Field::new("image_tokens").is(Figure::ImageIn),
    ]),
    Field::new("completion_tokens_details").with(&[
        Field::new("reasoning_tokens").is(Figure::Reasoning),
        Field::new("audio_tokens").is(Figure::AudioOut),
    ]),
    // The tokens read from the cache once more: Together and Moonshot, Mistral, DeepSeek.
    Field::new("cached_tokens").is(Figure::CacheReadToo),
    Field::new("num_cached_tokens").is(Figure::CacheReadToo),
    Field::new("prompt_cache_hit_tokens").is(Figure::CacheReadToo),
    // OpenRouter; Perplexity has an object.
    Field::new("cost").means(Leaf::CostUsd).with(&[Field::new("total_cost").means(Leaf::CostUsd)]),
    // Perplexity.
    Field::new("num_search_queries").means(Leaf::Searches),
];

/// `usage` of responses, images and transcriptions.
pub(super) const NEWER_USAGE: Field = Field::new("usage").opens(Scope::Usage).with(&[
    Field::new("input_tokens").is(Figure::Prompt),
    Field::new("output_tokens").is(Figure::Output),
    Field::new("total_tokens").is(Figure::Total),
    Field::new("input_tokens_details").with(INPUT_DETAILS),
    // Transcriptions.
    Field::new("input_token_details").with(INPUT_DETAILS),
    Field::new("output_tokens_details").with(&[Field::new("reasoning_tokens").is(Figure::Reasoning)]),
    // Transcriptions by length.
    Field::new("seconds").means(Leaf::AudioSeconds),
    Field::new("cost").means(Leaf::CostUsd),
]);

const INPUT_DETAILS: &[Field] = &[
    Field::new("cached_tokens").is(Figure::CacheRead),
    Field::new("cache_write_tokens").is(Figure::CacheWrite),
    Field::new("cache_write_tokens_details").with(&[
        Field::new("ttl_30m_tokens").is(Figure::CacheWriteShort),
        // Kept for hours: priced as what lives long.
        Field::new("ttl_12h_tokens").is(Figure::CacheWriteLong),
    ]),
    Field::new("audio_tokens").is(Figure::AudioIn),
    Field::new("image_tokens").is(Figure::ImageIn),
];
