//! One request, in the phases of its life.

mod answer;
mod call;
mod decoding;
mod limits;
mod memory;
mod reader;
mod sent;

use crate::WithoutPolicy;
use crate::admission::{Admission, Asking, Reservation};
use crate::clock::{Exchange, Reading};
use crate::host::{Action, Body, CallId, Host, LogLevel};
use crate::refusal::Refusal;
use crate::routes;
use crate::sync::Question;
use crate::worker::Worker;
use answer::Answer;
use call::Call;
pub(crate) use memory::Memory;
use wire::{Api, Route};

/// A stream of Envoy's. The host's callbacks move it from phase to phase; a callback that does not belong to the
/// phase it finds changes nothing.
#[derive(Debug, Default)]
pub struct Stream {
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    /// Nothing seen yet.
    #[default]
    New,
    /// Not an LLM call: every callback lets it pass.
    Aside,
    /// Headers are held, the body is being collected.
    Reading { arrival: Box<Arrival> },
    /// Held, until the server sends a policy.
    AwaitingPolicy { arrival: Box<Arrival>, body: Vec<u8>, question: Question },
    /// Held, until the server answers for the missing amounts.
    AwaitingLeases { call: Box<Call>, asking: Asking, question: Question },
    /// On its way to the provider and back.
    Forwarded { call: Box<Call>, held: Reservation, answer: Option<Box<Answer>> },
    /// Answered by us, or over.
    Ended,
}

/// What was known of a request when its headers had come.
#[derive(Debug)]
struct Arrival {
    at_ns: u64,
    route: Route,
    /// The label.
    provider: String,
}

/// Whether the request is still in the callback of its own body, or was paused and has to be set going again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Body,
    Answer,
}

impl Stream {
    pub(crate) fn request_headers(&mut self, host: &dyn Host, worker: &Worker, end: bool) -> Action {
        let found = routes::find(host, &worker.config.routes).filter(|_| !end);
        let Some((route, provider)) = found else {
            self.phase = Phase::Aside;
            return Action::Continue;
        };
        let provider = provider.or_else(|| worker.config.provider.clone());
        let provider = provider.unwrap_or_else(|| route.provider.to_owned());
        let arrival = Box::new(Arrival { at_ns: host.monotonic_ns(), route, provider });
        self.phase = Phase::Reading { arrival };
        // Relies on `allow_on_headers_stop_iteration`: headers stay changeable while the body comes in.
        Action::Pause
    }

    pub(crate) fn request_body(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        size: usize,
        end: bool,
    ) -> Action {
        match &mut self.phase {
            // Paused bodies are cumulative: the last callback sees all of it.
            Phase::Reading { .. } if !end => Action::Pause,
            Phase::Reading { .. } => self.read(host, worker, size),
            Phase::AwaitingPolicy { .. } | Phase::AwaitingLeases { .. } => Action::Pause,
            _ => Action::Continue,
        }
    }

    /// Bodies that are followed by trailers never say `end`.
    pub(crate) fn request_trailers(&mut self, host: &dyn Host, worker: &mut Worker) -> Action {
        match self.phase {
            Phase::Reading { .. } => self.read(host, worker, usize::MAX),
            Phase::AwaitingPolicy { .. } | Phase::AwaitingLeases { .. } => Action::Pause,
            _ => Action::Continue,
        }
    }

    fn read(&mut self, host: &dyn Host, worker: &mut Worker, size: usize) -> Action {
        let Phase::Reading { arrival } = std::mem::take(&mut self.phase) else {
            return Action::Continue;
        };
        let body = match host.body(Body::Request, size) {
            Ok(body) => body,
            Err(error) => {
                host.log(LogLevel::Error, &format!("tollkeeper: a request's body can't be read: {error}"));
                let refusal = Refusal::unreadable("The request's body could not be read.");
                return self.refuse(host, arrival.route.api, &refusal, host.unix_ms());
            }
        };
        if worker.rules(host).is_some() {
            return self.consider(host, worker, arrival, body, From::Body);
        }
        match worker.ask(host, Vec::new(), Reading::of(host)) {
            Some(question) => {
                self.phase = Phase::AwaitingPolicy { arrival, body, question };
                Action::Pause
            }
            None => self.without_policy(host, worker, &arrival, From::Body),
        }
    }

    fn without_policy(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        arrival: &Arrival,
        from: From,
    ) -> Action {
        worker.stats.count("tollkeeper_without_policy_total", 1);
        match worker.config.without_policy {
            WithoutPolicy::Refuse => {
                self.refuse(host, arrival.route.api, &Refusal::unavailable(), host.unix_ms())
            }
            WithoutPolicy::Pass => self.step_aside(host, from),
        }
    }

    /// Reads the request and looks for a verdict.
    fn consider(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        arrival: Box<Arrival>,
        body: Vec<u8>,
        from: From,
    ) -> Action {
        let Some(rules) = worker.rules(host) else {
            return self.without_policy(host, worker, &arrival, from);
        };
        let now = Reading::of(host);
        match Call::read(host, worker, rules, &arrival, body, now) {
            Ok(Some(call)) => self.decide(host, worker, Box::new(call), from, now),
            Ok(None) => self.step_aside(host, from),
            Err((labels, error)) => {
                let Some(rules) = worker.rules(host) else { return Action::Continue };
                let refusal = Refusal::unreadable(&error);
                worker.stats.refused(&rules, &labels, &arrival.provider, refusal.reason());
                self.refuse(host, arrival.route.api, &refusal, now.unix_ms)
            }
        }
    }

    /// Other traffic on a path that looked like one of a model's, or a call that nobody can judge.
    fn step_aside(&mut self, host: &dyn Host, from: From) -> Action {
        self.phase = Phase::Aside;
        if from == From::Answer
            && let Err(error) = host.resume_request()
        {
            host.log(LogLevel::Error, &format!("tollkeeper: a request could not be resumed: {error}"));
        }
        Action::Continue
    }

    /// Reserves, first by a bound that costs nothing, then by the exact count; then asks the server; or refuses.
    fn decide(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        mut call: Box<Call>,
        from: From,
        mut now: Reading,
    ) -> Action {
        if call.is_always_counted() {
            now = call.count_for_verdict(host, worker);
        }
        let admission = match worker.reserve(host, &call.rules, &call.labels, &call.needs(), now) {
            Admission::Admitted(held) => return self.forward(host, worker, call, held, from),
            other if call.is_counted() => other,
            _ => {
                now = call.count_for_verdict(host, worker);
                worker.reserve(host, &call.rules, &call.labels, &call.needs(), now)
            }
        };
        match admission {
            Admission::Admitted(held) => self.forward(host, worker, call, held, from),
            Admission::Refused(shortage) => {
                let refusal = call.refused_for(worker, &shortage);
                self.refuse_call(host, worker, &call, &refusal, now)
            }
            Admission::Short => self.ask(host, worker, call, from, now),
        }
    }

    fn ask(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        call: Box<Call>,
        from: From,
        now: Reading,
    ) -> Action {
        let asking = worker.reserve_what_there_is(host, &call.rules, &call.labels, &call.needs(), now);
        let wants = worker.wants(host, &call.rules, &call.labels, &asking, now.steady_ms());
        match worker.ask(host, wants, now) {
            Some(question) => {
                self.phase = Phase::AwaitingLeases { call, asking, question };
                Action::Pause
            }
            None => self.without_server(host, worker, call, asking, from, now),
        }
    }

    /// The answer to this stream's question, or its failure.
    pub(crate) fn answered(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        id: CallId,
        result: Result<usize, u32>,
    ) {
        let _ = match std::mem::take(&mut self.phase) {
            Phase::AwaitingPolicy { arrival, body, question } if question.sent.call == id => {
                let _ = worker.answer(host, question, result, host.steady_ms());
                self.consider(host, worker, arrival, body, From::Answer)
            }
            Phase::AwaitingLeases { call, asking, question } if question.sent.call == id => {
                self.leases_answered(host, worker, call, asking, question, result)
            }
            other => {
                self.phase = other;
                return;
            }
        };
    }

    fn leases_answered(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        call: Box<Call>,
        asking: Asking,
        question: Question,
        result: Result<usize, u32>,
    ) -> Action {
        let now = Reading::of(host);
        let exchange = Exchange { sent_at: question.sent.at.steady_ms(), now: now.steady_ms() };
        let Some(answer) = worker.answer(host, question, result, exchange.now) else {
            return self.without_server(host, worker, call, asking, From::Answer, now);
        };
        if let Some(exhausted) = &answer.exhausted {
            let (rules, labels) = (&call.rules, &call.labels);
            let shortage = worker.exhausted(host, rules, labels, asking, exhausted, exchange);
            // What others were granted or have given back meanwhile may be enough.
            if let Admission::Admitted(held) = worker.reserve(host, rules, labels, &call.needs(), now) {
                return self.forward(host, worker, call, held, From::Answer);
            }
            let refusal = call.refused_for(worker, &shortage);
            return self.refuse_call(host, worker, &call, &refusal, now);
        }
        if answer.grants.len() == asking.len() {
            let (rules, labels) = (&call.rules, &call.labels);
            if worker.came_too_late(&answer.grants, exchange.sent_at, now) {
                worker.return_grants(rules, labels, &asking, &answer.grants);
                return self.ask_again(host, worker, call, asking, now);
            }
            let held = worker.granted(host, rules, labels, asking, &answer.grants, exchange);
            return self.forward(host, worker, call, held, From::Answer);
        }
        // The server works by another policy and sent it: what was asked for does not exist there. The call goes by
        // the budgets' rule for a server that can't be asked; the next one goes by the new policy.
        self.without_server(host, worker, call, asking, From::Answer, now)
    }

    /// What was granted can't be spent any more when it arrives. That it happens twice to one call is no accident.
    fn ask_again(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        call: Box<Call>,
        asking: Asking,
        now: Reading,
    ) -> Action {
        if asking.is_again() {
            return self.without_server(host, worker, call, asking, From::Answer, now);
        }
        worker.abandon(host, &call.rules, &call.labels, asking, now.steady_ms());
        let action = self.ask(host, worker, call, From::Answer, now);
        if let Phase::AwaitingLeases { asking, .. } = &mut self.phase {
            asking.repeats();
        }
        action
    }

    fn without_server(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        call: Box<Call>,
        asking: Asking,
        from: From,
        now: Reading,
    ) -> Action {
        match worker.without_server(host, &call.rules, &call.labels, asking, now.steady_ms()) {
            Some(held) => {
                worker.stats.count("tollkeeper_admitted_unreserved_total", 1);
                self.forward(host, worker, call, held, from)
            }
            None => self.refuse_call(host, worker, &call, &Refusal::unavailable(), now),
        }
    }

    fn forward(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        mut call: Box<Call>,
        held: Reservation,
        from: From,
    ) -> Action {
        if let Err(error) = call.prepare(host) {
            // Goes on as the client wrote it: uncapped and perhaps without usage, and charged all the same.
            host.log(LogLevel::Warn, &format!("tollkeeper: a request could not be changed: {error}"));
            worker.stats.count("tollkeeper_rewrite_failures_total", 1);
        }
        if call.unchanged {
            worker.stats.count("tollkeeper_signed_unchanged_total", 1);
        }
        worker.stats.overhead(host, call.goes(host));
        self.phase = Phase::Forwarded { call, held, answer: None };
        if from == From::Answer
            && let Err(error) = host.resume_request()
        {
            host.log(LogLevel::Error, &format!("tollkeeper: a request could not be resumed: {error}"));
        }
        Action::Continue
    }

    fn refuse_call(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        call: &Call,
        refusal: &Refusal,
        now: Reading,
    ) -> Action {
        call.record_refusal(worker, refusal.reason());
        self.refuse(host, call.request.api(), refusal, now.unix_ms)
    }

    fn refuse(&mut self, host: &dyn Host, api: Api, refusal: &Refusal, unix_ms: u64) -> Action {
        self.phase = Phase::Ended;
        let reply = refusal.reply(api, unix_ms);
        let headers: Vec<(&str, &str)> =
            reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Err(error) = host.reply(reply.status, &headers, &reply.body) {
            host.log(LogLevel::Error, &format!("tollkeeper: a refusal could not be sent: {error}"));
        }
        // The reply ends the stream; until it does, nothing of the request may go on.
        Action::Pause
    }

    pub(crate) fn response_headers(&mut self, host: &dyn Host, worker: &mut Worker, end: bool) -> Action {
        let Phase::Forwarded { call, answer, .. } = &mut self.phase else { return Action::Continue };
        let started = answer.insert(Box::new(Answer::start(host, worker, call)));
        let hold = started.might_refuse_our_changes() && !end;
        if end {
            self.finish(host, worker, true);
        }
        // An error that our own change may have caused is read before the client sees it; it is short and complete.
        // Everything else passes at once.
        if hold { Action::Pause } else { Action::Continue }
    }

    pub(crate) fn response_body(
        &mut self,
        host: &dyn Host,
        worker: &mut Worker,
        size: usize,
        end: bool,
    ) -> Action {
        let Phase::Forwarded { answer: Some(answer), .. } = &mut self.phase else { return Action::Continue };
        if answer.might_refuse_our_changes() {
            if !end {
                return Action::Pause;
            }
            answer.explain_error(host, worker, size);
        } else {
            answer.pass(host, size, end);
        }
        if end {
            self.finish(host, worker, true);
        }
        Action::Continue
    }

    pub(crate) fn response_trailers(&mut self, host: &dyn Host, worker: &mut Worker) -> Action {
        if let Phase::Forwarded { answer: Some(answer), .. } = &mut self.phase
            && answer.might_refuse_our_changes()
        {
            answer.explain_error(host, worker, usize::MAX);
        }
        self.finish(host, worker, true);
        Action::Continue
    }

    /// The call to the server without whose answer the request can't go on.
    pub(crate) fn waits_for(&self) -> Option<CallId> {
        match &self.phase {
            Phase::AwaitingPolicy { question, .. } | Phase::AwaitingLeases { question, .. } => {
                Some(question.sent.call)
            }
            _ => None,
        }
    }

    /// The stream is over. Whatever phase it was in, what it held is settled or given back, once.
    pub(crate) fn end(&mut self, host: &dyn Host, worker: &mut Worker) {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::AwaitingPolicy { question, .. } => worker.withdraw(question),
            Phase::AwaitingLeases { call, asking, question } => {
                worker.withdraw(question);
                worker.abandon(host, &call.rules, &call.labels, asking, host.steady_ms());
            }
            forwarded @ Phase::Forwarded { .. } => {
                self.phase = forwarded;
                self.finish(host, worker, false);
            }
            Phase::New | Phase::Aside | Phase::Reading { .. } | Phase::Ended => {}
        }
    }

    /// Settles a forwarded call. `complete`: its answer came to an end by itself.
    fn finish(&mut self, host: &dyn Host, worker: &mut Worker, complete: bool) {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Forwarded { call, held, answer } => call.settle(host, worker, held, answer, complete),
            other => self.phase = other,
        }
    }
}
