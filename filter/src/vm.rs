//! One VM: all contexts of a worker, found by the number the host gives them.

use crate::host::{Action, CallId, Host, LogLevel};
use crate::stream::Stream;
use crate::worker::Worker;
use hashbrown::HashMap;

/// The root contexts (one for each plugin configuration) and streams of one VM.
#[derive(Debug, Default)]
pub struct Vm {
    /// `None` until configured.
    workers: HashMap<u32, Option<Worker>>,
    streams: HashMap<u32, (u32, Stream)>,
    /// Which stream waits for which answer.
    waiting: HashMap<CallId, u32>,
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
        self.with(context, |stream, worker| stream.request_headers(host, worker, end))
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

    /// The answer to a call (its size) or its failure (a gRPC status). The host brings it to the root context.
    pub fn call_answered(&mut self, host: &dyn Host, root: u32, call: CallId, result: Result<usize, u32>) {
        let Some(Some(worker)) = self.workers.get_mut(&root) else { return };
        let Some(context) = self.waiting.remove(&call) else { return worker.on_answer(host, call, result) };
        let Some((_, stream)) = self.streams.get_mut(&context) else { return };
        if let Err(error) = host.act_on(context) {
            host.log(LogLevel::Error, &format!("tollkeeper: a paused request can't be reached: {error}"));
            return;
        }
        stream.answered(host, worker, call, result);
        // An answer may only have brought the policy, and raised the next question.
        if let Some(next) = stream.waits_for() {
            self.waiting.insert(next, context);
        }
    }

    /// The stream has ended, one way or another. The host calls this for every ending.
    pub fn log(&mut self, host: &dyn Host, context: u32) {
        self.end(host, context);
    }

    /// For a stream as [`Vm::log`], for a host that skips it; ending a stream twice does nothing. A root context
    /// answers whether it can be taken away now.
    pub fn done(&mut self, host: &dyn Host, context: u32) -> bool {
        self.end(host, context);
        match self.workers.get_mut(&context) {
            Some(Some(worker)) => worker.on_done(host),
            _ => true,
        }
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
            if let Some(call) = stream.waits_for() {
                self.waiting.remove(&call);
            }
            stream.end(host, worker);
        }
    }

    /// A stream of a plugin that could not be configured passes: Envoy does not create such streams, and a trap would
    /// take the others with it.
    fn with(&mut self, context: u32, run: impl FnOnce(&mut Stream, &mut Worker) -> Action) -> Action {
        match self.streams.get_mut(&context) {
            Some((root, stream)) => match self.workers.get_mut(root) {
                Some(Some(worker)) => {
                    let action = run(stream, worker);
                    if let Some(call) = stream.waits_for() {
                        self.waiting.insert(call, context);
                    }
                    action
                }
                _ => Action::Continue,
            },
            None => Action::Continue,
        }
    }
}
