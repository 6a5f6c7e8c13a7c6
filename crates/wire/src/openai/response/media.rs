//! Images and transcriptions.

use super::ERROR;
use super::usage::NEWER_USAGE;
use crate::response::{Field, Leaf, Said, Scope};

/// A body with images, or an event of a stream, of which the last has the usage. DALL·E reports none.
pub(crate) static IMAGES_RESPONSE: Field = Field::document(&[
    Field::new("type").means(Leaf::Kind),
    Field::new("data").opens(Scope::Image),
    NEWER_USAGE,
    ERROR,
]);

/// A body, or an event of a stream, of which the last has the usage.
pub(crate) static TRANSCRIPTIONS_RESPONSE: Field = Field::document(&[
    Field::new("type").means(Leaf::Kind),
    Field::new("delta").means(Leaf::Delta),
    Field::new("text").says(Said::Content),
    // whisper-1, verbose: the length of the audio, for where there is no usage.
    Field::new("duration").means(Leaf::AudioLength),
    NEWER_USAGE,
    ERROR,
]);
