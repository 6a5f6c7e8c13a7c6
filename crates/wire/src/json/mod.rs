//! A pull scanner for JSON: it walks one text once, validates it, and hands out borrowed spans. It builds nothing.

mod error;
mod scanner;
mod string;
mod swar;

pub(crate) use error::{Error, Fault};
pub(crate) use scanner::{Kind, Scanner, Span};
pub(crate) use string::Str;
pub(crate) use swar::{line_end, string_stop};
