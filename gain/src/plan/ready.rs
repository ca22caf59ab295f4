//! Plans: passes that are ready to run.
//!
//! A [`Plan`] is what follows from the key of a [`Scene`](super::scene::Scene): where stores go, which ranks read each
//! other's memory, and this rank's share of the work with its programs. It refers to no array: a run gets the buffers,
//! addresses and numbers from its own scene.

use super::cut::{self, Share};
use super::fetch::Fetched;
use super::lower::{Asked, BoxPlan, By, Read};
use super::scene::{Scene, Source};
use super::{Anchor, Outcome, Owned, Pass, Target, alias, choice};
use crate::error::Result;
use crate::exec::{Domain, Leaf, Partial, Program, Stream, Task};
use crate::memory::{Blocks, Storage};
use crate::session::{self, Decision, Purpose, profile};
use crate::view::{Dims, View};
use smallvec::SmallVec;
use std::sync::Arc;

/// A pass but for what it is about.
#[derive(Debug)]
pub(super) struct Plan {
    aims: SmallVec<[Aim; 2]>,
    /// Whether other ranks have shares of their own.
    shared: bool,
    /// Whether floating-point exceptions are looked for, as far as all ranks know.
    is_watched: bool,
    /// Buffers that are read: the scene's number, and the element size they are seen with.
    reads: SmallVec<[(u32, usize); 4]>,
    /// Which of them a rank may read elements of that another one owns.
    foreign: SmallVec<[u32; 4]>,
    /// Nodes that are computed.
    computed: Vec<u32>,
    boxes: Vec<Ready>,
}

/// Plans of more shares than this would take much memory, and little of a pass's time to make.
const MOST_SHARES: usize = 256;

/// Where a store goes.
#[derive(Debug)]
enum Aim {
    /// The buffer it was given, or that its node may take over.
    Given,
    /// A new one.
    New(Blocks, Dims, usize),
}

/// A box.
#[derive(Debug)]
struct Ready {
    program: Program,
    sources: Vec<Source>,
    asked: Vec<Asked>,
    /// Places in `Plan::reads` of the leaves in memory.
    leaves: SmallVec<[u32; 6]>,
    /// Numbers of the stores; the outputs of reductions follow.
    stored: Vec<usize>,
    shares: Vec<Share>,
}

impl Plan {
    /// The plan of a pass that was cut into these boxes; `None` if it would read what it overwrites.
    pub(super) fn new(pass: &Pass, mut boxes: Vec<BoxPlan>, owned: &Owned) -> Option<Plan> {
        let choices = alias::choose(pass, &boxes, owned)?;
        let anchors: Vec<Anchor> = boxes.iter().map(|b| pass.anchor_of(b, &choices)).collect();
        let mut plan = Plan {
            shared: anchors.iter().any(|a| !matches!(a, Anchor::Everyone)),
            reads: SmallVec::new(),
            foreign: SmallVec::new(),
            is_watched: false,
            computed: boxes.iter().flat_map(|plan| plan.inlined.iter().copied()).collect(),
            boxes: Vec::with_capacity(boxes.len()),
            aims: choices
                .iter()
                .map(|choice| match choice {
                    choice::Choice::Existing(..) => Aim::Given,
                    choice::Choice::Fresh { blocks, shape, item_bytes, .. } => {
                        Aim::New(*blocks, shape.clone(), *item_bytes)
                    }
                })
                .collect(),
        };
        plan.computed.sort_unstable();
        plan.computed.dedup();
        for (lowered, anchor) in boxes.iter_mut().zip(&anchors) {
            plan.add(pass, lowered, anchor, &choices);
        }
        Some(plan)
    }

    fn add(&mut self, pass: &Pass, lowered: &mut BoxPlan, anchor: &Anchor, choices: &[choice::Choice]) {
        let (program, stored) = lowered.finish(pass, choices);
        let mut leaves = SmallVec::new();
        for read in &lowered.reads {
            let Read::Memory(number, storage, view) = read else { continue };
            let place = (*number, storage.item_bytes());
            let at = self.reads.iter().position(|read| *read == place).unwrap_or_else(|| {
                self.reads.push(place);
                self.reads.len() - 1
            });
            leaves.push(at as u32);
            if is_foreign(anchor, storage, view) && !self.foreign.contains(&(at as u32)) {
                self.foreign.push(at as u32);
            }
        }
        let idle = stored.is_empty() && pass.folds.is_empty();
        let shares = if idle {
            Vec::new()
        } else {
            let part = |view: &View| view.patch(&lowered.lo, &lowered.counts);
            let stores = stored
                .iter()
                .map(|&i| (choices[i].blocks(), choices[i].item_bytes(), part(choices[i].view())));
            let folds =
                pass.folds.iter().filter_map(|fold| fold.to.as_ref()).flat_map(|(values, indices, view)| {
                    let out = |storage: &Storage| (storage.blocks(), storage.item_bytes(), part(view));
                    std::iter::once(out(values)).chain(indices.as_deref().map(out))
                });
            let outs: Vec<cut::Out> = stores.chain(folds).collect();
            cut::shares(lowered, anchor, &outs)
        };
        self.is_watched |= lowered.asked.iter().any(|who| who.wanted != 0);
        let (sources, asked) = (std::mem::take(&mut lowered.sources), std::mem::take(&mut lowered.asked));
        self.boxes.push(Ready { program, sources, asked, leaves, stored, shares });
    }

    /// Whether it is right for every pass of its key, and small.
    pub(super) fn is_worth_keeping(&self) -> bool {
        let shares: usize = self.boxes.iter().map(|ready| ready.shares.len()).sum();
        shares <= MOST_SHARES && self.boxes.iter().all(|ready| ready.program.is_general())
    }

    /// Run the pass. Collective, unless it is a rank's own.
    pub(super) fn run(&mut self, pass: &Pass, scene: &Scene, owned: &Owned) -> Result<Outcome> {
        let _span = profile::span(pass.kind(), || (pass.site(), pass.shape.iter().product()));
        let reads: SmallVec<[Arc<Storage>; 4]> = self
            .reads
            .iter()
            .map(|&(number, item_bytes)| {
                let seen = scene.storages[number as usize].seen_as(item_bytes);
                seen.expect("a buffer with the same cut can be seen so")
            })
            .collect();
        let given = |i: usize| match &pass.stores[i].to {
            Target::At(storage, _) => Some(storage),
            Target::Keep(_) => owned[i].as_ref(),
        };
        reads.iter().chain((0..self.aims.len()).filter_map(given)).try_for_each(|storage| storage.check())?;
        let is_given = |i: &usize| matches!(self.aims[*i], Aim::Given);
        if !pass.alone {
            if self.shared {
                self.note(pass, owned);
            }
            let mut foreign = self.foreign.iter().map(|&at| &reads[at as usize]);
            let is_read_fresh = foreign.any(|storage| storage.is_fresh());
            let mut targets = (0..self.aims.len()).filter(is_given).filter_map(given);
            if is_read_fresh || targets.clone().any(|storage| storage.is_being_read()) {
                session::get().synchronise(Purpose::Pass)?;
            } else if targets.any(|storage| storage.is_looked_at()) {
                session::get().synchronise(Purpose::Caution)?;
            }
        }
        let targets = self
            .aims
            .iter()
            .enumerate()
            .map(|(i, aim)| match aim {
                Aim::Given => Ok(given(i).expect("as when the plan was made").clone()),
                Aim::New(blocks, shape, item_bytes) => Storage::in_blocks(*blocks, shape, *item_bytes),
            })
            .collect::<Result<SmallVec<[Arc<Storage>; 2]>>>()?;
        for ready in &mut self.boxes {
            let Ready { program, sources, .. } = ready;
            program.renew(|number| scene.value(sources[number as usize]));
        }
        let mut fetched = Fetched::default();
        let mut work = Work { tasks: Vec::with_capacity(self.boxes.len()), is_far: Vec::new() };
        for ready in &self.boxes {
            for share in &ready.shares {
                let before = fetched.count();
                let domain = ready.domain(share, pass, &reads, &targets, &mut fetched)?;
                work.tasks.push(Task { program: &ready.program, domain });
                work.is_far.push(fetched.count() > before);
            }
        }
        session::get().count(|c| &c.passes, 1);
        // SAFETY: `cut::shares` made every stream from a view that lies inside a buffer of such a cut, within one owner's
        // mapped block; buffers of that cut, which live until after this call, are in `reads`, `targets` and
        // `pass.folds`. Writes go to blocks this rank owns or to private memory; what is read here is written by nobody
        // meanwhile: it is this thread's turn, passes are collective, and the synchronisation above is between a write
        // and a foreign read of one buffer.
        // `alias::choose` let an output share a buffer with a leaf only at equal index. What is fetched is read after it arrived.
        let partials = unsafe { work.run(pass, &mut fetched) }?;
        drop(fetched);
        let told = (self.shared && !pass.alone && session::get().size > 1 && self.is_watched)
            .then(|| session::get().watch_shared());
        for ready in &self.boxes {
            ready.program.raised().for_each(|(tag, bits)| ready.tell(pass, scene, tag, bits, told));
        }
        for (store, target) in pass.stores.iter().zip(targets) {
            target.mark_written();
            if let Target::Keep(node) = &store.to {
                node.set_stored(target);
            }
        }
        for fold in &pass.folds {
            if let Some((values, indices, _)) = &fold.to {
                values.mark_written();
                indices.iter().for_each(|s| s.mark_written());
            }
        }
        if !pass.alone {
            self.computed.iter().for_each(|&node| scene.nodes[node as usize].mark_computed());
            self.foreign.iter().for_each(|&at| reads[at as usize].mark_read());
        }
        Ok(Outcome::Done { partials, shared: self.shared })
    }

    /// What was decided, for the other ranks to compare.
    fn note(&self, pass: &Pass, owned: &Owned) {
        for (i, (store, aim)) in pass.stores.iter().zip(&self.aims).enumerate() {
            let Target::Keep(node) = &store.to else { continue };
            let (is_given, blocks) = match (aim, &owned[i]) {
                (Aim::Given, Some(storage)) => (true, storage.blocks()),
                _ => (false, node.blocks),
            };
            if blocks.is_distributed() {
                session::get().note(Decision::Store, node.number, is_given.into(), node.origin.site);
            }
        }
    }
}

impl Ready {
    /// A share of the box as it lies in memory now.
    fn domain<'s>(
        &self,
        share: &Share,
        pass: &Pass,
        reads: &'s [Arc<Storage>],
        targets: &[Arc<Storage>],
        fetched: &mut Fetched<'s>,
    ) -> Result<Domain> {
        let mut domain = share.domain.clone();
        let streams = domain.leaves.iter_mut().filter_map(|leaf| match leaf {
            Leaf::Memory(stream) => Some(stream),
            Leaf::Index { .. } => None,
        });
        for ((stream, place), &read) in streams.zip(&share.leaves).zip(&self.leaves) {
            let storage = &*reads[read as usize];
            match &place.foreign {
                None => stream.ptr = moved(stream, storage.base(place.owner)),
                Some(view) => *stream = cut::source(storage, view, fetched)?,
            }
        }
        let stores = self.stored.iter().map(|&i| &targets[i]);
        let folds = pass.folds.iter().filter_map(|fold| fold.to.as_ref());
        let folds = folds.flat_map(|(values, indices, _)| std::iter::once(values).chain(indices));
        for ((stream, place), storage) in domain.outs.iter_mut().zip(&share.outs).zip(stores.chain(folds)) {
            stream.ptr = moved(stream, storage.base(place.owner));
        }
        Ok(domain)
    }

    /// Exceptions were found in what was computed for `tag`, in this shared pass if it is one.
    #[cold]
    fn tell(&self, pass: &Pass, scene: &Scene, tag: u32, bits: u8, told: Option<u64>) {
        let who = &self.asked[tag as usize];
        let (name, bits, origin) = match who.by {
            By::Node(at) => {
                let node = &scene.nodes[at as usize];
                (who.name, node.tell(bits), node.origin)
            }
            By::Operand(at) => (who.name, bits, scene.nodes[at as usize].origin),
            By::Store(at) => (who.name, bits, pass.stores[at as usize].origin),
            By::Fold(at) => (pass.folds[at as usize].name, bits, pass.folds[at as usize].origin),
        };
        if bits != 0 {
            session::get().found(name, bits, origin, told, tag);
        }
    }
}

/// Where a stream begins whose address is counted from `base`.
fn moved(stream: &Stream, base: *mut u8) -> *mut u8 {
    base.wrapping_byte_offset(stream.ptr.addr() as isize)
}

/// This rank's share of a pass.
struct Work<'p> {
    tasks: Vec<Task<'p>>,
    /// Whether each of them reads what is fetched from other nodes.
    is_far: Vec<bool>,
}

impl Work<'_> {
    /// Runs it; what needs nothing of other nodes while the rest is on its way.
    ///
    /// # Safety
    /// As [`crate::exec::run`], for streams into `fetched` once it has arrived.
    unsafe fn run(self, pass: &Pass, fetched: &mut Fetched<'_>) -> Result<SmallVec<[Partial; 2]>> {
        let threads = session::get().threads;
        let Work { tasks, is_far } = self;
        // Reductions are combined in the order of tasks.
        if pass.folds.is_empty() && is_far.contains(&true) {
            let mut is_far = is_far.into_iter();
            let (far, near): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|_| is_far.next() == Some(true));
            // SAFETY: the caller's promise; these tasks read nothing that was fetched.
            let partials = unsafe { crate::exec::run(near, threads) }?;
            fetched.arrive()?;
            // SAFETY: as above; all has arrived.
            return unsafe { crate::exec::run(far, threads) }.map(|_| partials);
        }
        fetched.arrive()?;
        // SAFETY: the caller's promise; all has arrived.
        unsafe { crate::exec::run(tasks, threads) }
    }
}

/// Whether a rank that computes what `anchor` says may read elements of this buffer that another one owns.
fn is_foreign(anchor: &Anchor, storage: &Storage, view: &View) -> bool {
    let own = match anchor {
        Anchor::Owner(blocks, at) if *blocks == storage.blocks() && at == view => true,
        Anchor::Owner(blocks, at) => storage.at_home(view).is_some_and(|(b, v)| b == *blocks && v == *at),
        _ => false,
    };
    storage.blocks().count() > 1 && !own
}
