//! The process's records of buckets: each kind in a fixed number of shared-data slots, changed by compare-and-swap.
//!
//! Shared data has no deletion and no listing, so the number of keys is fixed and buckets are hashed onto them. All
//! workers of the process meet here; nothing is locked, and every retry is bounded.

use crate::host::{Expected, Host, HostError};
use quota::{BucketKey, Lease, Local};

/// How many slots a bucket may stand in.
const PROBES: u64 = 4;
/// Attempts to change a record that other workers change at the same moment. Each mismatch means that another worker
/// got through, so even many workers are through after a few.
const ATTEMPTS: u32 = 32;

/// What workers share of a bucket.
pub(crate) trait Record: Copy {
    const NAME: &'static str;
    const SLOTS: u64;
    type Bytes: AsRef<[u8]>;

    fn key(&self) -> BucketKey;
    fn to_bytes(&self) -> Self::Bytes;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl Record for Lease {
    const NAME: &'static str = "lease";
    /// Enough for 10,000 buckets with few collisions.
    const SLOTS: u64 = 16_384;
    type Bytes = [u8; Lease::SIZE];

    fn key(&self) -> BucketKey {
        self.key
    }

    fn to_bytes(&self) -> Self::Bytes {
        self.encode()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Lease> {
        Lease::decode(bytes)
    }
}

impl Record for Local {
    const NAME: &'static str = "local";
    /// There is one only of what was spent without the server, but until its window ends.
    const SLOTS: u64 = 8_192;
    type Bytes = [u8; Local::SIZE];

    fn key(&self) -> BucketKey {
        self.key
    }

    fn to_bytes(&self) -> Self::Bytes {
        self.encode()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Local> {
        Local::decode(bytes)
    }
}

/// What became of an attempt to change a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// The record was changed.
    Made(T),
    /// The step saw the record and did not want to change it.
    Declined(T),
    /// No slot was free, too many others were at it, or the host refused. Nothing was changed.
    Impossible,
}

/// What a step says to do with a record.
#[derive(Debug)]
pub(crate) enum Step<R, T> {
    Write(R, T),
    Leave(T),
}

/// Runs `step` on the record of `key` (`None` if there is no live one) until its result could be written.
///
/// `vacant` says of a record of another bucket whether its slot may be taken.
pub(crate) fn change<R: Record, T>(
    host: &dyn Host,
    key: BucketKey,
    vacant: impl Fn(&R) -> bool,
    live: impl Fn(&R) -> bool,
    mut step: impl FnMut(Option<R>) -> Step<R, T>,
) -> Change<T> {
    for _ in 0..ATTEMPTS {
        let Some(found) = find(host, key, &vacant) else { return Change::Impossible };
        match step(found.record.filter(&live)) {
            Step::Leave(answer) => return Change::Declined(answer),
            Step::Write(record, answer) => {
                match host.shared_set(&found.slot, record.to_bytes().as_ref(), found.version) {
                    Ok(()) => return Change::Made(answer),
                    Err(HostError::CasMismatch) => {}
                    Err(_) => return Change::Impossible,
                }
            }
        }
    }
    Change::Impossible
}

/// The record of `key`, as it is.
pub(crate) fn read<R: Record>(host: &dyn Host, key: BucketKey) -> Option<R> {
    find(host, key, |_| false)?.record
}

struct Found<R> {
    slot: String,
    version: Expected,
    /// The record of the wanted bucket, if the slot holds it.
    record: Option<R>,
}

/// The slot that holds the bucket's record, else the first one that it may take.
fn find<R: Record>(host: &dyn Host, key: BucketKey, vacant: impl Fn(&R) -> bool) -> Option<Found<R>> {
    let mut free = None;
    for probe in 0..PROBES {
        let slot = slot_name::<R>(key, probe);
        match host.shared_get(&slot) {
            Ok(None) => {
                free = free.or(Some(Found { slot, version: Expected::Absent, record: None }));
                // Slots are filled in the order of probing and never deleted: behind an empty one there is nothing.
                break;
            }
            Ok(Some((bytes, version))) => match R::from_bytes(&bytes) {
                Some(record) if record.key() == key => {
                    return Some(Found { slot, version, record: Some(record) });
                }
                Some(record) if !vacant(&record) => {}
                _ => free = free.or(Some(Found { slot, version, record: None })),
            },
            Err(_) => return None,
        }
    }
    free
}

fn slot_name<R: Record>(key: BucketKey, probe: u64) -> String {
    // Two independent halves: start and stride. An odd stride visits different slots.
    let start = key.0 as u64;
    let stride = (key.0 >> 64) as u64 | 1;
    let slot = start.wrapping_add(stride.wrapping_mul(probe)).checked_rem(R::SLOTS).unwrap_or(0);
    format!("tollkeeper/1/{}/{slot}", R::NAME)
}
