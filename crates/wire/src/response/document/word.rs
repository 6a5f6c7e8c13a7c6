//! What is kept of a document while it is read.

/// Bytes of a key, a name or a number; a longer one means nothing. Also the bytes of text that are put together.
pub(super) const LONGEST: usize = 256;

/// A key, a name or a number while it lasts; or the last of a text, so that a text full of escapes does not come
/// character by character.
#[derive(Debug, Default)]
pub(super) struct Word {
    kept: String,
    too_long: bool,
}

impl Word {
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.too_long = false;
    }

    pub(super) fn push(&mut self, text: &str) {
        self.too_long |= self.kept.len().saturating_add(text.len()) > LONGEST;
        if !self.too_long {
            self.kept.push_str(text);
        }
    }

    /// `None` if it is too long to mean anything.
    pub(super) fn get(&self) -> Option<&str> {
        (!self.too_long).then_some(&self.kept)
    }

    /// Adds to a text, of which it passes on what has become long.
    pub(super) fn gather(&mut self, text: &str, pass: &mut impl FnMut(&str)) {
        if self.kept.len().saturating_add(text.len()) > LONGEST {
            self.flush(pass);
        }
        if text.len() > LONGEST {
            pass(text);
        } else {
            self.kept.push_str(text);
        }
    }

    pub(super) fn flush(&mut self, pass: &mut impl FnMut(&str)) {
        if !self.kept.is_empty() {
            pass(&self.kept);
            self.kept.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.kept.capacity()
    }
}
