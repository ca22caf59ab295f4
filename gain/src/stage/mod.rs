//! The door through which every algorithm goes that is no fused pass.
//!
//! What is element by element, a view or a reduction is recorded and fused (`plan`). Everything else (scans, gathers,
//! sorts, products, files) declares here what it reads and writes, and in which layout; the door then
//!
//! 1. stores the operands, in C order and cut by the flat index where they aren't,
//! 2. notes what was decided, for the ranks to compare, and allocates the results,
//! 3. makes a barrier if an operand was written since the last one and other ranks' runs of it are read,
//! 4. hands over local runs and what connects the ranks ([`Room`]),
//! 5. sees to it that all ranks fail if one does, and sets the marks.
//!
//! Invariant: nobody else but passes asks for freshness, sets marks or synchronises. While an algorithm runs its operands
//! change nowhere, and its results belong to their owners alone.

mod fresh;
mod layout;
mod look;
mod room;
#[cfg(test)]
mod tests;

pub(crate) use fresh::Fresh;
pub(crate) use look::{look, look_alone};
pub(crate) use room::{Reach, Room, Run, Shown};

use crate::dtype::DType;
use crate::error::Result;
use crate::memory::{Blocks, Storage};
use crate::plan;
use crate::record::{Arg, Expr, Node, elsewhere};
use crate::session::{self, Decision, Purpose, profile};
use crate::status::site;
use crate::view::Dims;
use smallvec::SmallVec;
use std::sync::Arc;

/// Which elements of an operand a rank reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reads {
    /// Those that it owns.
    Own,
    /// Any.
    All,
}

/// How a result is spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spread {
    /// As arrays of its shape are: on every rank if it is small.
    Usual,
    /// On every rank.
    Replicated,
    /// In these runs.
    Cut(Blocks),
}

/// An algorithm about to run.
pub(crate) struct Stage {
    name: &'static str,
    inputs: SmallVec<[(Arc<Node>, Reads); 2]>,
    outputs: SmallVec<[(Dims, DType, Spread); 2]>,
    changed: Option<Arc<Node>>,
    scratch: Option<(Blocks, usize)>,
    can_fail: bool,
    is_foreseen: bool,
}

impl Stage {
    /// An algorithm of this name, for reports.
    pub(crate) fn new(name: &'static str) -> Stage {
        Stage {
            name,
            inputs: SmallVec::new(),
            outputs: SmallVec::new(),
            changed: None,
            scratch: None,
            can_fail: false,
            is_foreseen: false,
        }
    }

    /// The next operand: the elements of `value`, whose view has shape `shape`, converted to `dtype`.
    pub(crate) fn reads(mut self, value: Arg, shape: &[usize], dtype: DType, reads: Reads) -> Stage {
        let node = match value {
            Arg::Node(node, view)
                // (Algorithms hold references to elements, which others must not write.)
                if node.dtype == dtype
                    && view.is_whole(node.len())
                    && view.shape == node.shape
                    && !node.is_open() =>
            {
                node
            }
            value => Node::lazy(SmallVec::from_slice(shape), dtype, Expr::Cast(value)),
        };
        self.inputs.push((node, reads));
        self
    }

    /// The next operand, all of a value where it is stored; the algorithm knows by which views it reads it.
    pub(crate) fn reads_in_place(mut self, node: &Arc<Node>) -> Stage {
        self.inputs.push((node.clone(), Reads::All));
        self
    }

    /// The next result. Its elements have no particular value before the algorithm gives them one.
    pub(crate) fn writes(mut self, shape: &[usize], dtype: DType, spread: Spread) -> Stage {
        self.outputs.push((SmallVec::from_slice(shape), dtype, spread));
        self
    }

    /// The first result: the value of a variable, which is all that has it besides, with some elements changed. In its memory if
    /// it is indeed nobody else's, else in a copy. The algorithm fails before it writes, or not at all.
    pub(crate) fn changes(mut self, node: Arc<Node>) -> Stage {
        self.changed = Some(node);
        self
    }

    /// Memory for as long as it runs, cut like this, of items of so many bytes: the last of the runs. What a rank has written there
    /// [`Room::show`] shows to all.
    pub(crate) fn borrows(mut self, blocks: Blocks, item_bytes: usize) -> Stage {
        self.scratch = Some((blocks, item_bytes));
        self
    }

    /// It gives its results and nothing besides, or an error, whatever the elements are: of elements of another job they are there, too,
    /// and the error is told there.
    pub(crate) fn foreseen(mut self) -> Stage {
        self.is_foreseen = true;
        self
    }

    /// The elements decide whether it succeeds: the ranks compare at the end.
    pub(crate) fn can_fail(mut self) -> Stage {
        self.can_fail = true;
        self
    }

    /// Runs `work` on every rank, each with its runs of operands and results; returns the results. Collective.
    ///
    /// # Errors
    /// The same on all ranks, whichever of them `work` failed on.
    pub(crate) fn run(
        self,
        work: impl FnOnce(&Room<'_>, &mut [Run<'_>]) -> Result<()>,
    ) -> Result<SmallVec<[Arc<Node>; 2]>> {
        if let Err(error) = self.check_is_here() {
            if !self.is_foreseen {
                return Err(error);
            }
            let changed = self.changed.into_iter().map(|node| (node.shape.clone(), node.dtype));
            let made = self.outputs.into_iter().map(|(shape, dtype, _)| (shape, dtype));
            return Ok(changed.chain(made).map(|(shape, dtype)| Node::elsewhere(shape, dtype)).collect());
        }
        for node in self.changed.iter().chain(self.inputs.iter().map(|(node, _)| node)) {
            plan::force(node)?;
        }
        let inputs: SmallVec<[(&Arc<Storage>, Reads); 2]> =
            self.inputs.iter().map(|(node, reads)| (node.storage().expect("forced"), *reads)).collect();
        inputs.iter().try_for_each(|(storage, _)| storage.check())?;
        let _span = profile::span(self.name, || {
            let sizes = self.outputs.iter().map(|(shape, ..)| shape.iter().product::<usize>());
            (site::known().site, sizes.sum())
        });
        let changed = self.changed.as_ref().map(Changed::of).transpose()?;
        let outputs = self
            .outputs
            .iter()
            .map(|(shape, dtype, spread)| match spread {
                Spread::Usual => Storage::new(shape, dtype.size_bytes()),
                Spread::Replicated => Storage::replicated(shape.iter().product(), dtype.size_bytes()),
                Spread::Cut(blocks) => Storage::in_blocks(*blocks, shape, dtype.size_bytes()),
            })
            .collect::<Result<SmallVec<[Arc<Storage>; 2]>>>()?;
        let outputs: SmallVec<[Arc<Storage>; 2]> =
            changed.iter().map(|changed| changed.storage.clone()).chain(outputs).collect();
        let scratch = self
            .scratch
            .map(|(blocks, item_bytes)| Storage::in_blocks(blocks, &[blocks.len()], item_bytes))
            .transpose()?;
        let shared = inputs.iter().map(|(s, _)| *s).chain(&outputs).any(|s| s.blocks().is_distributed());
        if shared {
            let nodes = self.changed.iter().chain(self.inputs.iter().map(|(node, _)| node));
            let is_own = changed.as_ref().is_some_and(|changed| changed.is_own);
            let number = nodes.fold(name_of(self.name) ^ u64::from(is_own), |sum, node| {
                if node.storage().is_some_and(|s| s.blocks().is_distributed()) {
                    session::mix(sum ^ node.number)
                } else {
                    sum
                }
            });
            session::get().note(Decision::Stage, number, outputs.len() as u64, site::known().site);
        }
        let foreign = inputs.iter().filter(|(s, reads)| *reads == Reads::All && s.blocks().count() > 1);
        if foreign.clone().any(|(s, _)| s.is_fresh()) {
            session::get().synchronise(Purpose::Pass)?;
        }
        if let Some(changed) = &changed {
            changed.prepare()?;
        }
        let room = Room::new(&inputs, scratch.as_ref(), shared);
        let mut runs: SmallVec<[Run<'_>; 2]> = outputs.iter().chain(&scratch).map(Run::own).collect();
        session::get().begin();
        let done = work(&room, &mut runs);
        drop(runs);
        match done {
            Err(error) if shared => return Err(session::get().fail(error)),
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        if self.can_fail && shared {
            let done = session::get().together(Purpose::Combine, || Ok(session::get().team().barrier()?));
            if let Err(error) = done {
                return Err(session::get().fail(error));
            }
        }
        session::get().count(|c| &c.passes, 1);
        outputs.iter().chain(&scratch).for_each(|storage| storage.mark_written());
        scratch.iter().for_each(|storage| storage.mark_read());
        foreign.for_each(|(storage, _)| storage.mark_read());
        let changed = self.changed.map(|node| (node.shape.clone(), node.dtype));
        let kinds =
            changed.into_iter().chain(self.outputs.into_iter().map(|(shape, dtype, _)| (shape, dtype)));
        Ok(kinds.zip(outputs).map(|((shape, dtype), storage)| Node::stored(shape, dtype, storage)).collect())
    }
}

impl Stage {
    /// An error if elements of another job are read, or more is to be computed than this thread may.
    fn check_is_here(&self) -> Result<()> {
        self.outputs.iter().try_for_each(|(shape, ..)| elsewhere::check(shape.iter().product()))?;
        let mut nodes = self.changed.iter().chain(self.inputs.iter().map(|(node, _)| node));
        let is_there = nodes.any(|node| node.is_elsewhere());
        if is_there { Err(elsewhere::error()) } else { Ok(()) }
    }
}

/// Where a changed value goes.
struct Changed<'a> {
    from: &'a Arc<Storage>,
    storage: Arc<Storage>,
    /// Its own memory.
    is_own: bool,
}

impl Changed<'_> {
    fn of(node: &Arc<Node>) -> Result<Changed<'_>> {
        let from = node.storage().expect("forced");
        from.check()?;
        // (The variable has it, and the stage.)
        let is_own = from.is_open() || Arc::strong_count(node) == 2;
        let storage = match is_own {
            true => from.clone(),
            false => Storage::in_blocks(from.blocks(), &node.shape, from.item_bytes())?,
        };
        Ok(Changed { from, storage, is_own })
    }

    /// Waits for who reads its own memory, or makes the copy. Collective.
    fn prepare(&self) -> Result<()> {
        if self.is_own {
            return self.from.await_readers();
        }
        self.storage.copy_own(self.from);
        Ok(())
    }
}

/// A number for a name.
fn name_of(name: &str) -> u64 {
    name.bytes().fold(0, |sum, byte| session::mix(sum ^ u64::from(byte)))
}
