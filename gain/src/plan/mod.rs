//! From recorded expressions to passes over memory.
//!
//! A [`Pass`] evaluates a few expressions over one iteration space and stores or reduces them. It is made in steps,
//! the first three of them on all ranks alike:
//!
//! 1. [`lower`]: the space is cut into boxes inside of which every assigned region is either hit or missed, and
//!    each box gets its program. What can't be fused (or is worth keeping) is stored by a pass of its own first.
//! 2. Targets: each stored value gets a buffer, or takes over the one it updates ([`alias`]).
//! 3. [`cut`]: this rank's share, cut so that each operand lies in one rank's block.
//! 4. [`run`](Plan::run): a barrier, if a buffer is read that was written in this epoch, or the reverse; addresses; run.
//!
//! What the first three come to follows from the pass's structure ([`scene`]) and is kept for the next pass that has the
//! same ([`cache`]).

mod alias;
mod below;
mod cache;
mod choice;
mod cut;
mod defer;
mod fetch;
mod force;
pub(crate) mod lens;
mod lower;
mod pending;
mod ready;
mod reduce;
mod scene;

pub(crate) use alias::reads;
pub(crate) use below::is_little;
pub(crate) use cut::{Part, between, by_owner, source};
pub(crate) use defer::deferred;
pub(crate) use fetch::Fetched;
pub(crate) use force::{force, force_small_patch, is_small_part, settled};
pub(crate) use reduce::{Folded, fold_all, fold_axes, start_value};

use crate::dtype::DType;
use crate::error::Result;
use crate::exec::Partial;
use crate::memory::{Blocks, Storage, is_small};
use crate::ops::ReduceOp;
use crate::record::{Arg, Node, elsewhere};
use crate::session;
use crate::status::site::{Origin, Site};
use crate::view::{Dims, View};
use cache::Verdict;
use lower::{BoxPlan, Read, Stop};
use ready::Plan;
use scene::Scene;
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
    /// Who asked for it.
    pub(crate) origin: Origin,
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
        self.check_is_here()?;
        if self.alone {
            self.anchor = Anchor::Everyone;
        }
        loop {
            force::add_keeps(&mut self);
            let owned: Owned = self.stores.iter().map(|s| s.to.exclusive_base()).collect();
            let scene = Scene::of(&self, &owned);
            let (set, known) = cache::take(&scene.key);
            match known.unwrap_or_else(|| self.decide(&scene, &owned)) {
                Verdict::Run(mut plan) => {
                    let outcome = plan.run(&self, &scene, &owned);
                    if plan.is_worth_keeping() {
                        cache::give(set, scene.key, Verdict::Run(plan));
                    }
                    return outcome;
                }
                Verdict::Hazard => {
                    cache::give(set, scene.key, Verdict::Hazard);
                    return Ok(Outcome::Hazard);
                }
                Verdict::Force(number) => {
                    let Scene { key, mut nodes, storages, .. } = scene;
                    cache::give(set, key, Verdict::Force(number));
                    // Nothing else may refer to what is below.
                    let node = nodes.swap_remove(number as usize);
                    drop((nodes, storages));
                    self.stores.retain(|s| !matches!(&s.to, Target::Keep(n) if Arc::ptr_eq(n, &node)));
                    force(&node)?;
                }
                Verdict::Reshape(shape) => {
                    self.reshape(&shape);
                    cache::give(set, scene.key, Verdict::Reshape(shape));
                }
            }
        }
    }

    /// An error if elements of another job are read, or more is to be computed than this thread may.
    fn check_is_here(&self) -> Result<()> {
        elsewhere::check(self.shape.iter().product())?;
        let indices = self.folds.iter().filter_map(|fold| match &fold.index {
            Some(Numbers::Stored(arg)) => Some(arg),
            _ => None,
        });
        let values = self.stores.iter().map(|store| &store.value).chain(self.folds.iter().map(|f| &f.value));
        let is_elsewhere = |arg: &Arg| arg.node().is_some_and(|node| node.is_elsewhere());
        if values.chain(indices).any(is_elsewhere) { Err(elsewhere::error()) } else { Ok(()) }
    }

    /// What is to be done, which follows from the scene's key.
    fn decide(&self, scene: &Scene, owned: &Owned) -> Verdict {
        match lower::lower(self, scene) {
            Ok(boxes) => match Plan::new(self, boxes, owned) {
                Some(plan) => Verdict::Run(Box::new(plan)),
                None => Verdict::Hazard,
            },
            Err(Stop::Force(node)) => Verdict::Force(scene.node_number(&node)),
            Err(Stop::Reshape(shape)) => Verdict::Reshape(shape),
            Err(Stop::Cut { .. }) => unreachable!("cuts are made inside lower"),
        }
    }

    /// What it is in a profile.
    fn kind(&self) -> &'static str {
        match (&self.anchor, self.folds.is_empty()) {
            (_, false) => "reduce",
            (Anchor::Everyone, true) => "read",
            _ => "pass",
        }
    }

    /// The line that asked for it.
    fn site(&self) -> Site {
        let origins = self.stores.iter().map(|store| store.origin);
        origins.chain(self.folds.iter().map(|fold| fold.origin)).next().unwrap_or_default().site
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

    /// Who computes what in a box.
    fn anchor_of(&self, plan: &BoxPlan, targets: &[choice::Choice]) -> Anchor {
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
                Blocks::distributed(&plan.counts, session::get().size),
                View::contiguous(&plan.counts),
            ),
        }
    }
}
