//! Reshape without a copy: exactly when NumPy can.

use super::{Dims, MAX_AXES, Strides, View, c_strides, checked_size};
use crate::error::{Error, Kind, Result, open_shape_text, shape_text};
use smallvec::SmallVec;

/// The shape that `wanted` means for `size` elements: one entry may be -1.
pub(crate) fn resolve_shape(size: usize, wanted: &[isize]) -> Result<Dims> {
    if wanted.iter().filter(|&&n| n < 0).count() > 1 {
        return Err(Error::new(Kind::Value, "can only specify one unknown dimension"));
    }
    if wanted.len() > MAX_AXES {
        checked_size(&vec![1; wanted.len()])?;
    }
    let mut extents = wanted.iter().filter(|&&n| n >= 0).map(|&n| n as usize);
    let known = extents.try_fold(1usize, usize::checked_mul);
    let fits = known.is_some_and(|known| match wanted.iter().any(|&n| n < 0) {
        true => known != 0 && size.is_multiple_of(known),
        false => known == size,
    });
    let known = known.unwrap_or(1).max(1);
    if !fits {
        return Err(Error::new(
            Kind::Shape,
            format!("cannot reshape array of size {size} into shape {}", open_shape_text(wanted)),
        ));
    }
    let shape: Dims = wanted.iter().map(|&n| if n < 0 { size / known } else { n as usize }).collect();
    checked_size(&shape)?;
    Ok(shape)
}

impl View {
    /// The same elements in C order under another shape, if strides can say so (NumPy's `_attempt_nocopy_reshape`).
    ///
    /// `None` means that a copy is needed. An error means that the sizes differ.
    pub fn reshape(&self, shape: &[usize]) -> Result<Option<View>> {
        let size = self.size();
        if checked_size(shape)? != size {
            return Err(Error::new(
                Kind::Shape,
                format!("cannot reshape array of size {size} into shape {}", shape_text(shape)),
            ));
        }
        if size == 0 {
            return Ok(Some(View {
                offset: self.offset,
                shape: SmallVec::from_slice(shape),
                strides: c_strides(shape),
            }));
        }
        Ok(self.regroup(shape).map(|strides| View {
            offset: self.offset,
            shape: SmallVec::from_slice(shape),
            strides,
        }))
    }

    /// Strides for `shape`: runs of old axes and runs of new axes of equal size are matched from the left; a run of
    /// old axes must be uniform, i.e. each outer step spans its inner neighbour.
    fn regroup(&self, shape: &[usize]) -> Option<Strides> {
        let old: SmallVec<[(usize, isize); 4]> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|&(n, _)| n != 1).collect();
        let mut strides: Strides = SmallVec::from_elem(0, shape.len());
        let (mut i, mut j) = (0, 0);
        let mut last = 1;
        while i < old.len() && j < shape.len() {
            let (i0, j0) = (i, j);
            let (mut have, mut want) = (old[i].0, shape[j]);
            while have != want {
                if want < have {
                    j += 1;
                    want *= shape[j];
                } else {
                    i += 1;
                    have *= old[i].0;
                }
            }
            let uniform = (i0..i).all(|k| old[k].1 == old[k + 1].0 as isize * old[k + 1].1);
            if !uniform {
                return None;
            }
            let mut step = old[i].1;
            for k in (j0..=j).rev() {
                strides[k] = step;
                step *= shape[k] as isize;
            }
            last = old[i].1;
            i += 1;
            j += 1;
        }
        for stride in &mut strides[j..] {
            *stride = last;
        }
        Some(strides)
    }
}
