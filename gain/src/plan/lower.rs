//! Boxes and their programs.
//!
//! Walking an expression from its root, each node is met through a view: the node's elements that the box needs. A
//! lazy node is inlined by rewriting its operands' views ([`View::through`]). An assignment is inlined where the box
//! lies inside its region (the assigned value) or outside (the base); a box that does both is cut in two and both
//! are tried again. Every decision follows from the graph alone, so all ranks make the same boxes.

use super::choice::Choice;
use super::scene::{Scene, Source, is_costly};
use super::{Numbers, Pass, Target, lens};
use crate::dtype::{DType, real_part};
use crate::exec::{Builder, Mark, Program, Val};
use crate::memory::Storage;
use crate::ops::{Loop, resolve};
use crate::record::{Arg, Expr, Node};
use crate::status::site::Origin;
use crate::view::{AxisMap, Dims, View};
use smallvec::SmallVec;
use std::sync::Arc;

/// Why a box has no program yet.
#[derive(Debug)]
pub(super) enum Stop {
    /// The box straddles the edge of an assigned region.
    Cut { axis: usize, at: usize },
    /// This node must be stored first.
    Force(Arc<Node>),
    /// The iteration space must have this shape.
    Reshape(Dims),
}

/// Where a leaf's elements come from; views are over the box.
#[derive(Debug)]
pub(super) enum Read {
    /// The scene's number of the buffer, that buffer as one of elements of the leaf's size, and the view of it.
    Memory(u32, Arc<Storage>, View),
    /// Numbers `offset + sum(i * stride)`.
    Index(View),
}

impl Read {
    pub(super) fn memory(&self) -> Option<(&Arc<Storage>, &View)> {
        match self {
            Read::Memory(_, storage, view) => Some((storage, view)),
            Read::Index(_) => None,
        }
    }
}

/// A box of the iteration space with its program.
#[derive(Debug)]
pub(super) struct BoxPlan {
    pub(super) lo: Dims,
    pub(super) counts: Dims,
    pub(super) reads: Vec<Read>,
    leaves: Vec<Val>,
    /// One value per store of the pass, then one per fold.
    values: Vec<Val>,
    /// Numbering of elements, per fold.
    numbers: Vec<Option<Val>>,
    builder: Builder,
    /// The scene's numbers of nodes that are computed.
    pub(super) inlined: Vec<u32>,
    /// For whom values are computed, by tag.
    pub(super) asked: Vec<Asked>,
    /// Where the program's variables come from.
    pub(super) sources: Vec<Source>,
}

/// Who asked for an operation, to whom its floating-point exceptions are told.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: &'static str,
    pub(super) by: By,
    /// The exceptions that it wants to know of.
    pub(super) wanted: u8,
}

/// What of a pass an operation is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// A node of the scene, which remembers what it was told.
    Node(u32),
    /// The conversion of an operand of that node.
    Operand(u32),
    /// A store, which converts.
    Store(u32),
    /// A reduction, whose name counts.
    Fold(u32),
}

/// The boxes of a pass.
pub(super) fn lower(pass: &Pass, scene: &Scene) -> Result<Vec<BoxPlan>, Stop> {
    let mut done = Vec::new();
    if pass.shape.contains(&0) {
        return Ok(done);
    }
    let mut todo = vec![(SmallVec::from_elem(0, pass.shape.len()), pass.shape.clone())];
    while let Some((lo, counts)) = todo.pop() {
        match lower_box(pass, scene, &lo, &counts) {
            Ok(plan) => done.push(plan),
            Err(Stop::Cut { axis, at }) => {
                let (mut upper_lo, mut lower, mut upper): (Dims, Dims, Dims) =
                    (lo.clone(), counts.clone(), counts);
                upper_lo[axis] += at;
                lower[axis] = at;
                upper[axis] -= at;
                todo.push((upper_lo, upper));
                todo.push((lo, lower));
            }
            Err(stop) => return Err(stop),
        }
    }
    Ok(done)
}

fn lower_box(pass: &Pass, scene: &Scene, lo: &Dims, counts: &Dims) -> Result<BoxPlan, Stop> {
    let mut walk = Walk {
        pass,
        scene,
        counts,
        builder: Builder::new(),
        reads: Vec::with_capacity(8),
        leaves: Vec::with_capacity(8),
        met: Vec::with_capacity(16),
        calls: Vec::new(),
        inlined: Vec::with_capacity(8),
        asked: Vec::with_capacity(8),
        sources: Vec::new(),
    };
    let part = |arg: &Arg| arg.map_view(|view| view.patch(lo, counts).canonical());
    let mut values = Vec::with_capacity(pass.stores.len() + pass.folds.len());
    for (i, store) in pass.stores.iter().enumerate() {
        let value = walk.arg(&part(&store.value))?;
        if walk.builder.dtype(value) != store.dtype {
            walk.ask("cast", store.origin, By::Store(i as u32));
        }
        values.push(walk.builder.cast(value, store.dtype));
    }
    let mut numbers = Vec::new();
    for fold in &pass.folds {
        values.push(walk.arg(&part(&fold.value))?);
        numbers.push(match &fold.index {
            None => None,
            Some(Numbers::Coordinates(view)) => {
                Some(walk.read(DType::I64, Read::Index(view.patch(lo, counts))))
            }
            Some(Numbers::Stored(arg)) => Some(walk.arg(&part(arg))?),
        });
    }
    let Walk { builder, reads, leaves, inlined, asked, sources, .. } = walk;
    let (lo, counts) = (lo.clone(), counts.clone());
    Ok(BoxPlan { lo, counts, reads, leaves, values, numbers, builder, inlined, asked, sources })
}

/// An output of a call, its operands, and all outputs in the program.
type Call = (Arc<Node>, SmallVec<[Val; 3]>, SmallVec<[Val; 2]>);

struct Walk<'a> {
    pass: &'a Pass,
    scene: &'a Scene,
    counts: &'a Dims,
    builder: Builder,
    reads: Vec<Read>,
    leaves: Vec<Val>,
    /// Nodes met, through which view, and what they are in the program.
    met: Vec<(*const Node, View, Val)>,
    /// Calls with several outputs: one of these, the operands, what was made of them.
    calls: Vec<Call>,
    inlined: Vec<u32>,
    asked: Vec<Asked>,
    sources: Vec<Source>,
}

/// Notes who asks for what the builder is given next.
fn ask(builder: &mut Builder, asked: &mut Vec<Asked>, name: &'static str, origin: Origin, by: By) {
    let wanted = origin.policy.wanted();
    builder.mark(Mark { tag: asked.len() as u32, wanted });
    asked.push(Asked { name, by, wanted });
}

impl Walk<'_> {
    /// Notes who asks for what the builder is given next.
    fn ask(&mut self, name: &'static str, origin: Origin, by: By) {
        ask(&mut self.builder, &mut self.asked, name, origin, by);
    }

    /// As [`Walk::ask`], for the operation of a node.
    fn ask_for(&mut self, name: &'static str, node: &Arc<Node>) {
        self.ask(name, node.origin, By::Node(self.scene.node_number(node)));
    }

    fn read(&mut self, dtype: DType, read: Read) -> Val {
        let leaf = self.builder.leaf(dtype);
        self.reads.push(read);
        self.leaves.push(leaf);
        leaf
    }

    fn arg(&mut self, arg: &Arg) -> Result<Val, Stop> {
        match arg {
            Arg::Const(x) => Ok(match self.scene.source(arg) {
                Some(source) => self.variable(source),
                None => self.builder.constant(*x),
            }),
            Arg::Node(node, view) => self.node(node, view),
        }
    }

    /// A number that the plan doesn't depend on.
    fn variable(&mut self, source: Source) -> Val {
        self.sources.push(source);
        self.builder.variable(self.scene.value(source), self.sources.len() as u32 - 1)
    }

    /// The value of `node` at the elements that `view` shows.
    fn node(&mut self, node: &Arc<Node>, view: &View) -> Result<Val, Stop> {
        let same = |(met, v, _): &&(*const Node, View, Val)| *met == Arc::as_ptr(node) && v == view;
        if let Some((_, _, value)) = self.met.iter().find(same) {
            return Ok(*value);
        }
        let value = match node.expr() {
            None => self.stored(node, view),
            Some(expr) => self.lazy(node, &expr, view)?,
        };
        self.met.push((Arc::as_ptr(node), view.clone(), value));
        Ok(value)
    }

    fn stored(&mut self, node: &Arc<Node>, view: &View) -> Val {
        let storage = node.storage().expect("a node without expression is stored");
        self.memory(node.dtype, self.scene.storage_number(storage), storage, view)
    }

    fn memory(&mut self, dtype: DType, number: u32, storage: &Arc<Storage>, view: &View) -> Val {
        let is_one = view.strides.iter().all(|&s| s == 0);
        if is_one && !storage.blocks().is_distributed() {
            return self.variable(Source::Stored { storage: number, dtype, at: view.offset });
        }
        self.read(dtype, Read::Memory(number, storage.clone(), view.clone()))
    }

    /// Elements of type `dtype` in the memory of `base`, from the bytes that the view shows.
    fn lens(&mut self, node: &Arc<Node>, base: &Arc<Node>, bytes: &View) -> Result<Val, Stop> {
        let dtype = node.dtype;
        if let Some(storage) = base.storage() {
            let place = lens::memory(storage, dtype.size_bytes(), bytes);
            let (seen, view) = place.ok_or_else(|| Stop::Force(node.clone()))?;
            let number = self.scene.storage_number(storage);
            if dtype == DType::Bool {
                // A byte that isn't 0 is true; the kernels know 0 and 1 only.
                let byte = self.memory(DType::U8, number, &seen, &view.canonical());
                return Ok(self.builder.cast(byte, DType::Bool));
            }
            return Ok(self.memory(dtype, number, &seen, &view.canonical()));
        }
        let Some((op, view)) = lens::part(base.dtype, dtype, bytes) else {
            return Err(Stop::Force(base.clone()));
        };
        let whole = self.node(base, &view.canonical())?;
        let op = resolve(op, &[base.dtype.into()]).expect("complex numbers have parts");
        Ok(self.builder.apply(&op, &[whole]))
    }

    fn lazy(&mut self, node: &Arc<Node>, expr: &Expr, view: &View) -> Result<Val, Stop> {
        if let Expr::Fill(x) = expr {
            return Ok(self.builder.constant(x.cast(node.dtype)));
        }
        let kept = self.pass.keeps(node);
        let met_before = self.met.iter().any(|(met, _, _)| *met == Arc::as_ptr(node));
        if !kept && node.wants_storage(expr) || met_before && is_costly(node, expr) {
            return Err(Stop::Force(node.clone()));
        }
        let Some(map) = view.axis_map(&node.shape) else { return Err(self.pass.cannot_map(node)) };
        let value = match expr {
            Expr::Fill(_) => unreachable!("handled above"),
            Expr::Elsewhere => unreachable!("no pass reads another job's elements"),
            Expr::Coordinate(axis) => {
                let steps = map.walks.iter().map(|w| w.map_or(0, |(a, s)| if a == *axis { s } else { 0 }));
                let numbers = View {
                    offset: map.start[*axis] as isize,
                    shape: self.counts.clone(),
                    strides: steps.collect(),
                };
                self.read(DType::I64, Read::Index(numbers))
            }
            Expr::Map { op, output, args } => {
                let mut args = self.args(args, &map)?;
                let made = if op.op.outputs() > 1 {
                    self.output(node, op, args)[*output]
                } else {
                    self.convert(node, op, &mut args);
                    self.ask_for(op.op.name(), node);
                    self.builder.apply(op, &args)
                };
                self.builder.cast(made, node.dtype)
            }
            Expr::Cast(arg) => {
                let value = self.inner(arg, &map)?;
                self.ask_for("cast", node);
                self.builder.cast(value, node.dtype)
            }
            Expr::Join(parts) => {
                let [re, im] = parts;
                let (re, im) = (self.inner(re, &map)?, self.inner(im, &map)?);
                let part = real_part(node.dtype);
                let (re, im) = (self.builder.cast(re, part), self.builder.cast(im, part));
                self.builder.join(re, im)
            }
            Expr::Lens { base, bytes } => {
                self.lens(node, base, &bytes.through(&map, self.counts).canonical())?
            }
            Expr::Patch { seen: Some(_), .. } | Expr::Fold { .. } => {
                return Err(Stop::Force(node.clone()));
            }
            Expr::Patch { base, region, value, seen: None } => {
                self.patch(node, base, region, value, &map, view)?
            }
        };
        self.inlined.push(self.scene.node_number(node));
        Ok(value)
    }

    /// Arguments of an operation, in the types of its loop.
    fn convert(&mut self, node: &Arc<Node>, op: &Loop, args: &mut [Val]) {
        for (arg, dtype) in args.iter_mut().zip(op.inputs) {
            if self.builder.dtype(*arg) != dtype {
                self.ask("cast", node.origin, By::Operand(self.scene.node_number(node)));
                *arg = self.builder.cast(*arg, dtype);
            }
        }
    }

    /// An operand of an inlined node.
    fn inner(&mut self, arg: &Arg, map: &AxisMap) -> Result<Val, Stop> {
        match arg {
            Arg::Const(_) => self.arg(arg),
            Arg::Node(node, view) => self.node(node, &view.through(map, self.counts).canonical()),
        }
    }

    /// All outputs of the call that a node is one of, computed once for its twin as well.
    fn output(&mut self, node: &Arc<Node>, op: &Loop, args: SmallVec<[Val; 3]>) -> SmallVec<[Val; 2]> {
        let met = self.calls.iter().find(|(twin, met, _)| node.is_twin(twin) && *met == args);
        if let Some((_, _, outputs)) = met {
            return outputs.clone();
        }
        let mut converted = args.clone();
        self.convert(node, op, &mut converted);
        self.ask_for(op.op.name(), node);
        let outputs = self.builder.apply_all(op, &converted);
        self.calls.push((node.clone(), args, outputs.clone()));
        outputs
    }

    fn args(&mut self, args: &[Arg], map: &AxisMap) -> Result<SmallVec<[Val; 3]>, Stop> {
        args.iter().map(|arg| self.inner(arg, map)).collect()
    }

    fn patch(
        &mut self,
        node: &Arc<Node>,
        base: &Arc<Node>,
        region: &View,
        value: &Arg,
        map: &AxisMap,
        view: &View,
    ) -> Result<Val, Stop> {
        let Some(hole) = region.axis_map(&node.shape).filter(AxisMap::is_box) else {
            return Err(Stop::Force(node.clone()));
        };
        // The region's axis that walks along each axis of the base, and its extent.
        let extent = |a: usize| {
            let walk = hole.walks.iter().position(|w| matches!(w, Some((along, _)) if *along == a));
            (walk, walk.map_or(1, |d| region.shape[d]))
        };
        for a in 0..node.shape.len() {
            let (lo, hi) = (hole.start[a] as isize, (hole.start[a] + extent(a).1) as isize);
            let (least, most) = map.span(a, self.counts);
            if most < lo || least >= hi {
                return self.node(base, view);
            }
            if least >= lo && most < hi {
                continue;
            }
            let mut walks = (0..map.walks.len()).filter(|&d| matches!(map.walks[d], Some((b, _)) if b == a));
            let (Some(d), None) = (walks.next(), walks.next()) else {
                return Err(Stop::Force(node.clone()));
            };
            let step = map.walks[d].map_or(1, |(_, step)| step);
            return Err(Stop::Cut { axis: d, at: crossing(map.start[a] as isize, step, lo, hi) });
        }
        // Inside: the box's coordinates, relative to the region and in the order of the region's axes.
        let inside =
            View { offset: 0, shape: region.shape.clone(), strides: crate::view::c_strides(&region.shape) };
        let mut at = inside.clone();
        at.shape = self.counts.clone();
        at.strides = SmallVec::from_elem(0, self.counts.len());
        for a in 0..node.shape.len() {
            if let (Some(d), _) = extent(a) {
                at.offset += (map.start[a] - hole.start[a]) as isize * inside.strides[d];
                for (i, walk) in map.walks.iter().enumerate() {
                    if let Some((b, step)) = walk
                        && *b == a
                    {
                        at.strides[i] = step * inside.strides[d];
                    }
                }
            }
        }
        let Arg::Node(from, from_view) = value else {
            return self.arg(value).map(|v| self.builder.cast(v, node.dtype));
        };
        let Some(rel) = at.axis_map(&region.shape) else { return Err(Stop::Force(node.clone())) };
        let value = self.node(from, &from_view.through(&rel, self.counts).canonical())?;
        self.ask_for("cast", node);
        Ok(self.builder.cast(value, node.dtype))
    }
}

/// First index at which `start + i * step` is on the other side of the edge of `[lo, hi)` that it meets first.
fn crossing(start: isize, step: isize, lo: isize, hi: isize) -> usize {
    let steps = |far: isize| far.unsigned_abs().div_ceil(step.unsigned_abs());
    match step > 0 {
        true if start < lo => steps(lo - start),
        true => steps(hi - start),
        false if start >= hi => steps(start - (hi - 1)),
        false => steps(start - (lo - 1)),
    }
}

impl Pass {
    pub(super) fn keeps(&self, node: &Arc<Node>) -> bool {
        self.stores.iter().any(|s| matches!(&s.to, Target::Keep(n) if Arc::ptr_eq(n, node)))
    }

    /// The node is met by a view that leaves its axes: make the space that of the node, or store it first.
    fn cannot_map(&self, node: &Arc<Node>) -> Stop {
        let other = self.shape != node.shape && self.shape.iter().product::<usize>() == node.len();
        if other && !self.reshaped && self.can_reshape(&node.shape) {
            Stop::Reshape(node.shape.clone())
        } else {
            Stop::Force(node.clone())
        }
    }
}

impl BoxPlan {
    /// Compile, with stores for those targets that the box changes; returns their numbers.
    pub(super) fn finish(&mut self, pass: &Pass, targets: &[Choice]) -> (Program, Vec<usize>) {
        let mut builder = std::mem::take(&mut self.builder);
        let mut stored = Vec::new();
        for (i, target) in targets.iter().enumerate() {
            if !self.is_leaf_of(self.values[i], target) {
                builder.store(self.values[i]);
                stored.push(i);
            }
        }
        for (i, fold) in pass.folds.iter().enumerate() {
            let value = self.values[targets.len() + i];
            ask(&mut builder, &mut self.asked, fold.name, fold.origin, By::Fold(i as u32));
            match &fold.to {
                None => builder.reduce(fold.op, value, self.numbers[i]),
                Some(_) => builder.reduce_axes(fold.op, value, self.numbers[i]),
            }
        }
        (builder.finish(), stored)
    }

    /// Whether a value is just read from where it is to be stored.
    fn is_leaf_of(&self, value: Val, target: &Choice) -> bool {
        let Choice::Existing(storage, view) = target else { return false };
        let to = view.patch(&self.lo, &self.counts).canonical();
        let leaf = self.leaves.iter().position(|&leaf| leaf == value);
        let read = leaf.and_then(|leaf| self.reads[leaf].memory());
        read.is_some_and(|(s, v)| s.is_same(storage) && s.item_bytes() == storage.item_bytes() && *v == to)
    }
}
