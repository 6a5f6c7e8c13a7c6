//! The form in which everything is kept, so that no server reads what it would misread.

use super::copy::WorkingCopy;
use super::names;
use crate::store::Error;

/// Rises with each change that a server of another version would misread. 1, which was not written down, had rows of the
/// ledger in hashes.
const FORM: u64 = 2;

/// Whether what is there is in this form, or nothing is there yet.
pub(super) fn is_ours(copy: &mut WorkingCopy) -> Result<(), Error> {
    let there = match copy.number(&names::form())? {
        Some(form) => form,
        None if copy.number(&names::swept_at())?.is_none() => {
            copy.set_number(names::form(), FORM);
            return Ok(());
        }
        None => 1,
    };
    if there == FORM {
        return Ok(());
    }
    Err(Error::Unusable(format!(
        "what is kept there is of another version of Tollkeeper (form {there}; this one knows {FORM}): use that version, \
         or begin anew with ?prefix=NAME"
    )))
}
