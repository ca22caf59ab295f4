//! Fourier transforms: NumPy's axes and order of axes around the lines.

mod ranks;

use super::{Array, direct};
use crate::error::{Error, Kind, Result, normalize_axis};
use crate::fft::Transform;
use crate::session;
use crate::view::Layout;

/// # Fourier transforms
///
/// Computed at the call.
impl Array {
    /// The transform along an axis of this array's elements, as many as it takes of each line, with zeros behind them where there
    /// are fewer. Complex numbers that it takes are those that the elements convert to. In the array's order of axes. Collective.
    /// (`np.fft.fft` and its like.)
    ///
    /// # Errors
    /// `ValueError` for a length of 0, an axis outside as NumPy's.
    pub fn fourier(&self, axis: isize, transform: &Transform) -> Result<Array> {
        let _turn = session::take_turn("fft")?;
        let axis = normalize_axis(axis, self.ndim())?;
        if transform.n == 0 {
            return Err(Error::new(Kind::Value, "Invalid number of FFT data points (0) specified."));
        }
        let order = self.order(Layout::K);
        let turned = self.by_order(order.as_deref());
        let axis = order.as_ref().map_or(axis, |order| order.iter().position(|&d| d == axis).unwrap_or(axis));
        let made = match direct::fft::transformed(&turned, axis, transform)? {
            Some(node) => Array::from_node(node),
            None => {
                self.bound()?;
                ranks::along(&turned, axis, transform)?
            }
        };
        Ok(if let Some(order) = &order { made.in_order(order) } else { made })
    }
}
