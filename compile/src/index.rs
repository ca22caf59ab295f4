//! Subscripts and slices of array values: new views, and new rules for elements.
//!
//! Invariant: a slice that is made is one that Python would not clip; that is demanded of the call.

use crate::Result;
use crate::ir::*;
use crate::lower::Lower;
use crate::syntax::{Expr, ExprKind, Index};
use crate::values::{Array, Place, Source, V, add, sub, times};
use std::rc::Rc;

impl Lower {
    /// The transpose, a view if its argument is one.
    pub(crate) fn transposed(&self, array: Array) -> Array {
        let ndim = array.dims.len();
        let dims = array.dims.iter().rev().cloned().collect();
        let source = match &array.source {
            Source::View(arr, places) => {
                let turn = |place: &Place| match place {
                    Place::Along(start, step, axis) => Place::Along(start.clone(), *step, ndim - 1 - axis),
                    at => at.clone(),
                };
                Source::View(*arr, places.iter().map(turn).collect())
            }
            Source::Map(rule) => {
                let rule = rule.clone();
                Source::Map(Rc::new(move |index| rule(&index.iter().rev().cloned().collect::<Vec<_>>())))
            }
        };
        Array { dims, source, ..array }
    }

    /// What a subscript is of: of a row that is only a step on the way to an element, nothing is demanded.
    pub(crate) fn subscripted(&mut self, base: &Expr) -> Result<V> {
        let ExprKind::Subscript(inner, index) = &base.kind else { return self.value(base) };
        match self.subscripted(inner)? {
            V::Array(array) => self.indexed(array, index),
            _ => self.value(base),
        }
    }

    /// Demands that the places of a part are within the array, as Python looks even if the part is empty.
    pub(crate) fn demand_places(&mut self, part: &V) -> Result<()> {
        let V::Array(Array { source: Source::View(arr, places), .. }) = part else { return Ok(()) };
        let whole = self.whole(*arr);
        for (place, extent) in places.iter().zip(whole.dims) {
            if let Place::At(at) = place {
                self.demand(at, "a subscript is within the array")?;
                self.demand(&sub(sub(extent, E::Int(1)), at.clone()), "a subscript is within the array")?;
            }
        }
        Ok(())
    }

    /// An element or a part.
    pub(crate) fn indexed(&mut self, array: Array, index: &[Index]) -> Result<V> {
        if array.is_list && (index.len() != 1 || !matches!(index[0], Index::At(_))) {
            return self.refuse("a slice of a list");
        }
        let given = index.iter().filter(|index| matches!(index, Index::At(_) | Index::Slice(..))).count();
        if given > array.dims.len() {
            return self.refuse("more subscripts than axes");
        }
        let missing = array.dims.len() - given;
        let full = Index::Slice(None, None, None);
        let mut all: Vec<&Index> = Vec::new();
        match index.iter().position(|index| matches!(index, Index::Ellipsis)) {
            Some(at) => {
                all.extend(&index[..at]);
                all.extend(std::iter::repeat_n(&full, missing));
                all.extend(&index[at + 1..]);
            }
            None => {
                all.extend(index);
                all.extend(std::iter::repeat_n(&full, missing));
            }
        }
        let (mut dims, mut places) = (Vec::new(), Vec::new());
        for index in all {
            let extent = array.dims.get(places.len()).cloned();
            match (index, extent) {
                (Index::NewAxis, _) => dims.push(E::Int(1)),
                (Index::At(at), Some(extent)) => {
                    let V::Scalar(at, _) = self.value(at)? else {
                        return self.refuse("an array as a subscript");
                    };
                    if self.ty(&at) != Ty::Int {
                        return self.refuse("a subscript that is no int");
                    }
                    let at = from_the_end(at, &extent);
                    if !array.source.is_view() {
                        self.demand(&at, "a subscript is within the array")?;
                        self.demand(
                            &sub(sub(extent, E::Int(1)), at.clone()),
                            "a subscript is within the array",
                        )?;
                    }
                    places.push(Place::At(at));
                }
                (Index::Slice(start, end, step), Some(extent)) => {
                    let step = match step {
                        None => 1,
                        Some(Expr { kind: ExprKind::Int(step), .. }) if *step != 0 => *step,
                        Some(_) => return self.refuse("a step of a slice that is no constant"),
                    };
                    let mut end_of = |end: &Option<Expr>| -> Result<Option<E>> {
                        match end {
                            None => Ok(None),
                            Some(Expr { kind: ExprKind::None, .. }) => Ok(None),
                            Some(end) => Ok(Some(from_the_end(self.int(end)?, &extent))),
                        }
                    };
                    let (start, end) = (end_of(start)?, end_of(end)?);
                    let (start, length) = self.slice(start, end, step, &extent)?;
                    places.push(Place::Along(start, step, dims.len()));
                    dims.push(length);
                }
                _ => return self.refuse("more subscripts than axes"),
            }
        }
        // Axes of the value beneath, in terms of those of the new one.
        let source = match &array.source {
            Source::View(arr, under) => {
                let through = |place: &Place| match place {
                    Place::At(at) => Place::At(at.clone()),
                    Place::Along(start, step, axis) => match &places[*axis] {
                        Place::At(at) => Place::At(add(start.clone(), times(at.clone(), *step))),
                        Place::Along(first, by, to) => {
                            Place::Along(add(start.clone(), times(first.clone(), *step)), step * by, *to)
                        }
                    },
                };
                Source::View(*arr, under.iter().map(through).collect())
            }
            Source::Map(rule) => {
                let rule = rule.clone();
                Source::Map(Rc::new(move |index| {
                    let at = places.iter().map(|place| match place {
                        Place::At(at) => at.clone(),
                        Place::Along(start, step, axis) => {
                            add(start.clone(), times(index[*axis].clone(), *step))
                        }
                    });
                    rule(&at.collect::<Vec<_>>())
                }))
            }
        };
        let part = Array { dims, source, ..array };
        if part.dims.is_empty() { Ok(self.scalar(part.element(&[]))) } else { Ok(V::Array(part)) }
    }

    /// First element and length of a slice; it is demanded that nothing is clipped.
    fn slice(&mut self, start: Option<E>, end: Option<E>, step: i64, extent: &E) -> Result<(E, E)> {
        if step > 0 {
            let is_open = (start.is_none(), end.is_none());
            let (start, end) = (start.unwrap_or(E::Int(0)), end.unwrap_or(extent.clone()));
            if !is_open.0 {
                self.demand(&start, "a slice starts within the array")?;
            }
            if !is_open.1 {
                self.demand(&sub(extent.clone(), end.clone()), "a slice ends within the array")?;
            }
            if is_open != (true, true) {
                self.demand(&sub(end.clone(), start.clone()), "a slice does not end before it starts")?;
            }
            let length = sub(end, start.clone());
            if step == 1 {
                return Ok((start, length));
            }
            let rounded = add(length, E::Int(step - 1));
            return Ok((start, E::Bin(Bin::FloorDiv, Ty::Int, Box::new(rounded), Box::new(E::Int(step)))));
        }
        if step != -1 {
            return self.refuse("a step of a slice below -1");
        }
        let first = start.unwrap_or(sub(extent.clone(), E::Int(1)));
        let length = match end {
            None => add(first.clone(), E::Int(1)),
            Some(end) => {
                self.demand(&end, "a slice ends within the array")?;
                sub(first.clone(), end)
            }
        };
        self.demand(&sub(sub(extent.clone(), E::Int(1)), first.clone()), "a slice starts within the array")?;
        self.demand(&length, "a slice does not end before it starts")?;
        Ok((first, length))
    }
}

/// Negative constants count from the end.
fn from_the_end(at: E, extent: &E) -> E {
    match at {
        E::Int(at) if at < 0 => add(extent.clone(), E::Int(at)),
        at => at,
    }
}
