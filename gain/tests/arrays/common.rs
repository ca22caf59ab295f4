//! An oracle for arrays: NumPy's semantics on plain vectors, and random programs run on both.
//!
//! A variable of the oracle is a flat vector; a view is the list of flat positions of its elements. Assignment first
//! copies what it reads. That is all of NumPy's aliasing rules.

use gain::{Array, DType, Index, Op, ReduceOp, ReduceOptions, Slice};
use ndarray::{ArrayD, Axis, IxDyn};

/// Random numbers that are the same on all ranks.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % n.max(1)
    }

    /// In `lo..hi`.
    pub(crate) fn between(&mut self, lo: isize, hi: isize) -> isize {
        lo + self.below((hi - lo) as usize) as isize
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// CPython's definition of a slice: the indices `start, start+step, ..` while on the right side of `stop`.
pub(crate) fn indices_of(s: Slice, n: usize) -> Vec<usize> {
    let (n, step) = (n as isize, s.step.unwrap_or(1));
    let wrap = |i: isize| if i < 0 { i + n } else { i };
    let mut out = Vec::new();
    let mut at = match s.start.map(wrap) {
        None => {
            if step > 0 {
                0
            } else {
                n - 1
            }
        }
        Some(i) if step > 0 => i.max(0),
        Some(i) => i.min(n - 1),
    };
    let stop = s.stop.map(|i| wrap(i).max(-1)).unwrap_or(if step > 0 { n } else { -1 });
    while at >= 0 && at < n && if step > 0 { at < stop } else { at > stop } {
        out.push(at as usize);
        at += step;
    }
    out
}

/// What an index does to an `ndarray` array, item by item; `None` if it is an error.
pub(crate) fn index_oracle(mut a: ArrayD<usize>, items: &[Index]) -> Option<ArrayD<usize>> {
    let taken = items.iter().filter(|i| matches!(i, Index::At(_) | Index::Slice(_))).count();
    let rest = a.ndim().checked_sub(taken)?;
    let mut axis = 0;
    for item in items {
        match item {
            Index::Ellipsis => axis += rest,
            Index::NewAxis => {
                a = a.insert_axis(Axis(axis));
                axis += 1;
            }
            Index::At(i) => {
                let n = a.len_of(Axis(axis)) as isize;
                let at = if *i < 0 { *i + n } else { *i };
                if at < 0 || at >= n {
                    return None;
                }
                a = a.index_axis(Axis(axis), at as usize).to_owned();
            }
            Index::Slice(s) => {
                a = a.select(Axis(axis), &indices_of(*s, a.len_of(Axis(axis))));
                axis += 1;
            }
        }
    }
    Some(a)
}

/// A variable's view in the oracle.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) base: usize,
    pub(crate) at: ArrayD<usize>,
    pub(crate) array: Array,
}

/// The oracle's variables, and the handles on both sides.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) bases: Vec<Vec<f64>>,
    pub(crate) handles: Vec<Handle>,
    pub(crate) log: Vec<String>,
}

impl Model {
    /// A new variable on both sides.
    pub(crate) fn create(&mut self, shape: &[usize], values: Vec<f64>) {
        let array = Array::from_slice(shape, &values).unwrap();
        self.adopt(shape, values, array);
    }

    fn adopt(&mut self, shape: &[usize], values: Vec<f64>, array: Array) {
        let at = ArrayD::from_shape_vec(IxDyn(shape), (0..values.len()).collect()).unwrap();
        self.bases.push(values);
        self.handles.push(Handle { base: self.bases.len() - 1, at, array });
    }

    /// A handle's elements.
    pub(crate) fn values(&self, h: &Handle) -> ArrayD<f64> {
        h.at.mapv(|i| self.bases[h.base][i])
    }

    /// Compare a handle's elements on both sides.
    pub(crate) fn check(&self, h: &Handle) {
        let want = self.values(h);
        assert_eq!(h.array.shape(), want.shape(), "{}", self.log.join("\n"));
        let got = h.array.to_vec::<f64>().unwrap();
        let want: Vec<f64> = want.iter().copied().collect();
        let same = got.iter().zip(&want).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
        assert!(same && got.len() == want.len(), "got {got:?}\nwant {want:?}\n{}", self.log.join("\n"));
    }

    fn assign(&mut self, h: &Handle, items: &[Index], value: &ArrayD<f64>) {
        let Some(region) = index_oracle(h.at.clone(), items) else { return };
        let value = value.broadcast(region.raw_dim()).unwrap().to_owned();
        for (at, v) in region.iter().zip(value.iter()) {
            self.bases[h.base][*at] = *v;
        }
    }
}

/// Random index of an array with these extents.
pub(crate) fn random_index(r: &mut Random, shape: &[usize]) -> Vec<Index> {
    let mut items = Vec::new();
    for &n in shape {
        if r.once_in(8) {
            items.push(Index::NewAxis);
        }
        let n = n as isize;
        match r.below(8) {
            0 if n > 0 => items.push(Index::At(r.between(-n, n))),
            1 => items.push(Index::ALL),
            2 => items.push(Index::Slice(Slice { step: Some(-1), ..Slice::default() })),
            3 => items.push(Index::range(1, None)),
            4 => items.push(Index::range(None, -1)),
            5 => items.push(Index::range(1, -1)),
            _ => items.push(Index::Slice(Slice {
                start: (!r.once_in(3)).then(|| r.between(-n - 1, n + 2)),
                stop: (!r.once_in(3)).then(|| r.between(-n - 1, n + 2)),
                step: [None, Some(1), Some(2), Some(-1), Some(-2)][r.below(5)],
            })),
        }
    }
    if r.once_in(6) {
        let keep = r.below(items.len() + 1);
        items.truncate(keep);
        items.push(Index::Ellipsis);
    }
    items
}

/// Run a random program of `steps` statements on arrays of about `extent` per axis; checks as it goes.
pub(crate) fn random_program(seed: u64, steps: usize, extent: usize) {
    let mut r = Random(seed.wrapping_mul(0x9E3779B97F4A7C15) | 1);
    let mut m = Model::default();
    let mut fresh = 0;
    let mut values = |len: usize| -> Vec<f64> {
        fresh += 1;
        (0..len).map(|i| ((i * 7 + fresh * 13) % 101) as f64 - 50.0).collect()
    };
    for _ in 0..2 {
        let shape: Vec<usize> = (0..1 + r.below(3)).map(|_| 1 + r.below(extent)).collect();
        m.create(&shape, values(shape.iter().product()));
    }
    for step in 0..steps {
        if m.handles.len() > 8 {
            let gone = r.below(m.handles.len());
            m.handles.remove(gone);
        }
        let pick = r.below(m.handles.len());
        let h = m.handles[pick].clone();
        let what = r.below(14);
        m.log.push(format!("{step}: do {what} on handle {pick} {:?} of base {}", h.at.shape(), h.base));
        match what {
            0 => {
                let shape: Vec<usize> = (0..r.below(4)).map(|_| r.below(extent + 1)).collect();
                m.create(&shape, values(shape.iter().product()));
            }
            1 | 2 => {
                let items = random_index(&mut r, h.at.shape());
                m.log.push(format!("   index {items:?}"));
                match (index_oracle(h.at.clone(), &items), h.array.index(&items)) {
                    (Some(at), Ok(array)) => m.handles.push(Handle { base: h.base, at, array }),
                    (None, Err(_)) => {}
                    (at, array) => panic!("index: {at:?} {array:?}\n{}", m.log.join("\n")),
                }
            }
            3 => {
                let at = h.at.clone().reversed_axes().as_standard_layout().to_owned();
                m.handles.push(Handle { base: h.base, at, array: h.array.transpose(None).unwrap() });
            }
            4 => {
                let array = h.array.reshape(&[-1]).unwrap();
                let flat =
                    ArrayD::from_shape_vec(IxDyn(&[h.at.len()]), h.at.iter().copied().collect()).unwrap();
                if array.base_id() == h.array.base_id() {
                    m.handles.push(Handle { base: h.base, at: flat, array });
                } else {
                    let copy = m.values(&h).iter().copied().collect();
                    m.adopt(&[h.at.len()], copy, array);
                }
            }
            5 => {
                let copy = m.values(&h).iter().copied().collect();
                m.adopt(h.at.shape(), copy, h.array.copy().unwrap());
            }
            6 | 7 => {
                // Expression of a handle with another of its shape, or with a number.
                let other = m.handles.iter().find(|o| o.at.shape() == h.at.shape()).cloned().unwrap();
                let (a, b) = (m.values(&h), m.values(&other));
                let (want, got) = match r.below(3) {
                    0 => (&a + &b, Array::apply(Op::Add, &[(&h.array).into(), (&other.array).into()])),
                    1 => (a * 0.5, Array::apply(Op::Multiply, &[(&h.array).into(), 0.5.into()])),
                    _ => (&a - &b, Array::apply(Op::Subtract, &[(&h.array).into(), (&other.array).into()])),
                };
                let want = want.as_standard_layout().to_owned();
                m.adopt(h.at.shape(), want.iter().copied().collect(), got.unwrap());
            }
            8 => {
                let items = random_index(&mut r, h.at.shape());
                m.log.push(format!("   set {items:?} = {step}"));
                let number = ArrayD::from_elem(IxDyn(&[]), step as f64);
                if index_oracle(h.at.clone(), &items).is_some() {
                    m.assign(&h, &items, &number);
                    h.array.set(&items, step as f64).unwrap();
                } else {
                    assert!(h.array.set(&items, step as f64).is_err());
                }
            }
            9..=11 => set_from_itself(&mut r, &mut m, &h),
            12 => {
                let got = h.array.reduce(ReduceOp::Sum, &ReduceOptions::default()).unwrap().item().unwrap();
                let want: f64 = m.values(&h).iter().sum();
                let scale: f64 = m.values(&h).iter().map(|x| x.abs()).sum();
                let ok = (got.as_f64() - want).abs() <= 1e-12 * scale;
                assert!(ok, "sum {got:?}, want {want}\n{}", m.log.join("\n"));
            }
            _ => m.check(&h),
        }
    }
    for h in &m.handles {
        m.check(h);
    }
}

/// `a[i] = f(a[j])` for regions of one shape, which may overlap in any way.
fn set_from_itself(r: &mut Random, m: &mut Model, h: &Handle) {
    let items = random_index(r, h.at.shape());
    let Some(region) = index_oracle(h.at.clone(), &items) else { return };
    for _ in 0..20 {
        let from = random_index(r, h.at.shape());
        let Some(source) = index_oracle(h.at.clone(), &from) else { continue };
        if source.shape() != region.shape() {
            continue;
        }
        m.log.push(format!("   a{items:?} = f(a{from:?})"));
        let old = source.mapv(|i| m.bases[h.base][i]);
        let here = region.mapv(|i| m.bases[h.base][i]);
        let (a, b) = (h.array.index(&from).unwrap(), h.array.index(&items).unwrap());
        let (want, got) = match r.below(3) {
            0 => (old, a),
            1 => (old * 2.0, Array::apply(Op::Multiply, &[(&a).into(), 2.0.into()]).unwrap()),
            _ => (&old + &here, Array::apply(Op::Add, &[(&a).into(), (&b).into()]).unwrap()),
        };
        m.assign(h, &items, &want);
        drop(b);
        h.array.set(&items, &got).unwrap();
        return;
    }
}

/// The elements as doubles, whatever their type.
pub(crate) fn doubles(a: &Array) -> Vec<f64> {
    a.astype(DType::F64, gain::Casting::Unsafe).unwrap().to_vec().unwrap()
}
