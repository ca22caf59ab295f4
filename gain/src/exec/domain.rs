//! A box of elements and where each leaf and output lies for it.

use smallvec::SmallVec;

/// A small list of per-axis numbers.
pub type PerAxis<T> = SmallVec<[T; 4]>;

/// Memory walked with one byte stride per axis of the domain; 0 broadcasts (or, for an output, reduces).
#[derive(Debug)]
pub struct Stream {
    /// The element at coordinate zero. Alignment: that of the element type.
    pub ptr: *mut u8,
    /// Bytes from one coordinate to the next, per axis.
    pub strides: PerAxis<isize>,
}

// (By hand: what is derived copies number by number.)
impl Clone for Stream {
    #[inline]
    fn clone(&self) -> Stream {
        Stream { ptr: self.ptr, strides: SmallVec::from_slice(&self.strides) }
    }
}

/// What a leaf of the program reads.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// Elements in memory.
    Memory(Stream),
    /// No memory: the `i64` `start + sum(coordinate * step)`; for arange, indices and argmin.
    Index {
        /// Value at coordinate zero.
        start: i64,
        /// Increment per axis.
        steps: PerAxis<i64>,
    },
}

/// A box: its extents and one entry per leaf and per memory output of the program, in their order.
///
/// An output may lie exactly on a leaf (same pointer, same strides: in-place update) or be disjoint from all
/// leaves; partial overlap is the caller's to avoid.
#[derive(Clone, Debug, Default)]
pub struct Domain {
    /// Extents. Empty: one element.
    pub shape: PerAxis<usize>,
    /// One per leaf.
    pub leaves: SmallVec<[Leaf; 6]>,
    /// One per memory output (a store has one, an axis reduction one, of indices two; a full reduction none).
    pub outs: SmallVec<[Stream; 2]>,
}

impl Domain {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        let leaves = self.leaves.iter_mut().filter_map(|leaf| match leaf {
            Leaf::Memory(stream) => Some(stream),
            Leaf::Index { .. } => None,
        });
        self.outs.iter_mut().chain(leaves)
    }

    fn steps(&mut self) -> impl Iterator<Item = (&mut i64, &mut PerAxis<i64>)> {
        self.leaves.iter_mut().filter_map(|leaf| match leaf {
            Leaf::Memory(_) => None,
            Leaf::Index { start, steps } => Some((start, steps)),
        })
    }

    /// The same elements walked in memory order: axes of extent 1 dropped, sorted so that the first streams'
    /// strides fall, turned so that they are positive, merged where every stream allows it. At least one axis.
    pub(crate) fn normalise(&mut self) {
        for axis in (0..self.shape.len()).rev() {
            if self.shape[axis] == 1 {
                self.remove_axis(axis);
            }
        }
        if self.shape.is_empty() {
            self.shape.push(1);
            self.streams().for_each(|stream| stream.strides.push(0));
            self.steps().for_each(|(_, steps)| steps.push(0));
        }
        for axis in 1..self.shape.len() {
            let mut at = axis;
            while at > 0 && self.is_inner(at - 1, at) {
                self.swap_axes(at - 1, at);
                at -= 1;
            }
        }
        for axis in 0..self.shape.len() {
            let first = self.streams().map(|stream| stream.strides[axis]).find(|&stride| stride != 0);
            if first.is_some_and(|stride| stride < 0) {
                self.turn(axis);
            }
        }
        for axis in (1..self.shape.len()).rev() {
            if self.merges(axis) {
                let extent = self.shape[axis];
                self.shape[axis - 1] *= extent;
                self.streams().for_each(|stream| stream.strides[axis - 1] = stream.strides[axis]);
                self.steps().for_each(|(_, steps)| steps[axis - 1] = steps[axis]);
                self.remove_axis(axis);
            }
        }
    }

    /// Whether axis `a` has smaller strides than `b`, by the first stream that tells them apart.
    fn is_inner(&mut self, a: usize, b: usize) -> bool {
        for stream in self.streams() {
            let (x, y) = (stream.strides[a].unsigned_abs(), stream.strides[b].unsigned_abs());
            if x != 0 && y != 0 && x != y {
                return x < y;
            }
        }
        false
    }

    fn swap_axes(&mut self, a: usize, b: usize) {
        self.shape.swap(a, b);
        self.streams().for_each(|stream| stream.strides.swap(a, b));
        self.steps().for_each(|(_, steps)| steps.swap(a, b));
    }

    fn remove_axis(&mut self, axis: usize) {
        self.shape.remove(axis);
        self.streams().for_each(|stream| _ = stream.strides.remove(axis));
        self.steps().for_each(|(_, steps)| _ = steps.remove(axis));
    }

    /// Axis `order[i]` becomes axis `i`.
    pub(super) fn reorder(&mut self, order: &[usize]) {
        self.shape = order.iter().map(|&axis| self.shape[axis]).collect();
        self.streams().for_each(|s| s.strides = order.iter().map(|&axis| s.strides[axis]).collect());
        self.steps().for_each(|(_, steps)| *steps = order.iter().map(|&axis| steps[axis]).collect());
    }

    /// A new axis of extent 1 before axis `at`.
    pub(super) fn insert_axis(&mut self, at: usize) {
        self.shape.insert(at, 1);
        self.streams().for_each(|stream| stream.strides.insert(at, 0));
        self.steps().for_each(|(_, steps)| steps.insert(at, 0));
    }

    /// Bytes from one coordinate to the next along an axis, by the first leaf that moves along it.
    pub(super) fn reach(&self, axis: usize) -> usize {
        let memory = self.leaves.iter().filter_map(|leaf| match leaf {
            Leaf::Memory(stream) => Some(stream.strides[axis].unsigned_abs()),
            Leaf::Index { .. } => None,
        });
        memory
            .chain(self.outs.iter().map(|out| out.strides[axis].unsigned_abs()))
            .find(|&by| by != 0)
            .unwrap_or(0)
    }

    /// Turns the axes along which the numbers of this leaf, if it is one of numbers, would fall.
    pub(super) fn count_up(&mut self, leaf: usize) {
        for axis in 0..self.shape.len() {
            if matches!(&self.leaves[leaf], Leaf::Index { steps, .. } if steps[axis] < 0) {
                self.turn(axis);
            }
        }
    }

    fn turn(&mut self, axis: usize) {
        let last = self.shape[axis] - 1;
        for stream in self.streams() {
            stream.ptr = stream.ptr.wrapping_offset(stream.strides[axis] * last as isize);
            stream.strides[axis] = -stream.strides[axis];
        }
        for (start, steps) in self.steps() {
            *start += steps[axis] * last as i64;
            steps[axis] = -steps[axis];
        }
    }

    /// Whether `axis` continues the one before it in every stream.
    fn merges(&mut self, axis: usize) -> bool {
        let extent = self.shape[axis];
        self.streams().all(|stream| stream.strides[axis - 1] == stream.strides[axis] * extent as isize)
            && self.steps().all(|(_, steps)| steps[axis - 1] == steps[axis] * extent as i64)
    }

    /// The part `[from, to)` along `axis`.
    pub(super) fn cut(&self, axis: usize, from: usize, to: usize) -> Domain {
        let mut part = self.clone();
        part.shape[axis] = to - from;
        for stream in part.streams() {
            stream.ptr = stream.ptr.wrapping_offset(stream.strides[axis] * from as isize);
        }
        for (start, steps) in part.steps() {
            *start += steps[axis] * from as i64;
        }
        part
    }
}
