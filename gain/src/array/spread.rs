//! Where the elements of an array are, as the program wants it.

use super::Array;
use crate::error::{Error, Kind, Result};
use crate::memory::{self, Blocks};
use crate::record::{Expr, Node};
use crate::session::{self, Decision, mix};
use crate::status::site;

/// # Distribution
impl Array {
    /// A copy that is spread as the program says: rank `r` has the elements from index `starts[r]` of the flat index in
    /// C order on, up to those of the next rank. What is computed from it element by element is spread alike, whatever the
    /// size. Recorded. (`distribution=` of the GAiN paper.)
    ///
    /// # Errors
    /// `ValueError` unless there is one start per rank, from 0 on, none before the one of the rank before or past the end.
    pub fn spread_over(&self, starts: &[usize]) -> Result<Array> {
        let _turn = session::take_turn("distribution")?;
        let (ranks, size) = (session::get().size, self.size());
        if starts.len() != ranks {
            let text = format!("distribution has {} entries for {ranks} ranks", starts.len());
            return Err(Error::new(Kind::Value, text));
        }
        if starts[0] != 0 || !starts.is_sorted() || starts.last().is_some_and(|&last| last > size) {
            let text = format!(
                "distribution must begin at 0, never step back and stay within {size} elements, not {starts:?}"
            );
            return Err(Error::new(Kind::Value, text));
        }
        self.bound()?;
        let blocks = Blocks::beginning_at(starts.iter().copied(), size);
        let (shape, dtype) = (self.view.shape.clone(), self.dtype());
        Array::recorded(Node::lazy_in(blocks, shape, dtype, Expr::Cast(self.arg())), None)
    }
}

/// New arrays are spread over these ranks alone, in this order, until the next call; over all if `None`. What such arrays hold
/// is computed by these ranks; every rank still calls every function. Collective. (`GA_Pgroup_set_default`.)
///
/// # Errors
/// `ValueError` if a rank doesn't exist or is named twice, or for no rank at all.
pub fn set_group(ranks: Option<&[usize]>) -> Result<()> {
    let _turn = session::take_turn("group")?;
    let session = session::get();
    if let Some(ranks) = ranks {
        let is_ordered = ranks.is_sorted_by(|a, b| a < b);
        if ranks.is_empty() || !is_ordered || ranks.iter().any(|&r| r >= session.size) {
            let text =
                format!("a group is one or more of the {} ranks, in order, not {ranks:?}", session.size);
            return Err(Error::new(Kind::Value, text));
        }
    }
    let number = ranks.unwrap_or_default().iter().fold(0, |sum, &rank| mix(sum ^ (rank as u64 + 1)));
    session.note(Decision::Group, 0, number, site::current().site);
    memory::set_group(ranks);
    Ok(())
}
