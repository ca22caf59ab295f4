//! Programs under construction: values in the order they are made, each from others (SSA).

use crate::dtype::{Complex64, DType, Scalar};
use crate::kernels::flags::{self, Report};
use crate::kernels::{CHUNK, Kernel, Operands, Slot, cast, reports, table};
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
pub(super) enum Source {
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
    pub(super) nodes: Vec<Source>,
    pub(super) dtypes: Vec<DType>,
    /// For whom each value is computed.
    pub(super) marks: Vec<Mark>,
    /// For whom the next ones are.
    mark: Mark,
    /// The operations apart that superinstructions and folds replace.
    pub(super) parts: Vec<Parts>,
    pub(super) leaves: Vec<DType>,
    pub(super) outputs: Vec<Output>,
    /// Constants that get other values in other runs, and the caller's numbers for them.
    pub(super) variables: SmallVec<[(Val, u32); 2]>,
    /// Whether the value of one of them went into the program.
    pub(super) is_special: bool,
}

/// For whom a value is computed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The caller's number, small: tables are as long as the largest.
    pub tag: u32,
    /// The exceptions that it wants to know of (bits of [`crate::status`]); 0 for none.
    pub wanted: u8,
}

/// An operation whose kernel does others', too.
#[derive(Debug)]
pub(super) struct Parts {
    /// The value that the kernel makes.
    pub(super) at: Val,
    /// The kernel is that of a reduction, which folds the value.
    pub(super) folded: bool,
    /// The inner values, whose nodes are as they were.
    pub(super) inner: SmallVec<[Val; 8]>,
    /// The operation by itself.
    pub(super) own: (Kernel, SmallVec<[Val; 4]>),
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

    fn push(&mut self, node: Source, dtype: DType) -> Val {
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
        self.push(Source::Leaf(self.leaves.len() as u16 - 1), dtype)
    }

    /// A constant, in its own type (weak ones in their default type: convert first).
    pub fn constant(&mut self, value: Scalar) -> Val {
        self.push(Source::Const(value.cast(value.dtype())), value.dtype())
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
        if let Source::Const(x) = self.nodes[value.index()]
            && (self.mark.wanted == 0 || of_one(kernel, report, x) & self.mark.wanted == 0)
        {
            return self.constant(x.cast(dtype));
        }
        self.push(Source::Apply { op: None, kernel, args: smallvec![value], report }, dtype)
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
            self.push(Source::Apply { op: Some(*op), kernel, args, report: reports::of(op) }, op.outputs[0]);
        let mut outputs = smallvec![first];
        if op.op.outputs() == 2 {
            outputs.push(self.push(Source::Second(first), op.outputs[1]));
        }
        outputs
    }

    /// Whether a value is the constant 2, to which powers are squares.
    fn is_two(&mut self, value: Val) -> bool {
        self.look_at(value);
        matches!(self.nodes[value.index()], Source::Const(x) if x.as_c128() == Complex64::new(2.0, 0.0))
    }

    /// The complex number of a real and an imaginary part, both of one type.
    pub fn join(&mut self, re: Val, im: Val) -> Val {
        let part = self.dtype(re);
        assert_eq!(part, self.dtype(im), "join needs parts of one type");
        let (kernel, dtype) = table::join(part);
        self.push(Source::Apply { op: None, kernel, args: smallvec![re, im], report: Report::Never }, dtype)
    }

    /// The type of a value.
    pub fn dtype(&self, value: Val) -> DType {
        self.dtypes[value.index()]
    }

    /// Write `value` to the next memory output of the domain.
    pub fn store(&mut self, value: Val) {
        self.outputs.push(Output::Store(value));
    }

    /// Combine all elements of `value` into the next [`Partial`](super::Partial) of the pass. For indices
    /// (`ArgMin`, `ArgMax`), `index` is the `I64` leaf that names an element; among equals the smallest wins.
    pub fn reduce(&mut self, op: ReduceOp, value: Val, index: Option<Val>) {
        self.outputs.push(Output::Reduce { op, value, index, axes: false, mark: self.mark });
    }

    /// Combine the elements of `value` into the next memory output, whose strides are 0 along the reduced axes. The program's
    /// other reductions, if it has any, are over the same axes, and none of them is of indices.
    /// The memory already holds what they are combined with, at first [`identity`](super::identity).
    /// For indices there are two memory outputs: the extreme elements, then their `I64` indices, at first
    /// `i64::MAX` (or -1, which stays where no element beats the start value); `index` as in [`reduce`](Self::reduce).
    pub fn reduce_axes(&mut self, op: ReduceOp, value: Val, index: Option<Val>) {
        self.outputs.push(Output::Reduce { op, value, index, axes: true, mark: self.mark });
    }
}

/// What a kernel of one input raises for one element.
pub(super) fn of_one(kernel: Kernel, report: Report, x: Scalar) -> u8 {
    let (mut from, mut to) = ([x.bytes(); CHUNK], [0u128; CHUNK]);
    let slots = [Slot::row(to.as_mut_ptr().cast()), Slot::row(from.as_mut_ptr().cast())];
    let operands = Operands { dst: [0; 2], src: [1; 8] };
    match report {
        Report::Never => 0,
        // SAFETY: one element of the input's type, and room for one of any type.
        Report::Checked(check) | Report::Covered(check) => unsafe { check(1, slots.as_ptr(), &operands) },
        // SAFETY: as above.
        Report::Exact => flagged(|| unsafe { kernel(1, slots.as_ptr(), &operands) }),
    }
}

/// The flags that work raises.
pub(super) fn flagged(work: impl FnOnce()) -> u8 {
    flags::clear();
    work();
    let found = flags::read();
    flags::clear();
    found
}
