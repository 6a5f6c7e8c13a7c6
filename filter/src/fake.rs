//! An Envoy in memory, for native tests and simulations: the parts of its behaviour that the filter relies on, and its traps.
//!
//! * What is held while pausing adds up, what passes does not.
//! * Request headers are gone once they are released: setters refuse, getters find nothing.
//! * A local reply is sent after the callback returns, and runs the response callbacks.
//! * Shared data is one for all workers; writing takes a compare-and-swap, and 0 means "whatever is there".
//! * Answers to gRPC calls come to the root context, whichever stream asked.
//! * Every stream ends with `on_log`, then `on_done`, then `on_delete`.

use crate::host::{
    Action, Body, CallId, Expected, Headers, Host, HostError, LogLevel, MetricId, MetricKind, Result,
};
use crate::{HeaderMap, Vm};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::rc::Rc;

pub const ROOT: u32 = 1;

/// What all workers of the process see.
#[derive(Debug, Default)]
pub struct Process {
    shared: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    metrics: RefCell<Vec<(String, u64)>>,
    /// The wall clock.
    pub now_ms: Cell<u64>,
    /// The clock that only goes forward. `None`: it has always gone with the wall's.
    pub monotonic_ms: Cell<Option<u64>>,
    drawn: Cell<u64>,
    /// How many writes to shared data are to fail as if another worker had been faster.
    pub contention: Cell<u32>,
    meddler: RefCell<Option<Rc<dyn Meddler>>>,
}

/// Has a hand in a process's shared data.
pub trait Meddler {
    /// Before each access: what other workers do at that moment.
    fn before_access(&self) {}

    /// Before each write of `new` over `there`: what is written instead, whatever was expected. `None`: all is well.
    fn instead(&self, _there: Option<&[u8]>, _new: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl fmt::Debug for dyn Meddler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddler")
    }
}

/// One worker of a process, with its VM.
#[derive(Debug)]
pub struct Worker {
    pub envoy: FakeEnvoy,
    pub vm: Vm,
    next: u32,
}

/// Calls into the host, each of which costs 100 ns or more in Envoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostCalls {
    /// Of all, those that read a clock.
    pub clocks: u32,
    pub all: u32,
}

#[derive(Debug)]
pub struct FakeEnvoy {
    process: Rc<Process>,
    streams: RefCell<HashMap<u32, FakeStream>>,
    current: Cell<u32>,
    configuration: Vec<u8>,
    calls: RefCell<VecDeque<PendingCall>>,
    next_call: Cell<u32>,
    answer: RefCell<Vec<u8>>,
    pub log: RefCell<Vec<String>>,
    pub closed: Cell<bool>,
    /// How often the filter has called it since this was last set.
    pub host_calls: Cell<HostCalls>,
    pub properties: RefCell<HashMap<String, Vec<u8>>>,
}

#[derive(Clone, Debug)]
pub struct PendingCall {
    pub id: CallId,
    pub context: u32,
    pub method: String,
    pub message: Vec<u8>,
    pub timeout_ms: u32,
}

#[derive(Debug, Default)]
struct FakeStream {
    request_headers: BTreeMap<String, Vec<u8>>,
    response_headers: BTreeMap<String, Vec<u8>>,
    request_body: Vec<u8>,
    /// What the running response callback speaks of.
    response_piece: Vec<u8>,
    request_released: bool,
    response_headers_released: bool,
    resumed: bool,
    reply: Option<Reply>,
    received: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u32,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What became of a request after its callbacks.
#[derive(Clone, Debug)]
pub enum Sent {
    /// The upstream got it.
    Upstream { headers: BTreeMap<String, Vec<u8>>, body: Vec<u8> },
    /// It is held.
    Held,
    /// The client was answered by the filter; the stream is over.
    Replied(Reply),
}

impl Worker {
    pub fn new(process: &Rc<Process>, configuration: &str) -> Option<Worker> {
        Worker::on_node("node-1", process, configuration)
    }

    /// `None`: the configuration is wrong.
    pub fn on_node(node: &str, process: &Rc<Process>, configuration: &str) -> Option<Worker> {
        let envoy = FakeEnvoy {
            process: Rc::clone(process),
            streams: RefCell::default(),
            current: Cell::new(ROOT),
            configuration: configuration.as_bytes().to_vec(),
            calls: RefCell::default(),
            next_call: Cell::new(1),
            answer: RefCell::default(),
            log: RefCell::default(),
            closed: Cell::default(),
            host_calls: Cell::default(),
            properties: RefCell::new(HashMap::from([
                ("node.id".to_owned(), node.as_bytes().to_vec()),
                ("response.code_details".to_owned(), b"via_upstream".to_vec()),
                ("upstream.address".to_owned(), b"127.0.0.1:1".to_vec()),
                ("xds.cluster_name".to_owned(), b"provider".to_vec()),
            ])),
        };
        let mut vm = Vm::default();
        vm.create(ROOT, 0);
        let size = envoy.configuration.len();
        vm.configure(&envoy, ROOT, size).then_some(Worker { envoy, vm, next: ROOT })
    }

    /// Sends a request in the given pieces. Returns the stream's number and what became of it.
    pub fn request(&mut self, headers: &[(&str, &[u8])], pieces: &[&[u8]], trailers: bool) -> (u32, Sent) {
        self.next += 1;
        let context = self.next;
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
        let stream = FakeStream { request_headers: headers, ..FakeStream::default() };
        self.envoy.streams.borrow_mut().insert(context, stream);
        self.envoy.current.set(context);
        self.vm.create(context, ROOT);
        let no_body = pieces.is_empty() && !trailers;
        let mut action = self.vm.request_headers(&self.envoy, context, no_body);
        if action == Action::Continue {
            self.envoy.stream(|stream| stream.request_released = true);
        }
        for (at, piece) in pieces.iter().enumerate() {
            if self.envoy.stream(|stream| stream.reply.is_some()) {
                break;
            }
            let end = at + 1 == pieces.len() && !trailers;
            let size = self.envoy.stream(|stream| {
                stream.request_body.extend_from_slice(piece);
                stream.request_body.len()
            });
            action = self.vm.request_body(&self.envoy, context, size, end);
        }
        if trailers {
            action = self.vm.request_trailers(&self.envoy, context);
        }
        (context, self.sent(context, action))
    }

    fn sent(&mut self, context: u32, action: Action) -> Sent {
        if let Some(reply) = self.envoy.stream(|stream| stream.reply.clone()) {
            self.deliver(context, &reply);
            return Sent::Replied(reply);
        }
        if action == Action::Pause && !self.envoy.stream(|stream| stream.resumed) {
            return Sent::Held;
        }
        self.envoy.stream(|stream| {
            stream.request_released = true;
            Sent::Upstream { headers: stream.request_headers.clone(), body: stream.request_body.clone() }
        })
    }

    /// A local reply runs the response callbacks, then the stream ends.
    fn deliver(&mut self, context: u32, reply: &Reply) {
        self.envoy.stream(|stream| {
            stream.response_headers = reply
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                .collect();
            stream.response_headers.insert(":status".to_owned(), reply.status.to_string().into_bytes());
            stream.response_piece.clone_from(&reply.body);
        });
        let _ = self.vm.response_headers(&self.envoy, context, false);
        let _ = self.vm.response_body(&self.envoy, context, reply.body.len(), true);
        self.close(context);
    }

    /// Answers all gRPC calls that are under way, by `server`. Returns the streams that were paused, with what became of
    /// them.
    pub fn answer_calls(
        &mut self,
        mut server: impl FnMut(&PendingCall) -> std::result::Result<Vec<u8>, u32>,
    ) -> Vec<(u32, Sent)> {
        let mut outcomes = Vec::new();
        loop {
            let Some(call) = self.envoy.calls.borrow_mut().pop_front() else { return outcomes };
            let result = server(&call);
            outcomes.extend(self.answer_call(&call, result));
        }
    }

    /// The gRPC calls that were made since this was last asked; whoever takes them answers them.
    pub fn take_calls(&mut self) -> Vec<PendingCall> {
        self.envoy.calls.borrow_mut().drain(..).collect()
    }

    /// Answers one gRPC call. Returns the stream that was paused for it, with what became of it.
    pub fn answer_call(
        &mut self,
        call: &PendingCall,
        result: std::result::Result<Vec<u8>, u32>,
    ) -> Option<(u32, Sent)> {
        self.envoy.current.set(ROOT);
        let result = result.map(|bytes| {
            let size = bytes.len();
            self.envoy.answer.replace(bytes);
            size
        });
        self.vm.call_answered(&self.envoy, ROOT, call.id, result);
        let paused = call.context != ROOT && self.envoy.streams.borrow().contains_key(&call.context);
        paused.then(|| (call.context, self.sent(call.context, Action::Pause)))
    }

    /// How many gRPC calls are under way.
    pub fn pending_calls(&self) -> usize {
        self.envoy.calls.borrow().len()
    }

    /// The upstream's answer: headers, then pieces. Returns what the client got of the body so far.
    pub fn response_begins(&mut self, context: u32, headers: &[(&str, &str)]) {
        self.envoy.current.set(context);
        self.envoy.stream(|stream| {
            stream.response_headers =
                headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        });
        let action = self.vm.response_headers(&self.envoy, context, false);
        self.envoy.stream(|stream| stream.response_headers_released = action == Action::Continue);
    }

    pub fn response_piece(&mut self, context: u32, piece: &[u8], end: bool) {
        self.envoy.current.set(context);
        let size = self.envoy.stream(|stream| {
            stream.response_piece.extend_from_slice(piece);
            stream.response_piece.len()
        });
        if self.vm.response_body(&self.envoy, context, size, end) == Action::Continue {
            self.envoy.stream(|stream| {
                stream.response_headers_released = true;
                let piece = std::mem::take(&mut stream.response_piece);
                stream.received.extend(piece);
            });
        }
    }

    pub fn response_trailers(&mut self, context: u32) {
        self.envoy.current.set(context);
        let _ = self.vm.response_trailers(&self.envoy, context);
    }

    /// What the client has got of the body.
    pub fn received(&self, context: u32) -> Vec<u8> {
        self.envoy.streams.borrow().get(&context).map(|stream| stream.received.clone()).unwrap_or_default()
    }

    pub fn response_header(&self, context: u32, name: &str) -> Option<Vec<u8>> {
        self.envoy.streams.borrow().get(&context)?.response_headers.get(name).cloned()
    }

    /// The stream ends, for whatever reason: as Envoy does it, with all three callbacks. Calls that it waits for are
    /// never answered.
    pub fn close(&mut self, context: u32) {
        self.envoy.current.set(context);
        self.vm.log(&self.envoy, context);
        let _ = self.vm.done(&self.envoy, context);
        self.vm.delete(&self.envoy, context);
        self.envoy.calls.borrow_mut().retain(|call| call.context != context);
    }

    pub fn tick(&mut self) {
        self.envoy.current.set(ROOT);
        self.vm.tick(&self.envoy, ROOT);
    }

    /// The plugin is taken away. Answers whether it is ready for that.
    pub fn take_away(&mut self) -> bool {
        self.envoy.current.set(ROOT);
        self.vm.done(&self.envoy, ROOT)
    }

    pub fn set_property(&self, name: &str, value: &[u8]) {
        self.envoy.properties.borrow_mut().insert(name.to_owned(), value.to_vec());
    }
}

impl Process {
    pub fn new(now_ms: u64) -> Rc<Process> {
        let process = Process::default();
        process.now_ms.set(now_ms);
        Rc::new(process)
    }

    /// Numbers that [`Host::random`] gives depend on `seed`: else all processes draw the same.
    pub fn seeded(now_ms: u64, seed: u64) -> Rc<Process> {
        let process = Process::new(now_ms);
        process.drawn.set(seed);
        process
    }

    pub fn set_meddler(&self, meddler: Rc<dyn Meddler>) {
        self.meddler.replace(Some(meddler));
    }

    fn meddler(&self) -> Option<Rc<dyn Meddler>> {
        self.meddler.borrow().clone()
    }

    pub fn advance(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
        self.monotonic_ms.set(self.monotonic_ms.get().map(|steady| steady + ms));
    }

    /// The clock that only goes forward.
    pub fn steady_ms(&self) -> u64 {
        self.monotonic_ms.get().unwrap_or_else(|| self.now_ms.get())
    }

    /// The wall clock is set, or the machine was suspended for so long, in which only that clock went on.
    pub fn step_wall_clock(&self, ms: i64) {
        self.monotonic_ms.set(Some(self.steady_ms()));
        self.now_ms.set(self.now_ms.get().saturating_add_signed(ms));
    }

    /// A metric's value, by its full encoded name; 0 if it was never defined.
    pub fn metric(&self, name: &str) -> u64 {
        self.metrics.borrow().iter().find(|(known, _)| known == name).map_or(0, |(_, value)| *value)
    }

    pub fn metric_names(&self) -> Vec<String> {
        self.metrics.borrow().iter().map(|(name, _)| name.clone()).collect()
    }

    pub fn shared_keys(&self) -> usize {
        self.shared.borrow().len()
    }
}

impl FakeEnvoy {
    /// Shows the calls that are under way, without answering them.
    pub fn peek_calls(&self, show: impl FnMut(&PendingCall)) {
        self.calls.borrow().iter().for_each(show);
    }

    fn called(&self) {
        let HostCalls { clocks, all } = self.host_calls.get();
        self.host_calls.set(HostCalls { clocks, all: all + 1 });
    }

    fn read_a_clock(&self) {
        self.called();
        let HostCalls { clocks, all } = self.host_calls.get();
        self.host_calls.set(HostCalls { clocks: clocks + 1, all });
    }

    fn stream<T>(&self, run: impl FnOnce(&mut FakeStream) -> T) -> T {
        run(self.streams.borrow_mut().entry(self.current.get()).or_default())
    }
}

impl Host for FakeEnvoy {
    fn unix_ms(&self) -> u64 {
        self.read_a_clock();
        self.process.now_ms.get()
    }

    fn monotonic_ns(&self) -> u64 {
        self.read_a_clock();
        self.process.steady_ms() * 1_000_000
    }

    fn random(&self) -> u64 {
        self.called();
        self.process.drawn.set(self.process.drawn.get() + 1);
        self.process.drawn.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn log(&self, _level: LogLevel, message: &str) {
        self.called();
        self.log.borrow_mut().push(message.to_owned());
    }

    fn header(&self, headers: Headers, name: &str) -> Result<Option<Vec<u8>>> {
        self.called();
        self.stream(|stream| match headers {
            Headers::Request if stream.request_released => Ok(None),
            Headers::Request => Ok(stream.request_headers.get(name).cloned()),
            Headers::Response => Ok(stream.response_headers.get(name).cloned()),
        })
    }

    fn headers(&self, headers: Headers) -> Result<HeaderMap> {
        self.called();
        self.stream(|stream| {
            let map = match headers {
                Headers::Request if stream.request_released => return Ok(HeaderMap::default()),
                Headers::Request => &stream.request_headers,
                Headers::Response => &stream.response_headers,
            };
            let pairs = map.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
            Ok(HeaderMap::new(HeaderMap::serialize(pairs)))
        })
    }

    fn set_header(&self, headers: Headers, name: &str, value: &str) -> Result<()> {
        self.called();
        self.stream(|stream| {
            let map = match headers {
                Headers::Request if stream.request_released => return Err(HostError::BadArgument),
                Headers::Response if stream.response_headers_released => return Err(HostError::BadArgument),
                Headers::Request => &mut stream.request_headers,
                Headers::Response => &mut stream.response_headers,
            };
            map.insert(name.to_owned(), value.as_bytes().to_vec());
            Ok(())
        })
    }

    fn remove_header(&self, headers: Headers, name: &str) -> Result<()> {
        self.called();
        self.stream(|stream| {
            let map = match headers {
                Headers::Request if stream.request_released => return Err(HostError::BadArgument),
                Headers::Response if stream.response_headers_released => return Err(HostError::BadArgument),
                Headers::Request => &mut stream.request_headers,
                Headers::Response => &mut stream.response_headers,
            };
            map.remove(name);
            Ok(())
        })
    }

    fn body(&self, body: Body, length: usize) -> Result<Vec<u8>> {
        self.called();
        let bytes = match body {
            Body::Request => self.stream(|stream| stream.request_body.clone()),
            Body::Response => self.stream(|stream| stream.response_piece.clone()),
            Body::CallAnswer => self.answer.borrow().clone(),
            Body::PluginConfiguration => self.configuration.clone(),
        };
        Ok(bytes.into_iter().take(length).collect())
    }

    fn replace_body(&self, body: Body, length: usize, with: &[u8]) -> Result<()> {
        self.called();
        self.stream(|stream| {
            let buffer = match body {
                Body::Request if !stream.request_released => &mut stream.request_body,
                Body::Response => &mut stream.response_piece,
                _ => return Err(HostError::BadArgument),
            };
            if length < buffer.len() {
                return Err(HostError::BadArgument);
            }
            *buffer = with.to_vec();
            Ok(())
        })
    }

    fn reply(&self, status: u32, headers: &[(&str, &str)], body: &[u8]) -> Result<()> {
        self.called();
        self.stream(|stream| {
            assert!(stream.reply.is_none(), "a second local reply is a use after free in the real host");
            assert!(!stream.resumed, "a reply after a resume is undefined in the real host");
            let headers =
                headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            stream.reply = Some(Reply { status, headers, body: body.to_vec() });
            Ok(())
        })
    }

    fn resume_request(&self) -> Result<()> {
        self.called();
        self.stream(|stream| {
            assert!(stream.reply.is_none(), "a resume after a reply is undefined in the real host");
            stream.resumed = true;
            Ok(())
        })
    }

    fn call(
        &self,
        _cluster: &str,
        _service: &str,
        method: &str,
        message: &[u8],
        timeout_ms: u32,
    ) -> Result<CallId> {
        self.called();
        assert!(timeout_ms > 0, "a call without a timeout may never be answered");
        let id = CallId(self.next_call.get());
        self.next_call.set(id.0 + 1);
        self.calls.borrow_mut().push_back(PendingCall {
            id,
            context: self.current.get(),
            method: method.to_owned(),
            message: message.to_vec(),
            timeout_ms,
        });
        Ok(id)
    }

    fn act_on(&self, stream: u32) -> Result<()> {
        self.called();
        if !self.streams.borrow().contains_key(&stream) {
            return Err(HostError::BadArgument);
        }
        self.current.set(stream);
        Ok(())
    }

    fn shared_get(&self, key: &str) -> Result<Option<(Vec<u8>, Expected)>> {
        self.called();
        if let Some(meddler) = self.process.meddler() {
            meddler.before_access();
        }
        let shared = self.process.shared.borrow();
        Ok(shared.get(key).map(|(value, version)| (value.clone(), Expected::Version(*version))))
    }

    fn shared_set(&self, key: &str, value: &[u8], expected: Expected) -> Result<()> {
        self.called();
        let contention = self.process.contention.get();
        if contention > 0 {
            self.process.contention.set(contention - 1);
            return Err(HostError::CasMismatch);
        }
        let meddler = self.process.meddler();
        if let Some(meddler) = &meddler {
            meddler.before_access();
        }
        let mut shared = self.process.shared.borrow_mut();
        let there = shared.get(key).map(|(value, _)| value.as_slice());
        if let Some(instead) = meddler.and_then(|meddler| meddler.instead(there, value)) {
            let version = shared.get(key).map_or(1, |(_, version)| version + 1);
            shared.insert(key.to_owned(), (instead, version));
            return Ok(());
        }
        let version = match (shared.get(key), expected) {
            (None, Expected::Absent) => 1,
            (Some((_, version)), Expected::Version(expected)) if *version == expected => version + 1,
            _ => return Err(HostError::CasMismatch),
        };
        shared.insert(key.to_owned(), (value.to_vec(), version));
        Ok(())
    }

    fn property(&self, path: &[&str]) -> Result<Vec<u8>> {
        self.called();
        self.properties.borrow().get(&path.join(".")).cloned().ok_or(HostError::NotFound)
    }

    fn define_metric(&self, _kind: MetricKind, name: &str) -> Result<MetricId> {
        self.called();
        let mut metrics = self.process.metrics.borrow_mut();
        let at = metrics.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            metrics.push((name.to_owned(), 0));
            metrics.len() - 1
        });
        Ok(MetricId(u32::try_from(at).unwrap()))
    }

    fn add_metric(&self, metric: MetricId, by: i64) -> Result<()> {
        self.called();
        assert!(by > 0, "the real host refuses to add 0");
        self.process.metrics.borrow_mut()[metric.0 as usize].1 += u64::try_from(by).unwrap();
        Ok(())
    }

    fn record_metric(&self, _metric: MetricId, _value: u64) -> Result<()> {
        self.called();
        Ok(())
    }

    fn close(&self) {
        self.called();
        self.closed.set(true);
    }

    fn set_tick(&self, _ms: u32) -> Result<()> {
        self.called();
        Ok(())
    }
}
