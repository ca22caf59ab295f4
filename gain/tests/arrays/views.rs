//! View algebra against `ndarray` (slicing) and against the definition (reshape: a view exists exactly when the flat
//! positions, read in C order, are an affine function of the new coordinates).

use crate::common::index_oracle;
use gain::{Index, Slice, View};
use ndarray::IxDyn;
use proptest::prelude::*;

/// Flat positions of a view's elements in C order.
fn positions(view: &View) -> Vec<usize> {
    let shape = IxDyn(view.shape());
    ndarray::indices(shape)
        .into_iter()
        .map(|i| {
            let far: isize = (0..view.ndim()).map(|d| i[d] as isize * view.strides()[d]).sum();
            (view.offset() + far) as usize
        })
        .collect()
}

fn slice() -> impl Strategy<Value = Slice> {
    let end = || prop::option::of(-9isize..9);
    let step = prop::option::of(prop_oneof![1isize..4, -3isize..0]);
    (end(), end(), step).prop_map(|(start, stop, step)| Slice { start, stop, step })
}

fn items() -> impl Strategy<Value = Vec<Index>> {
    let item = prop_oneof![
        4 => slice().prop_map(Index::Slice),
        1 => (-6isize..6).prop_map(Index::At),
        1 => Just(Index::NewAxis),
    ];
    (prop::collection::vec(item, 0..4), prop::option::of(0usize..4)).prop_map(|(mut items, dots)| {
        if let Some(at) = dots {
            items.insert(at.min(items.len()), Index::Ellipsis);
        }
        items
    })
}

proptest! {
    #[test]
    fn any_sequence_of_slices(
        shape in prop::collection::vec(0usize..6, 0..4),
        steps in prop::collection::vec(items(), 1..4),
        transpose in any::<bool>(),
    ) {
        let size: usize = shape.iter().product();
        let mut want = ndarray::Array::from_shape_vec(IxDyn(&shape), (0..size).collect()).unwrap();
        let mut view = View::contiguous(&shape);
        for items in &steps {
            if transpose {
                view = view.transpose(None).unwrap();
                want = want.reversed_axes().as_standard_layout().to_owned();
            }
            match (index_oracle(want.clone(), items), view.index(items)) {
                (Some(w), Ok(v)) => { want = w; view = v; }
                (None, Err(_)) => return Ok(()),
                (w, v) => prop_assert!(false, "{items:?}: oracle {w:?}, view {v:?}"),
            }
            prop_assert_eq!(want.shape(), view.shape());
            prop_assert_eq!(want.iter().copied().collect::<Vec<_>>(), positions(&view));
        }
    }

    #[test]
    fn reshape_is_a_view_exactly_when_strides_exist(
        shape in prop::collection::vec(1usize..5, 0..4),
        how in items(),
        order in any::<bool>(),
        split in prop::collection::vec(1usize..7, 0..4),
    ) {
        let mut view = View::contiguous(&shape);
        if let Ok(v) = view.index(&how) { view = v; }
        if order { view = view.transpose(None).unwrap(); }
        let size = view.size();
        prop_assume!(size > 0);
        let mut new: Vec<usize> = Vec::new();
        let mut rest = size;
        for s in split { if rest.is_multiple_of(s) { new.push(s); rest /= s; } }
        new.push(rest);
        let flat = positions(&view);
        let strides: Vec<isize> = (0..new.len()).map(|d| {
            let unit: usize = new[d + 1..].iter().product();
            if new[d] > 1 { flat[unit] as isize - flat[0] as isize } else { 0 }
        }).collect();
        let exists = ndarray::indices(IxDyn(&new)).into_iter().enumerate().all(|(k, i)| {
            let far: isize = (0..new.len()).map(|d| i[d] as isize * strides[d]).sum();
            flat[0] as isize + far == flat[k] as isize
        });
        let got = view.reshape(&new).unwrap();
        prop_assert_eq!(got.is_some(), exists);
        if let Some(got) = got {
            prop_assert_eq!(positions(&got), flat);
        }
    }

    #[test]
    fn broadcasting_repeats(shape in prop::collection::vec(1usize..4, 0..3), lead in prop::collection::vec(1usize..4, 0..2)) {
        let size: usize = shape.iter().product();
        let a = ndarray::Array::from_shape_vec(IxDyn(&shape), (0..size).collect()).unwrap();
        let mut to = lead.clone();
        to.extend(shape.iter().map(|&n| if n == 1 { 3 } else { n }));
        let view = View::contiguous(&shape).broadcast_to(&to).unwrap();
        let want: Vec<usize> = a.broadcast(IxDyn(&to)).unwrap().iter().copied().collect();
        prop_assert_eq!(positions(&view), want);
    }
}

#[test]
fn impossible_shapes_are_refused() {
    let (none, one, far) = (View::contiguous(&[0]), View::contiguous(&[1]), 1usize << 32);
    for shape in [&[far, far][..], &[0, far, far], &[far, far, 0], &[1 << 62, 2, 2], &[1; 65]] {
        assert!(none.reshape(shape).is_err() && one.reshape(shape).is_err(), "{shape:?}");
        assert!(one.broadcast_to(shape).is_err(), "{shape:?}");
    }
    assert!(gain::view::broadcast_shapes(&[&[far, 1], &[1, far]]).is_err());
    let deep = View::contiguous(&[1; 64]);
    assert!(deep.index(&[Index::NewAxis]).is_err());
    assert!(deep.index(&[Index::At(0), Index::NewAxis]).is_ok());
}
