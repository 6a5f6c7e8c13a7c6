//! Operations that wait for a store to carry them out: so many, and more are turned away, to ask again.

use super::Error;
use std::sync::Mutex;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Far above what one commit takes along.
const MOST: usize = 4096;

/// Whoever carries them out has the other end.
pub(super) struct Queue<J>(Mutex<Option<mpsc::Sender<J>>>);

impl<J> Queue<J> {
    pub(super) fn open() -> (Queue<J>, mpsc::Receiver<J>) {
        let (sender, receiver) = mpsc::channel(MOST);
        (Queue(Mutex::new(Some(sender))), receiver)
    }

    pub(super) fn push(&self, job: J) -> Result<(), Error> {
        let sender = self.0.lock().ok().and_then(|sender| sender.clone()).ok_or(Error::Closed)?;
        sender.try_send(job).map_err(|failed| match failed {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Closed(_) => Error::Closed,
        })
    }

    /// Nothing comes in any more; what waits is still carried out.
    pub(super) fn close(&self) {
        if let Ok(mut sender) = self.0.lock() {
            sender.take();
        }
    }
}
