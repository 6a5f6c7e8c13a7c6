//! What the workers of a process have learned of models' tokenizers, in shared data.
//!
//! A fixed number of places, found by a hash of provider and model: clients choose the names. A place remembers whose it
//! is, and how firmly: who comes to an occupied one loosens the hold, and takes it over once it is loose. So models in
//! use keep their places, and made-up names pass by (a provider refuses them, and nothing is learned from a refusal).

use crate::host::{Expected, Host, HostError};
use hashbrown::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokens::{Learned, Model, Raw};

/// Places: a process talks to a few dozen models.
const PLACES: u64 = 256;
/// Figures after which one in [`ONE_IN`] is learned from, where it takes a count of its own.
const ENOUGH: u16 = 200;
const ONE_IN: u32 = 32;
/// Others that have to come by before a place in use is taken over.
const FIRMEST: u8 = 16;
/// Writers to one place at the same moment; who loses as often leaves it to the others.
const ATTEMPTS: usize = 4;
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

    fn key(&self) -> String {
        format!("tollkeeper/1/model/{}", self.hash % PLACES)
    }

    /// What is known of the model: what was learned, else what its name says.
    pub(crate) fn learned(&self, host: &dyn Host) -> Learned {
        let stored = host.shared_get(&self.key()).ok().flatten();
        let stored = stored.and_then(|(bytes, _)| Place::read(&bytes, self));
        stored.and_then(|place| place.learned).unwrap_or_else(|| Learned::of(&self.model))
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
        let key = subject.key();
        for _ in 0..ATTEMPTS {
            let (stored, expected) = match host.shared_get(&key) {
                Ok(Some((bytes, version))) => (Place::read(&bytes, subject), version),
                Ok(None) => (None, Expected::Absent),
                Err(_) => return,
            };
            let place = Place::after(stored, subject, raw, reported);
            match host.shared_set(&key, &place.to_bytes(), expected) {
                Err(HostError::CasMismatch) => {}
                _ => {
                    if let Some(learned) = &place.learned
                        && (self.samples.len() < MOST_KNOWN || self.samples.contains_key(&subject.hash))
                    {
                        self.samples.insert(subject.hash, learned.samples());
                    }
                    return;
                }
            }
        }
    }
}

/// What lies in a place: whose it is, how firmly, and what was learned. `learned`: `None` for another's.
struct Place {
    owner: u64,
    hold: u8,
    learned: Option<Learned>,
    bytes: Vec<u8>,
}

impl Place {
    fn read(bytes: &[u8], subject: &Subject) -> Option<Place> {
        let (owner, rest) = bytes.split_first_chunk::<8>()?;
        let (hold, learned) = rest.split_first()?;
        let owner = u64::from_le_bytes(*owner);
        let own = owner == subject.hash;
        let read = own.then(|| Learned::from_bytes(&subject.model, learned)).flatten();
        Some(Place { owner, hold: *hold, learned: read, bytes: learned.to_vec() })
    }

    /// The place once the figure was learned, or once its owner's hold was loosened.
    fn after(stored: Option<Place>, subject: &Subject, raw: &Raw, reported: u64) -> Place {
        if let Some(other) = stored.as_ref().filter(|place| place.owner != subject.hash && place.hold > 0) {
            let hold = other.hold.saturating_sub(1);
            return Place { owner: other.owner, hold, learned: None, bytes: other.bytes.clone() };
        }
        let hold = stored.as_ref().filter(|place| place.learned.is_some()).map_or(0, |place| place.hold);
        let mut learned =
            stored.and_then(|place| place.learned).unwrap_or_else(|| Learned::of(&subject.model));
        learned.learn(raw, reported);
        let bytes = learned.to_bytes().to_vec();
        Place {
            owner: subject.hash,
            hold: hold.saturating_add(1).min(FIRMEST),
            learned: Some(learned),
            bytes,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.owner.to_le_bytes().to_vec();
        bytes.push(self.hold);
        bytes.extend_from_slice(&self.bytes);
        bytes
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

    #[test]
    fn a_model_in_use_keeps_its_place_and_one_that_is_not_loses_it() {
        let envoy = envoy();
        let mut worker = Lessons::default();
        let used = subject("some-model");
        let other = (0..100_000u32)
            .map(|at| subject(&format!("made-up-{at}")))
            .find(|other| other.key() == used.key() && other.hash != used.hash)
            .expect("two of so many share a place");
        (0..40).for_each(|_| worker.learn(&envoy, &used, &raw(100), 300));
        (0..5).for_each(|_| worker.learn(&envoy, &other, &raw(100), 50));
        assert_eq!((used.learned(&envoy).samples(), other.learned(&envoy).samples()), (40, 0));
        (0..20).for_each(|_| worker.learn(&envoy, &other, &raw(100), 50));
        assert!(used.learned(&envoy).samples() == 0 && other.learned(&envoy).samples() > 0);
    }
}
