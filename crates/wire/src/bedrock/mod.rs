//! Amazon Bedrock: Converse, and InvokeModel with the models' own formats within.

mod converse;
mod invoke;
mod makers;
mod prompt;
mod request;

pub(crate) use converse::CONVERSE_RESPONSE;
pub(crate) use invoke::{INVOKE_CHUNK, INVOKE_RESPONSE, figures_in_head};
pub(crate) use makers::request_of;
pub(crate) use request::CONVERSE_REQUEST;

use crate::response::{Field, Leaf};

/// The body of an error, and the payload of an exception; its name is in a header.
const MESSAGE_OF_ERROR: Field = Field::new("__type").means(Leaf::ErrorName);
