//! Programs: straight-line code on elements, built as SSA and compiled to kernels over slots.
//!
//! Slot numbers: 0 is the status byte of kernels that can fail, then constants, leaves, registers, and one result
//! per reduction.
//! A register that is stored belongs to that value alone, so that a run may point its slot straight at the output.

use super::fuse;
use super::watch::{self, Mark, Watch};
use crate::dtype::{Complex64, DType, Scalar};
use crate::kernels::extreme::{self, Extremes};
use crate::kernels::flags::{self, Report};
use crate::kernels::lines::{self, Lines};
use crate::kernels::{Kernel, Operands, cast, reduce, table};
use crate::ops::{Loop, Op, ReduceOp};
use smallvec::{SmallVec, smallvec};

/// A value in a program under construction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Val(pub(super) u32);

impl Val {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a value comes about.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(u16),
    Const(Scalar),
    /// One kernel; `op` is kept for the fuser.
    Apply {
        op: Option<Loop>,
        kernel: Kernel,
        args: SmallVec<[Val; 4]>,
        report: Report,
    },
    /// The second output of the operation that made this value.
    Second(Val),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    Store(Val),
    Reduce { op: ReduceOp, value: Val, index: Option<Val>, axes: bool, mark: Mark },
}

/// Builds a [`Program`]. Values are named in the order they are made; unused ones cost nothing.
#[derive(Default, Debug)]
pub struct Builder {
    pub(super) nodes: Vec<Node>,
    pub(super) dtypes: Vec<DType>,
    /// For whom each value is computed.
    pub(super) marks: Vec<Mark>,
    /// For whom the next ones are.
    mark: Mark,
    /// The operations apart that superinstructions and folds replace.
    pub(super) parts: Vec<watch::Parts>,
    leaves: Vec<DType>,
    outputs: Vec<Output>,
    /// Constants that get other values in other runs, and the caller's numbers for them.
    variables: SmallVec<[(Val, u32); 2]>,
    /// Whether the value of one of them went into the program.
    is_special: bool,
}

/// One kernel call per tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instr {
    pub(super) kernel: Kernel,
    pub(super) operands: Operands,
}

/// A value that goes to a memory output.
#[derive(Debug)]
pub(super) struct Store {
    /// Which memory output.
    pub(super) out: usize,
    pub(super) slot: u16,
    pub(super) size: usize,
    /// The slot is a register of this value alone: the run may point it at the output.
    pub(super) owned: bool,
    /// Leaves read after the value is made: the output must not lie on one of them if it is written directly.
    pub(super) read_later: SmallVec<[u16; 4]>,
}

/// A value that is reduced.
#[derive(Debug)]
pub(super) struct Reduce {
    pub(super) op: ReduceOp,
    pub(super) dtype: DType,
    /// Folds a row into the reduction's result slot.
    pub(super) row: Instr,
    /// Folds a row of results.
    pub(super) plain: Kernel,
    /// Combines two results (used elementwise along kept axes).
    pub(super) pair: Kernel,
    /// Fold the columns and the rows of a tile.
    pub(super) lines: [Lines; 2],
    /// For indices: search them.
    pub(super) extremes: Option<Extremes>,
    /// Slot of the value itself (reductions over axes and indices have no fused fold).
    pub(super) slot: u16,
    /// The leaf that names elements, for indices.
    pub(super) index: Option<u16>,
    /// First memory output, for a reduction over axes.
    pub(super) out: Option<usize>,
}

/// Compiled straight-line code, reusable on any number of domains.
#[derive(Debug)]
pub struct Program {
    pub(super) consts: Vec<([u8; 16], usize)>,
    /// Which of them are set by [`Program::renew`], and the caller's numbers for them.
    variables: SmallVec<[(u16, u32); 2]>,
    is_special: bool,
    pub(super) leaves: Vec<DType>,
    pub(super) outs: Vec<DType>,
    /// Bytes per element of each register.
    pub(super) registers: Vec<usize>,
    pub(super) instrs: Vec<Instr>,
    pub(super) stores: Vec<Store>,
    pub(super) reduces: Vec<Reduce>,
    pub(super) watch: Watch,
}

impl Builder {
    /// An empty program.
    pub fn new() -> Builder {
        // Most programs fit: growing costs more than the room.
        const ROOM: usize = 16;
        Builder {
            nodes: Vec::with_capacity(ROOM),
            dtypes: Vec::with_capacity(ROOM),
            marks: Vec::with_capacity(ROOM),
            ..Builder::default()
        }
    }

    fn push(&mut self, node: Node, dtype: DType) -> Val {
        self.nodes.push(node);
        self.dtypes.push(dtype);
        self.marks.push(self.mark);
        Val(self.nodes.len() as u32 - 1)
    }

    /// For whom what follows is computed: floating-point exceptions in it are told by [`Program::raised`].
    pub fn mark(&mut self, mark: Mark) {
        self.mark = mark;
    }

    /// The next leaf, in the order of [`Domain::leaves`](super::Domain::leaves). An index leaf has type `I64`.
    pub fn leaf(&mut self, dtype: DType) -> Val {
        self.leaves.push(dtype);
        self.push(Node::Leaf(self.leaves.len() as u16 - 1), dtype)
    }

    /// A constant, in its own type (weak ones in their default type: convert first).
    pub fn constant(&mut self, value: Scalar) -> Val {
        self.push(Node::Const(value.cast(value.dtype())), value.dtype())
    }

    /// A constant that [`Program::renew`] gives the value that the caller knows as number `source`.
    pub fn variable(&mut self, value: Scalar, source: u32) -> Val {
        let variable = self.constant(value);
        self.variables.push((variable, source));
        variable
    }

    /// The value of a constant is about to decide something.
    fn look_at(&mut self, value: Val) {
        self.is_special |= self.variables.iter().any(|(variable, _)| *variable == value);
    }

    /// `value` converted to `dtype`; itself if it has that type.
    pub fn cast(&mut self, value: Val, dtype: DType) -> Val {
        let from = self.dtype(value);
        if from == dtype {
            return value;
        }
        self.look_at(value);
        let kernel = cast::kernel(from, dtype);
        let report = flags::of_cast(from, dtype);
        // One that raises something somebody wants to know of is done in the run.
        if let Node::Const(x) = self.nodes[value.index()]
            && (self.mark.wanted == 0 || watch::of_one(kernel, report, x) & self.mark.wanted == 0)
        {
            return self.constant(x.cast(dtype));
        }
        self.push(Node::Apply { op: None, kernel, args: smallvec![value], report }, dtype)
    }

    /// The (first) output of an operation; arguments are converted to the loop's input types.
    pub fn apply(&mut self, op: &Loop, args: &[Val]) -> Val {
        self.apply_all(op, args)[0]
    }

    /// All outputs of an operation.
    pub fn apply_all(&mut self, op: &Loop, args: &[Val]) -> SmallVec<[Val; 2]> {
        assert_eq!(args.len(), op.op.inputs(), "{}: wrong number of arguments", op.op.name());
        let args: SmallVec<[Val; 4]> =
            args.iter().zip(op.inputs).map(|(&arg, dtype)| self.cast(arg, dtype)).collect();
        if op.op == Op::Power && self.is_two(args[1]) {
            let square = Loop { op: Op::Square, ..*op };
            return smallvec![self.apply(&square, &args[..1])];
        }
        let kernel = table::kernel(op);
        let first =
            self.push(Node::Apply { op: Some(*op), kernel, args, report: flags::of(op) }, op.outputs[0]);
        let mut outputs = smallvec![first];
        if op.op.outputs() == 2 {
            outputs.push(self.push(Node::Second(first), op.outputs[1]));
        }
        outputs
    }

    /// Whether a value is the constant 2, to which powers are squares.
    fn is_two(&mut self, value: Val) -> bool {
        self.look_at(value);
        matches!(self.nodes[value.index()], Node::Const(x) if x.as_c128() == Complex64::new(2.0, 0.0))
    }

    /// The complex number of a real and an imaginary part, both of one type.
    pub fn join(&mut self, re: Val, im: Val) -> Val {
        let part = self.dtype(re);
        assert_eq!(part, self.dtype(im), "join needs parts of one type");
        let (kernel, dtype) = table::join(part);
        self.push(Node::Apply { op: None, kernel, args: smallvec![re, im], report: Report::Never }, dtype)
    }

    /// The type of a value.
    pub fn dtype(&self, value: Val) -> DType {
        self.dtypes[value.index()]
    }

    /// Store `value` to the next memory output of the domain.
    pub fn store(&mut self, value: Val) {
        self.outputs.push(Output::Store(value));
    }

    /// Combine all elements of `value` into the next [`Partial`](super::Partial) of the pass. For indices
    /// (`ArgMin`, `ArgMax`), `index` is the `I64` leaf that names an element; among equals the smallest wins.
    pub fn reduce(&mut self, op: ReduceOp, value: Val, index: Option<Val>) {
        self.outputs.push(Output::Reduce { op, value, index, axes: false, mark: self.mark });
    }

    /// Combine the elements of `value` into the next memory output, whose strides are 0 along the reduced axes; the
    /// program's only reduction.
    /// The memory already holds what they are combined with, at first [`identity`](super::identity).
    /// For indices there are two memory outputs: the extreme elements, then their `I64` indices, at first
    /// `i64::MAX` (or -1, which stays where no element beats the start value); `index` as in [`reduce`](Self::reduce).
    pub fn reduce_axes(&mut self, op: ReduceOp, value: Val, index: Option<Val>) {
        self.outputs.push(Output::Reduce { op, value, index, axes: true, mark: self.mark });
    }

    /// Compile.
    ///
    /// # Panics
    /// When a reduction doesn't exist for its type (`Any` of floats, say): callers convert first.
    pub fn finish(mut self) -> Program {
        let mut outputs = std::mem::take(&mut self.outputs);
        let reduces = || outputs.iter().filter(|output| matches!(output, Output::Reduce { .. }));
        let has_axes = reduces().any(|output| matches!(output, Output::Reduce { axes: true, .. }));
        assert!(!has_axes || reduces().count() == 1, "a reduction over axes is the only one of its program");
        for output in &mut outputs {
            // `Any`, `All` and `Parity` are defined on bools; other types are tested first.
            if let Output::Reduce { op: ReduceOp::Any | ReduceOp::All | ReduceOp::Parity, value, .. } = output
            {
                *value = self.cast(*value, DType::Bool);
            }
        }
        let folds = fuse::fuse(&mut self, &outputs);
        Compiler::new(self, &outputs, &folds).compile(&outputs, &folds)
    }
}

/// The state of the last step: slots and registers.
struct Compiler {
    nodes: Vec<Node>,
    dtypes: Vec<DType>,
    /// Reads that are still to come, per value.
    uses: Vec<usize>,
    /// Read at the end of the tile by an output: the register is not given back.
    kept: Vec<bool>,
    slots: Vec<Option<u16>>,
    variables: SmallVec<[(Val, u32); 2]>,
    free: Vec<u16>,
    program: Program,
}

impl Compiler {
    fn new(builder: Builder, outputs: &[Output], folds: &[fuse::Fold]) -> Compiler {
        let mut kept = vec![false; builder.nodes.len()];
        for output in outputs {
            if let Output::Store(value) = output {
                kept[value.index()] = true;
            }
        }
        folds.iter().flat_map(|fold| &fold.args).for_each(|arg| kept[arg.index()] = true);
        let uses = fuse::count_from(&builder.nodes, kept.iter().map(|&kept| kept.into()).collect());
        let Builder { nodes, dtypes, marks, parts, leaves, variables, is_special, .. } = builder;
        let program = Program {
            consts: Vec::new(),
            variables: SmallVec::new(),
            is_special,
            leaves,
            outs: Vec::new(),
            registers: Vec::new(),
            instrs: Vec::new(),
            stores: Vec::new(),
            reduces: Vec::new(),
            watch: Watch::new(parts, marks),
        };
        let slots = vec![None; nodes.len()];
        Compiler { slots, nodes, dtypes, uses, kept, variables, free: Vec::new(), program }
    }

    fn compile(mut self, outputs: &[Output], folds: &[fuse::Fold]) -> Program {
        for (i, node) in self.nodes.iter().enumerate() {
            if let (Node::Const(x), true) = (node, self.uses[i] > 0) {
                let number = self.program.consts.len() as u16;
                let variable = self.variables.iter().find(|(value, _)| value.index() == i);
                self.program.variables.extend(variable.map(|&(_, source)| (number, source)));
                self.program.consts.push((x.bytes(), self.dtypes[i].size_bytes()));
                self.slots[i] = Some(self.program.consts.len() as u16);
            }
        }
        let first_leaf = 1 + self.program.consts.len() as u16;
        let first_register = first_leaf + self.program.leaves.len() as u16;
        let mut defined_at = vec![usize::MAX; self.nodes.len()];
        for (i, defined) in defined_at.iter_mut().enumerate() {
            if let Node::Leaf(leaf) = self.nodes[i] {
                self.slots[i] = Some(first_leaf + leaf);
            }
            if self.uses[i] > 0 && matches!(self.nodes[i], Node::Apply { .. }) {
                *defined = self.program.instrs.len();
                self.emit(i, first_register);
            }
        }
        let mut fold = folds.iter();
        for output in outputs {
            match *output {
                Output::Store(value) => self.store(value, first_leaf, first_register, &defined_at),
                Output::Reduce { op, value, index, axes, mark } => {
                    let fold = fold.next().expect("one fold per reduction");
                    self.reduce(op, self.dtypes[value.index()], index, axes, fold);
                    let report = reduce::report(op, self.dtypes[value.index()]);
                    self.program.watch.reduce(value, mark, report);
                }
            }
        }
        let first_result = first_register + self.program.registers.len() as u16;
        let mut read_by_folds: SmallVec<[u16; 4]> = SmallVec::new();
        for (k, reduce) in self.program.reduces.iter_mut().enumerate() {
            reduce.row.operands.dst[0] = first_result + k as u16;
            let read = reduce.row.operands.src.iter().filter(|s| (first_leaf..first_register).contains(s));
            read_by_folds.extend(read.map(|slot| slot - first_leaf));
        }
        for store in &mut self.program.stores {
            store.read_later.extend_from_slice(&read_by_folds);
        }
        self.program.watch.finish(self.nodes, self.slots);
        self.program
    }

    fn slot(&self, value: Val) -> u16 {
        self.slots[value.index()].expect("values are defined before use")
    }

    fn release(&mut self, value: Val, first_register: u16) {
        let left = &mut self.uses[value.index()];
        *left -= 1;
        if *left == 0 && self.slot(value) >= first_register {
            let slot = self.slot(value);
            self.free.push(slot);
        }
    }

    fn register(&mut self, dtype: DType, first_register: u16, owned: bool) -> u16 {
        let size = dtype.size_bytes();
        let fits = |slot: &u16| self.program.registers[usize::from(slot - first_register)] == size;
        if !owned && let Some(at) = self.free.iter().rposition(fits) {
            return self.free.swap_remove(at);
        }
        self.program.registers.push(size);
        first_register + self.program.registers.len() as u16 - 1
    }

    fn emit(&mut self, i: usize, first_register: u16) {
        let Node::Apply { kernel, args, report, .. } = self.nodes[i].clone() else { unreachable!() };
        let apart = self.program.watch.instr(Val(i as u32), report);
        let mut operands = Operands::default();
        for (place, &arg) in operands.src.iter_mut().zip(&args) {
            *place = self.slot(arg);
        }
        let second = match self.nodes.get(i + 1) {
            Some(Node::Second(of)) if of.index() == i => Some(i + 1),
            _ => None,
        };
        // With two outputs, neither may take the register of an input: the first is written before the last read. Nor
        // where the operations apart may have to be looked at.
        let early = second.is_none() && !apart;
        if early {
            args.iter().for_each(|&arg| self.release(arg, first_register));
        }
        operands.dst[0] = self.register(self.dtypes[i], first_register, self.kept[i]);
        self.slots[i] = Some(operands.dst[0]);
        if let Some(second) = second {
            operands.dst[1] = self.register(self.dtypes[second], first_register, self.kept[second]);
            self.slots[second] = Some(operands.dst[1]);
        }
        if !early {
            args.iter().for_each(|&arg| self.release(arg, first_register));
        }
        self.program.instrs.push(Instr { kernel, operands });
    }

    fn store(&mut self, value: Val, first_leaf: u16, first_register: u16, defined_at: &[usize]) {
        let slot = self.slot(value);
        let definition = match self.nodes[value.index()] {
            Node::Second(of) => defined_at[of.index()],
            _ => defined_at[value.index()],
        };
        let already = self.program.stores.iter().any(|store| store.slot == slot);
        let owned = slot >= first_register && !already;
        let mut read_later = SmallVec::new();
        for instr in self.program.instrs.iter().skip(definition.saturating_add(1)) {
            read_later.extend(
                instr.operands.src.iter().copied().filter(|s| (first_leaf..first_register).contains(s)),
            );
        }
        read_later.iter_mut().for_each(|slot| *slot -= first_leaf);
        let out = self.program.outs.len();
        let dtype = self.dtypes[value.index()];
        self.program.outs.push(dtype);
        self.program.stores.push(Store { out, slot, size: dtype.size_bytes(), owned, read_later });
    }

    fn reduce(&mut self, op: ReduceOp, dtype: DType, index: Option<Val>, axes: bool, fold: &fuse::Fold) {
        let mut operands = Operands::default();
        for (place, &arg) in operands.src.iter_mut().zip(&fold.args) {
            *place = self.slot(arg);
        }
        let index = index.map(|index| match self.nodes[index.index()] {
            Node::Leaf(leaf) => leaf,
            _ => panic!("the index of a reduction is a leaf"),
        });
        assert_eq!(index.is_some(), op.is_index(), "{op:?}: index leaf");
        let out = axes.then_some(self.program.outs.len());
        if axes {
            self.program.outs.push(dtype);
            if op.is_index() {
                self.program.outs.push(DType::I64);
            }
        }
        let plain = reduce::row(op, dtype).unwrap_or_else(|| panic!("{op:?} of {dtype}"));
        let pair = reduce::pair(op, dtype).unwrap_or_else(|| panic!("{op:?} of {dtype}"));
        let row = Instr { kernel: fold.kernel, operands };
        let slot = row.operands.src[0];
        let lines = lines::lines(op, dtype).expect("as the row kernel");
        let extremes = extreme::extremes(op, dtype);
        self.program.reduces.push(Reduce { op, dtype, row, plain, pair, lines, extremes, slot, index, out });
    }
}

impl Program {
    /// Make it ready for another run: its variables get these values, of the types they had when it was built.
    pub fn renew(&mut self, value: impl Fn(u32) -> Scalar) {
        for &(number, source) in &self.variables {
            self.consts[usize::from(number)].0 = value(source).bytes();
        }
        self.watch.forget();
    }

    /// Whether it is right for other values of its variables, too.
    pub fn is_general(&self) -> bool {
        !self.is_special
    }

    /// For each mark that a floating-point exception was found for since the program was made: its number, and the
    /// exceptions.
    pub fn raised(&self) -> impl Iterator<Item = (u32, u8)> {
        self.watch.raised()
    }

    pub(super) fn first_leaf(&self) -> usize {
        1 + self.consts.len()
    }

    pub(super) fn first_register(&self) -> usize {
        self.first_leaf() + self.leaves.len()
    }

    pub(super) fn first_result(&self) -> usize {
        self.first_register() + self.registers.len()
    }

    pub(super) fn slots(&self) -> usize {
        self.first_result() + self.reduces.len()
    }

    /// The reduction over axes, if that is what the program makes.
    pub(super) fn axes(&self) -> Option<&Reduce> {
        self.reduces.first().filter(|reduce| reduce.out.is_some())
    }

    /// The leaf whose elements go into the only reduction as they are, when nothing else is computed.
    pub(super) fn bare(&self) -> Option<usize> {
        let is_bare = self.instrs.is_empty() && self.stores.is_empty() && self.reduces.len() == 1;
        self.reduces.first().filter(|_| is_bare).and_then(|reduce| self.leaf_of(reduce.slot))
    }

    /// Whether a leaf does nothing but number elements for a reduction.
    pub(super) fn is_number(&self, leaf: usize) -> bool {
        self.numbers().any(|number| number == leaf)
    }

    /// The leaves that number the elements of a reduction.
    pub(super) fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        self.reduces.iter().filter_map(|reduce| reduce.index.map(usize::from))
    }

    /// The leaf a slot belongs to.
    pub(super) fn leaf_of(&self, slot: u16) -> Option<usize> {
        let slot = usize::from(slot);
        (self.first_leaf()..self.first_register()).contains(&slot).then(|| slot - self.first_leaf())
    }

    /// Types of the leaves.
    pub fn leaves(&self) -> &[DType] {
        &self.leaves
    }

    /// Types of the memory outputs.
    pub fn outputs(&self) -> &[DType] {
        &self.outs
    }

    /// Kernel calls per tile.
    pub fn instructions(&self) -> usize {
        self.instrs.len()
    }
}
