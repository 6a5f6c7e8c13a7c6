//! What is known of a response before its body.

/// The head of a response.
pub struct ResponseHead<'a> {
    /// The HTTP status.
    pub status: u16,
    /// A header's value by its name in lower case. `content-type` is asked for, and where the format says so in
    /// headers (Bedrock), the usage.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
}

impl std::fmt::Debug for ResponseHead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseHead").field("status", &self.status).finish_non_exhaustive()
    }
}

/// How a response is to be metered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeterOptions {
    /// The extra chunk of an OpenAI stream that only brings usage is taken out of what is passed on: for streams where
    /// it was not the client who asked for it. Nothing else is ever changed.
    pub strip_usage: bool,
}
