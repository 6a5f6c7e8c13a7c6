//! What the workers of a process have learned of models' tokenizers. Nothing is learned from a refusal, and a provider
//! refuses made-up names of models.

use crate::host::Host;
use crate::places::Places;
use hashbrown::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokens::{Learned, Model, Raw};

/// A process talks to a few dozen models.
const PLACES: Places = Places { name: "model", count: 256 };
/// Figures after which one in [`ONE_IN`] is learned from, where it takes a count of its own.
const ENOUGH: u16 = 200;
const ONE_IN: u32 = 32;
/// Models whose progress a worker remembers.
const MOST_KNOWN: usize = 256;

/// A worker's part: which models it need not learn from every call.
#[derive(Debug, Default)]
pub(crate) struct Lessons {
    samples: HashMap<u64, u16>,
    calls: u32,
}

/// A model at a provider: another provider puts other things around the same model's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    hash: u64,
    model: Model,
}

impl Subject {
    pub(crate) fn of(seed: u64, provider: &str, name: &str, model: Model) -> Subject {
        let mut hasher = DefaultHasher::new();
        (seed, provider, name).hash(&mut hasher);
        Subject { hash: hasher.finish(), model }
    }

    /// What is known of the model: what was learned, else what its name says.
    pub(crate) fn learned(&self, host: &dyn Host) -> Learned {
        self.read(PLACES.learned(host, self.hash).as_deref())
    }

    fn read(&self, stored: Option<&[u8]>) -> Learned {
        let read = stored.and_then(|bytes| Learned::from_bytes(&self.model, bytes));
        read.unwrap_or_else(|| Learned::of(&self.model))
    }
}

impl Lessons {
    /// Whether a call is to be learned from although its prompt was not counted for any other reason.
    pub(crate) fn wants(&mut self, subject: &Subject) -> bool {
        if self.samples.get(&subject.hash).is_none_or(|samples| *samples < ENOUGH) {
            return true;
        }
        self.calls = self.calls.wrapping_add(1);
        self.calls.is_multiple_of(ONE_IN)
    }

    /// Learns what a prompt was reported with.
    pub(crate) fn learn(&mut self, host: &dyn Host, subject: &Subject, raw: &Raw, reported: u64) {
        let mut samples = None;
        PLACES.learn(host, subject.hash, |stored| {
            let mut learned = subject.read(stored);
            learned.learn(raw, reported);
            samples = Some(learned.samples());
            learned.to_bytes().to_vec()
        });
        if let Some(samples) = samples
            && (self.samples.len() < MOST_KNOWN || self.samples.contains_key(&subject.hash))
        {
            self.samples.insert(subject.hash, samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Process, Worker};

    fn subject(name: &str) -> Subject {
        Subject::of(7, "provider", name, Model::of(name))
    }

    fn envoy() -> crate::fake::FakeEnvoy {
        Worker::new(&Process::new(0), r#"{"quota_cluster": "tollkeeper"}"#).expect("a configuration").envoy
    }

    fn raw(text: u64) -> Raw {
        Raw { text, overhead: 10, ..Raw::default() }
    }

    #[test]
    fn workers_learn_together_and_a_worker_that_knows_enough_takes_samples() {
        let envoy = envoy();
        let (mut one, mut two) = (Lessons::default(), Lessons::default());
        let model = subject("some-model");
        let before = model.learned(&envoy).estimate(&raw(1_000));
        for at in 0..u64::from(ENOUGH) {
            let worker = if at % 2 == 0 { &mut one } else { &mut two };
            assert!(worker.wants(&model));
            worker.learn(&envoy, &model, &raw(500 + at), (500 + at) * 2);
        }
        let after = model.learned(&envoy);
        assert_eq!(after.samples(), ENOUGH);
        assert!(before < 1_200 && after.estimate(&raw(1_000)).abs_diff(2_000) < 50);
        assert_eq!((0..320).filter(|_| two.wants(&model)).count(), 10);
    }
}
