//! What the filter needs of its host, and nothing else.
//!
//! [`Host`] is the seam between what decides (everything else in this crate) and Envoy: in the module it is the
//! proxy-wasm ABI, in tests an in-memory model of Envoy. Every call acts on the stream or root context whose callback
//! is running. No method panics; what the host refuses comes back as [`HostError`], and a caller that can go on
//! without must do so: a trap would end a worker's VM and every stream on it.

use crate::HeaderMap;
use std::fmt;

/// A status of the ABI other than OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// The thing is not there (any more): headers after their release, a property Envoy does not know.
    NotFound,
    /// The host refuses the arguments, or the call at this moment.
    BadArgument,
    /// The value changed since it was read.
    CasMismatch,
    /// Any other status, by its number.
    Other(u32),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::NotFound => f.write_str("not found"),
            HostError::BadArgument => f.write_str("bad argument"),
            HostError::CasMismatch => f.write_str("compare-and-swap mismatch"),
            HostError::Other(status) => write!(f, "status {status}"),
        }
    }
}

/// The result of a host call.
pub type Result<T> = std::result::Result<T, HostError>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Info,
    Warn,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    Request,
    Response,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Request,
    Response,
    /// The answer of the gRPC call whose callback is running.
    CallAnswer,
    PluginConfiguration,
}

/// What a callback tells Envoy to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Pass on what was received.
    Continue,
    /// Hold it. At headers this needs `allow_on_headers_stop_iteration`; at bodies Envoy buffers, and the next
    /// callback sees all that is held, not just what is new.
    Pause,
}

/// Names a gRPC call until its answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(pub u32);

/// Names a metric that was defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// A version of a shared value, for [`Host::shared_set`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is no value under the key.
    Absent,
    /// The value is the one read with this number. Never 0: the host takes 0 for "write whatever is there".
    Version(u32),
}

/// The host's side of the proxy-wasm ABI, as far as it is used.
pub trait Host {
    /// The wall clock, Unix milliseconds. It may jump.
    fn unix_ms(&self) -> u64;

    /// A clock that only goes forward, in nanoseconds, the same in all workers; for whatever lasts. It may stand still while
    /// the machine is suspended.
    fn monotonic_ns(&self) -> u64;

    /// The same in milliseconds.
    fn steady_ms(&self) -> u64 {
        self.monotonic_ns() / 1_000_000
    }

    /// An unpredictable number, for identities and hash seeds.
    fn random(&self) -> u64;

    /// Writes to Envoy's log. Never given text from prompts or answers.
    fn log(&self, level: LogLevel, message: &str);

    /// The first value of a header (lower-case name, pseudo-headers included), as bytes: clients send what they like.
    /// Request headers can only be read and changed until the filter lets them go.
    fn header(&self, headers: Headers, name: &str) -> Result<Option<Vec<u8>>>;

    /// All headers at once: cheaper than a few single ones.
    fn headers(&self, headers: Headers) -> Result<HeaderMap>;

    fn set_header(&self, headers: Headers, name: &str, value: &str) -> Result<()>;

    /// Removing what is not there is no error.
    fn remove_header(&self, headers: Headers, name: &str) -> Result<()>;

    /// The bytes that the running callback speaks of: while pausing, everything held so far; else this piece.
    fn body(&self, body: Body, length: usize) -> Result<Vec<u8>>;

    /// Puts `with` in place of the whole of what [`Host::body`] returned. `content-length` is the caller's to mend.
    fn replace_body(&self, body: Body, length: usize, with: &[u8]) -> Result<()>;

    /// Answers the client instead of the upstream. Call it once a stream, and neither dispatch nor resume in the
    /// same callback. Envoy sends it after the callback returns, and runs the response callbacks on it.
    fn reply(&self, status: u32, headers: &[(&str, &str)], body: &[u8]) -> Result<()>;

    /// Lets a request go on that an earlier callback paused.
    fn resume_request(&self) -> Result<()>;

    /// Sends a unary gRPC call to an Envoy cluster. The answer, or the failure, arrives in a callback of the root
    /// context, whichever context asked, and also when the asking stream has ended meanwhile.
    fn call(
        &self,
        cluster: &str,
        service: &str,
        method: &str,
        message: &[u8],
        timeout_ms: u32,
    ) -> Result<CallId>;

    /// Has what follows in this callback act on a stream instead of the context whose callback is running.
    fn act_on(&self, stream: u32) -> Result<()>;

    /// A value that all workers of the process share, with its version.
    fn shared_get(&self, key: &str) -> Result<Option<(Vec<u8>, Expected)>>;

    /// Writes a shared value if it is still as `expected`, else [`HostError::CasMismatch`].
    fn shared_set(&self, key: &str, value: &[u8], expected: Expected) -> Result<()>;

    /// An Envoy attribute by its path, as raw bytes (numbers are little-endian).
    fn property(&self, path: &[&str]) -> Result<Vec<u8>>;

    /// Defines a metric, or finds it: the same name always gives the same metric.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId>;

    /// Adds to a counter or moves a gauge. Adding 0 is the caller's to skip.
    fn add_metric(&self, metric: MetricId, by: i64) -> Result<()>;

    /// Records a histogram's value.
    fn record_metric(&self, metric: MetricId, value: u64) -> Result<()>;

    /// After [`crate::Worker::on_done`] said "not yet": now the plugin may be taken away.
    fn close(&self);

    /// Asks for [`crate::Worker::on_tick`] every `ms` milliseconds.
    fn set_tick(&self, ms: u32) -> Result<()>;
}
