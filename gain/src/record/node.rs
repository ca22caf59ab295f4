//! Values, stored or lazy, and how the elements of a lazy one follow from those of others.

use crate::dtype::{Category, DType, Scalar, category};
use crate::lock;
use crate::memory::{Blocks, Storage, blocks_for, blocks_like};
use crate::ops::{Loop, ReduceOp};
use crate::session;
use crate::status::site::{self, Origin};
use crate::view::{Dims, View};
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// Expressions of more operations than this are stored before more is built on them.
pub(crate) const WEIGHT_LIMIT: u32 = 64;

/// A value of so many elements is worth getting rid of, and one of so many times fewer is computed for that.
const PINNED: usize = 16384;
const PINNED_SHARE: usize = 16;

/// What an assignment counts for: each may double the number of boxes.
const PATCH_WEIGHT: u32 = 6;

/// An operand of an expression: a view of a node, or one number for all elements.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    /// Elements of a node; the view's shape is that of the expression.
    Node(Arc<Node>, View),
    /// A typed number.
    Const(Scalar),
}

/// How the elements of a node follow from others.
#[derive(Debug)]
pub(crate) enum Expr {
    /// One number everywhere.
    Fill(Scalar),
    /// The coordinate along an axis.
    Coordinate(usize),
    /// Output `output` of an operation, element by element, converted to the node's type.
    Map { op: Loop, output: usize, args: SmallVec<[Arg; 2]> },
    /// The argument's elements, converted to the node's type.
    Cast(Arg),
    /// The complex numbers of these real and imaginary parts (converted).
    Join([Arg; 2]),
    /// The memory of `base` as elements of the node's type: the view counts bytes.
    Lens { base: Arc<Node>, bytes: View },
    /// The argument's elements, of the node's type, folded over the axes marked. Computed by a pass of its own.
    Fold { op: ReduceOp, value: Arg, reduced: SmallVec<[bool; 4]> },
    /// `base` with the elements that `region` shows replaced by those of `value` (converted). With a type, the region
    /// counts bytes, and elements of that type are replaced there.
    Patch { base: Arc<Node>, region: View, value: Arg, seen: Option<DType> },
    /// The elements are in another job ([`super::elsewhere`]): shape and type are all that is known here.
    Elsewhere,
}

/// Floating-point exceptions of a call that were told of.
#[derive(Debug)]
enum Told {
    Own(AtomicU8),
    Shared(Arc<Call>),
}

/// What the values of a call with several outputs have in common.
#[derive(Debug, Default)]
struct Call {
    told: AtomicU8,
    outputs: OnceLock<SmallVec<[Weak<Node>; 2]>>,
}

impl Default for Told {
    fn default() -> Told {
        Told::Own(AtomicU8::new(0))
    }
}

/// A value: a whole array in C order.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) shape: Dims,
    pub(crate) dtype: DType,
    /// How the elements are spread, once they are stored.
    pub(crate) blocks: Blocks,
    /// Distributed values have even numbers, the same on all ranks; others have odd ones.
    pub(crate) number: u64,
    /// Operations that computing this takes, from what is stored.
    pub(crate) weight: u32,
    /// Where it was asked for.
    pub(crate) origin: Origin,
    /// Whether one of them takes much longer than moving an element does.
    is_heavy: bool,
    /// Whether an operand may be much larger than this.
    is_part: bool,
    /// Whether open memory is read for it (see [`crate::memory`]).
    reads_open: bool,
    /// Whether its elements are in another job, or follow from such.
    is_elsewhere: bool,
    /// Cells whose value this is.
    handles: AtomicU32,
    /// Passes that computed this without storing it.
    computed: AtomicU32,
    /// Floating-point exceptions that were told of; outputs of one call share them.
    told: Told,
    storage: Home,
    expr: Mutex<Option<Arc<Expr>>>,
}

/// Where a value is stored. (A lock that is born set costs more than all else about a small value.)
#[derive(Debug)]
enum Home {
    /// It always was.
    Born(Arc<Storage>),
    /// It will be.
    Later(OnceLock<Arc<Storage>>),
}

/// What the operands of an expression come to.
struct Sum {
    weight: u32,
    is_heavy: bool,
    is_part: bool,
    reads_open: bool,
    is_elsewhere: bool,
}

impl Sum {
    /// Of no operand: an operation of this weight.
    fn of_none(weight: u32) -> Sum {
        Sum { weight, is_heavy: false, is_part: false, reads_open: false, is_elsewhere: false }
    }

    /// Adds an operand of a value of `len` elements.
    #[inline]
    fn add(&mut self, below: &Node, len: usize) {
        let weight = below.weight_now();
        self.weight = self.weight.saturating_add(weight);
        self.is_heavy |= weight > 0 && below.is_heavy;
        self.reads_open |= below.is_open() || below.is_volatile();
        self.is_elsewhere |= below.is_elsewhere;
        // (What a lens shows may be part of more.)
        self.is_part |= weight > 0 && below.is_part || below.len() >= pinned_by(len);
    }
}

/// A value of so many elements is worth getting rid of for one of `len`.
fn pinned_by(len: usize) -> usize {
    PINNED.max(len.saturating_mul(PINNED_SHARE))
}

impl Node {
    /// A value whose elements are in memory.
    pub(crate) fn stored(shape: Dims, dtype: DType, storage: Arc<Storage>) -> Arc<Node> {
        let blocks = if storage.blocks().is_custom() { storage.blocks() } else { blocks_for(&shape) };
        Node::in_memory(shape, dtype, blocks, storage, site::known())
    }

    /// A replicated value whose elements are in memory, of which nobody knows any more where it was asked for.
    pub(super) fn stored_once(shape: Dims, dtype: DType, storage: Arc<Storage>) -> Arc<Node> {
        Node::in_memory(shape, dtype, storage.blocks(), storage, Origin::default())
    }

    fn in_memory(
        shape: Dims,
        dtype: DType,
        blocks: Blocks,
        storage: Arc<Storage>,
        origin: Origin,
    ) -> Arc<Node> {
        Arc::new(Node {
            blocks,
            number: session::get().number(blocks.is_distributed()),
            shape,
            dtype,
            weight: 0,
            origin,
            is_heavy: false,
            is_part: false,
            reads_open: false,
            is_elsewhere: false,
            handles: AtomicU32::new(0),
            computed: AtomicU32::new(0),
            told: Told::default(),
            storage: Home::Born(storage),
            expr: Mutex::new(None),
        })
    }

    /// A value yet to be computed.
    pub(crate) fn lazy(shape: Dims, dtype: DType, expr: Expr) -> Arc<Node> {
        let weight = if matches!(expr, Expr::Patch { .. }) { PATCH_WEIGHT } else { 1 };
        let mut sum = Sum { is_heavy: expr.is_heavy(), ..Sum::of_none(weight) };
        let len = shape.iter().product();
        expr.operands().for_each(|below| sum.add(below, len));
        let blocks = blocks_like(&shape, expr.operands().map(|below| (below.blocks, &below.shape[..])));
        Node::spread(shape, dtype, expr, blocks, sum)
    }

    /// As [`Node::lazy`], of a fold whose operands are no part of what is built on it.
    pub(crate) fn folded(shape: Dims, dtype: DType, expr: Expr) -> Arc<Node> {
        let blocks = blocks_for(&shape);
        Node::spread(shape, dtype, expr, blocks, Sum::of_none(1))
    }

    /// A value whose elements are in another job.
    pub(crate) fn elsewhere(shape: Dims, dtype: DType) -> Arc<Node> {
        let (blocks, sum) = (blocks_for(&shape), Sum { is_elsewhere: true, ..Sum::of_none(0) });
        Node::spread(shape, dtype, Expr::Elsewhere, blocks, sum)
    }

    /// As [`Node::lazy`], spread as the program says.
    pub(crate) fn lazy_in(blocks: Blocks, shape: Dims, dtype: DType, expr: Expr) -> Arc<Node> {
        let mut sum = Sum::of_none(1);
        expr.operands().for_each(|below| sum.add(below, blocks.len()));
        Node::spread(shape, dtype, expr, blocks, Sum { is_heavy: false, ..sum })
    }

    #[inline]
    fn spread(shape: Dims, dtype: DType, expr: Expr, blocks: Blocks, sum: Sum) -> Arc<Node> {
        // (What it would be computed from is not kept.)
        let (expr, sum) = match sum.is_elsewhere {
            true => (Expr::Elsewhere, Sum { is_elsewhere: true, ..Sum::of_none(0) }),
            false => (expr, sum),
        };
        Arc::new(Node {
            blocks,
            number: session::get().number(blocks.is_distributed()),
            shape,
            dtype,
            weight: sum.weight,
            origin: site::current(),
            is_heavy: sum.is_heavy,
            is_part: sum.is_part,
            reads_open: sum.reads_open,
            is_elsewhere: sum.is_elsewhere,
            handles: AtomicU32::new(0),
            computed: AtomicU32::new(0),
            told: Told::default(),
            storage: Home::Later(OnceLock::new()),
            expr: Mutex::new(Some(Arc::new(expr))),
        })
    }

    /// As [`Node::lazy`], one for each output of an operation.
    pub(crate) fn outputs(
        shape: &Dims,
        op: Loop,
        args: &SmallVec<[Arg; 2]>,
        dtypes: &[DType],
    ) -> SmallVec<[Arc<Node>; 2]> {
        let call = Arc::new(Call::default());
        let nodes: SmallVec<[Arc<Node>; 2]> = (0..op.op.outputs())
            .map(|output| {
                let expr = Expr::Map { op, output, args: args.clone() };
                let mut node = Node::lazy(shape.clone(), dtypes[output], expr);
                if let Some(node) = Arc::get_mut(&mut node) {
                    node.told = Told::Shared(call.clone());
                }
                node
            })
            .collect();
        _ = call.outputs.set(nodes.iter().map(Arc::downgrade).collect());
        nodes
    }

    /// Whether both are outputs of one call.
    pub(crate) fn is_twin(&self, other: &Node) -> bool {
        match (&self.told, &other.told) {
            (Told::Shared(mine), Told::Shared(theirs)) => {
                Arc::ptr_eq(mine, theirs) && !std::ptr::eq(self, other)
            }
            _ => false,
        }
    }

    /// The other output of the call that this is one of, if a variable has it and it is to be computed yet.
    pub(crate) fn twin(&self) -> Option<Arc<Node>> {
        let Told::Shared(call) = &self.told else { return None };
        let outputs = call.outputs.get()?.iter().filter_map(Weak::upgrade);
        outputs.into_iter().find(|other| self.is_twin(other) && other.is_named() && other.storage().is_none())
    }

    /// Which of these floating-point exceptions of this value's operation are told of for the first time.
    pub(crate) fn tell(&self, bits: u8) -> u8 {
        let told = match &self.told {
            Told::Own(told) => told,
            Told::Shared(call) => &call.told,
        };
        bits & !told.fetch_or(bits, Relaxed)
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Where the elements are, if they are.
    #[inline]
    pub(crate) fn storage(&self) -> Option<&Arc<Storage>> {
        match &self.storage {
            Home::Born(storage) => Some(storage),
            Home::Later(storage) => storage.get(),
        }
    }

    /// Where the elements begin, if they are in this process's own memory.
    #[inline]
    pub(crate) fn home(&self) -> Option<*mut u8> {
        self.storage().filter(|storage| !storage.blocks().is_distributed()).map(|storage| storage.local())
    }

    /// How to compute the elements, if they aren't stored.
    pub(crate) fn expr(&self) -> Option<Arc<Expr>> {
        if self.storage().is_some() { None } else { lock(&self.expr).clone() }
    }

    /// The elements are in memory from now on.
    pub(crate) fn set_stored(&self, storage: Arc<Storage>) {
        if let Home::Later(home) = &self.storage {
            let _ = home.set(storage);
            lock(&self.expr).take();
        }
    }

    /// Operations left to do.
    pub(crate) fn weight_now(&self) -> u32 {
        if self.storage().is_some() { 0 } else { self.weight }
    }

    /// Whether its elements are in another job, or follow from such.
    #[inline]
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }

    /// Whether the elements are in open memory: they are those of one variable, now.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.storage().is_some_and(|storage| storage.is_open())
    }

    /// Whether open memory has yet to be read for this value: it must not be left so when the operation ends.
    #[inline]
    pub(crate) fn is_volatile(&self) -> bool {
        self.reads_open && self.storage().is_none()
    }

    /// Whether a variable names this value.
    pub(crate) fn is_named(&self) -> bool {
        self.handles.load(Relaxed) > 0
    }

    /// One variable more has this value.
    pub(super) fn name(&self) {
        self.handles.fetch_add(1, Relaxed);
    }

    /// One variable less has this value.
    pub(super) fn unname(&self) {
        self.handles.fetch_sub(1, Relaxed);
    }

    /// Whether a pass that needs this value should keep it: assignments to a variable and expensive expressions at once,
    /// others when they are needed the second time.
    pub(crate) fn wants_storage(&self, expr: &Expr) -> bool {
        self.is_named()
            && match expr {
                Expr::Fill(_) | Expr::Coordinate(_) | Expr::Elsewhere => false,
                Expr::Patch { .. } => true,
                _ => self.is_heavy || self.computed.load(Relaxed) > 0,
            }
    }

    /// Whether this is a small part of what it is computed from, which would have to stay in memory for its sake.
    pub(crate) fn pins_much(&self) -> bool {
        if !self.is_part {
            return false;
        }
        let is_pinned = |below: &Arc<Node>| {
            let expr = below.expr();
            let below = if let Some(Expr::Lens { base, .. }) = expr.as_deref() { base } else { below };
            below.len() >= pinned_by(self.len()) && !below.is_formula()
        };
        self.expr().is_some_and(|expr| expr.operands().any(is_pinned))
    }

    /// Whether the elements follow from their coordinates alone.
    pub(crate) fn is_formula(&self) -> bool {
        matches!(self.expr().as_deref(), Some(Expr::Fill(_) | Expr::Coordinate(_)))
    }

    /// Whether this is an assignment not yet carried out.
    pub(crate) fn is_patch(&self) -> bool {
        matches!(self.expr().as_deref(), Some(Expr::Patch { .. }))
    }

    /// Whether a pass computed this without storing it.
    pub(crate) fn was_computed(&self) -> bool {
        self.computed.load(Relaxed) > 0
    }

    /// A pass computed this without storing it.
    pub(crate) fn mark_computed(&self) {
        self.computed.fetch_add(1, Relaxed);
    }
}

impl Expr {
    /// The first where the bool mask holds, else the second: elements of this type.
    pub(crate) fn choice(mask: Arg, args: [Arg; 2], dtype: DType) -> Expr {
        let args = [mask].into_iter().chain(args).collect();
        Expr::Map { op: Loop::choice(dtype), output: 0, args }
    }

    /// Whether the operation itself takes much longer than moving an element does.
    fn is_heavy(&self) -> bool {
        match self {
            Expr::Map { op, .. } => op.op.is_heavy(category(op.inputs[0]) == Category::Complex),
            _ => false,
        }
    }

    /// The nodes this is computed from.
    pub(crate) fn operands(&self) -> impl Iterator<Item = &Arc<Node>> {
        let (args, base): (&[Arg], Option<&Arc<Node>>) = match self {
            Expr::Fill(_) | Expr::Coordinate(_) | Expr::Elsewhere => (&[], None),
            Expr::Map { args, .. } => (args, None),
            Expr::Cast(arg) | Expr::Fold { value: arg, .. } => (std::slice::from_ref(arg), None),
            Expr::Join(parts) => (parts, None),
            Expr::Lens { base, .. } => (&[], Some(base)),
            Expr::Patch { base, value, .. } => (std::slice::from_ref(value), Some(base)),
        };
        args.iter().filter_map(|arg| arg.node()).chain(base)
    }
}

impl Arg {
    /// All of a node, in its own shape.
    pub(crate) fn whole(node: Arc<Node>) -> Arg {
        let view = View::contiguous(&node.shape);
        Arg::Node(node, view)
    }

    /// The node, if it is one.
    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        match self {
            Arg::Node(node, _) => Some(node),
            Arg::Const(_) => None,
        }
    }

    /// The same with another view made from the old one.
    pub(crate) fn map_view(&self, f: impl FnOnce(&View) -> View) -> Arg {
        match self {
            Arg::Node(node, view) => Arg::Node(node.clone(), f(view)),
            Arg::Const(x) => Arg::Const(*x),
        }
    }
}
