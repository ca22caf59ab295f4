//! What a pass is about, apart from its structure.
//!
//! A pass is walked once. Its structure goes to the *key*, a list of words; the nodes, buffers and numbers it is about are
//! numbered in the order in which they are met. A plan names them by these numbers, so it serves every pass of the same key.
//!
//! Invariant: whatever [`lower`](super::lower), [`alias::choose`](super::alias::choose), the anchors and the cut ask of a
//! pass is in its key, or is the same for the whole process (ranks, threshold). Each item says how long it is, so equal keys
//! mean equal structures. Outside of it, and asked anew by each run, are: who holds references
//! ([`alias::exclusive_base`](super::alias::exclusive_base), though what came of it is in the key), epochs, where an operation
//! was recorded (but for which exceptions it wants to know of), and the values of numbers whose type is that of their
//! operation.

use super::{Anchor, Numbers, Owned, Pass, Target};
use crate::dtype::{DType, Scalar};
use crate::memory::{Blocks, Storage};
use crate::ops::Op;
use crate::record::{Arg, Expr, Node};
use crate::view::View;
use smallvec::SmallVec;
use std::sync::Arc;

/// Cheap enough to be computed twice rather than stored, when read through two views.
const TWICE: u32 = 2;

/// The parts of a pass by number, and its structure.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) key: Vec<u64>,
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) storages: SmallVec<[Arc<Storage>; 4]>,
    /// The numbers that are not in the key, and where they are.
    numbers: SmallVec<[(*const Arg, Scalar); 4]>,
}

/// Where a constant of a program comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// The scene's number of this number.
    Given(u32),
    /// An element of a replicated buffer: of this number, seen as elements of that type.
    Stored { storage: u32, dtype: DType, at: isize },
}

/// Marks in the key.
#[derive(Clone, Copy)]
enum Tag {
    Met,
    New,
    Stored,
    Number,
    Value,
    Element,
    Store,
    Fold,
}

/// Whether computing this twice costs more than storing it.
pub(super) fn is_costly(node: &Node, expr: &Expr) -> bool {
    node.weight_now() > TWICE || matches!(expr, Expr::Patch { .. })
}

impl Scene {
    /// The scene of a pass whose kept values may take over these buffers.
    pub(super) fn of(pass: &Pass, owned: &Owned) -> Scene {
        let mut scene = Scene {
            key: Vec::with_capacity(256),
            nodes: Vec::with_capacity(16),
            storages: SmallVec::new(),
            numbers: SmallVec::new(),
        };
        scene.pass(pass, owned);
        scene
    }

    /// The number of a node that was met.
    pub(super) fn node_number(&self, node: &Arc<Node>) -> u32 {
        let at = self.nodes.iter().position(|met| Arc::ptr_eq(met, node));
        at.expect("every node of a pass is met") as u32
    }

    /// The number of a buffer that was met.
    pub(super) fn storage_number(&self, storage: &Arc<Storage>) -> u32 {
        let at = self.storages.iter().position(|met| Arc::ptr_eq(met, storage));
        at.expect("every buffer of a pass is met") as u32
    }

    /// The source of the number that is this operand, if it isn't in the key.
    pub(super) fn source(&self, arg: &Arg) -> Option<Source> {
        let at = self.numbers.iter().position(|(met, _)| std::ptr::eq(*met, arg));
        at.map(|at| Source::Given(at as u32))
    }

    /// What a source has to give.
    pub(super) fn value(&self, source: Source) -> Scalar {
        match source {
            Source::Given(at) => self.numbers[at as usize].1,
            Source::Stored { storage, dtype, at } => {
                let home = &self.storages[storage as usize];
                let bytes_at = at * dtype.size_bytes() as isize;
                let address = home.local().wrapping_offset(bytes_at);
                // SAFETY: `lower` made the source of a view inside the replicated buffer (of one with the same cut and
                // element size, in a pass of the same key), which this rank holds in full, in private memory that only
                // operations of this process write, and it is this thread's turn.
                let bytes = unsafe { std::slice::from_raw_parts(address, dtype.size_bytes()) };
                Scalar::from_bytes(dtype, bytes)
            }
        }
    }

    fn push(&mut self, tag: Tag, more: u64) {
        self.key.push(tag as u64 | more << 8);
    }

    fn extents(&mut self, shape: &[usize]) {
        self.key.push(shape.len() as u64);
        self.key.extend(shape.iter().map(|&n| n as u64));
    }

    fn view(&mut self, view: &View) {
        self.extents(&view.shape);
        self.key.push(view.offset as u64);
        self.key.extend(view.strides.iter().map(|&s| s as u64));
    }

    fn blocks(&mut self, blocks: Blocks) {
        self.key.extend(blocks.words());
    }

    fn pass(&mut self, pass: &Pass, owned: &Owned) {
        self.extents(&pass.shape);
        self.key.push(u64::from(pass.alone) | u64::from(pass.reshaped) << 1);
        match &pass.anchor {
            Anchor::Everyone => self.key.push(0),
            Anchor::Operand => self.key.push(1),
            Anchor::Owner(blocks, view) => {
                self.key.push(2);
                self.blocks(*blocks);
                self.view(view);
            }
        }
        for (store, owned) in pass.stores.iter().zip(owned) {
            let wanted = u64::from(store.origin.policy.wanted());
            self.push(Tag::Store, store.dtype as u64 | wanted << 8 | u64::from(owned.is_some()) << 16);
            self.arg(pass, &store.value, None);
            owned.iter().for_each(|storage| self.storage(storage));
            match &store.to {
                Target::At(storage, view) => {
                    self.storage(storage);
                    self.view(view);
                }
                Target::Keep(node) => self.node(pass, node),
            }
        }
        for fold in &pass.folds {
            let wanted = u64::from(fold.origin.policy.wanted());
            let kind = match &fold.index {
                None => 0,
                Some(Numbers::Coordinates(_)) => 1,
                Some(Numbers::Stored(_)) => 2,
            };
            let to = fold.to.as_ref().map_or(0, |(_, indices, _)| 1 + u64::from(indices.is_some()));
            self.push(Tag::Fold, fold.op as u64 | wanted << 8 | kind << 16 | to << 24);
            self.arg(pass, &fold.value, None);
            match &fold.index {
                None => {}
                Some(Numbers::Coordinates(view)) => self.view(view),
                Some(Numbers::Stored(arg)) => self.arg(pass, arg, None),
            }
            if let Some((values, indices, view)) = &fold.to {
                self.storage(values);
                indices.iter().for_each(|storage| self.storage(storage));
                self.view(view);
            }
        }
    }

    /// An operand, which an operation takes as it is if it is of type `wanted`.
    fn arg(&mut self, pass: &Pass, arg: &Arg, wanted: Option<DType>) {
        match arg {
            Arg::Node(node, view) => {
                self.push(Tag::Element, 0);
                self.view(view);
                self.node(pass, node);
            }
            Arg::Const(x) if is_typed(*x) && wanted == Some(x.dtype()) => {
                self.push(Tag::Number, x.dtype() as u64);
                self.numbers.push((arg, *x));
            }
            Arg::Const(x) => self.scalar(*x),
        }
    }

    fn scalar(&mut self, x: Scalar) {
        let (kind, [low, high]) = match x {
            Scalar::PyInt(x) => (0, [x as u64, (x >> 64) as u64]),
            Scalar::PyFloat(x) => (1, [x.to_bits(), 0]),
            Scalar::PyComplex(x) => (2, [x.re.to_bits(), x.im.to_bits()]),
            _ => {
                let bits = u128::from_le_bytes(x.bytes());
                (3 + x.dtype() as u64, [bits as u64, (bits >> 64) as u64])
            }
        };
        self.push(Tag::Value, kind);
        self.key.extend([low, high]);
    }

    fn storage(&mut self, storage: &Arc<Storage>) {
        if let Some(at) = self.storages.iter().position(|met| Arc::ptr_eq(met, storage)) {
            return self.push(Tag::Met, at as u64);
        }
        let same = self.storages.iter().position(|met| met.is_same(storage)).map_or(0, |at| at as u64 + 1);
        let shows = storage.shows();
        self.storages.push(storage.clone());
        let flags = u64::from(shows.is_some()) << 8 | u64::from(storage.is_open()) << 9;
        self.push(Tag::New, storage.item_bytes() as u64 | flags | same << 16);
        self.blocks(storage.blocks());
        if let Some((blocks, item_bytes)) = shows {
            self.blocks(blocks);
            self.key.push(item_bytes as u64);
        }
        if storage.is_open() {
            self.meets(storage);
        }
    }

    /// Which of the buffers met so far have memory in common with an open one.
    #[cold]
    fn meets(&mut self, storage: &Storage) {
        let met = self.storages.iter().enumerate();
        let meets = met.filter(|(_, met)| met.overlaps(storage)).map(|(at, _)| at as u64);
        let meets: SmallVec<[u64; 4]> = meets.collect();
        self.key.push(meets.len() as u64);
        self.key.extend(meets);
    }

    fn node(&mut self, pass: &Pass, node: &Arc<Node>) {
        if let Some(at) = self.nodes.iter().position(|met| Arc::ptr_eq(met, node)) {
            return self.push(Tag::Met, at as u64);
        }
        self.nodes.push(node.clone());
        match (node.storage(), node.expr()) {
            (Some(storage), _) => {
                self.push(Tag::Stored, node.dtype as u64);
                self.storage(storage);
            }
            (None, Some(expr)) => self.lazy(pass, node, &expr),
            (None, None) => unreachable!("a node without expression is stored"),
        }
    }

    fn lazy(&mut self, pass: &Pass, node: &Arc<Node>, expr: &Expr) {
        // What a pass that meets this one stops at, whatever is below.
        let stops = node.wants_storage(expr) && !pass.keeps(node)
            || matches!(expr, Expr::Patch { seen: Some(_), .. } | Expr::Fold { .. });
        let kind = match expr {
            Expr::Fill(_) => 0,
            Expr::Coordinate(_) => 1,
            Expr::Map { .. } => 2,
            Expr::Cast(_) => 3,
            Expr::Join(_) => 4,
            Expr::Lens { .. } => 5,
            Expr::Patch { .. } => 6,
            Expr::Fold { .. } => 7,
            Expr::Elsewhere => unreachable!("no pass reads another job's elements"),
        };
        let is_custom = node.blocks.is_custom();
        let flags =
            kind | u64::from(is_costly(node, expr)) << 3 | u64::from(stops) << 4 | u64::from(is_custom) << 5;
        let wanted = u64::from(node.origin.policy.wanted());
        self.push(Tag::New, node.dtype as u64 | flags << 8 | wanted << 16);
        self.extents(&node.shape);
        if is_custom {
            self.blocks(node.blocks);
        }
        if stops {
            return;
        }
        match expr {
            Expr::Fill(x) => self.scalar(*x),
            Expr::Coordinate(axis) => self.key.push(*axis as u64),
            Expr::Map { op, output, args } => {
                let types = op.inputs.iter().chain(&op.outputs).rev().fold(0, |all, &d| all << 8 | d as u64);
                self.key.push(op.op as u64 | types << 8 | (args.len() as u64) << 48 | (*output as u64) << 56);
                if op.op.outputs() > 1 {
                    let twin = self.nodes.iter().position(|met| node.is_twin(met));
                    self.key.push(twin.map_or(u64::MAX, |at| at as u64));
                }
                for (arg, dtype) in args.iter().zip(op.inputs) {
                    // Which power it is decides how it is computed.
                    self.arg(pass, arg, Some(dtype).filter(|_| op.op != Op::Power));
                }
            }
            Expr::Cast(arg) => self.arg(pass, arg, None),
            Expr::Fold { .. } => unreachable!("passes stop at folds"),
            Expr::Elsewhere => unreachable!("met above"),
            Expr::Join(parts) => parts.iter().for_each(|arg| self.arg(pass, arg, None)),
            Expr::Lens { base, bytes } => {
                self.view(bytes);
                self.node(pass, base);
            }
            Expr::Patch { base, region, value, .. } => {
                self.view(region);
                self.arg(pass, value, Some(node.dtype));
                self.node(pass, base);
            }
        }
    }
}

fn is_typed(x: Scalar) -> bool {
    !matches!(x, Scalar::PyInt(_) | Scalar::PyFloat(_) | Scalar::PyComplex(_))
}
