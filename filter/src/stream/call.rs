//! A call: what the request says, what it may consume at most, and what it is charged.

use super::Arrival;
use super::answer::Answer;
use super::limits::Limits;
use super::memory::Share;
use super::reader::Stopper;
use super::sent::SentBody;
use crate::admission::{Margin, Need, Needs, Reservation, Shortage};
use crate::charge::{Ending, Known, Source, charge};
use crate::clock::Reading;
use crate::host::{self, Body, Headers, Host};
use crate::lessons::Subject;
use crate::outbox::Entry;
use crate::outputs::Likely;
use crate::plain_upstreams;
use crate::refusal::Refusal;
use crate::rules::{Labels, Rule, Rules};
use crate::signature::Signature;
use crate::stats::Finished;
use crate::worker::Worker;
use policy::{Consumed, Counting, Dimension, Gpu, Most};
use std::cell::RefCell;
use std::rc::Rc;
use tokens::{Cache, Known as EncodingKnown, Learned, Model, Usage};
use wire::{Counted, CutOff, PromptCount, Reported, Request, ResponseHead, Rewrite};

const TOO_LARGE: &str =
    "The request's body decodes to more than is read here. Send it without a content-encoding.";

#[derive(Debug)]
pub(super) struct Call {
    pub(super) rules: Rc<Rules>,
    pub(super) labels: Labels,
    pub(super) request: Request,
    provider: String,
    limits: Limits,
    likely: Likely,
    /// Without its encoding, if it came in one. Kept until the end, where a count is seldom needed.
    body: Vec<u8>,
    kept: Share,
    /// Bytes of the body as it came, and whether that was encoded.
    sent_length: usize,
    sent_encoded: bool,
    /// How the model counts that answers to the name asked for.
    pub(super) model: Model,
    /// The prompt's count, once it was made.
    prompt: Option<PromptCount>,
    /// The worker's.
    counting: Rc<RefCell<Cache>>,
    /// Where the count is an estimate: what such prompts hardly exceed, if enough was learned to say.
    upper: Option<u64>,
    /// Whether the client takes answers in encodings.
    encodings: bool,
    /// The client's signature, where nobody signs anew.
    signature: Option<Signature>,
    /// Whether `include_usage` was added, so that its chunk has to be taken out again.
    pub(super) usage_added: bool,
    /// Whether it would have been changed if its client had not signed it.
    pub(super) unchanged: bool,
    pub(super) arrived_ns: u64,
    /// When it went to the provider.
    forwarded_ns: u64,
    /// When the body was complete: what follows is the filter's doing.
    complete_ns: u64,
}

impl Call {
    /// Reads a request; `None` if it is no call after all. The error is for the client, with the labels for stats.
    pub(super) fn read(
        host: &dyn Host,
        worker: &Worker,
        rules: Rc<Rules>,
        arrival: &Arrival,
        body: Vec<u8>,
        now: Reading,
    ) -> Result<Option<Call>, (Labels, String)> {
        let headers = host.headers(Headers::Request).unwrap_or_default();
        let dimensions = rules.dimensions(|name| headers.get(name));
        let encodings = headers.get("accept-encoding").is_some();
        let signature = Signature::of(headers.get("authorization").unwrap_or_default());
        let unknown = || Dimension::UNKNOWN.to_owned();
        let sent = SentBody::new(headers.get("content-encoding").unwrap_or_default(), body);
        let Ok(SentBody { plain: body, length: sent_length, encoded: sent_encoded }) = sent else {
            return Err((Labels { dimensions, model: unknown() }, TOO_LARGE.to_owned()));
        };
        match Request::read(&arrival.route, headers.get("content-type").unwrap_or_default(), &body) {
            Ok(None) => Ok(None),
            Ok(Some(request)) => {
                let model = Model::of(rules.policy().models.behind(request.model()));
                let labels = Labels { dimensions, model: Dimension::sanitise(request.model().as_bytes()) };
                let usage_added = false;
                let limits = Limits::of(&request, &rules, &labels);
                let likely = Likely::of(host, worker.seed(), &rules, &labels);
                Ok(Some(Call {
                    rules,
                    labels,
                    request,
                    provider: arrival.provider.clone(),
                    limits,
                    likely,
                    body,
                    kept: worker.bodies.share(),
                    sent_length,
                    sent_encoded,
                    model,
                    prompt: None,
                    counting: Rc::clone(&worker.counting),
                    upper: None,
                    encodings,
                    signature: signature.filter(|_| !worker.config.rewrite_signed),
                    usage_added,
                    unchanged: false,
                    arrived_ns: arrival.at_ns,
                    forwarded_ns: now.steady_ns,
                    complete_ns: now.steady_ns,
                }))
            }
            Err(error) => Err((Labels { dimensions, model: unknown() }, error.to_string())),
        }
    }

    pub(super) fn is_counted(&self) -> bool {
        self.prompt.is_some()
    }

    /// Whether the policy has it counted, whatever the verdict.
    pub(super) fn is_always_counted(&self) -> bool {
        self.rules.policy().count == Counting::Always
    }

    /// Counts the prompt, if that was not done.
    fn count_prompt(&mut self) -> PromptCount {
        let (request, body, counting) = (&self.request, &self.body, &self.counting);
        *self
            .prompt
            .get_or_insert_with(|| request.count_prompt(body, &self.model, &mut counting.borrow_mut()))
    }

    /// Counts the prompt for a verdict. Answers what time it is then: a long one takes a while.
    #[must_use]
    pub(super) fn count_for_verdict(&mut self, host: &dyn Host, worker: &Worker) -> Reading {
        let counted = self.count_prompt();
        if !counted.exact && counted.complete && counted.media == 0 {
            self.upper = self.subject(worker).learned(host).upper(&counted.raw());
        }
        Reading::of(host)
    }

    /// What the call has to hold, by what is known of it so far.
    pub(super) fn needs(&self) -> Needs {
        // An estimate may be too low: only the provider's own vocabulary makes a count safe to reserve by, or many
        // figures of the provider's.
        let bound = self.request.prompt_bound();
        let (prompt, margin) = match self.prompt {
            Some(counted) if counted.exact => (counted.tokens(), Margin::None),
            Some(_) => (self.upper.map_or(bound, |upper| upper.min(bound)), Margin::None),
            None => (bound, Margin::Plenty),
        };
        let price = self.price();
        let gpu_ms = self.gpu().map_or(0, Gpu::reserved_ms);
        let need = |(at, rule): (usize, &Rule)| {
            let output = self.likely.output(at, self.limits.output);
            let cost_pico_usd = price.map_or(0, |price| price.worst_cost(prompt, output));
            let amount = rule.budget.unit.held(&Most { prompt, output, cost_pico_usd, gpu_ms });
            Need { amount, keep: self.rules.keep(rule, &self.labels) }
        };
        Needs { of: self.rules.budgets().iter().enumerate().map(need).collect(), margin }
    }

    /// The price of the name asked for, else of the model behind it.
    fn price(&self) -> Option<&policy::Price> {
        let policy = self.rules.policy();
        let name = self.request.model();
        policy.prices.of(name).or_else(|| policy.prices.of(policy.models.behind(name)))
    }

    /// What the name asked for runs on, else the model behind it.
    fn gpu(&self) -> Option<Gpu> {
        let policy = self.rules.policy();
        let name = self.request.model();
        policy.gpus.of(name).or_else(|| policy.gpus.of(policy.models.behind(name)))
    }

    /// GPU-milliseconds of a call that went to its provider `forwarded_ns` and is over `now` (by the monotonic clock).
    fn gpu_ms(&self, now: u64) -> u64 {
        let worked_ms = now.saturating_sub(self.forwarded_ns).div_ceil(1_000_000);
        self.gpu().map_or(0, |gpu| gpu.time_ms(worked_ms))
    }

    /// Pico-USD of what was consumed. A name without a price (a deployment's, an alias) costs what the model costs that
    /// answered to it. `None`: neither has a price.
    fn cost(&self, usage: &Usage, answer: Option<&Answer>) -> Option<u64> {
        let of_answer = || self.rules.policy().prices.of(answer?.model()?);
        match self.price().or_else(of_answer) {
            Some(price) => price.cost(usage),
            None => (usage.total() == 0).then_some(0),
        }
    }

    fn subject(&self, worker: &Worker) -> Subject {
        let name = self.rules.policy().models.behind(self.request.model());
        Subject::of(worker.seed(), &self.provider, name, self.model)
    }

    /// Makes the request ready to go: what it is reserved for is enforced, and its usage asked for.
    pub(super) fn prepare(&mut self, host: &dyn Host) -> host::Result<()> {
        let signature = self.signature.unwrap_or_default();
        if self.encodings && !signature.covers_encodings {
            // An answer in an encoding could not be read.
            host.remove_header(Headers::Request, "accept-encoding")?;
        }
        let add_usage = self.request.stream()
            && self.request.asks_for_usage()
            && !self.request.include_usage()
            && !plain_upstreams::is_known(host);
        let edits =
            Rewrite { include_usage: add_usage, output_limit: self.limits.enforced, model: None, trim: None };
        let changed = self.request.rewrite(&self.body, &edits);
        self.unchanged = signature.covers_body && changed.is_some();
        if let Some(changed) = changed.filter(|_| !signature.covers_body) {
            // Envoy works the length out again.
            host.remove_header(Headers::Request, "content-length")?;
            if self.sent_encoded {
                host.remove_header(Headers::Request, "content-encoding")?;
            }
            host.replace_body(Body::Request, self.sent_length, &changed)?;
            self.usage_added = add_usage;
        }
        if self.is_counted() || !self.kept.try_to_keep(self.body.len() as u64) {
            self.count_prompt();
            self.body = Vec::new();
        }
        Ok(())
    }

    /// The request goes to its provider. Answers for how many nanoseconds it was kept from it since it was complete.
    pub(super) fn goes(&mut self, host: &dyn Host) -> u64 {
        self.forwarded_ns = host.monotonic_ns();
        self.forwarded_ns.saturating_sub(self.complete_ns)
    }

    /// What ends the answer with this head where the policy says so, if it is a stream.
    pub(super) fn stopper(&mut self, head: &ResponseHead<'_>) -> Option<Stopper> {
        let stop = self.limits.stop.filter(|_| self.request.stream())?;
        let cut = CutOff::new(self.request.api(), head)?;
        let (model, prompt) = (self.model, self.count_prompt().tokens());
        Some(Stopper {
            stop,
            cut,
            encoding: model.encoding,
            exact: model.known == EncodingKnown::Exact,
            include_usage: self.request.include_usage(),
            prompt,
            stopped: false,
        })
    }

    pub(super) fn refused_for(&self, worker: &mut Worker, shortage: &Shortage) -> Refusal {
        match self.rules.budgets().get(shortage.rule) {
            Some(rule) => {
                if shortage.keep > 0 {
                    worker.stats.gave_way(&rule.budget.name);
                }
                Refusal::shortage(rule, rule.limit(&self.labels), shortage)
            }
            None => Refusal::unavailable(),
        }
    }

    pub(super) fn record_refusal(&self, worker: &mut Worker, reason: &str) {
        worker.stats.refused(&self.rules, &self.labels, &self.provider, reason);
        self.record_count(worker);
        let entry = Entry {
            labels: &self.labels,
            outcome: format!("refused:{reason}"),
            source: Source::Nothing.name(),
            usage: Usage::default(),
            cost_pico_usd: Some(0),
            price_version: &self.rules.policy().version,
            duration_ms: 0,
        };
        worker.outbox.record(&self.provider, entry);
    }

    /// Replaces the reservation by what the call consumed, and says so in stats and to the server.
    pub(super) fn settle(
        mut self,
        host: &dyn Host,
        worker: &mut Worker,
        held: Reservation,
        mut answer: Option<Box<Answer>>,
        complete: bool,
    ) {
        let ending = match &answer {
            Some(answer) => Ending::of_answer(host, answer.status(), answer.is_by_provider(), complete),
            None => Ending::without_answer(host),
        };
        if ending == Ending::UpstreamGone {
            // An error in its place is Envoy's, and says nothing of what the provider did.
            answer = answer.filter(|answer| answer.status() < 400);
        }
        let ending = match answer.as_deref_mut() {
            Some(answer) => {
                answer.finish();
                answer.ending(ending)
            }
            None => ending,
        };
        let subject = self.subject(worker);
        let (usage, source) = charge(ending, || self.known(answer.as_deref_mut(), || subject.learned(host)));
        if let Some(reported) = answer.as_deref().and_then(Answer::reported) {
            self.learn(host, worker, &subject, reported);
        }
        if ending.is_charged() {
            self.likely.learn(host, usage.output());
        }
        self.record_count(worker);
        let cost = self.cost(&usage, answer.as_deref());
        let now = host.monotonic_ns();
        let gpu_ms = self.gpu_ms(now);
        let consumed = Consumed { usage, cost_pico_usd: cost.unwrap_or(0), gpu_ms };
        let consumed = ending.is_charged().then_some(consumed);
        worker.settle(host, &self.rules, &self.labels, held, consumed, now / 1_000_000);

        let duration_ns = now.saturating_sub(self.arrived_ns);
        let stopped = answer.as_deref().is_some_and(|answer| answer.stopped().is_some());
        let outcome = if stopped { "stopped" } else { ending.outcome() };
        let finished = Finished {
            outcome,
            usage,
            cost_pico_usd: cost,
            source: source.name(),
            arrived_ns: self.arrived_ns,
            duration_ns,
            usage_missing: ending == Ending::Complete && source != Source::Reported,
            said: answer.as_deref().map(Answer::said).unwrap_or_default(),
        };
        worker.stats.finished(host, &self.rules, &self.labels, &self.provider, &finished);
        let entry = Entry {
            labels: &self.labels,
            outcome: outcome.to_owned(),
            source: source.name(),
            usage,
            cost_pico_usd: cost,
            price_version: &self.rules.policy().version,
            duration_ms: duration_ns / 1_000_000,
        };
        worker.outbox.record(&self.provider, entry);
    }

    fn known(&mut self, answer: Option<&mut Answer>, learned: impl Fn() -> Learned) -> Known {
        let output_limit = self.limits.output;
        let reported = answer.as_ref().and_then(|answer| answer.reported());
        // What a batch or the background generates never passes here, or goes on when its client has gone.
        let readable = !self.request.deferred() && answer.as_ref().is_none_or(|answer| answer.is_readable());
        let (prompt, output) = match (reported, answer) {
            // Counting would cost time and change nothing.
            (Some(Reported { complete: true, .. }), _) => (Counted::default(), Counted::default()),
            (Some(_), Some(answer)) => (Counted::default(), self.count_output(answer, learned)),
            (None, Some(answer)) => (self.estimate_prompt(&learned), self.count_output(answer, learned)),
            // Nothing of the answer was seen, and nobody knows how far it was.
            (_, None) => (self.estimate_prompt(&learned), Counted { tokens: 0, exact: false }),
        };
        Known { reported, prompt, output, output_limit, readable }
    }

    fn estimate_prompt(&mut self, learned: impl Fn() -> Learned) -> Counted {
        let counted = self.count_prompt();
        let tokens = if counted.exact {
            counted.tokens()
        } else {
            learned().estimate(&counted.raw()).saturating_add(counted.media)
        };
        Counted { tokens, exact: counted.exact }
    }

    /// A count with a vocabulary that may not be the model's is no exact one.
    fn count_output(&self, answer: &mut Answer, learned: impl Fn() -> Learned) -> Counted {
        let counted = answer.count_unreported(self.model.encoding);
        match self.model.known {
            EncodingKnown::Exact => counted,
            EncodingKnown::Estimated => {
                Counted { tokens: learned().estimate_output(counted.tokens), exact: false }
            }
        }
    }

    /// Learns from the provider's figure how the model counts, where nothing says it for certain.
    fn learn(&mut self, host: &dyn Host, worker: &mut Worker, subject: &Subject, reported: Reported) {
        let request = &self.request;
        let is_plain =
            [request.tools(), request.images(), request.audio(), request.files()].iter().all(|n| *n == 0);
        let is_certain = is_plain && self.model.has_documented_framing();
        if is_certain || !reported.complete || request.batch() {
            return;
        }
        if self.prompt.is_none() && !worker.lessons.wants(subject) {
            return;
        }
        let counted = self.count_prompt();
        let media = reported.usage.image_in.saturating_add(reported.usage.audio_in);
        if counted.exact || !counted.complete || (counted.media > 0 && media == 0) {
            return;
        }
        let text = reported.usage.input().saturating_sub(media);
        worker.lessons.learn(host, subject, &counted.raw(), text);
        worker.stats.count("tollkeeper_prompts_learned_total", 1);
    }

    fn record_count(&self, worker: &mut Worker) {
        if self.is_counted() {
            worker.stats.count("tollkeeper_prompts_counted_total", 1);
        }
    }
}
