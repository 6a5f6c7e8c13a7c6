//! What the workers of a process learn together, in shared data.
//!
//! A fixed number of places, found by a hash of whose they are: clients choose the names. A place remembers its owner, and
//! how firmly it is held: who comes to an occupied one loosens the hold, and takes it over once it is loose. So what is in
//! use keeps its place, and made-up names pass by.

use crate::host::{Expected, Host, HostError};

/// Others that have to come by before a place in use is taken over.
const FIRMEST: u8 = 16;
/// Writers to one place at the same moment; who loses as often leaves it to the others.
const ATTEMPTS: usize = 4;

/// Places for lessons of one kind.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) name: &'static str,
    pub(crate) count: u64,
}

impl Places {
    pub(crate) fn key(&self, owner: u64) -> String {
        format!("tollkeeper/1/{}/{}", self.name, owner.checked_rem(self.count).unwrap_or(0))
    }

    /// What `owner` has learned.
    pub(crate) fn learned(&self, host: &dyn Host, owner: u64) -> Option<Vec<u8>> {
        let (bytes, _) = host.shared_get(&self.key(owner)).ok()??;
        Place::read(&bytes).filter(|place| place.owner == owner).map(|place| place.lesson.to_vec())
    }

    /// Puts what `learn` makes of what `owner` has learned so far in its place, or loosens another's hold on it.
    pub(crate) fn learn(&self, host: &dyn Host, owner: u64, mut learn: impl FnMut(Option<&[u8]>) -> Vec<u8>) {
        let key = self.key(owner);
        for _ in 0..ATTEMPTS {
            let (stored, expected) = match host.shared_get(&key) {
                Ok(Some((bytes, version))) => (bytes, version),
                Ok(None) => (Vec::new(), Expected::Absent),
                Err(_) => return,
            };
            let written = match Place::read(&stored) {
                Some(other) if other.owner != owner && other.hold > 0 => {
                    Place { hold: other.hold.saturating_sub(1), ..other }.to_bytes()
                }
                found => {
                    let own = found.filter(|place| place.owner == owner);
                    let hold = own.as_ref().map_or(0, |place| place.hold);
                    let lesson = learn(own.as_ref().map(|place| place.lesson));
                    Place { owner, hold: hold.saturating_add(1).min(FIRMEST), lesson: &lesson }.to_bytes()
                }
            };
            if host.shared_set(&key, &written, expected) != Err(HostError::CasMismatch) {
                return;
            }
        }
    }
}

struct Place<'a> {
    owner: u64,
    hold: u8,
    lesson: &'a [u8],
}

impl Place<'_> {
    fn read(bytes: &[u8]) -> Option<Place<'_>> {
        let (owner, rest) = bytes.split_first_chunk::<8>()?;
        let (hold, lesson) = rest.split_first()?;
        Some(Place { owner: u64::from_le_bytes(*owner), hold: *hold, lesson })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.owner.to_le_bytes().to_vec();
        bytes.push(self.hold);
        bytes.extend_from_slice(self.lesson);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeEnvoy, Process, Worker};

    const PLACES: Places = Places { name: "test", count: 8 };

    fn envoy() -> FakeEnvoy {
        Worker::new(&Process::new(0), r#"{"quota_cluster": "tollkeeper"}"#).expect("a configuration").envoy
    }

    /// Counts how often it learned.
    fn learn(envoy: &FakeEnvoy, owner: u64, times: usize) {
        let once = |sofar: Option<&[u8]>| vec![sofar.map_or(0, |count| count[0]) + 1];
        (0..times).for_each(|_| PLACES.learn(envoy, owner, once));
    }

    #[test]
    fn what_is_in_use_keeps_its_place_and_what_is_not_loses_it() {
        let envoy = envoy();
        let (used, other) = (3, 11);
        learn(&envoy, used, 40);
        learn(&envoy, other, 5);
        assert_eq!(PLACES.learned(&envoy, used), Some(vec![40]));
        assert_eq!(PLACES.learned(&envoy, other), None);
        learn(&envoy, other, 20);
        assert_eq!(PLACES.learned(&envoy, used), None);
        // 16 came by until the hold was loose.
        assert_eq!(PLACES.learned(&envoy, other), Some(vec![25 - 16]));
    }
}
