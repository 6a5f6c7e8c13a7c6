//! Why a request body could not be read.

use crate::json;

/// What is wrong with a request body, and at which byte. The text is fit for the client's 400; it quotes nothing of the
/// body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (byte {at})")]
pub struct ReadError {
    problem: Problem,
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("the request body is not valid JSON: {0}")]
    Json(json::Fault),
    #[error("the request body must be a JSON object")]
    NotAnObject,
    #[error("the request body is not a form of this boundary, or a part of it has no end")]
    Form,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` must be {1}")]
    Type(&'static str, &'static str),
    #[error("`{0}` is longer than {1} bytes")]
    TooLong(&'static str, usize),
    #[error("`{0}` has more than {1} items")]
    TooMany(&'static str, usize),
    #[error("`{0}` is given more than once")]
    Twice(&'static str),
    #[error("`{0}` must be spelt exactly so")]
    Spelling(&'static str),
    #[error("`{0}` must be the same in all requests of a batch")]
    Mixed(&'static str),
}

impl ReadError {
    pub(super) const fn new(problem: Problem, at: usize) -> Self {
        ReadError { problem, at }
    }

    /// Offset in the body, in bytes.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The field at fault (OpenAI's `error.param`), `None` where the body as a whole is.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self.problem {
            Problem::Json(_) | Problem::NotAnObject | Problem::Form => None,
            Problem::Missing(field)
            | Problem::Type(field, _)
            | Problem::TooLong(field, _)
            | Problem::TooMany(field, _)
            | Problem::Twice(field)
            | Problem::Spelling(field)
            | Problem::Mixed(field) => Some(field),
        }
    }
}

impl From<json::Error> for ReadError {
    fn from(error: json::Error) -> Self {
        ReadError::new(Problem::Json(error.fault), error.at)
    }
}
