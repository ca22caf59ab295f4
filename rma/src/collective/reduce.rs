//! Reductions and scans.

use super::ops::{self, Order, Reducible, Wanted};
use super::{cube, dtype_kind, plain_kind, tiers};
use crate::call::{Call, OpCode};
use crate::error::Result;
use crate::layout::Layout;
use crate::operator::{Op, USER};
use crate::plain::{self, Plain};
use crate::row::WORDS;
use crate::session::Session;
use crate::signature::Signature;
use crate::team::Team;
use shm::copy;

/// A piece of an allreduce of at most so many bytes, over all members, is reduced by everybody; a larger one is shared out.
const SHARE_OUT: usize = 32 * 1024;

impl Team {
    /// Combines everybody's `data` element by element; every member gets the result. A full synchronisation.
    ///
    /// Collective, with the same operator, type and length. The result is bit for bit the same on all members. In a team that spans nodes,
    /// more than five words are folded by rank within each node (of a long array each share begins with what one member has), and between
    /// nodes in pairs of neighbours, then pairs of pairs.
    /// Stands for `MPI_Allreduce`, `GA_Gop`, `armci_msg_gop`. Errors: `Type` (no such operator), `Mismatch`, `Died`, `Finalized`.
    #[track_caller]
    pub fn allreduce<T: Reducible>(&self, data: &mut [T], op: Op) -> Result<()> {
        self.reduction(Call::new(OpCode::Allreduce), data, op, Wanted::ByAll)
    }

    /// As [`Team::allreduce`], but only `root` gets the result; the others' `data` is unchanged.
    ///
    /// Collective. Stands for `MPI_Reduce`. Errors: as [`Team::allreduce`], and `Rank`.
    #[track_caller]
    pub fn reduce<T: Reducible>(&self, data: &mut [T], op: Op, root: usize) -> Result<()> {
        let call = Call::new(OpCode::Reduce);
        self.reduction(call, data, op, Wanted::ByRoot(root))
    }

    /// Rank r gets the combination of ranks 0 to r. Collective. Stands for `MPI_Scan`. Errors as [`Team::allreduce`].
    #[track_caller]
    pub fn scan<T: Reducible>(&self, data: &mut [T], op: Op) -> Result<()> {
        self.reduction(Call::new(OpCode::Scan), data, op, Wanted::Prefix)
    }

    /// Rank r gets the combination of ranks 0 to r - 1; rank 0's data is unchanged.
    ///
    /// Collective. Stands for `MPI_Exscan`. Errors as [`Team::allreduce`].
    #[track_caller]
    pub fn exclusive_scan<T: Reducible>(&self, data: &mut [T], op: Op) -> Result<()> {
        self.reduction(Call::new(OpCode::ExclusiveScan), data, op, Wanted::PrefixBefore)
    }

    /// [`Team::allreduce`] with a function of two elements, for any plain type. It must give the same on every rank, and is applied
    /// in rank order, so it need not be commutative: `f(f(x0, x1), x2)`, or on a node with many members, and in a team that spans nodes, with
    /// more than five words and nodes of consecutive ranks, `f(f(x0, x1), f(x2, x3))`; so it must be associative.
    /// It runs while this rank is inside the team's collective: it must not call another one of the same team.
    ///
    /// Collective. Stands for `MPI_Allreduce` with `MPI_Op_create`. Errors: as [`Team::allreduce`].
    #[track_caller]
    pub fn allreduce_with<T: Plain>(&self, data: &mut [T], combine: impl Fn(T, T) -> T) -> Result<()> {
        self.user_reduction(Call::new(OpCode::Allreduce), data, combine, Wanted::ByAll)
    }

    /// [`Team::reduce`] with a function; see [`Team::allreduce_with`].
    #[track_caller]
    pub fn reduce_with<T: Plain>(
        &self,
        data: &mut [T],
        combine: impl Fn(T, T) -> T,
        root: usize,
    ) -> Result<()> {
        let call = Call::new(OpCode::Reduce);
        self.user_reduction(call, data, combine, Wanted::ByRoot(root))
    }

    /// [`Team::scan`] with a function; see [`Team::allreduce_with`].
    #[track_caller]
    pub fn scan_with<T: Plain>(&self, data: &mut [T], combine: impl Fn(T, T) -> T) -> Result<()> {
        self.user_reduction(Call::new(OpCode::Scan), data, combine, Wanted::Prefix)
    }

    /// [`Team::exclusive_scan`] with a function; see [`Team::allreduce_with`].
    #[track_caller]
    pub fn exclusive_scan_with<T: Plain>(&self, data: &mut [T], combine: impl Fn(T, T) -> T) -> Result<()> {
        self.user_reduction(Call::new(OpCode::ExclusiveScan), data, combine, Wanted::PrefixBefore)
    }

    #[inline]
    fn reduction<T: Reducible>(&self, call: Call, data: &mut [T], op: Op, wanted: Wanted) -> Result<()> {
        let signature = Signature::new(call.op).reduction(op as u8).element(dtype_kind(T::DTYPE));
        ops::check::<T>(op, call.op.name()).map_err(|error| self.refuse(call, signature, error))?;
        // SAFETY: `run` promises readable, aligned elements which nobody writes; the signatures agree on the type.
        self.run(call, data, signature, wanted, Order::Any, &|acc: &mut [T], src| unsafe {
            ops::fold(op, acc, src);
            Ok(())
        })
    }

    fn user_reduction<T: Plain>(
        &self,
        call: Call,
        data: &mut [T],
        combine: impl Fn(T, T) -> T,
        wanted: Wanted,
    ) -> Result<()> {
        let signature = Signature::new(call.op).reduction(USER).element(plain_kind::<T>());
        self.run(call, data, signature, wanted, Order::OfRanks, &|acc: &mut [T], src: *const T| {
            for (index, value) in acc.iter_mut().enumerate() {
                // SAFETY: `run` promises acc.len() readable elements.
                let other = unsafe { plain::read(call.op.name(), src.add(index).cast()) }?;
                *value = combine(*value, other);
            }
            Ok(())
        })
    }

    /// Runs a reduction whose `fold(acc, src)` is given `acc.len()` readable, aligned elements at `src` that nobody writes.
    #[inline]
    pub(super) fn run<T: Plain, F: Fn(&mut [T], *const T) -> Result<()>>(
        &self,
        call: Call,
        data: &mut [T],
        kind: Signature,
        wanted: Wanted,
        order: Order,
        fold: &F,
    ) -> Result<()> {
        let root = if let Wanted::ByRoot(root) = wanted { root } else { 0 };
        let signature = kind.root(root).count(data.len());
        self.check_root(call, signature, root)?;
        let mut session = self.session(call)?;
        let len = size_of_val(data);
        if cube::is_for_crowd(&session, data, wanted) {
            session.meet_for_exchanges(signature)?;
            by_cube(&mut session, data, wanted, fold)?;
        } else if len <= WORDS * 8
            && align_of::<T>() <= 8
            && (len == 0 || !is_for_tree(&session, wanted, order))
        {
            in_words(&mut session, data, signature, wanted, fold)?;
        } else if may_be_tiered(&session, wanted, order)
            && let Some(tiers) = session.tiers(signature)?
        {
            tiers::reduce(tiers, &session, data, kind, wanted, order, fold)?;
        } else if cube::may_reduce(&session, data, wanted) && {
            session.make_room(cube::room(&session, data), signature)?;
            cube::fits::<T>(&session)
        } {
            session.meet_for_exchanges(signature)?;
            by_cube(&mut session, data, wanted, fold)?;
        } else {
            session.make_room(len, signature)?;
            let piece = session.capacity::<T>();
            for part in data.chunks_mut(piece) {
                if !wanted.is_prefix() && size_of_val(part) * session.size() > SHARE_OUT {
                    shared_out(&mut session, part, signature, wanted, order, fold)?;
                } else {
                    in_place(&mut session, part, signature, wanted, fold)?;
                }
            }
        }
        if wanted == Wanted::ByAll {
            session.complete();
        }
        Ok(())
    }
}

/// A reduction by the cube; only the data of who wants it may change.
fn by_cube<T: Plain>(
    session: &mut Session<'_>,
    data: &mut [T],
    wanted: Wanted,
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    match wanted {
        Wanted::ByRoot(root) if root != session.rank() => cube::reduce(session, &mut data.to_vec(), fold),
        _ => cube::reduce(session, data, fold),
    }
}

/// Whether a few words are reduced as more would be: of so many members on several nodes, not everybody has to hear what each says.
fn is_for_tree(session: &Session<'_>, wanted: Wanted, order: Order) -> bool {
    session.is_wide() && !wanted.is_prefix() && (order == Order::Any || may_be_tiered(session, wanted, order))
}

/// Whether a reduction may go node by node: then elements are folded by node, and by rank within each.
fn may_be_tiered(session: &Session<'_>, wanted: Wanted, order: Order) -> bool {
    let is_in_order = || session.spread().is_some_and(Layout::is_in_order);
    !wanted.is_prefix() && (order == Order::Any || is_in_order())
}

/// The members whose data makes up what rank `me` of `size` wants.
fn contributors(wanted: Wanted, me: usize, size: usize) -> std::ops::Range<usize> {
    match wanted {
        Wanted::ByAll => 0..size,
        Wanted::ByRoot(root) if root == me => 0..size,
        Wanted::ByRoot(_) => 0..0,
        Wanted::Prefix => 0..me + 1,
        Wanted::PrefixBefore => 0..me,
    }
}

/// Sets `data` to the first contributor's elements and folds the others' into it, in rank order. Nothing without contributors.
fn combine<T: Plain>(
    op: &'static str,
    data: &mut [T],
    ranks: std::ops::Range<usize>,
    source: impl Fn(usize) -> *const T,
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    for (place, rank) in ranks.enumerate() {
        let src = source(rank);
        if place > 0 {
            fold(data, src)?;
            continue;
        }
        let len = size_of_val(data);
        // SAFETY: the source holds as many elements as `data`, in memory of its own.
        plain::fill(op, data, |bytes| unsafe {
            copy::copy(bytes, src.cast(), len);
            Ok(())
        })?;
    }
    Ok(())
}

/// A reduction of a few words, which travel in the line of the meeting.
#[inline]
fn in_words<T: Plain>(
    session: &mut Session<'_>,
    data: &mut [T],
    signature: Signature,
    wanted: Wanted,
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    let len = size_of_val(data);
    let mut words = [0u64; WORDS];
    bytemuck::bytes_of_mut(&mut words)[..len].copy_from_slice(bytemuck::cast_slice::<T, u8>(data));
    let used = len.div_ceil(8);
    session.meet(signature, &words[..used])?;
    let op = session.call().op.name();
    for (place, rank) in contributors(wanted, session.rank(), session.size()).enumerate() {
        for (index, word) in words[..used].iter_mut().enumerate() {
            *word = session.word(rank, index);
        }
        // Words are aligned for T, as the caller has checked, and hold data.len() elements.
        let src: *const T = words.as_ptr().cast();
        if place == 0 { combine(op, data, 0..1, |_| src, fold)? } else { fold(data, src)? }
    }
    Ok(())
}

/// A reduction of one outbox, everybody reading what it needs.
fn in_place<T: Plain>(
    session: &mut Session<'_>,
    data: &mut [T],
    signature: Signature,
    wanted: Wanted,
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    session.post(0, data);
    session.meet(signature, &[])?;
    let ranks = contributors(wanted, session.rank(), session.size());
    let count = data.len();
    let far = session.far(ranks.clone(), 0, count)?;
    let source = |rank| session.posted(&far, rank, 0, count);
    combine(session.call().op.name(), data, ranks, source, fold)
}

/// A reduction of one outbox: each member reduces its share, then those who want it collect the shares.
fn shared_out<T: Plain>(
    session: &mut Session<'_>,
    data: &mut [T],
    signature: Signature,
    wanted: Wanted,
    order: Order,
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    let (me, size, op) = (session.rank(), session.size(), session.call().op.name());
    let mine = data_share(data.len(), me, size);
    let wants = wanted == Wanted::ByAll || wanted == Wanted::ByRoot(me);
    // My share is where it is needed already, unless it must not be folded first.
    let stays = order == Order::Any;
    session.post(0, &data[..if stays { mine.start } else { mine.end }]);
    session.post(mine.end, &data[mine.end..]);
    session.meet(signature, &[])?;
    let far = session.far(0..size, mine.start, mine.len())?;
    let source = |rank: usize| session.posted(&far, rank, mine.start, mine.len());
    let mut spare = if wants { Vec::new() } else { data[mine.clone()].to_vec() };
    let share = if wants { &mut data[mine.clone()] } else { &mut spare[..] };
    let folded = match order {
        Order::Any => (0..size).filter(|rank| *rank != me).try_for_each(|rank| fold(share, source(rank))),
        Order::OfRanks => combine(op, share, 0..size, source, fold),
    };
    session.post(0, share);
    session.meet(signature, &[])?;
    folded?;
    if !wants {
        return Ok(());
    }
    let len = data.len();
    let others = (0..size).filter(|rank| *rank != me).map(|rank| (rank, 0, data_share(len, rank, size)));
    session.fetch(data, others)
}

/// The elements of `len` that are the share of member `rank` of `size`.
fn data_share(len: usize, rank: usize, size: usize) -> std::ops::Range<usize> {
    len * rank / size..len * (rank + 1) / size
}
