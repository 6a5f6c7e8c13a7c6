//! Messages between workers and servers, and what becomes of them on the way.

use crate::brief;
use crate::world::{Event, World};
use filter::fake::PendingCall;
use filter::host::CallId;
use prost::Message as _;
use quota::proto::{AcquireRequest, SyncRequest};
use tonic::Code;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) envoy: usize,
    pub(crate) worker: usize,
    pub(crate) call: PendingCall,
}

impl World {
    /// Puts what the worker has just asked for on the network.
    pub(crate) fn send_calls(&self, envoy: usize, worker: usize) {
        let calls = self.envoys.borrow()[envoy].workers[worker].borrow_mut().take_calls();
        for call in calls {
            let message = Message { envoy, worker, call };
            self.send(message);
        }
    }

    fn send(&self, message: Message) {
        let Message { envoy, worker, call } = &message;
        let (envoy, worker, id) = (*envoy, *worker, call.id);
        let timed_out = Err(Code::DeadlineExceeded as u32);
        self.after(u64::from(call.timeout_ms), Event::Answer { envoy, worker, id, result: timed_out });
        self.envoys.borrow()[envoy].waiting.borrow_mut().insert((worker, id.0), call.clone());

        let server = self.dice.index(self.servers.len());
        let (lost, repeated) =
            (self.loses(envoy, server), !self.is_over() && self.dice.once_in(self.scene.network.repeats));
        if lost {
            self.trouble(|| format!("{} of envoy {envoy}/{worker} is lost", message.call.method));
        } else {
            self.after(self.delay(), Event::ToServer { server, message: message.clone() });
        }
        if repeated {
            self.trouble(|| format!("{} of envoy {envoy}/{worker} goes out twice", message.call.method));
            let server = self.dice.index(self.servers.len());
            self.after(self.delay(), Event::ToServer { server, message });
        }
    }

    fn trouble(&self, what: impl FnOnce() -> String) {
        self.summary.borrow_mut().troubles += 1;
        self.note(what);
    }

    fn loses(&self, envoy: usize, server: usize) -> bool {
        let node = self.envoys.borrow()[envoy].node;
        let apart = self.apart.borrow().contains(&(node, server));
        apart || (!self.is_over() && self.dice.once_in(self.scene.network.loses))
    }

    fn delay(&self) -> u64 {
        let network = &self.scene.network;
        if !self.is_over() && self.dice.once_in(network.delays) {
            return self.dice.roll(network.delayed_ms);
        }
        self.dice.roll(network.usual_ms)
    }

    pub(crate) fn at_server(&self, server: usize, message: Message) {
        let Message { envoy, worker, call } = message;
        if !self.servers[server].up.get() {
            self.reply(server, envoy, worker, call.id, Err(Code::Unavailable as u32));
            return;
        }
        let now = self.now.get();
        let result = match call.method.as_str() {
            "Acquire" => {
                self.summary.borrow_mut().acquires += 1;
                let request = AcquireRequest::decode(call.message.as_slice()).expect("a readable message");
                self.note(|| {
                    format!("server {server} gets of envoy {envoy}/{worker}: {}", brief::acquire(&request))
                });
                self.servers[server].acquire(now, request)
            }
            _ => {
                self.summary.borrow_mut().syncs += 1;
                let request = SyncRequest::decode(call.message.as_slice()).expect("a readable message");
                self.note(|| {
                    format!("server {server} gets of envoy {envoy}/{worker}: {}", brief::sync(&request))
                });
                let synced = self.servers[server].sync(now, request.clone());
                if synced.is_ok() || self.lags() {
                    self.books.borrow_mut().told(envoy, worker, &request);
                }
                if synced.is_ok() {
                    self.books.borrow_mut().acknowledged_report(envoy, worker, request.sequence);
                }
                synced
            }
        };
        self.check_store(server);
        // A server that dies after it has done its work answers nobody: the same as a lost answer.
        self.reply(server, envoy, worker, call.id, result.map_err(|status| status.code() as u32));
    }

    fn reply(&self, server: usize, envoy: usize, worker: usize, id: CallId, result: Result<Vec<u8>, u32>) {
        if self.loses(envoy, server) {
            self.trouble(|| format!("an answer to envoy {envoy}/{worker} is lost"));
        } else {
            self.after(self.delay(), Event::Answer { envoy, worker, id, result });
        }
    }

    /// The first answer counts, or that none came in time.
    pub(crate) fn answer(&self, at: usize, worker: usize, id: CallId, result: Result<Vec<u8>, u32>) {
        let envoy = self.envoy(at);
        if !envoy.alive.get() {
            return;
        }
        let Some(call) = envoy.awaits(worker, id) else { return };
        self.note(|| format!("envoy {at}/{worker} is answered: {}", brief::answer(&call.method, &result)));
        let outcome = envoy.workers[worker].borrow_mut().answer_call(&call, result);
        if let Some((context, sent)) = outcome
            && let Some(number) = self.held_call(at, worker, context)
        {
            self.outcome(number, &sent);
        }
        self.send_calls(at, worker);
    }

    pub(crate) fn tick(&self, at: usize, worker: usize) {
        let envoy = self.envoy(at);
        if envoy.alive.get() {
            self.after(self.scene.tick_ms, Event::Tick { envoy: at, worker });
            envoy.workers[worker].borrow_mut().tick();
            self.send_calls(at, worker);
        }
    }

    pub(crate) fn sweep(&self, server: usize) {
        self.after(5_000, Event::Sweep { server });
        if self.servers[server].up.get() {
            let swept = self.servers[server].sweep(self.now.get());
            assert!(swept.is_ok() || self.lags(), "a store in memory sweeps: {swept:?}");
            self.check_store(server);
        }
    }
}
