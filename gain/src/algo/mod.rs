//! Algorithms that are no fused passes: they combine elements in an order of their own.
//!
//! Each goes through the door ([`stage`](crate::stage)); none touches marks, epochs or barriers. What a loop over rows of
//! elements needs of kernels is in [`rows`].

mod bincount;
mod compress;
mod gather;
mod histogram;
mod interp;
mod pick;
mod product;
mod put;
pub(crate) mod random;
mod rows;
mod scan;
mod scatter;
mod search;
mod segment;
mod sort;
mod table;
mod tally;
mod trend;

pub(crate) use bincount::bincount;
pub(crate) use compress::{compress, expand};
pub(crate) use gather::gather;
pub(crate) use histogram::{Bins, histogram};
pub use interp::Outside;
pub(crate) use interp::{Brought, interp, interp_brought};
pub(crate) use pick::{Indices, Pick};
pub(crate) use product::product;
pub(crate) use put::put;
pub(crate) use scan::accumulate;
pub(crate) use scatter::scatter;
pub(crate) use search::{is_far, search, search_few};
pub(crate) use segment::{Segments, fold};
pub(crate) use sort::{Gives, Sort, member, member_here, operand, select};
pub use table::Side;
pub(crate) use trend::{Trend, trend};

use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::record::{Arg, Expr, Node};
use crate::stage::Room;
use crate::status;
use smallvec::SmallVec;

/// How many elements are looked at at once.
const WINDOW: usize = 1 << 16;

/// The bit besides those of [`status`] that says that an operation refused its operands.
const REFUSED: u64 = 1 << 8;

/// Calls a function generic over the memory of an element with that of a type.
macro_rules! by_size {
    ($dtype:expr, $f:ident($($arg:expr),* $(,)?)) => {
        match $dtype.size_bytes() {
            1 => $f::<u8>($($arg),*),
            2 => $f::<u16>($($arg),*),
            4 => $f::<u32>($($arg),*),
            8 => $f::<u64>($($arg),*),
            _ => $f::<[u64; 2]>($($arg),*),
        }
    };
}
pub(crate) use by_size;

/// Elements as a value of their own, for an algorithm that goes through the door twice.
fn stored(value: Arg, shape: &[usize], dtype: DType) -> Arg {
    match value {
        Arg::Node(node, view)
            if node.dtype == dtype
                && view.is_whole(node.len())
                && view.shape == node.shape
                && !node.is_open() =>
        {
            Arg::Node(node, view)
        }
        value => Arg::whole(Node::lazy(SmallVec::from_slice(shape), dtype, Expr::Cast(value))),
    }
}

/// What all ranks found, if each has a share. Collective.
fn agreed(room: &Room<'_>, found: u64) -> Result<u64> {
    Ok(room.everybodys(&[found])?.iter().flatten().fold(0, |all, bits| all | bits))
}

/// Tells of what an algorithm found, the same on every rank.
fn told(name: &'static str, found: u64) -> Result<()> {
    let bits = found as u8;
    if bits != 0 {
        status::raised(name, bits);
    }
    match found & REFUSED {
        0 => Ok(()),
        _ => Err(Error::new(Kind::Value, "Integers to negative integer powers are not allowed.")),
    }
}

/// Elements that threads write, each its own.
pub(crate) struct Cells<T>(*mut T);

// SAFETY: it is an address only; who writes there says why nobody else does.
unsafe impl<T: Send> Sync for Cells<T> {}

impl<T> Cells<T> {
    pub(crate) fn of(elements: &mut [T]) -> Cells<T> {
        Cells(elements.as_mut_ptr())
    }

    pub(crate) fn at(&self, i: usize) -> *mut T {
        self.0.wrapping_add(i)
    }
}
