//! From recorded expressions to passes over memory.
//!
//! A [`Pass`] evaluates a few expressions over one iteration space and stores or reduces them. It is made in steps,
//! the first three of them on all ranks alike:
//!
//! 1. [`lower`]: the space is cut into boxes inside of which every assigned region is either hit or missed, and
//!    each box gets its program. What can't be fused (or is worth keeping) is stored by a pass of its own first.
//! 2. Targets: each stored value gets a buffer, or takes over the one it updates ([`alias`]).
//! 3. [`sync`](sync_reads): a barrier, if a buffer is read that was written in this epoch, or the reverse.
//! 4. [`cut`]: this rank's share, cut so that each operand lies in one rank's block; addresses; run.

mod alias;
mod cut;
mod fetch;
mod force;
pub(crate) mod lens;
mod lower;
mod product;
mod reduce;

pub(crate) use alias::reads;
pub(crate) use force::{force, force_small_patch, is_small_part};
pub(crate) use product::product;
pub(crate) use reduce::{fold_all, fold_axes, start_value};

use crate::agree::{self, Decision, Purpose};
use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::exec::{Partial, Program};
use crate::graph::{Arg, Node};
use crate::ops::{OpError, OpErrorKind, ReduceOp};
use crate::site::Origin;
use crate::status;
use crate::storage::{Blocks, Storage, is_small};
use crate::view::{Dims, View};
use crate::world;
use cut::Share;
use fetch::Fetched;
use lower::{BoxPlan, Read, Stop};
use smallvec::SmallVec;
use std::sync::Arc;

/// A value to be stored.
#[derive(Debug)]
pub(crate) struct Store {
    /// What, over the iteration space.
    pub(crate) value: Arg,
    /// Type to convert to.
    pub(crate) dtype: DType,
    /// Where.
    pub(crate) to: Target,
    /// Who asked for the conversion.
    pub(crate) origin: Origin,
}

/// Where a value is stored.
#[derive(Debug)]
pub(crate) enum Target {
    /// In these elements of a buffer.
    At(Arc<Storage>, View),
    /// In the buffer of this node, which gets one: the space is all of the node.
    Keep(Arc<Node>),
}

/// A reduction over the whole iteration space, or, with a target, over the axes along which it doesn't move.
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) op: ReduceOp,
    pub(crate) value: Arg,
    /// For indices: what numbers the elements.
    pub(crate) index: Option<Numbers>,
    /// For axis reductions: the buffer of extremes or sums, and that of indices, already holding what to combine
    /// with.
    pub(crate) to: Option<(Arc<Storage>, Option<Arc<Storage>>, View)>,
    /// What floating-point exceptions are told of.
    pub(crate) name: &'static str,
}

/// Numbers of elements.
#[derive(Debug)]
pub(crate) enum Numbers {
    /// `offset + sum(i * stride)`.
    Coordinates(View),
    /// Read from memory.
    Stored(Arg),
}

/// Which rank computes which element.
#[derive(Clone, Debug)]
pub(crate) enum Anchor {
    /// All ranks compute all of it.
    Everyone,
    /// The owner of the element that this view of such a buffer shows.
    Owner(Blocks, View),
    /// The owner of an operand's element, or an even share.
    Operand,
}

/// Expressions to be evaluated over one iteration space.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) shape: Dims,
    pub(crate) stores: Vec<Store>,
    pub(crate) folds: Vec<Fold>,
    pub(crate) anchor: Anchor,
    /// Called by this rank alone: no synchronisation, nothing to be stored for others.
    pub(crate) alone: bool,
    /// The space got another shape than was asked for.
    pub(crate) reshaped: bool,
}

/// How a pass ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Done; the full reductions over this rank's share, and whether other ranks have shares of their own.
    Done { partials: SmallVec<[Partial; 2]>, shared: bool },
    /// Nothing done: an in-place pass would read what it overwrites.
    Hazard,
}

/// Per store, the buffer it may take over.
type Owned = SmallVec<[Option<Arc<Storage>>; 2]>;

impl Target {
    fn exclusive_base(&self) -> Option<Arc<Storage>> {
        match self {
            Target::At(..) => None,
            Target::Keep(node) => alias::exclusive_base(node),
        }
    }
}

impl Pass {
    /// Run it, and whatever must be stored before.
    pub(crate) fn run(mut self) -> Result<Outcome> {
        loop {
            force::add_keeps(&mut self);
            let owned: Owned = self.stores.iter().map(|s| s.to.exclusive_base()).collect();
            match lower::lower(&self) {
                Ok(boxes) => return self.execute(boxes, &owned),
                Err(Stop::Force(node)) => {
                    self.stores.retain(|s| !matches!(&s.to, Target::Keep(n) if Arc::ptr_eq(n, &node)));
                    force(&node)?;
                }
                Err(Stop::Reshape(shape)) => self.reshape(&shape),
                Err(Stop::Cut { .. }) => unreachable!("cuts are made inside lower"),
            }
        }
    }

    fn reshape(&mut self, shape: &[usize]) {
        let again = |v: &View| v.reshape(shape).ok().flatten().expect("checked by can_reshape");
        for store in &mut self.stores {
            store.value = store.value.map_view(again);
            if let Target::At(_, view) = &mut store.to {
                *view = again(view);
            }
        }
        for fold in &mut self.folds {
            fold.value = fold.value.map_view(again);
            fold.index = fold.index.take().map(|numbers| match numbers {
                Numbers::Coordinates(view) => Numbers::Coordinates(again(&view)),
                Numbers::Stored(arg) => Numbers::Stored(arg.map_view(again)),
            });
        }
        self.shape = SmallVec::from_slice(shape);
        self.reshaped = true;
    }

    /// Whether all operands and targets have strides for this shape, lazy ones an axis for each of its axes, and nothing
    /// depends on the axes.
    fn can_reshape(&self, shape: &[usize]) -> bool {
        let arg = |a: &Arg| match a {
            Arg::Node(node, view) => match view.reshape(shape) {
                Ok(Some(view)) => node.storage().is_some() || view.axis_map(&node.shape).is_some(),
                _ => false,
            },
            Arg::Const(_) => true,
        };
        let target = |to: &Target| match to {
            Target::At(_, view) => matches!(view.reshape(shape), Ok(Some(_))),
            Target::Keep(node) => node.shape[..] == *shape || !node.is_patch(),
        };
        matches!(self.anchor, Anchor::Operand)
            && self.stores.iter().all(|s| arg(&s.value) && target(&s.to))
            && self.folds.iter().all(|f| {
                f.to.is_none() && arg(&f.value) && matches!(&f.index, None | Some(Numbers::Coordinates(_)))
            })
    }

    fn execute(self, mut boxes: Vec<BoxPlan>, owned: &Owned) -> Result<Outcome> {
        self.check(&boxes, owned)?;
        let Some(targets) = alias::choose(&self, &boxes, owned) else { return Ok(Outcome::Hazard) };
        let anchors: Vec<Anchor> = boxes.iter().map(|b| self.anchor_of(b, &targets)).collect();
        let shared = anchors.iter().any(|a| !matches!(a, Anchor::Everyone));
        if !self.alone {
            if shared {
                self.note(&targets);
            }
            sync_reads(&boxes, &anchors, &targets)?;
        }
        let targets = targets
            .into_iter()
            .map(|target| target.allocate())
            .collect::<Result<SmallVec<[alias::Chosen; 2]>>>()?;
        let programs: Vec<(Program, Vec<usize>)> =
            boxes.iter_mut().map(|b| b.finish(&self, &targets)).collect();
        let mut fetched = Fetched::default();
        let mut share = Share::default();
        for ((plan, anchor), (program, stored)) in boxes.iter().zip(&anchors).zip(&programs) {
            if stored.is_empty() && self.folds.is_empty() {
                continue;
            }
            let outs: SmallVec<[(&Storage, View); 4]> = stored
                .iter()
                .map(|&i| (&*targets[i].storage, targets[i].view.patch(&plan.lo, &plan.counts)))
                .chain(self.fold_targets(plan))
                .collect();
            cut::tasks(plan, program, anchor, &outs, &mut fetched, &mut share)?;
        }
        world::count(|c| &c.passes, 1);
        // SAFETY: `cut::tasks` made every stream from a view that lies inside a live buffer (held by `boxes`,
        // `targets` and `self.folds` until after this call), within one owner's mapped block. Writes go to blocks
        // this rank owns or to private memory; what is read here is written by nobody meanwhile: it is this thread's
        // turn, passes are collective, and `sync_reads` put a synchronisation between a write and a foreign read
        // of one buffer.
        // `alias::choose` let an output share a buffer with a leaf only at equal index. What is fetched is read after it arrived.
        let partials = unsafe { self.run_share(share, &mut fetched) }?;
        drop(fetched);
        let pass = (shared && !self.alone && world::get().size > 1 && boxes.iter().any(BoxPlan::is_watched))
            .then(status::watch_shared);
        for (plan, (program, _)) in boxes.iter().zip(&programs) {
            program.raised().for_each(|(tag, bits)| plan.tell(tag, bits, pass));
        }
        for (i, store) in self.stores.iter().enumerate() {
            targets[i].storage.mark_written();
            if let Target::Keep(node) = &store.to {
                node.set_stored(targets[i].storage.clone());
            }
        }
        for fold in &self.folds {
            if let Some((values, indices, _)) = &fold.to {
                values.mark_written();
                indices.iter().for_each(|s| s.mark_written());
            }
        }
        for (plan, anchor) in boxes.iter().zip(&anchors).filter(|_| !self.alone) {
            plan.mark_computed();
            foreign(plan, anchor).for_each(Storage::mark_read);
        }
        Ok(Outcome::Done { partials, shared })
    }

    /// Runs this rank's share; what needs nothing of other nodes while the rest is on its way.
    ///
    /// # Safety
    /// As [`crate::exec::run`], for streams into `fetched` once it has arrived.
    unsafe fn run_share(
        &self,
        share: Share<'_>,
        fetched: &mut Fetched<'_>,
    ) -> Result<SmallVec<[Partial; 2]>> {
        let threads = world::get().threads;
        let Share { tasks, is_far } = share;
        // Reductions are combined in the order of tasks.
        if self.folds.is_empty() && is_far.contains(&true) {
            let mut is_far = is_far.into_iter();
            let (far, near): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|_| is_far.next() == Some(true));
            // SAFETY: the caller's promise; these tasks read nothing that was fetched.
            let partials = unsafe { crate::exec::run(&near, threads) }?;
            fetched.arrive()?;
            // SAFETY: as above; all has arrived.
            return unsafe { crate::exec::run(&far, threads) }.map(|_| partials).map_err(Error::from);
        }
        fetched.arrive()?;
        // SAFETY: the caller's promise; all has arrived.
        Ok(unsafe { crate::exec::run(&tasks, threads) }?)
    }

    /// What was decided, for the other ranks to compare.
    fn note(&self, targets: &[alias::Choice]) {
        for (store, target) in self.stores.iter().zip(targets) {
            if let (Target::Keep(node), true) = (&store.to, target.blocks().is_distributed()) {
                agree::note(Decision::Store, node.number, target.is_existing().into(), node.origin.site);
            }
        }
    }

    /// An error if a buffer is not in this process's reach.
    fn check(&self, boxes: &[BoxPlan], owned: &Owned) -> Result<()> {
        let reads = boxes.iter().flat_map(|plan| plan.reads.iter().filter_map(Read::memory));
        let targets = self.stores.iter().filter_map(|store| match &store.to {
            Target::At(storage, _) => Some(storage),
            Target::Keep(_) => None,
        });
        let owned = owned.iter().flatten();
        reads.map(|(storage, _)| storage).chain(targets).chain(owned).try_for_each(|storage| storage.check())
    }

    /// Targets of axis reductions on a box, in the order of the program's outputs.
    fn fold_targets<'a>(&'a self, plan: &'a BoxPlan) -> impl Iterator<Item = (&'a Storage, View)> {
        self.folds.iter().filter_map(|f| f.to.as_ref()).flat_map(|(values, indices, view)| {
            let part = view.patch(&plan.lo, &plan.counts);
            std::iter::once((&**values, part.clone())).chain(indices.as_deref().map(|s| (s, part)))
        })
    }

    /// Who computes what in a box.
    fn anchor_of(&self, plan: &BoxPlan, targets: &[alias::Choice]) -> Anchor {
        match &self.anchor {
            Anchor::Everyone => return Anchor::Everyone,
            Anchor::Owner(blocks, view) => {
                return Anchor::Owner(*blocks, view.patch(&plan.lo, &plan.counts));
            }
            Anchor::Operand => {}
        }
        if let Some(target) = targets.first() {
            return match target.blocks() {
                b if b.is_distributed() => Anchor::Owner(b, target.view().patch(&plan.lo, &plan.counts)),
                _ => Anchor::Everyone,
            };
        }
        let size: usize = self.shape.iter().product();
        if is_small(size) {
            return Anchor::Everyone;
        }
        let operand = plan
            .reads
            .iter()
            .filter_map(Read::memory)
            .filter(|(s, _)| s.blocks().is_distributed())
            .max_by_key(|(s, _)| s.blocks().len());
        match operand {
            Some((storage, view)) => Anchor::Owner(storage.blocks(), view.clone()),
            None => Anchor::Owner(
                Blocks::distributed(&plan.counts, world::get().size),
                View::contiguous(&plan.counts),
            ),
        }
    }
}

/// Buffers of which a rank may read elements that another one owns.
fn foreign<'a>(plan: &'a BoxPlan, anchor: &'a Anchor) -> impl Iterator<Item = &'a Storage> {
    plan.reads.iter().filter_map(Read::memory).filter_map(move |(storage, view)| {
        let own = match anchor {
            Anchor::Owner(blocks, at) if *blocks == storage.blocks() && at == view => true,
            Anchor::Owner(blocks, at) => storage.at_home(view).is_some_and(|(b, v)| b == *blocks && v == *at),
            _ => false,
        };
        (storage.blocks().count() > 1 && !own).then_some(&**storage)
    })
}

/// A barrier, if one is needed between earlier passes and this one.
fn sync_reads(boxes: &[BoxPlan], anchors: &[Anchor], targets: &[alias::Choice]) -> Result<()> {
    let reads_fresh =
        boxes.iter().zip(anchors).any(|(plan, anchor)| foreign(plan, anchor).any(Storage::is_fresh));
    let overwrites = targets.iter().any(alias::Choice::is_being_read);
    if reads_fresh || overwrites {
        world::synchronise(Purpose::Pass)
    } else if targets.iter().any(alias::Choice::is_looked_at) {
        world::synchronise(Purpose::Caution)
    } else {
        Ok(())
    }
}

impl From<OpError> for Error {
    #[cold]
    fn from(e: OpError) -> Error {
        let kind = match e.kind() {
            OpErrorKind::Type => Kind::Type,
            OpErrorKind::Casting => Kind::Casting,
            OpErrorKind::Value => Kind::Value,
            OpErrorKind::Overflow => Kind::Overflow,
        };
        Error::new(kind, e.message())
    }
}
