//! A plan written out over time, and noted in the ledger as it goes.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::unfold;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::HeaderMap;
use hyper::body::Frame;
use hyper::header::{HeaderName, HeaderValue};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::plan::{Bill, Plan, Planned};
use crate::seen::{Call, Ended};
use crate::steer::Steer;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The trailer's name.
pub(crate) const TRAILER: &str = "x-stand-in-end";

/// What is still to be sent. The connection drops it when the client goes away, and the call's record with it.
struct Sending {
    writes: std::vec::IntoIter<Planned>,
    written: usize,
    bill: Option<Bill>,
    steer: Steer,
    /// Before the first write; a JSON answer has waited before its headers.
    first: Duration,
    call: Call,
    over: bool,
}

/// The body of the answer to `call`.
pub(crate) fn body(plan: Plan, steer: Steer, call: Call) -> Body {
    let sending = Sending {
        writes: plan.writes.into_iter(),
        written: 0,
        bill: plan.bill,
        first: if plan.streamed { steer.first } else { Duration::ZERO },
        steer,
        call,
        over: false,
    };
    let frames = unfold(sending, |mut sending| async move {
        let frame = sending.next().await?;
        Some((frame, sending))
    });
    StreamBody::new(frames).boxed_unsync()
}

impl Sending {
    /// The next frame, none at the end, an error to break the connection.
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, io::Error>> {
        if self.over {
            return None;
        }
        // The server sends what it has whenever it must wait for more: yielding makes each write one of its own.
        yield_now().await;
        let more = self.writes.len() > 0;
        if self.steer.hang.is_some_and(|after| self.written >= after || !more) {
            std::future::pending::<Infallible>().await;
        }
        if self.steer.reset.is_some_and(|after| self.written >= after || !more) {
            self.over = true;
            self.call.end(Ended::Reset);
            return Some(Err(broken_off()));
        }
        let Some(write) = self.writes.next() else {
            self.over = true;
            self.call.end(Ended::Complete);
            let trailer = (HeaderName::from_static(TRAILER), HeaderValue::from_static("complete"));
            return self.steer.trailers.then(|| Ok(Frame::trailers(HeaderMap::from_iter([trailer]))));
        };
        let wait = if self.written == 0 { self.first } else { self.steer.gap };
        if !wait.is_zero() {
            sleep(wait).await; // which takes a millisecond even for nothing
        }
        self.written += 1;
        self.call.note(|record| {
            record.sent.bytes += write.bytes.len() as u64;
            record.sent.events = write.events;
            record.sent.tokens = write.tokens;
            record.usage = self.bill.map(|bill| bill.after(write.tokens));
        });
        // The server does not ask for more than the content length it announced.
        if self.writes.len() == 0 && self.steer.reset.is_none() && self.steer.hang.is_none() {
            self.call.end(Ended::Complete);
        }
        Some(Ok(Frame::data(write.bytes)))
    }
}

/// The error that makes the server drop the connection.
pub(crate) fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "steered to break off")
}
