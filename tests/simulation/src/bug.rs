//! Bugs that can be planted between the real parts, to see that the checks find them.

use filter::fake::Meddler;
use quota::Lease;

/// A fault of a kind that such systems have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The server takes a repeated report for a new one.
    SequenceUnchecked,
    /// The server grants again when a question comes twice.
    RepeatGrantsAgain,
    /// The server answers a report and loses it.
    AnswersBeforeItKeeps,
    /// What was charged when a process fell silent stays charged when its report comes after all.
    WriteOffKept,
    /// The server takes a repeated change by hand for a new one.
    AdjustsAgain,
    /// The server keeps nothing for others when calls ask that give way to them.
    NothingIsKept,
    /// A server commits without a look at what others have changed since it read.
    CommitUnchecked,
    /// What was done before is answered from what the master has, and a replica may not have yet.
    RepeatUnreplicated,
    /// A write to shared data names version 0, which the host takes for "whatever is there".
    CasUnconditional,
    /// A call does not take what it needs out of the lease before it goes on.
    NotDeducted,
}

impl Bug {
    pub const ALL: [Bug; 10] = [
        Bug::SequenceUnchecked,
        Bug::RepeatGrantsAgain,
        Bug::AnswersBeforeItKeeps,
        Bug::WriteOffKept,
        Bug::AdjustsAgain,
        Bug::NothingIsKept,
        Bug::CommitUnchecked,
        Bug::RepeatUnreplicated,
        Bug::CasUnconditional,
        Bug::NotDeducted,
    ];
}

/// What `bug` makes of a write to shared data.
pub(crate) fn written_instead(bug: Option<Bug>, there: Option<&[u8]>, new: &[u8]) -> Option<Vec<u8>> {
    match bug {
        Some(Bug::CasUnconditional) => Some(new.to_vec()),
        Some(Bug::NotDeducted) => {
            let (there, new) = (Lease::decode(there?)?, Lease::decode(new)?);
            let taken = there.key == new.key && there.epoch == new.epoch && new.available < there.available;
            taken.then(|| Lease { available: there.available, ..new }.encode().to_vec())
        }
        _ => None,
    }
}

/// Stands between a process's workers and its shared data.
pub(crate) struct Between {
    pub(crate) bug: Option<Bug>,
    pub(crate) others: Box<dyn Fn()>,
}

impl Meddler for Between {
    fn before_access(&self) {
        (self.others)();
    }

    fn instead(&self, there: Option<&[u8]>, new: &[u8]) -> Option<Vec<u8>> {
        written_instead(self.bug, there, new)
    }
}
