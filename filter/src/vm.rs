//! One VM: all contexts of a worker, found by the number the host gives them.

use crate::host::{Action, CallId, Host};
use crate::stream::Stream;
use crate::worker::Worker;
use hashbrown::HashMap;

/// The root contexts (one for each plugin configuration) and streams of one VM.
#[derive(Debug, Default)]
pub struct Vm {
    /// `None` until configured.
    workers: HashMap<u32, Option<Worker>>,
    streams: HashMap<u32, (u32, Stream)>,
}

impl Vm {
    /// A root context where `parent` is 0, else a stream of that root.
    pub fn create(&mut self, context: u32, parent: u32) {
        if parent == 0 {
            self.workers.insert(context, None);
        } else {
            self.streams.insert(context, (parent, Stream::default()));
        }
    }

    pub fn configure(&mut self, host: &dyn Host, root: u32, size: usize) -> bool {
        let worker = Worker::configure(host, size);
        let valid = worker.is_some();
        if valid {
            self.workers.insert(root, worker);
        }
        valid
    }

    pub fn tick(&mut self, host: &dyn Host, root: u32) {
        if let Some(Some(worker)) = self.workers.get_mut(&root) {
            worker.on_tick(host);
        }
    }

    pub fn request_headers(&mut self, host: &dyn Host, context: u32, end: bool) -> Action {
        self.with(context, |stream, _| stream.request_headers(host, end))
    }

    pub fn request_body(&mut self, host: &dyn Host, context: u32, size: usize, end: bool) -> Action {
        self.with(context, |stream, worker| stream.request_body(host, worker, size, end))
    }

    pub fn request_trailers(&mut self, host: &dyn Host, context: u32) -> Action {
        self.with(context, |stream, worker| stream.request_trailers(host, worker))
    }

    pub fn response_headers(&mut self, host: &dyn Host, context: u32, end: bool) -> Action {
        self.with(context, |stream, worker| stream.response_headers(host, worker, end))
    }

    pub fn response_body(&mut self, host: &dyn Host, context: u32, size: usize, end: bool) -> Action {
        self.with(context, |stream, worker| stream.response_body(host, worker, size, end))
    }

    pub fn response_trailers(&mut self, host: &dyn Host, context: u32) -> Action {
        self.with(context, |stream, worker| stream.response_trailers(host, worker))
    }

    /// The answer to a call (its size) or its failure (a gRPC status).
    pub fn call_answered(&mut self, host: &dyn Host, context: u32, call: CallId, result: Result<usize, u32>) {
        if let Some(Some(worker)) = self.workers.get_mut(&context) {
            worker.on_answer(host, call, result);
            return;
        }
        if let Some((root, stream)) = self.streams.get_mut(&context)
            && let Some(Some(worker)) = self.workers.get_mut(root)
        {
            stream.answered(host, worker, call, result);
        }
    }

    /// The stream has ended, one way or another. The host calls this for every ending.
    pub fn log(&mut self, host: &dyn Host, context: u32) {
        self.end(host, context);
    }

    /// As [`Vm::log`], for a host that skips it; ending a stream twice does nothing.
    pub fn done(&mut self, host: &dyn Host, context: u32) {
        self.end(host, context);
    }

    pub fn delete(&mut self, host: &dyn Host, context: u32) {
        self.end(host, context);
        self.streams.remove(&context);
        self.workers.remove(&context);
    }

    fn end(&mut self, host: &dyn Host, context: u32) {
        if let Some((root, stream)) = self.streams.get_mut(&context)
            && let Some(Some(worker)) = self.workers.get_mut(root)
        {
            stream.end(host, worker);
        }
    }

    /// A stream of a plugin that could not be configured passes: Envoy does not create such streams, and a trap would
    /// take the others with it.
    fn with(&mut self, context: u32, run: impl FnOnce(&mut Stream, &mut Worker) -> Action) -> Action {
        match self.streams.get_mut(&context) {
            Some((root, stream)) => match self.workers.get_mut(root) {
                Some(Some(worker)) => run(stream, worker),
                _ => Action::Continue,
            },
            None => Action::Continue,
        }
    }
}
