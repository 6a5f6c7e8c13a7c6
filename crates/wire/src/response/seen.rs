//! What has been seen of a response: the place that every format's reader writes to.

use super::output::Output;
use crate::json::Str;
use tokens::Usage;

/// As for requests: far above any real name.
const LONGEST_MODEL: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The last figures given.
    pub(crate) usage: Option<Usage>,
    pub(crate) output: Output,
    pub(crate) error: bool,
    pub(crate) model: Option<String>,
    /// Chunks that brought output.
    pub(crate) chunks: u64,
    spoke: bool,
}

impl Seen {
    /// The model that answers, named in every chunk; Azure's first one names the empty string.
    pub(crate) fn model(&mut self, name: &Str<'_>) {
        if self.model.is_none() && !name.is_empty() && name.raw.len() <= LONGEST_MODEL {
            self.model = Some(name.text().into_owned());
        }
    }

    /// The chunk being read has output in it.
    pub(crate) fn spoke(&mut self) {
        self.spoke = true;
    }

    /// The chunk has been read.
    pub(crate) fn end_of_chunk(&mut self) {
        if std::mem::take(&mut self.spoke) {
            self.chunks = self.chunks.saturating_add(1);
        }
    }
}
