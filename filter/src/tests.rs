//! Whole calls through the filter, against the model of Envoy: given this traffic, this charge.

mod adjustments;
mod admission;
mod amounts;
mod clocks;
mod counting;
mod encodings;
mod endings;
mod giving_way;
mod host_calls;
mod hostile;
mod policies;
mod providers;
mod reserving;
mod server;
mod stops;
mod streams;
mod unreachable;

use crate::fake::{Process, Sent, Worker};
use server::Server;
use std::rc::Rc;

/// 2026-11-23T18:00:00Z, the start of an hour.
const HOUR: u64 = 1_795_456_800_000;

const BUDGET: &str = "
dimensions: { tenant: { header: x-tenant-id } }
output_limit: 100
budgets: [{ name: hourly, per: [tenant], limit: 10000 tokens, window: 1h }]
";

/// A process with some workers, and the server.
struct Mesh {
    process: Rc<Process>,
    workers: Vec<Worker>,
    server: Server,
}

impl Mesh {
    fn new(policy: &str, workers: usize) -> Mesh {
        let process = Process::new(HOUR + 60_000);
        let workers = (0..workers)
            .map(|_| {
                Worker::new(&process, r#"{"quota_cluster": "tollkeeper"}"#).expect("a valid configuration")
            })
            .collect();
        Mesh { process, workers, server: Server::new(policy) }
    }

    fn with(policy: &str) -> Mesh {
        Mesh::new(policy, 1)
    }

    /// Sends a request of worker 0 and answers its questions to the server until it is decided.
    fn call(&mut self, tenant: &str, body: &str) -> (u32, Sent) {
        self.call_from(0, tenant, body)
    }

    fn call_from(&mut self, worker: usize, tenant: &str, body: &str) -> (u32, Sent) {
        let headers = chat_headers(tenant);
        let (context, mut sent) = self.workers[worker].request(&headers, &[body.as_bytes()], false);
        while matches!(sent, Sent::Held) {
            let outcomes = self.serve(worker);
            sent = outcomes.into_iter().rfind(|(answered, _)| *answered == context).expect("an answer").1;
        }
        (context, sent)
    }

    /// Answers one worker's calls to the server.
    fn serve(&mut self, worker: usize) -> Vec<(u32, Sent)> {
        // The server's own clock is right.
        let now = self.process.steady_ms();
        let server = &mut self.server;
        self.workers[worker].answer_calls(|call| server.answer(call, now))
    }

    /// A complete JSON answer with the provider's figures.
    fn answer(&mut self, context: u32, prompt: u64, output: u64) {
        let body = completion(prompt, output);
        let worker = &mut self.workers[0];
        worker.response_begins(context, &[(":status", "200"), ("content-type", "application/json")]);
        worker.response_piece(context, body.as_bytes(), true);
        worker.close(context);
    }

    /// All workers report, and the server answers.
    fn report(&mut self) {
        for at in 0..self.workers.len() {
            self.workers[at].tick();
            self.serve(at);
        }
    }

    fn tokens(&self, tenant: &str, class: &str) -> u64 {
        self.process.metric(&format!(
            "tenant=.={tenant};.;model=.=gpt-4o;.;provider=.=openai;.;class=.={class};.;tollkeeper_tokens_total"
        ))
    }

    fn source(&self, model: &str, source: &str) -> u64 {
        self.source_of("acme", model, source)
    }

    fn source_of(&self, tenant: &str, model: &str, source: &str) -> u64 {
        self.process.metric(&format!(
            "tenant=.={tenant};.;model=.={model};.;provider=.=openai;.;source=.={source};.;tollkeeper_usage_source_total"
        ))
    }

    fn refused(&self, tenant: &str, reason: &str) -> u64 {
        self.process.metric(&format!(
            "tenant=.={tenant};.;model=.=gpt-4o;.;provider=.=openai;.;reason=.={reason};.;tollkeeper_refused_total"
        ))
    }
}

fn chat_headers(tenant: &str) -> Vec<(&'static str, &[u8])> {
    vec![
        (":method", b"POST".as_slice()),
        (":path", b"/v1/chat/completions"),
        ("content-type", b"application/json"),
        ("accept-encoding", b"gzip, br"),
        ("content-length", b"0"),
        ("x-tenant-id", tenant.as_bytes()),
    ]
}

const ASK: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Say hello."}]}"#;
const STREAM: &str =
    r#"{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Say hello."}]}"#;

/// OpenAI's rule for a chat with one message in a vocabulary: 3 for the message, 3 to prime the answer, 1 for the
/// role, and the text: "Say hello." is 3 tokens in o200k_base.
const ASK_TOKENS: u64 = 3 + 3 + 1 + 3;

fn completion(prompt: u64, output: u64) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hello!"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{prompt},"completion_tokens":{output},"total_tokens":{}}}}}"#,
        prompt + output
    )
}

fn upstream_body(sent: &Sent) -> String {
    match sent {
        Sent::Upstream { body, .. } => String::from_utf8(body.clone()).unwrap(),
        other => panic!("not forwarded: {other:?}"),
    }
}

fn code(sent: &Sent) -> (u32, String) {
    match sent {
        Sent::Replied(reply) => {
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            (reply.status, body["error"]["code"].as_str().unwrap().to_owned())
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn other_routes_and_methods_pass_untouched_and_cost_nothing() {
    let mut mesh = Mesh::with(BUDGET);
    let others: [&[(&str, &[u8])]; 3] = [
        &[(":method", b"GET"), (":path", b"/v1/models")],
        &[(":method", b"GET"), (":path", b"/v1/chat/completions")],
        &[(":method", b"POST"), (":path", b"/checkout"), ("accept-encoding", b"br")],
    ];
    for headers in others {
        let (context, sent) = mesh.workers[0].request(headers, &[b"{\"model\":\"gpt-4o\"}"], false);
        let Sent::Upstream { headers: after, body } = sent else { panic!("held") };
        assert_eq!((after.len(), body.as_slice()), (headers.len(), b"{\"model\":\"gpt-4o\"}".as_slice()));
        mesh.workers[0].response_begins(context, &[(":status", "200")]);
        mesh.workers[0].response_piece(context, b"anything", true);
        mesh.workers[0].close(context);
    }
    assert_eq!(mesh.workers[0].pending_calls(), 0);
    assert!(mesh.process.metric_names().iter().all(|name| !name.contains("requests_total")));
}

#[test]
fn a_call_is_charged_the_providers_figures_in_stats_ledger_and_budget_alike() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, sent) = mesh.call("acme", ASK);
    assert!(
        upstream_body(&sent).contains(r#""max_completion_tokens":100"#),
        "the reserved limit is enforced"
    );
    mesh.answer(context, 9, 4);
    mesh.report();

    assert_eq!((mesh.tokens("acme", "uncached_input"), mesh.tokens("acme", "output_visible")), (9, 4));
    let row = mesh.server.ledger("acme", "ok").expect("a ledger row");
    assert_eq!((row.requests, row.tokens[0], row.tokens[6]), (1, 9, 4));
    // gpt-4o: 2.50 and 10 USD per million tokens.
    assert_eq!(row.cost_pico_usd, 9 * 2_500_000 + 4 * 10_000_000);
    assert_eq!(mesh.server.used("hourly", "acme"), 13);
}

#[test]
fn a_wrong_configuration_is_refused_with_a_reason() {
    let process = Process::new(HOUR);
    assert!(Worker::new(&process, r#"{"quota_cluster": "q", "colour": "blue"}"#).is_none());
    assert!(Worker::new(&process, "").is_none());
    assert!(Worker::new(&process, r#"{"quota_cluster": "quota-svc"}"#).is_some());
}

#[test]
fn what_the_server_could_not_use_of_a_report_is_counted() {
    let mut mesh = Mesh::with(BUDGET);
    mesh.server.leaves_out = 2;
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    mesh.answer(context, 9, 4);
    // It is told with the answer to the first report, and handed to Envoy on the tick of the second.
    mesh.report();
    mesh.report();
    assert_eq!(mesh.process.metric("tollkeeper_report_entries_left_out_total"), 2);
    assert_eq!(mesh.server.used("hourly", "acme"), 13, "the rest of it counts");
}
