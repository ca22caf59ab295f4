//! Programs: straight-line code on elements, compiled to kernels over slots.
//!
//! Slot numbers: 0 is the status byte of kernels that can fail, then constants, leaves, registers, and one result
//! per reduction.
//! A register that is stored belongs to that value alone, so that a run may point its slot straight at the output.

use super::builder::{Builder, Output, Source, Val};
use super::fuse;
use super::watch::Watch;
use crate::dtype::{DType, Scalar};
use crate::kernels::extreme::{self, Extremes};
use crate::kernels::lines::{self, Lines};
use crate::kernels::{Kernel, Operands, reduce};
use crate::ops::ReduceOp;
use smallvec::SmallVec;

/// One kernel call per tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instr {
    pub(super) kernel: Kernel,
    pub(super) operands: Operands,
}

/// A value that goes to a memory output.
#[derive(Debug)]
pub(super) struct Write {
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
    pub(super) stores: Vec<Write>,
    pub(super) reduces: Vec<Reduce>,
    pub(super) watch: Watch,
}

impl Builder {
    /// Compile.
    ///
    /// # Panics
    /// When a reduction doesn't exist for its type (`Any` of floats, say): callers convert first.
    pub fn finish(mut self) -> Program {
        let mut outputs = std::mem::take(&mut self.outputs);
        let reduces = || outputs.iter().filter(|output| matches!(output, Output::Reduce { .. }));
        let is_alone = reduces().count() == 1;
        let is_fit = |output: &Output| match output {
            Output::Reduce { op, axes: true, .. } => is_alone || !op.is_index(),
            _ => false,
        };
        let has_axes = reduces().any(|output| matches!(output, Output::Reduce { axes: true, .. }));
        assert!(
            !has_axes || reduces().all(is_fit),
            "reductions over axes share their program with no others"
        );
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
    nodes: Vec<Source>,
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
            if let (Source::Const(x), true) = (node, self.uses[i] > 0) {
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
            if let Source::Leaf(leaf) = self.nodes[i] {
                self.slots[i] = Some(first_leaf + leaf);
            }
            if self.uses[i] > 0 && matches!(self.nodes[i], Source::Apply { .. }) {
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
        let Source::Apply { kernel, args, report, .. } = self.nodes[i].clone() else { unreachable!() };
        let apart = self.program.watch.instr(Val(i as u32), report);
        let mut operands = Operands::default();
        for (place, &arg) in operands.src.iter_mut().zip(&args) {
            *place = self.slot(arg);
        }
        let second = match self.nodes.get(i + 1) {
            Some(Source::Second(of)) if of.index() == i => Some(i + 1),
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
            Source::Second(of) => defined_at[of.index()],
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
        self.program.stores.push(Write { out, slot, size: dtype.size_bytes(), owned, read_later });
    }

    fn reduce(&mut self, op: ReduceOp, dtype: DType, index: Option<Val>, axes: bool, fold: &fuse::Fold) {
        let mut operands = Operands::default();
        for (place, &arg) in operands.src.iter_mut().zip(&fold.args) {
            *place = self.slot(arg);
        }
        let index = index.map(|index| match self.nodes[index.index()] {
            Source::Leaf(leaf) => leaf,
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

    /// The reductions over axes, if those are what the program makes: all of them over the same ones.
    pub(super) fn axes(&self) -> &[Reduce] {
        match self.reduces.first() {
            Some(Reduce { out: Some(_), .. }) => &self.reduces,
            _ => &[],
        }
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
