//! Arrays of random numbers.

use super::Array;
use crate::algo::random::{self, Draw, Stream};
use crate::error::Result;
use crate::session;

/// # Random numbers
///
/// Collective: all ranks have the same stream, and the same one afterwards. (`numpy.random`.)
impl Array {
    /// Draws an array of this shape; the stream then stands where NumPy's would. `kept` is the normal variate that
    /// [`Draw::Polar`] has left over, before and afterwards.
    ///
    /// # Errors
    /// A shape for which there is no memory.
    pub fn drawn(what: Draw, stream: &mut Stream, kept: &mut Option<f64>, shape: &[usize]) -> Result<Array> {
        let _turn = session::take_turn("random")?;
        Ok(Array::from_node(random::draw(what, stream, kept, shape)?))
    }

    /// An array of `rows` permutations of the numbers below `len`, as `rows` calls of NumPy's `shuffle` make them.
    ///
    /// # Errors
    /// A shape for which there is no memory.
    pub fn shuffles(stream: &mut Stream, rows: usize, len: usize) -> Result<Array> {
        let _turn = session::take_turn("shuffle")?;
        Ok(Array::from_node(random::shuffles(stream, rows, len)?))
    }
}
