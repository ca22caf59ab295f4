//! Boxes of an array on disk: how one is cut into pieces, where its rows lie in the file, and how one is turned round.
//!
//! Invariant: bounds are half-open and in C's order; the pieces of a box are disjoint and make it up, the runs of a piece are in ascending order.

/// Half-open bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Patch {
    pub(super) lo: Vec<usize>,
    pub(super) hi: Vec<usize>,
}

impl Patch {
    pub(super) fn extents(&self) -> Vec<usize> {
        self.lo.iter().zip(&self.hi).map(|(lo, hi)| hi - lo).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.extents().iter().product()
    }

    /// Cuts it into pieces of at most so many elements, at rows of the outermost axes where that is possible.
    pub(super) fn pieces(&self, most: usize) -> Vec<Patch> {
        let extents = self.extents();
        // The axis that is cut: all behind it are whole in each piece.
        let inner = |axis: usize| extents[axis + 1..].iter().product::<usize>();
        let axis = (0..extents.len()).find(|axis| inner(*axis) <= most).unwrap_or(extents.len() - 1);
        let step = (most / inner(axis).max(1)).clamp(1, extents[axis]);
        let mut pieces = Vec::new();
        let mut at = self.lo.clone();
        loop {
            let mut piece = Patch { lo: at.clone(), hi: self.hi.clone() };
            for (hi, at) in piece.hi[..axis].iter_mut().zip(&at) {
                *hi = at + 1;
            }
            piece.lo[axis + 1..].copy_from_slice(&self.lo[axis + 1..]);
            piece.hi[axis] = (at[axis] + step).min(self.hi[axis]);
            pieces.push(piece);
            at[axis] += step;
            if at[axis] < self.hi[axis] {
                continue;
            }
            at[axis] = self.lo[axis];
            let Some(d) = (0..axis).rev().find(|d| at[*d] + 1 < self.hi[*d]) else { return pieces };
            at[d] += 1;
            at[d + 1..axis].copy_from_slice(&self.lo[d + 1..axis]);
        }
    }

    /// Cuts it along the last axis into strips of at most so many elements.
    pub(super) fn strips(&self, most: usize) -> Vec<Patch> {
        let last = self.lo.len() - 1;
        let cut = |start: usize| {
            let mut strip = self.clone();
            (strip.lo[last], strip.hi[last]) = (start, (start + most).min(self.hi[last]));
            strip
        };
        (self.lo[last]..self.hi[last]).step_by(most).map(cut).collect()
    }

    /// Rows of elements that are neighbours in an array of these extents: where each begins there, and its length, the same for all.
    pub(super) fn runs(&self, dims: &[usize]) -> (Vec<usize>, usize) {
        let extents = self.extents();
        // Axes behind this one are whole.
        let axis = (0..dims.len()).rev().find(|axis| extents[*axis] != dims[*axis]).unwrap_or(0);
        let len = extents[axis..].iter().product();
        let strides: Vec<usize> = (0..dims.len()).map(|axis| dims[axis + 1..].iter().product()).collect();
        let first: usize = self.lo.iter().zip(&strides).map(|(lo, stride)| lo * stride).sum();
        let mut starts = vec![first];
        for axis in (0..axis).rev() {
            let (inner, stride) = (std::mem::take(&mut starts), strides[axis]);
            let moved = |step: usize| inner.iter().map(move |start| start + step * stride);
            starts = (0..extents[axis]).flat_map(moved).collect();
        }
        (starts, len)
    }

    /// The box that it is turned round, when `self` belongs to a section that begins at `from`, and the turned one to one that begins at `to`.
    pub(super) fn turned(&self, from: &[usize], to: &[usize], is_turned: bool) -> Patch {
        let axes = from.len();
        let place = |bounds: &[usize]| -> Vec<usize> {
            (0..axes)
                .map(|axis| {
                    let there = if is_turned { axes - 1 - axis } else { axis };
                    to[axis] + bounds[there] - from[there]
                })
                .collect()
        };
        Patch { lo: place(&self.lo), hi: place(&self.hi) }
    }
}

/// Elements in the order of reversed axes: `to[i, j, .., k] = from[k, .., j, i]`, where `extents` are those of `from`.
pub(super) fn reverse(from: &[u8], extents: &[usize], item: usize, to: &mut [u8]) {
    assert!(from.len() == to.len() && from.len() == extents.iter().product::<usize>() * item);
    match item {
        1 => turn::<[u8; 1]>(from, extents, to),
        4 => turn::<[u8; 4]>(from, extents, to),
        8 => turn::<[u8; 8]>(from, extents, to),
        16 => turn::<[u8; 16]>(from, extents, to),
        _ => {
            let places = places(extents);
            for (element, place) in from.chunks_exact(item).zip(places) {
                to[place * item..(place + 1) * item].copy_from_slice(element);
            }
        }
    }
}

/// Where each element goes, in turn.
fn places(extents: &[usize]) -> impl Iterator<Item = usize> {
    // The stride in the turned array of each axis.
    let strides: Vec<usize> = (0..extents.len()).map(|axis| extents[..axis].iter().product()).collect();
    let extents = extents.to_vec();
    let mut at = vec![0; extents.len()];
    let count = extents.iter().product();
    (0..count).map(move |_| {
        let place = at.iter().zip(&strides).map(|(at, stride)| at * stride).sum();
        for axis in (0..at.len()).rev() {
            at[axis] += 1;
            if at[axis] < extents[axis] {
                break;
            }
            at[axis] = 0;
        }
        place
    })
}

/// Elements of one size: the first and the last axis in tiles that stay in the first cache, the axes between one by one.
fn turn<T: Copy + AsRef<[u8]>>(from: &[u8], extents: &[usize], to: &mut [u8]) {
    const TILE: usize = 32;
    let item = size_of::<T>();
    let (rows, columns) = match extents {
        [] => return,
        [one] => (1, *one),
        [rows, .., columns] => (*rows, *columns),
    };
    let middle: &[usize] = if extents.len() > 2 { &extents[1..extents.len() - 1] } else { &[] };
    let inner: usize = middle.iter().product();
    for (between, turned) in places(middle).enumerate() {
        for row in (0..rows).step_by(TILE) {
            for column in (0..columns).step_by(TILE) {
                let (last, len) = ((column + TILE).min(columns), TILE.min(rows - row));
                for column in column..last {
                    let target = ((column * inner + turned) * rows + row) * item;
                    let source = ((row * inner + between) * columns + column) * item;
                    let target = to[target..target + len * item].chunks_exact_mut(item);
                    let lines = from[source..].chunks(inner * columns * item);
                    for (to, line) in target.zip(lines) {
                        to.copy_from_slice(&line[..item]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Patch, reverse};

    fn patch(lo: &[usize], hi: &[usize]) -> Patch {
        Patch { lo: lo.to_vec(), hi: hi.to_vec() }
    }

    /// Flat places of a box's elements, in order.
    fn places(of: &Patch, dims: &[usize]) -> Vec<usize> {
        let all = 0..dims.iter().product::<usize>();
        let is_in = |place: &usize| {
            let mut rest = *place;
            (0..dims.len()).rev().all(|axis| {
                let at = rest % dims[axis];
                rest /= dims[axis];
                (of.lo[axis]..of.hi[axis]).contains(&at)
            })
        };
        all.filter(is_in).collect()
    }

    #[test]
    fn pieces_and_runs_make_up_the_box() {
        let cases = [
            (patch(&[0], &[10]), vec![10]),
            (patch(&[3], &[9]), vec![10]),
            (patch(&[0, 0], &[4, 5]), vec![4, 5]),
            (patch(&[1, 2], &[4, 4]), vec![4, 5]),
            (patch(&[1, 0, 1], &[3, 4, 2]), vec![3, 4, 2]),
            (patch(&[0, 1, 0, 0], &[2, 3, 4, 3]), vec![2, 3, 4, 3]),
        ];
        for (whole, dims) in cases {
            let wanted = places(&whole, &dims);
            for most in 1..=whole.len() + 1 {
                let pieces = whole.pieces(most);
                assert!(
                    pieces.iter().all(|piece| (1..=most).contains(&piece.len())),
                    "{whole:?} {most} {pieces:?}"
                );
                let mut found = Vec::new();
                for piece in &pieces {
                    let (starts, len) = piece.runs(&dims);
                    assert_eq!(starts.len() * len, piece.len());
                    found.extend(starts.into_iter().flat_map(|start| start..start + len));
                }
                assert_eq!(found, wanted, "{whole:?} {most}");
            }
        }
    }

    #[test]
    fn strips_make_up_the_box() {
        let whole = patch(&[1, 2], &[4, 9]);
        for most in 1..9 {
            let strips = whole.strips(most);
            assert!(strips.iter().all(|strip| strip.extents()[1] <= most && strip.extents()[0] == 3));
            let mut found: Vec<usize> = strips.iter().flat_map(|strip| places(strip, &[4, 10])).collect();
            found.sort_unstable();
            assert_eq!(found, places(&whole, &[4, 10]));
        }
    }

    #[test]
    fn whole_rows_are_one_run() {
        assert_eq!(patch(&[2, 0, 0], &[5, 4, 3]).runs(&[9, 4, 3]), (vec![24], 36));
        assert_eq!(patch(&[0, 0], &[4, 5]).runs(&[4, 5]), (vec![0], 20));
    }

    #[test]
    fn axes_are_reversed() {
        for extents in
            [vec![7], vec![3, 5], vec![70, 33], vec![2, 3, 4], vec![5, 1, 2, 3], vec![2, 3, 1, 2, 40]]
        {
            let len: usize = extents.iter().product();
            for item in [1, 4, 8, 16, 3] {
                let from: Vec<u8> = (0..len * item).map(|byte| (byte * 7 + byte / 251) as u8).collect();
                let (mut to, mut back) = (vec![0; from.len()], vec![0; from.len()]);
                reverse(&from, &extents, item, &mut to);
                for place in 0..len {
                    let (mut rest, mut there) = (place, 0);
                    // The flat place of the reversed index.
                    let mut at = vec![0; extents.len()];
                    for axis in (0..extents.len()).rev() {
                        at[axis] = rest % extents[axis];
                        rest /= extents[axis];
                    }
                    for axis in (0..extents.len()).rev() {
                        there = there * extents[axis] + at[axis];
                    }
                    assert_eq!(
                        to[there * item..][..item],
                        from[place * item..][..item],
                        "{extents:?} {item}"
                    );
                }
                let turned: Vec<usize> = extents.iter().rev().copied().collect();
                reverse(&to, &turned, item, &mut back);
                assert_eq!(back, from);
            }
        }
    }

    #[test]
    fn boxes_are_turned() {
        let piece = patch(&[5, 7], &[6, 9]);
        assert_eq!(piece.turned(&[4, 6], &[10, 20], true), patch(&[11, 21], &[13, 22]));
        assert_eq!(piece.turned(&[4, 6], &[10, 20], false), patch(&[11, 21], &[12, 23]));
    }
}
