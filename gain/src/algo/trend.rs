//! Whether elements rise or fall.

use super::table::{Key, by_key};
use crate::dtype::DType;
use crate::error::Result;
use crate::record::Arg;
use crate::stage::{Reads, Room, Stage};

/// Whether some of `len` elements of this type is less than the next, and whether some is greater. Collective.
pub(crate) fn trend(value: Arg, len: usize, dtype: DType) -> Result<(bool, bool)> {
    let mut found = (false, false);
    Stage::new("digitize").reads(value, &[len], dtype, Reads::All).run(|room, _| {
        found = by_key!(dtype, look(room))?;
        Ok(())
    })?;
    Ok(found)
}

fn look<K: Key>(room: &Room<'_>) -> Result<(bool, bool)> {
    let (elements, _) = room.halo::<K>(0, 0, 1)?;
    let steps = || elements.iter().zip(elements.iter().skip(1));
    let is_number = |x: &K| !x.is_nan();
    let mine = [
        steps().any(|(a, b)| is_number(b) && a.below(*b)),
        steps().any(|(a, b)| is_number(a) && b.below(*a)),
    ];
    let all = room.everybodys(&mine.map(u8::from))?;
    let any = |k: usize| all.iter().any(|found| found[k] > 0);
    Ok((any(0), any(1)))
}
