//! Memory in common with others: arrays over foreign memory, and memory of arrays shown to others.
//!
//! Both are open memory (see [`crate::memory`]), which nobody treats as if it were alone. There is none on several ranks.

use super::Array;
use crate::dtype::DType;
use crate::error::Result;
use crate::memory::{Owner, Storage};
use crate::plan;
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::view::{Dims, MAX_AXES, Strides, View, c_strides};
use std::sync::Arc;

/// Elements of foreign memory: where they are, and how an array would show them.
#[derive(Clone, Debug)]
pub struct Place {
    dtype: DType,
    /// The lowest address of an element.
    start: *mut u8,
    /// What lies there: the shape of an array in C order.
    extents: Dims,
    view: View,
}

/// Memory of an array, shown to others until this is dropped. At any time, by any thread.
#[derive(Debug)]
pub struct Exposed {
    storage: Arc<Storage>,
    start: *mut u8,
}

// SAFETY: the address is only handed out; the storage is shared by threads anyway.
unsafe impl Send for Exposed {}
// SAFETY: as above.
unsafe impl Sync for Exposed {}

impl Exposed {
    /// The address of the array's first element; the others lie at its strides. Valid as long as this.
    pub fn start(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for Exposed {
    fn drop(&mut self) {
        self.storage.conceal();
    }
}

impl Place {
    /// The elements of this type and shape at `first` and at these strides, in bytes, from there. `None` if an array can't
    /// show them as they are: there are several ranks, the elements aren't aligned, they aren't whole steps apart, or
    /// there are none. Not collective.
    pub fn of(dtype: DType, shape: &[usize], strides_bytes: &[isize], first: *mut u8) -> Option<Place> {
        let item = dtype.size_bytes();
        let is_there = shape.len() == strides_bytes.len()
            && shape.len() <= MAX_AXES
            && !shape.contains(&0)
            && first.addr().is_multiple_of(item.min(8))
            && session::init().is_ok()
            && session::size() == 1;
        if !is_there {
            return None;
        }
        let mut strides: Strides = c_strides(shape);
        for (stride, (&n, &bytes)) in strides.iter_mut().zip(shape.iter().zip(strides_bytes)) {
            match bytes % item as isize {
                0 => *stride = bytes / item as isize,
                _ if n == 1 => {}
                _ => return None,
            }
        }
        let (mut below, mut above) = (0isize, 0isize);
        for (&n, &s) in shape.iter().zip(&strides) {
            let reach = s.checked_mul(isize::try_from(n - 1).ok()?)?;
            *(if reach < 0 { &mut below } else { &mut above }) =
                (if reach < 0 { below } else { above }).checked_add(reach)?;
        }
        let view = View { offset: -below, shape: Dims::from_slice(shape), strides };
        let extents = match dense(&view) {
            Some(extents) => extents,
            None => Dims::from_slice(&[above.checked_sub(below)?.checked_add(1)? as usize]),
        };
        let start = first.wrapping_offset(below * item as isize);
        Some(Place { dtype, start, extents, view })
    }
}

/// The extents of the axes as they lie in memory, if the elements are consecutive in that order; else they are part of a run
/// from the first to the last of them.
fn dense(view: &View) -> Option<Dims> {
    let lies = |order: &[usize]| {
        let steps = c_strides(&order.iter().map(|&d| view.shape[d]).collect::<Dims>());
        order.iter().zip(steps).all(|(&d, step)| view.shape[d] == 1 || view.strides[d] == step)
    };
    let mut order: Dims = (0..view.ndim()).collect();
    if !lies(&order) {
        order.retain(|d| view.shape[*d] > 1);
        order.sort_by_key(|&d| std::cmp::Reverse(view.strides[d]));
    }
    lies(&order).then(|| order.iter().map(|&d| view.shape[d]).collect())
}

/// # Memory in common with others
impl Array {
    /// An array that shows foreign memory: what others write there is seen, and what is assigned is written there at once.
    /// On one rank, as a [`Place`] is.
    ///
    /// # Safety
    /// The place's elements, and what lies between them, are readable, and writable if anything is assigned to the array,
    /// as long as `owner` lives; others may read and write them but not move or free them.
    pub unsafe fn over(place: &Place, owner: Owner) -> Result<Array> {
        let _turn = session::take_turn("asarray")?;
        // Bytes that are neither 0 nor 1 are true: such are read as bytes.
        let stored = if place.dtype == DType::Bool { DType::U8 } else { place.dtype };
        // SAFETY: the caller's promise; `Place::of` saw to alignment, and to it that all elements lie in the run.
        let storage = unsafe { Storage::foreign(place.start, &place.extents, stored.size_bytes(), owner) }?;
        let whole = Array::from_node(Node::stored(place.extents.clone(), stored, storage));
        let lens = (stored != place.dtype).then_some(place.dtype);
        Ok(Array { view: place.view.clone(), lens, ..whole })
    }

    /// Shows the array's memory to others. While they have it, what they write is seen, and what is assigned to the array is
    /// written there at once. `None` on several ranks, each of which has memory of its own.
    pub fn expose(&self) -> Result<Option<Exposed>> {
        let _turn = session::take_turn("export")?;
        if session::size() > 1 {
            return Ok(None);
        }
        let mut node = self.cell.get();
        plan::force(&node)?;
        // The variable's and this one. Others have the value, or something is to be computed from it: a copy of its own.
        if !node.is_open() && Arc::strong_count(&node) > 2 {
            node = Node::lazy(node.shape.clone(), node.dtype, Expr::Cast(Arg::whole(node)));
            plan::force(&node)?;
            self.cell.set(node.clone());
        }
        let storage = node.storage().expect("forced").clone();
        storage.check()?;
        storage.expose();
        let unit = if self.lens.is_some() { 1 } else { storage.item_bytes() as isize };
        let start = storage.base(0).wrapping_offset(self.view.offset * unit);
        Ok(Some(Exposed { storage, start }))
    }

    /// Whether others read and write the array's memory when they like.
    pub fn is_open(&self) -> bool {
        self.cell.peek_known(|node| node.is_open()).unwrap_or(false)
    }

    /// Where the first element is, if others may have the memory as well; else nobody can tell.
    pub fn open_address(&self) -> Option<usize> {
        let storage = self.cell.peek_known(|node| node.storage().filter(|s| s.is_open()).cloned())??;
        let unit = if self.lens.is_some() { 1 } else { storage.item_bytes() as isize };
        Some(storage.base(0).wrapping_offset(self.view.offset * unit).addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Shape, strides and place of the first element of a view of so many elements.
    fn views() -> impl Strategy<Value = (Vec<usize>, Vec<isize>)> {
        prop::collection::vec((1usize..5, -9isize..10), 0..4).prop_map(|axes| axes.into_iter().unzip())
    }

    proptest! {
        #[test]
        fn an_array_shows_what_lies_there((shape, strides) in views()) {
            let (lo, hi) = shape.iter().zip(&strides).fold((0, 0), |(lo, hi), (&n, &s)| {
                let reach = s * (n as isize - 1);
                (lo + reach.min(0), hi + reach.max(0))
            });
            let mut memory: Vec<i32> = (0..(hi - lo + 1) as i32).collect();
            let at = |index: &[usize]| {
                index.iter().zip(&strides).fold(-lo, |at, (&i, &s)| at + i as isize * s) as usize
            };
            let places: Vec<Vec<usize>> = ndarray::indices(ndarray::IxDyn(&shape)).into_iter()
                .map(|index| ndarray::Dimension::slice(&index).to_vec()).collect();
            let shown: Vec<i32> = places.iter().map(|index| memory[at(index)]).collect();
            let mut counts = vec![0; memory.len()];
            places.iter().for_each(|index| counts[at(index)] += 1);

            let bytes: Vec<isize> = strides.iter().map(|s| s * 4).collect();
            let start = memory.as_mut_ptr();
            let first = start.wrapping_offset(-lo).cast();
            let place = Place::of(DType::I32, &shape, &bytes, first).expect("one rank, aligned");
            prop_assert!(place.view.is_folded() || counts.iter().all(|&n| n <= 1));
            // SAFETY: `memory` outlives the array, which is the only one to write it until it is read below.
            let array = unsafe { Array::over(&place, Box::new(())) }.unwrap();
            prop_assert_eq!(array.to_vec::<i32>().unwrap(), shown.clone());
            let more = Array::apply(crate::Op::Add, &[(&array).into(), 1i32.into()]).unwrap();
            prop_assert_eq!(more.pending(), 0);
            if counts.iter().all(|&n| n <= 1) {
                array.assign(&more).unwrap();
                array.assign(&Array::apply(crate::Op::Multiply, &[(&array).into(), 2i32.into()]).unwrap()).unwrap();
                let all: Vec<i32> = (0..memory.len() as i32).collect();
                let want = all.iter().zip(&counts).map(|(&x, &n)| if n > 0 { (x + 1) * 2 } else { x });
                // SAFETY: as above; nobody writes now.
                let now = unsafe { std::slice::from_raw_parts(start, memory.len()) };
                prop_assert_eq!(now.to_vec(), want.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_cannot_be_shown_as_it_is() {
        let mut memory = [0u64; 8];
        let first: *mut u8 = memory.as_mut_ptr().cast();
        let of = |dtype, shape: &[usize], strides: &[isize], first| {
            Place::of(dtype, shape, strides, first).is_some()
        };
        assert!(
            of(DType::F64, &[2, 3], &[24, 8], first) && of(DType::C128, &[2], &[16], first.wrapping_add(8))
        );
        assert!(!of(DType::F64, &[2], &[8], first.wrapping_add(4)) && !of(DType::F64, &[2], &[12], first));
        assert!(!of(DType::F64, &[2, 0], &[8, 8], first) && !of(DType::C128, &[2], &[24], first));
        assert!(of(DType::F64, &[1, 3], &[3, 8], first), "the step of one item is never taken");
        assert!(
            !of(DType::U8, &[usize::MAX], &[1], first) && !of(DType::U8, &[2, 2], &[isize::MAX, 1], first)
        );
    }

    #[test]
    fn an_owner_goes_with_the_last_array() {
        let owner = Arc::new(());
        let mut memory = [1.0f64, 2.0, 3.0];
        let place = Place::of(DType::F64, &[3], &[8], memory.as_mut_ptr().cast()).unwrap();
        // SAFETY: `memory` outlives the array.
        let array = unsafe { Array::over(&place, Box::new(owner.clone())) }.unwrap();
        let (part, copy) = (array.index(&[crate::Index::range(1, 3)]).unwrap(), array.copy().unwrap());
        drop(array);
        assert_eq!(Arc::strong_count(&owner), 2);
        drop(part);
        assert_eq!(Arc::strong_count(&owner), 1);
        assert_eq!(copy.to_vec::<f64>().unwrap(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn memory_is_shown_until_the_last_one_lets_go() {
        for len in [10, 200_000] {
            let array = Array::full(&[len], 1.5.into(), None).unwrap();
            let (copy, later) = (
                array.copy().unwrap(),
                Array::apply(crate::Op::Add, &[(&array).into(), 1.0.into()]).unwrap(),
            );
            let (one, two) = (array.expose().unwrap().unwrap(), array.expose().unwrap().unwrap());
            // SAFETY: the memory of doubles is shown, and no other thread writes it.
            unsafe { *one.start().cast::<f64>() = 7.0 };
            assert_eq!(array.index(&[crate::Index::At(0)]).unwrap().item().unwrap(), 7.0.into());
            assert_eq!(copy.index(&[crate::Index::At(0)]).unwrap().item().unwrap(), 1.5.into());
            assert_eq!(later.index(&[crate::Index::At(0)]).unwrap().item().unwrap(), 2.5.into());
            drop(one);
            assert!(array.is_open());
            array.assign(&later).unwrap();
            // SAFETY: as above.
            assert_eq!(unsafe { *two.start().cast::<f64>() }, 2.5);
            drop(two);
            assert!(!array.is_open());
        }
    }
}
