//! What can be wrong with a JSON text.

/// What is wrong, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) at: usize,
    pub(crate) fault: Fault,
}

/// The ways of not being JSON (RFC 8259), worded for the client; none of them quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the text ends too early")]
    Truncated,
    #[error("not UTF-8")]
    Utf8,
    #[error("expected a value")]
    Value,
    #[error("expected a key in quotes")]
    Key,
    #[error("expected a colon")]
    Colon,
    #[error("expected a comma or the closing bracket")]
    CommaOrEnd,
    #[error("a control character inside a string")]
    Control,
    #[error("an unknown escape inside a string")]
    Escape,
    #[error("a malformed number")]
    Number,
    #[error("nested too deeply")]
    Depth,
    #[error("more text after the end")]
    Trailing,
}
