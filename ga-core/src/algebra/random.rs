//! Random elements that depend on the seed and the index alone.

use super::scalar::Scalar;
use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::Result;

impl<T: Scalar> GlobalArray<T> {
    /// Sets each element to a random number from 0 to before `limit`; the parts of a complex one are
    /// independent. The same seed gives the same array, whatever the layout and the number of ranks.
    /// Collective, with the same arguments everywhere. `GA_Randomize`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn randomize(&self, seed: u64, limit: T) -> Result<()> {
        let numbers = Dims::row_major_strides(self.shape());
        // Neighbouring seeds are to have nothing in common.
        let start = mix(seed);
        self.epoch("randomize", || {
            self.own_rows(&self.everything(), |index, row, len| {
                let first: usize = index.iter().zip(&numbers[..]).map(|(i, n)| i * n).sum();
                for i in 0..len {
                    let draw = 2 * (first + i) as u64;
                    let (unit, second) = (unit(start, draw), unit(start, draw + 1));
                    // SAFETY: `own_rows` gives that many elements of mine, which nobody else accesses
                    // between the synchronisations.
                    unsafe { *row.add(i) = limit.share(unit, second) };
                }
            });
            Ok(())
        })
    }
}

/// Number `draw` of the stream that begins at `start`, from 0 to before 1: SplitMix64, which can be entered
/// anywhere.
fn unit(start: u64, draw: u64) -> f64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    (mix(start.wrapping_add(draw.wrapping_add(1).wrapping_mul(STEP))) >> 11) as f64 / (1u64 << 53) as f64
}

/// SplitMix64's finaliser.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of SplitMix64 from seed 1234567, as published with the generator.
    #[test]
    fn the_stream_is_splitmix64() {
        let published: [u64; 3] = [6457827717110365317, 3203168211198807973, 9817491932198370423];
        for (draw, expected) in published.into_iter().enumerate() {
            let naive = (expected >> 11) as f64 / (1u64 << 53) as f64;
            assert_eq!(unit(1234567, draw as u64), naive);
        }
    }
}
