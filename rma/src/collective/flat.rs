//! Everybody's data through the outboxes of a team whose members all read one another's.

use crate::error::Result;
use crate::plain::Plain;
use crate::session::Session;
use crate::signature::Signature;

/// Passes all members' data through the outboxes, piece by piece; those who want it collect it.
pub(super) fn collect<T: Plain>(
    session: &mut Session<'_>,
    data: &[T],
    signature: Signature,
    lens: &[usize],
    wanted: bool,
) -> Result<Vec<Vec<T>>> {
    let longest = lens.iter().copied().max().unwrap_or(0);
    session.make_room(longest * size_of::<T>(), signature)?;
    let piece = session.capacity::<T>();
    let mut all: Vec<Vec<T>> =
        lens.iter().map(|len| Vec::with_capacity(if wanted { *len } else { 0 })).collect();
    // One meeting at least, so that the call synchronises even when there is no data.
    for start in (0..longest.max(1)).step_by(piece) {
        let mine = &data[start.min(data.len())..(start + piece).min(data.len())];
        session.post(0, mine);
        session.meet(signature, &[])?;
        if !wanted {
            continue;
        }
        session.append(&mut all, |rank| (0, lens[rank].min(start + piece).saturating_sub(start)))?;
    }
    Ok(all)
}
