//! Which loops of a kernel may be handed out in parts, to threads or to ranks, and what their parts have for themselves.
//!
//! The statements of a step become a tree: code that runs as it is, loops whose iterations are independent (or only sum
//! up, unless that is forbidden), and loops around these that one rank runs through in order. Only the outermost loop
//! that can be handed out is. Invariant: parts of a loop write different elements, or copies of their own that are added
//! up behind it; a scalar that a part leaves behind is the last iteration's or a sum.

use crate::cost::{Cost, is_known};
use crate::depend::{self, Class, Fold};
use crate::ir::*;
use crate::machine::Layout;
use crate::promote;
use crate::run::Runnable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A part of a step.
#[derive(Serialize, Deserialize)]
pub(crate) enum Node {
    /// Runs as it is: a piece.
    Code(usize),
    /// A loop that may be handed out.
    Spread(Spread),
    /// A loop around such loops, run in order; or, where there is too little to do in them, a piece.
    Repeat { piece: usize, inner: Loop, nodes: Vec<Node> },
}

/// A loop that may be handed out.
#[derive(Serialize, Deserialize)]
pub(crate) struct Spread {
    /// Code of the iterations from one to another.
    pub(crate) piece: usize,
    pub(crate) inner: Loop,
    /// Of an iteration.
    pub(crate) cost: Cost,
    /// Scalars that iterations accumulate.
    pub(crate) sums: Vec<(Var, Fold)>,
    /// Scalars of which the last iteration's value stays.
    pub(crate) last: Vec<Var>,
    /// Arrays that several iterations add to, each part in a copy of its own.
    pub(crate) folded: Vec<Arr>,
}

/// The steps of a kernel as trees, and their code, which is made when there is first enough to do.
#[derive(Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) program: Program,
    pub(crate) layout: Layout,
    /// How many scalars it has in common with the kernel's program.
    pub(crate) scalars: usize,
    /// For each step.
    pub(crate) steps: Vec<Vec<Node>>,
    pub(crate) costs: Vec<Cost>,
    /// Statements of each piece.
    pub(crate) pieces: Vec<Vec<S>>,
    /// First iteration of a part, and where it ends.
    pub(crate) part: (Var, Var),
    pub(crate) may_reassociate: bool,
    #[serde(skip)]
    pub(crate) code: OnceLock<Result<Runnable, String>>,
}

struct Builder<'a> {
    program: &'a mut Program,
    classes: &'a BTreeMap<Var, Class>,
    pieces: &'a mut Vec<Vec<S>>,
    part: (Var, Var),
    may_reassociate: bool,
    /// Loops around.
    outer: Vec<Var>,
}

impl Plan {
    /// Of these steps of a program.
    pub(crate) fn of(program: &Program, steps: &[Vec<S>], may_reassociate: bool) -> Plan {
        let (mut program, scalars) = (program.clone(), program.vars.len());
        let mut own = |name: &str| {
            let (name, ty, role) = (name.to_owned(), Ty::Int, Role::Fixed);
            program.vars.push(VarInfo { name, ty, role, is_numpy: false });
            program.vars.len() - 1
        };
        let part = (own("first"), own("end"));
        let (mut trees, mut costs, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
        for body in steps {
            let classes = depend::classify(&program, body).class;
            let outer = Vec::new();
            let mut builder = Builder {
                program: &mut program,
                classes: &classes,
                pieces: &mut pieces,
                part,
                may_reassociate,
                outer,
            };
            let nodes = builder.nodes(body);
            trees.push(nodes);
            costs.push(Cost::of(body));
        }
        let layout = Layout::of(&program);
        Plan {
            layout,
            program,
            scalars,
            steps: trees,
            costs,
            pieces,
            part,
            may_reassociate,
            code: OnceLock::new(),
        }
    }

    /// Lines of the loops that may be handed out.
    pub(crate) fn spread_vars(&self) -> Vec<Var> {
        fn within(nodes: &[Node], found: &mut Vec<Var>) {
            for node in nodes {
                match node {
                    Node::Code(_) => {}
                    Node::Spread(spread) => found.push(spread.inner.var),
                    Node::Repeat { nodes, .. } => within(nodes, found),
                }
            }
        }
        let mut found = Vec::new();
        self.steps.iter().for_each(|nodes| within(nodes, &mut found));
        found
    }
}

impl Node {
    pub(crate) fn has_spread(&self) -> bool {
        match self {
            Node::Code(_) => false,
            Node::Spread(_) => true,
            Node::Repeat { nodes, .. } => nodes.iter().any(Node::has_spread),
        }
    }
}

impl Builder<'_> {
    fn nodes(&mut self, body: &[S]) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut plain: Vec<S> = Vec::new();
        for stmt in body {
            match self.node(stmt) {
                None => plain.push(stmt.clone()),
                Some(node) => {
                    self.flush(&mut plain, &mut nodes);
                    nodes.push(node);
                }
            }
        }
        self.flush(&mut plain, &mut nodes);
        nodes
    }

    fn flush(&mut self, plain: &mut Vec<S>, nodes: &mut Vec<Node>) {
        if !plain.is_empty() {
            nodes.push(Node::Code(self.piece(std::mem::take(plain))));
        }
    }

    fn piece(&mut self, body: Vec<S>) -> usize {
        let body = promote::promote(self.program, body, &mut self.outer.clone());
        self.pieces.push(body);
        self.pieces.len() - 1
    }

    fn node(&mut self, stmt: &S) -> Option<Node> {
        let SKind::For(inner) = &stmt.kind else { return None };
        if !is_known(&inner.lo, &self.program.vars) || !is_known(&inner.hi, &self.program.vars) {
            return None;
        }
        if let Some((sums, last, folded)) = self.parts_have(stmt, inner) {
            let (lo, hi) = (E::Var(self.part.0), E::Var(self.part.1));
            let part = SKind::For(Loop { lo, hi, ..inner.clone() });
            let piece = self.piece(vec![S { line: stmt.line, kind: part }]);
            let cost = Cost::of(&inner.body);
            return Some(Node::Spread(Spread { piece, inner: inner.clone(), cost, sums, last, folded }));
        }
        let before = self.pieces.len();
        self.outer.push(inner.var);
        let nodes = self.nodes(&inner.body);
        self.outer.pop();
        if !nodes.iter().any(Node::has_spread) {
            self.pieces.truncate(before);
            return None;
        }
        let piece = self.piece(vec![stmt.clone()]);
        Some(Node::Repeat { piece, inner: inner.clone(), nodes })
    }

    /// What parts of a loop have for themselves (sums, scalars that stay, arrays added to), if it may be handed out.
    #[allow(clippy::type_complexity)]
    fn parts_have(&self, stmt: &S, inner: &Loop) -> Option<(Vec<(Var, Fold)>, Vec<Var>, Vec<Arr>)> {
        if self.classes.get(&inner.var).copied()? == Class::Carried {
            return None;
        }
        let program = &*self.program;
        let found = depend::own(&inner.body);
        let (mut sums, mut last) = (Vec::new(), Vec::new());
        for var in found.written {
            if let Some(fold) = found.folds.iter().find(|fold| fold.0 == var) {
                let is_float = program.vars[var].ty == Ty::Float;
                let is_known = match fold.1 {
                    Fold::Add => !is_float || self.may_reassociate,
                    Fold::Mul => is_float && self.may_reassociate,
                    Fold::Max | Fold::Min => false,
                };
                if !is_known {
                    return None;
                }
                sums.push(*fold);
            } else if found.is_certain.contains(&var) {
                last.push(var);
            } else if is_used_elsewhere(program, inner.var, var) {
                return None;
            }
        }
        let mut folded = Vec::new();
        for (arr, is_sum) in depend::shared(program, &self.outer, stmt, inner.var) {
            if !is_sum || !self.may_reassociate || program.arrays[arr].ty != Ty::Float {
                return None;
            }
            folded.push(arr);
        }
        Some((sums, last, folded))
    }
}

/// Whether a scalar is used anywhere but in the loop of this variable.
fn is_used_elsewhere(program: &Program, level: Var, var: Var) -> bool {
    fn within(body: &[S], level: Var, var: Var) -> bool {
        let in_value = |value: &E| {
            let mut is_in = false;
            value.walk(&mut |part| is_in |= *part == E::Var(var));
            is_in
        };
        body.iter().any(|stmt| match &stmt.kind {
            SKind::Set(set, value) => *set == var || in_value(value),
            SKind::Store(access, value) => in_value(value) || access.index.iter().any(in_value),
            SKind::If(condition, yes, no) => {
                in_value(condition) || within(yes, level, var) || within(no, level, var)
            }
            SKind::For(inner) if inner.var == level => false,
            SKind::For(inner) => {
                in_value(&inner.lo) || in_value(&inner.hi) || within(&inner.body, level, var)
            }
        })
    }
    fn gives(give: &Give, var: Var) -> bool {
        match give {
            Give::Scalar(given, ..) => *given == var,
            Give::Tuple(parts) => parts.iter().any(|part| gives(part, var)),
            Give::Nothing | Give::Array(_) => false,
        }
    }
    gives(&program.give, var) || within(&program.body, level, var)
}
