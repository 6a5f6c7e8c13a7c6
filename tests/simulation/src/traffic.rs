//! Calls of clients, from their arrival to their end.

use crate::provider::{Ask, Plan, Way, completion, delta, last_events};
use crate::world::{Event, World};
use filter::fake::Sent;

/// Envoy's `UpstreamConnectionTermination` among the response flags (`CoreResponseFlag` in stream_info.h).
const UPSTREAM_CONNECTION_TERMINATION: u64 = 1 << 6;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) envoy: usize,
    pub(crate) worker: usize,
    context: u32,
    pub(crate) tenant: u64,
    pub(crate) ask: Ask,
    state: State,
    /// Output tokens the provider was told to stop at.
    pub(crate) limit: u64,
    /// Output tokens that the provider has sent.
    pub(crate) output: u64,
    /// When it went to the provider, by its process's clock that only goes forward.
    pub(crate) forwarded_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The filter waits for the server.
    Held,
    AtProvider(Plan),
    Over,
}

impl World {
    pub(crate) fn arrive(&self, node: usize) {
        if self.is_over() {
            return;
        }
        self.after(self.dice.roll(2 * self.scene.gap_ms), Event::Arrive { node });
        let Some(at) = self.living(node) else { return };
        let envoy = self.envoy(at);
        let worker = self.dice.index(self.scene.workers);
        let (tenant, ask) = (self.dice.roll(self.scene.tenants), Ask::by_chance(&self.dice));
        let (name, body) = (format!("tenant-{tenant}"), ask.body());
        let headers: [(&str, &[u8]); 4] = [
            (":method", b"POST"),
            (":path", b"/v1/chat/completions"),
            ("content-type", b"application/json"),
            ("x-tenant-id", name.as_bytes()),
        ];
        let (context, sent) = envoy.workers[worker].borrow_mut().request(&headers, &[body.as_bytes()], false);
        let call = Call {
            envoy: at,
            worker,
            context,
            tenant,
            ask,
            state: State::Held,
            limit: 0,
            output: 0,
            forwarded_at: 0,
        };
        let number = self.calls.borrow().len();
        self.note(|| format!("call {number} arrives at envoy {at}/{worker}: {name}, {ask:?}"));
        self.calls.borrow_mut().push(call);
        self.summary.borrow_mut().calls += 1;
        self.outcome(number, &sent);
        self.send_calls(at, worker);
    }

    /// The call of a stream that the filter has held.
    pub(crate) fn held_call(&self, envoy: usize, worker: usize, context: u32) -> Option<usize> {
        let is_it = |call: &Call| (call.envoy, call.worker, call.context) == (envoy, worker, context);
        self.calls.borrow().iter().rposition(is_it)
    }

    pub(crate) fn outcome(&self, number: usize, sent: &Sent) {
        match sent {
            Sent::Upstream { body, .. } => {
                let plan = Plan::of(&self.dice, body);
                {
                    let mut calls = self.calls.borrow_mut();
                    calls[number].state = State::AtProvider(plan);
                    calls[number].limit = plan.limit;
                    calls[number].forwarded_at = self.steady_ms(calls[number].envoy);
                    self.note(|| format!("call {number} goes to the provider: {plan:?}"));
                    let admitted = self.books.borrow_mut().admitted(number, &calls[number], self.now.get());
                    self.hold(admitted.map_err(|what| format!("call {number}: {what}")));
                }
                self.summary.borrow_mut().admitted += 1;
                self.after(self.dice.roll(self.scene.slowest_ms), Event::Respond { call: number });
                if self.dice.once_in(8) {
                    self.after(self.dice.roll(self.scene.slowest_ms), Event::Leave { call: number });
                }
            }
            Sent::Held => {
                if self.dice.once_in(6) {
                    self.after(self.dice.roll(1_000), Event::Leave { call: number });
                }
            }
            Sent::Replied(reply) => {
                self.note(|| format!("call {number} is refused: {}", String::from_utf8_lossy(&reply.body)));
                self.calls.borrow_mut()[number].state = State::Over;
                self.summary.borrow_mut().refused += 1;
            }
        }
    }

    /// The provider's next piece.
    pub(crate) fn respond(&self, number: usize) {
        let (at, worker, context, prompt, done, plan) = {
            let calls = self.calls.borrow();
            let call = &calls[number];
            let State::AtProvider(plan) = call.state else { return };
            (call.envoy, call.worker, call.context, call.ask.prompt_tokens(), call.output, plan)
        };
        let envoy = self.envoy(at);
        let json = [(":status", "200"), ("content-type", "application/json")];
        let events = [(":status", "200"), ("content-type", "text/event-stream")];
        let mut ended = true;
        match plan.way {
            Way::Json => {
                self.calls.borrow_mut()[number].output = plan.output;
                let mut worker = envoy.workers[worker].borrow_mut();
                worker.response_begins(context, &json);
                worker.response_piece(context, completion(prompt, plan.output).as_bytes(), true);
            }
            Way::Error => {
                let mut worker = envoy.workers[worker].borrow_mut();
                worker.response_begins(context, &[(":status", "500"), ("content-type", "application/json")]);
                worker.response_piece(context, br#"{"error":{"message":"overloaded"}}"#, true);
            }
            Way::HangsUp { streamed: false } => self.hang_up(at, worker, context, true),
            Way::HangsUp { streamed: true } if done > 0 && self.dice.once_in(2) => {
                self.hang_up(at, worker, context, false);
            }
            Way::Stream | Way::HangsUp { streamed: true } => {
                let mut worker = envoy.workers[worker].borrow_mut();
                if done == 0 {
                    worker.response_begins(context, &events);
                }
                let piece = plan.piece.min(plan.output - done);
                if piece > 0 {
                    self.calls.borrow_mut()[number].output += piece;
                    worker.response_piece(context, delta(piece).as_bytes(), false);
                    ended = false;
                } else {
                    let usage = plan.says_usage.then_some((prompt, done));
                    worker.response_piece(context, last_events(usage).as_bytes(), true);
                }
            }
        }
        self.note(|| {
            format!("call {number}: the provider is at {} tokens", self.calls.borrow()[number].output)
        });
        if ended {
            self.end(number, plan.way != Way::Error);
        } else {
            self.after(self.dice.roll(self.scene.slowest_ms / 4 + 1), Event::Respond { call: number });
        }
        self.send_calls(at, worker);
    }

    /// The provider's connection breaks; before the answer, Envoy sends one of its own.
    fn hang_up(&self, at: usize, worker: usize, context: u32, before: bool) {
        let envoy = self.envoy(at);
        let flags = UPSTREAM_CONNECTION_TERMINATION.to_le_bytes();
        let mut worker = envoy.workers[worker].borrow_mut();
        worker.set_property("response.flags", &flags);
        worker.set_property("response.code_details", b"upstream_reset_before_response_started");
        if before {
            worker.response_begins(context, &[(":status", "503"), ("content-type", "text/plain")]);
            worker.response_piece(context, b"upstream connect error", true);
        }
        worker.close(context);
        worker.set_property("response.flags", &0_u64.to_le_bytes());
        worker.set_property("response.code_details", b"via_upstream");
    }

    /// The client hangs up.
    pub(crate) fn leave(&self, number: usize) {
        let (state, at, worker) = {
            let calls = self.calls.borrow();
            (calls[number].state, calls[number].envoy, calls[number].worker)
        };
        match state {
            State::Over => {}
            State::Held => {
                self.note(|| format!("call {number}: the client leaves while it is held"));
                let context = self.calls.borrow()[number].context;
                self.calls.borrow_mut()[number].state = State::Over;
                self.envoy(at).close(worker, context);
                self.send_calls(at, worker);
            }
            State::AtProvider(_) => {
                self.note(|| format!("call {number}: the client leaves"));
                self.end(number, true);
                self.send_calls(at, worker);
            }
        }
    }

    fn end(&self, number: usize, billed: bool) {
        let (at, worker, context) = {
            let calls = self.calls.borrow();
            (calls[number].envoy, calls[number].worker, calls[number].context)
        };
        self.calls.borrow_mut()[number].state = State::Over;
        // First: what comes between while the filter settles must find the books right.
        let now = self.steady_ms(at);
        self.books.borrow_mut().ended(number, &self.calls.borrow()[number], billed, now);
        self.envoy(at).close(worker, context);
    }

    /// The process is gone; the provider is not, and bills what it did.
    pub(crate) fn end_all_of(&self, envoy: usize) {
        let mut calls = self.calls.borrow_mut();
        for (number, call) in calls.iter_mut().enumerate().filter(|(_, call)| call.envoy == envoy) {
            if matches!(std::mem::replace(&mut call.state, State::Over), State::AtProvider(_)) {
                let now = self.steady_ms(envoy);
                self.books.borrow_mut().ended(number, call, true, now);
            }
        }
    }

    fn steady_ms(&self, envoy: usize) -> u64 {
        self.envoys.borrow()[envoy].steady_ms(self.now.get())
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.calls.borrow().iter().filter(|call| call.state != State::Over).count()
    }
}
