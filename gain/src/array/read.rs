//! Reading elements: whole, one, or the corner that is printed.

use super::{Array, Operand, ReduceOptions, direct};
use crate::dtype::{DType, Element, Scalar};
use crate::error::{Error, Kind, Result, shape_text};
use crate::memory::Storage;
use crate::ops::{Op, ReduceOp};
use crate::plan::{self, Anchor, Pass, Store, Target};
use crate::record::{Arg, Node};
use crate::session;
use crate::stage;
use crate::status::site;
use crate::view::{Dims, View};
use ndarray::Dimension;
use smallvec::SmallVec;
use std::sync::Arc;

/// A view is a small part of its base if this many would make no more than the base.
const PART: usize = 8;

/// # Reading
impl Array {
    /// Evaluate now what was recorded.
    pub fn force(&self) -> Result<()> {
        let _turn = session::take_turn("force")?;
        if self.cell.own_home().is_some() { Ok(()) } else { plan::force(&self.cell.get()) }
    }

    /// The only element (`self.item()`).
    pub fn item(&self) -> Result<Scalar> {
        let _turn = session::take_turn("item")?;
        if self.size() != 1 {
            return Err(Error::new(Kind::Value, "can only convert an array of size 1 to a Python scalar"));
        }
        if let Some(x) = direct::item(self) {
            return Ok(x);
        }
        let node = self.evaluated()?;
        if let Some(x) = direct::item(self) {
            return Ok(x);
        }
        let mut bytes = [0u8; 16];
        self.read(&node, &self.view, &mut bytes[..self.dtype().size_bytes()], false)?;
        Ok(Scalar::from_bytes(self.dtype(), &bytes))
    }

    /// All elements in C order into `out`, on every rank; `out` has `size() * dtype().size_bytes()` bytes.
    pub fn copy_to_bytes(&self, out: &mut [u8]) -> Result<()> {
        let _turn = session::take_turn("read")?;
        self.check_len(out.len())?;
        if direct::read(self, out) {
            return Ok(());
        }
        let node = self.evaluated()?;
        if direct::read(self, out) {
            return Ok(());
        }
        self.read(&node, &self.view, out, false)
    }

    /// The value to read this view from: evaluated, unless the view shows a small part of it. Then the part alone is
    /// computed; the expression decides whether that happens a second time.
    fn evaluated(&self) -> Result<Arc<Node>> {
        let node = self.cell.get();
        if self.size() * PART > node.len() {
            plan::force(&node)?;
        }
        Ok(node)
    }

    /// All elements in C order, on every rank.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        if T::DTYPE != self.dtype() {
            return Err(Error::new(Kind::Type, format!("elements are {}, not {}", self.dtype(), T::DTYPE)));
        }
        let mut out = vec![T::default(); self.size()];
        let len_bytes = size_of_val(&out[..]);
        // SAFETY: an `Element` is plain data without padding; what is written are elements of the same type.
        let bytes = unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast::<u8>(), len_bytes) };
        self.copy_to_bytes(bytes)?;
        Ok(out)
    }

    /// As [`Array::copy_to_bytes`], called by any rank on its own. Not collective, therefore an error if something
    /// remains to be evaluated and there are several ranks: call [`Array::force`] on all of them first. The caller
    /// sees to it (by a [`barrier`](crate::session::barrier)) that nobody writes meanwhile.
    pub fn get_bytes(&self, out: &mut [u8]) -> Result<()> {
        let _turn = session::take_turn("get")?;
        self.check_len(out.len())?;
        let node = self.cell.get();
        if node.storage().is_none() && session::get().size > 1 {
            return Err(Error::new(
                Kind::Runtime,
                "get by one rank of an array that is not evaluated yet: call force() on all ranks first",
            ));
        }
        plan::force(&node)?;
        self.read(&node, &self.view, out, true)
    }

    /// `item in array`: whether an element equals the item, which broadcasts. Ranks look for themselves if the array is stored
    /// and visible to all; else collective.
    pub fn contains(&self, item: Operand<'_>) -> Result<bool> {
        let _turn = session::take_turn("contains")?;
        let found = || {
            let equal = Array::apply(Op::Equal, &[self.into(), item])?;
            Ok(equal.reduce(ReduceOp::Any, &ReduceOptions::default())?.item()?.as_bool())
        };
        let other = match item {
            Operand::Array(array) => Some(array.cell.get()),
            Operand::Scalar(_) => None,
        };
        let nodes: SmallVec<[Arc<Node>; 2]> = [self.cell.get()].into_iter().chain(other).collect();
        stage::look_alone(&nodes, found).unwrap_or_else(found)
    }

    /// What printing shows: along each axis longer than `2 * edge` the first and last `edge` items only, the others
    /// all. Only those are moved. Returns the shape of the corner and its elements in C order.
    pub fn corner(&self, edge: usize) -> Result<(Vec<usize>, Vec<u8>)> {
        let _turn = session::take_turn("print")?;
        let node = self.cell.get();
        plan::force(&node)?;
        let item = self.dtype().size_bytes();
        let ends: Vec<Vec<(usize, usize)>> = self
            .shape()
            .iter()
            .map(|&n| if n > 2 * edge { vec![(0, edge), (n - edge, edge)] } else { vec![(0, n)] })
            .collect();
        let shape: Vec<usize> = ends.iter().map(|e| e.iter().map(|s| s.1).sum()).collect();
        let whole = View::contiguous(&shape);
        let mut out = vec![0u8; whole.size() * item];
        let pieces: usize = ends.iter().map(Vec::len).product();
        for mut piece in 0..pieces {
            let (mut from, mut to, mut counts) = (Dims::new(), Dims::new(), Dims::new());
            for axis in &ends {
                let (which, rest) = (piece % axis.len(), piece / axis.len());
                piece = rest;
                from.push(axis[which].0);
                to.push(if which == 0 { 0 } else { axis[0].1 });
                counts.push(axis[which].1);
            }
            let mut bytes = vec![0u8; counts.iter().product::<usize>() * item];
            self.read(&node, &self.view.patch(&from, &counts), &mut bytes, false)?;
            let target = whole.patch(&to, &counts);
            for (k, index) in ndarray::indices(ndarray::IxDyn(&counts)).into_iter().enumerate() {
                let at = (target.offset + target.dot(index.slice())) as usize;
                out[at * item..(at + 1) * item].copy_from_slice(&bytes[k * item..(k + 1) * item]);
            }
        }
        Ok((shape, out))
    }

    /// What `view`, one of this array, shows of the value `node` of its variable, in C order into `out`. Collective, unless
    /// `alone` or the value is stored and visible to all ranks: then each rank looks for itself.
    fn read(&self, node: &Arc<Node>, view: &View, out: &mut [u8], alone: bool) -> Result<()> {
        stage::look(node, alone, |alone| self.read_as(node, view, out, alone))
    }

    fn read_as(&self, node: &Arc<Node>, view: &View, out: &mut [u8], alone: bool) -> Result<()> {
        match (self.lens, node.storage()) {
            (None, _) => read(Arg::Node(node.clone(), view.clone()), view.shape(), node.dtype, out, alone),
            (Some(dtype), Some(storage)) => {
                let (units, unit) = plan::lens::operand(storage, dtype.size_bytes(), view);
                let mut shape = view.shape.clone();
                shape.push(dtype.size_bytes() / unit.size_bytes());
                read(units, &shape, unit, out, alone)?;
                if dtype == DType::Bool {
                    out.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
                }
                Ok(())
            }
            (Some(dtype), None) => {
                read(super::lens::arg(node.clone(), dtype, view.clone()), view.shape(), dtype, out, alone)
            }
        }
    }

    fn check_len(&self, len: usize) -> Result<()> {
        let need = self.size() * self.dtype().size_bytes();
        if len == need {
            return Ok(());
        }
        let shape = shape_text(self.shape());
        Err(Error::new(
            Kind::Value,
            format!("an array of shape {shape} and type {} has {need} bytes, the buffer {len}", self.dtype()),
        ))
    }
}

/// Elements in C order into `out`.
fn read(value: Arg, shape: &[usize], dtype: DType, out: &mut [u8], alone: bool) -> Result<()> {
    // SAFETY: `out` is exclusively borrowed until this returns and has the length of the view (checked by the callers
    // or allocated by them); the buffer dies with the pass.
    let target = unsafe { aligned(out, dtype.size_bytes(), shape.iter().product()) };
    let to = Target::At(target.storage.clone(), View::contiguous(shape));
    let mut pass = Pass::storing(shape, Store { value, dtype, to, origin: site::known() });
    pass.anchor = Anchor::Everyone;
    pass.alone = alone;
    pass.run()?;
    target.finish(out);
    Ok(())
}

/// A buffer over `out`, or beside it when `out` isn't aligned to its elements.
struct Aligned {
    storage: Arc<Storage>,
    beside: Option<Vec<u128>>,
}

/// # Safety
/// `out` holds `len` elements of `item` bytes and outlives the result.
unsafe fn aligned(out: &mut [u8], item: usize, len: usize) -> Aligned {
    let mut beside = None;
    let mut ptr = out.as_mut_ptr();
    if !ptr.addr().is_multiple_of(item.min(8)) {
        let copy = beside.insert(vec![0u128; out.len().div_ceil(16)]);
        ptr = copy.as_mut_ptr().cast();
    }
    // SAFETY: either the caller's elements or those of `beside`, which lives as long as the result.
    Aligned { storage: unsafe { Storage::borrowed(ptr, len, item) }, beside }
}

impl Aligned {
    fn finish(self, out: &mut [u8]) {
        if let Some(copy) = &self.beside {
            let bytes: &[u8] = bytemuck::cast_slice(copy);
            out.copy_from_slice(&bytes[..out.len()]);
        }
    }
}
