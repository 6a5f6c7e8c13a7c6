//! What one worker knows between requests.

use crate::adjustments::Adjustments;
use crate::buckets::Buckets;
use crate::config::Config;
use crate::host::{Body, Expected, Host, LogLevel};
use crate::lessons::Lessons;
use crate::outbox::Outbox;
use crate::pockets::Pockets;
use crate::rules::Rules;
use crate::stats::Stats;
use crate::stream::Memory;
use crate::sync::Contact;
use crate::term::Term;
use policy::Policy;
use quota::proto::Reporter;
use std::cell::RefCell;
use std::rc::Rc;

const EPOCH_KEY: &str = "tollkeeper/1/epoch";
const POLICY_KEY: &str = "tollkeeper/1/policy";

/// Bytes that decoders of answers may take at most.
const DECODERS: u64 = 64 << 20;

/// Bytes of requests' bodies that are kept at most.
const BODIES: u64 = 16 << 20;

/// One worker's policy, leases and reports. Envoy has one VM a worker, so nothing here is shared; what is shared
/// lies in the host's shared data.
#[derive(Debug)]
pub struct Worker {
    pub(crate) config: Config,
    pub(crate) reporter: Reporter,
    rules: Option<Rc<Rules>>,
    /// The version of a policy that could not be read.
    refused: Option<String>,
    pub(crate) term: Term,
    pub(crate) buckets: Buckets,
    pub(crate) pockets: Pockets,
    pub(crate) outbox: Outbox,
    pub(crate) stats: Stats,
    pub(crate) contact: Contact,
    pub(crate) lessons: Lessons,
    pub(crate) adjustments: Adjustments,
    /// What decoders of encoded answers take.
    pub(crate) decoders: Memory,
    /// Requests' bodies until their calls end.
    pub(crate) bodies: Memory,
    /// What counting one prompt leaves for the next.
    pub(crate) counting: Rc<RefCell<tokens::Cache>>,
}

impl Worker {
    /// A worker of the plugin whose configuration is being read. `None`: the configuration is wrong, and Envoy's log
    /// says how; Envoy then keeps the working one.
    pub fn configure(host: &dyn Host, configuration_size: usize) -> Option<Worker> {
        let json = match host.body(Body::PluginConfiguration, configuration_size) {
            Ok(json) => json,
            Err(error) => {
                host.log(LogLevel::Error, &format!("tollkeeper: no configuration: {error}"));
                return None;
            }
        };
        let config = match Config::read(&json) {
            Ok(config) => config,
            Err(what) => {
                host.log(LogLevel::Error, &format!("tollkeeper: {what}"));
                return None;
            }
        };
        if let Err(error) = host.set_tick(config.tick_ms) {
            host.log(LogLevel::Error, &format!("tollkeeper: no ticks, nothing will be reported: {error}"));
        }
        let node = host.property(&["node", "id"]).unwrap_or_default();
        let reporter = Reporter {
            node: policy::Dimension::sanitise(&node),
            epoch: process_epoch(host),
            worker: host.random(),
        };
        Some(Worker {
            config,
            reporter,
            rules: None,
            refused: None,
            term: Term::default(),
            buckets: Buckets::default(),
            pockets: Pockets::default(),
            outbox: Outbox::default(),
            stats: Stats::default(),
            contact: Contact::default(),
            lessons: Lessons::default(),
            adjustments: Adjustments::default(),
            decoders: Memory::of(DECODERS),
            bodies: Memory::of(BODIES),
            counting: Rc::default(),
        })
    }

    /// The policy in force. `None` until the server has sent one to any worker of the process.
    pub(crate) fn rules(&mut self, host: &dyn Host) -> Option<Rc<Rules>> {
        if self.rules.is_none()
            && let Ok(Some((compiled, _))) = host.shared_get(POLICY_KEY)
        {
            self.install(host, &compiled);
        }
        self.rules.clone()
    }

    pub(crate) fn policy_version(&self) -> String {
        self.rules.as_ref().map(|rules| rules.policy().version.clone()).unwrap_or_default()
    }

    /// Puts a policy from the server in force, here and for workers that start later. A wrong one changes nothing.
    pub(crate) fn install_policy(&mut self, host: &dyn Host, said: &quota::proto::Policy) {
        // The server sends it with each answer, as long as the worker has another one.
        if said.version == self.policy_version() || self.refused.as_ref() == Some(&said.version) {
            return;
        }
        if !self.install(host, &said.compiled) {
            self.refused = Some(said.version.clone());
            return;
        }
        let expected = match host.shared_get(POLICY_KEY) {
            Ok(Some((_, version))) => version,
            _ => Expected::Absent,
        };
        // Another worker wrote at the same moment: it has the same policy, or one that the next report corrects.
        let _ = host.shared_set(POLICY_KEY, &said.compiled, expected);
    }

    fn install(&mut self, host: &dyn Host, compiled: &[u8]) -> bool {
        match Policy::from_compiled(compiled) {
            Ok(policy) => {
                host.log(LogLevel::Info, &format!("tollkeeper: policy {} in force", policy.version));
                self.rules = Some(Rc::new(Rules::new(policy)));
                true
            }
            Err(problem) => {
                let instead = match &self.rules {
                    Some(rules) => format!("policy {} stays in force", rules.policy().version),
                    None => "there is no other, so calls go by `without_policy`".to_owned(),
                };
                host.log(LogLevel::Error, &format!("tollkeeper: refused a policy, {instead}: {problem}"));
                self.stats.count("tollkeeper_policy_errors_total", 1);
                false
            }
        }
    }

    /// Seeds the names of buckets in shared data: the same in all workers of a process, unknown to clients.
    pub(crate) fn seed(&self) -> u64 {
        self.reporter.epoch
    }
}

/// This process's number, the same in all its workers: the first to come draws it.
fn process_epoch(host: &dyn Host) -> u64 {
    let drawn = host.random().max(1);
    let _ = host.shared_set(EPOCH_KEY, &drawn.to_le_bytes(), Expected::Absent);
    match host.shared_get(EPOCH_KEY) {
        Ok(Some((bytes, _))) => bytes.try_into().map_or(drawn, u64::from_le_bytes),
        // Without shared data (a restricted module) each worker is a process of its own.
        _ => drawn,
    }
}
