//! Non-blocking collectives: each is a [`schedule`] of this member, which [the post](crate::post) goes on with whenever the program waits or makes progress.
//!
//! Members' shares are letters, known by the team, the number of the collective among the team's, and the step; they carry the signature, so a member that calls
//! something else is found by whoever hears of it. Any number may be under way; members begin them in one order.

mod schedule;

use super::ops::{self, Reducible};
use super::{dtype_kind, typed};
use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::operator::Op;
use crate::plain::{self, Plain};
use crate::post::{Errand, ErrandKey, Post, Share, may_wait};
use crate::shared::no_such_rank;
use crate::signature::Signature;
use crate::team::Team;
use crate::transport::Transport;
use crate::transport::letter::{Sort, Stamp};
use schedule::{Round, Transfer};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A collective under way, which gives an `R` in the end. One that is dropped goes on all the same: the others need this member's part.
#[must_use = "the result comes from `wait`"]
pub struct Pending<R> {
    team: Team,
    op: OpCode,
    state: Arc<Mutex<State<R>>>,
}

/// What a request and its errand share.
struct State<R> {
    outcome: Option<Result<R>>,
    /// World ranks whose shares are waited for.
    awaited: Vec<usize>,
}

fn lock<R>(state: &Mutex<State<R>>) -> MutexGuard<'_, State<R>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R> std::fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pending {}", self.op.name())
    }
}

impl<R> Pending<R> {
    /// Whether it is over; makes progress. Not collective. Stands for `MPI_Test`.
    pub fn test(&self) -> Result<bool> {
        self.team.shared().alive(self.op.name())?;
        self.team.shared().turn();
        Ok(lock(&self.state).outcome.is_some())
    }

    /// Waits until it is over, and goes on with all others meanwhile; returns the result.
    ///
    /// Not collective: requests may be waited for in any order. Stands for `MPI_Wait`. Errors: `Mismatch`, `Type`, `Died`, `Handler`, `Finalized`.
    #[track_caller]
    pub fn wait(self) -> Result<R> {
        let call = Call::new(self.op);
        may_wait(call.op.name())?;
        let world = self.team.shared();
        world.alive(call.op.name())?;
        loop {
            let awaited = {
                let mut state = lock(&self.state);
                if let Some(outcome) = state.outcome.take() {
                    return outcome;
                }
                state.awaited.clone()
            };
            let far = awaited.iter().copied().find(|rank| world.layout.local(*rank).is_none());
            let here = |dead| lock(&self.state).awaited.contains(&dead);
            let needs = far.map_or(Needs::These(&here), Needs::Elsewhere);
            let target = awaited.first().copied();
            let cause = Cause { call, team: self.team.id(), target, sequence: 0, needs };
            // Whose end would matter changes as it goes on.
            world.await_bell(cause, || {
                let state = lock(&self.state);
                state.outcome.is_some() || state.awaited != awaited
            })?;
        }
    }
}

/// The step in which a member says that it has met with an error.
const GIVEN_UP: u64 = u64::MAX;
/// Marks steps in which it says that the error is a world rank's death.
const DIED: u64 = 1 << 63;

/// Makes the buffer the result.
type Finish<T, R> = Box<dyn FnOnce(Vec<T>) -> R + Send>;

/// Combines the buffer with what came.
type Fold<T> = fn(Op, &mut [T], &[T]);

/// What a member does for a collective.
struct Plan<T, R> {
    signature: Signature,
    rounds: VecDeque<Round>,
    buffer: Vec<T>,
    fold: Option<(Op, Fold<T>)>,
    finish: Finish<T, R>,
}

/// One member's side of a collective under way.
struct Work<T, R> {
    team: Team,
    call: Call,
    key: ErrandKey,
    plan: Option<Plan<T, R>>,
    has_sent: bool,
    /// What came and is not used yet.
    shares: Vec<Share>,
    state: Arc<Mutex<State<R>>>,
}

impl<T: Plain + Send, R: Send> Errand for Work<T, R> {
    fn advance(&mut self, post: &Post, transport: &dyn Transport) -> bool {
        self.shares.extend(post.take_shares(self.key));
        let Some(mut plan) = self.plan.take() else { return true };
        let outcome = match self.go_on(&mut plan, post, transport) {
            Ok(false) => {
                self.plan = Some(plan);
                return false;
            }
            Ok(true) => Ok((plan.finish)(plan.buffer)),
            Err(error) => {
                self.give_up(&error, &plan, post, transport);
                Err(error)
            }
        };
        lock(&self.state).outcome = Some(outcome);
        true
    }
}

impl<T: Plain, R> Work<T, R> {
    /// Goes on as far as possible; whether it is over.
    fn go_on(&mut self, plan: &mut Plan<T, R>, post: &Post, transport: &dyn Transport) -> Result<bool> {
        self.check(plan.signature)?;
        while let Some(mut round) = plan.rounds.pop_front() {
            if !std::mem::replace(&mut self.has_sent, true) {
                round.sends.iter().try_for_each(|send| self.send(plan, post, transport, send))?;
            }
            while let Some(next) = round.receives.first() {
                let source = self.team.world_rank(next.rank);
                let is_it = |share: &Share| share.source == source && share.step == next.step;
                let Some(place) = self.shares.iter().position(is_it) else {
                    self.await_rest(&round);
                    plan.rounds.push_front(round);
                    return Ok(false);
                };
                let share = self.shares.swap_remove(place);
                self.receive(plan, next, round.is_folded, &share.contents)?;
                round.receives.remove(0);
            }
            self.has_sent = false;
        }
        Ok(true)
    }

    /// Tells the others, who may wait for what won't come.
    fn give_up(&self, error: &Error, plan: &Plan<T, R>, post: &Post, transport: &dyn Transport) {
        let step = match (error.kind(), error.rank()) {
            (ErrorKind::Died, Some(rank)) => DIED | rank as u64,
            _ => GIVEN_UP,
        };
        for rank in (0..self.team.size()).filter(|rank| *rank != self.team.rank()) {
            // Who is gone waits for nothing.
            let _ = self.send(plan, post, transport, &Transfer { rank, step, range: 0..0 });
        }
    }

    /// Says who is waited for.
    fn await_rest(&self, round: &Round) {
        let awaited: Vec<usize> =
            round.receives.iter().map(|receive| self.team.world_rank(receive.rank)).collect();
        let mut state = lock(&self.state);
        if state.awaited != awaited {
            state.awaited = awaited;
        }
    }

    /// An error if a share is of another call.
    fn check(&self, signature: Signature) -> Result<()> {
        let words = [signature.operation, signature.count];
        let is_other = |share: &&Share| share.signature != words || share.step & DIED != 0;
        let Some(other) = self.shares.iter().find(is_other) else { return Ok(()) };
        let [operation, count] = other.signature;
        let (call, theirs) = (self.call, Signature { operation, count });
        if other.step & DIED != 0 && other.step != GIVEN_UP {
            return Err(self.team.shared().died(call.op.name(), (other.step & !DIED) as usize));
        }
        if other.signature == words {
            let message = format!("world rank {} has met with an error in it", other.source);
            return Err(Error::at(ErrorKind::Mismatch, call.op.name(), other.source, message));
        }
        let message = format!(
            "ranks called different collectives: this rank {signature} at {}, world rank {} {theirs}",
            call.location, other.source
        );
        Err(Error::at(ErrorKind::Mismatch, call.op.name(), other.source, message))
    }

    fn send(&self, plan: &Plan<T, R>, post: &Post, transport: &dyn Transport, send: &Transfer) -> Result<()> {
        let place = [self.team.key_at(send.rank), send.step];
        let stamp = Stamp { token: self.key.1, place, ..Stamp::new(Sort::Share, 0) };
        let signature = [plan.signature.operation, plan.signature.count];
        let contents = bytemuck::cast_slice(&plan.buffer[send.range.clone()]);
        let to = self.team.world_rank(send.rank);
        post.send(self.call.op.name(), transport, to, stamp, bytemuck::bytes_of(&signature), contents)
            .map(drop)
    }

    fn receive(
        &self,
        plan: &mut Plan<T, R>,
        receive: &Transfer,
        is_folded: bool,
        bytes: &[u8],
    ) -> Result<()> {
        let op = self.call.op.name();
        let to = &mut plan.buffer[receive.range.clone()];
        if bytes.len() != size_of_val(to) {
            let message = format!("{} bytes came where {} were expected", bytes.len(), size_of_val(to));
            return Err(Error::at(ErrorKind::Mismatch, op, receive.rank, message));
        }
        let write = |to: *mut u8| {
            // SAFETY: as many bytes as the elements have, of this process's own.
            unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            Ok(())
        };
        match plan.fold.filter(|_| is_folded) {
            None => plain::fill(op, to, write),
            Some((by, fold)) => {
                let mut came = to.to_vec();
                plain::fill(op, &mut came, write)?;
                fold(by, to, &came);
                Ok(())
            }
        }
    }
}

fn fold<T: Reducible>(op: Op, to: &mut [T], from: &[T]) {
    assert_eq!(to.len(), from.len(), "checked when it came");
    // SAFETY: as many elements, of this process's own.
    unsafe { ops::fold(op, to, from.as_ptr()) }
}

fn reduction<T: Reducible>(call: Call, op: Op, len: usize) -> Result<Signature> {
    ops::check::<T>(op, call.op.name())?;
    Ok(Signature::new(call.op).reduction(op as u8).element(dtype_kind(T::DTYPE)).count(len))
}

/// Collectives that return at once. All members begin the same ones in the same order; each is over when its request says so. They go on whenever this process waits or
/// [makes progress](crate::World::progress). The data go in and come back as vectors. None of them is a full synchronisation.
impl Team {
    /// Begins a barrier: over when all members have begun it. Stands for `MPI_Ibarrier`. Errors: `Memory`, `Handler`, `Finalized`; later those of [`Pending::wait`].
    #[track_caller]
    pub fn ibarrier(&self) -> Result<Pending<()>> {
        let call = Call::new(OpCode::Ibarrier);
        let rounds = schedule::barrier(self.rank(), self.size()).into();
        let finish = Box::new(drop::<Vec<u8>>);
        let (signature, buffer) = (Signature::new(call.op), Vec::new());
        self.begin(call, Plan { signature, rounds, buffer, fold: None, finish })
    }

    /// Begins a broadcast: everybody gets the data of `root`, which are as many as everybody's. Stands for `MPI_Ibcast`. Errors: `Rank`, else as [`Team::ibarrier`].
    #[track_caller]
    pub fn ibroadcast<T: Plain + Send>(&self, data: Vec<T>, root: usize) -> Result<Pending<Vec<T>>> {
        let call = Call::new(OpCode::Ibroadcast);
        self.check_member(call, root)?;
        let signature = typed::<T>(Signature::new(call.op), data.len()).root(root);
        let rounds = schedule::broadcast(self.rank(), self.size(), root, data.len()).into();
        self.begin(call, Plan { signature, rounds, buffer: data, fold: None, finish: Box::new(|data| data) })
    }

    /// Begins a reduction: `root` gets everybody's data combined element by element, in rank order; the others' result is empty. Stands for `MPI_Ireduce`. Errors:
    /// `Type` (no such operator), `Rank`, else as [`Team::ibarrier`].
    #[track_caller]
    pub fn ireduce<T: Reducible>(&self, data: Vec<T>, op: Op, root: usize) -> Result<Pending<Vec<T>>> {
        let call = Call::new(OpCode::Ireduce);
        self.check_member(call, root)?;
        let signature = reduction::<T>(call, op, data.len())?.root(root);
        let rounds = schedule::reduce(self.rank(), self.size(), root, data.len()).into();
        let is_root = self.rank() == root;
        let finish = Box::new(move |data| if is_root { data } else { Vec::new() });
        self.begin(call, Plan { signature, rounds, buffer: data, fold: Some((op, fold)), finish })
    }

    /// Begins a reduction whose result everybody gets, bit for bit the same. Stands for `MPI_Iallreduce`. Errors as [`Team::ireduce`].
    #[track_caller]
    pub fn iallreduce<T: Reducible>(&self, data: Vec<T>, op: Op) -> Result<Pending<Vec<T>>> {
        let call = Call::new(OpCode::Iallreduce);
        let signature = reduction::<T>(call, op, data.len())?;
        let rounds = schedule::allreduce(self.rank(), self.size(), data.len()).into();
        let finish = Box::new(|data| data);
        self.begin(call, Plan { signature, rounds, buffer: data, fold: Some((op, fold)), finish })
    }

    /// Begins to bring everybody's data, of one length, to everybody, in rank order. Stands for `MPI_Iallgather`. Errors as [`Team::ibarrier`].
    #[track_caller]
    pub fn iallgather<T: Plain + Send>(&self, data: Vec<T>) -> Result<Pending<Vec<T>>> {
        let call = Call::new(OpCode::Iallgather);
        let (me, size, len) = (self.rank(), self.size(), data.len());
        let signature = typed::<T>(Signature::new(call.op), len);
        let rounds = schedule::allgather(me, size, len).into();
        let mut buffer = data;
        // What comes takes their place.
        (1..size).for_each(|_| buffer.extend_from_within(..len));
        let finish = Box::new(move |mut data: Vec<T>| {
            data.rotate_right(me * len);
            data
        });
        self.begin(call, Plan { signature, rounds, buffer, fold: None, finish })
    }

    /// Begins an exchange: member r gets everybody's r-th part of `data`, all parts of one length. Stands for `MPI_Ialltoall`. Errors: `Shape` when the length is no
    /// multiple of the team's size, which has then begun nothing; else as [`Team::ibarrier`].
    #[track_caller]
    pub fn ialltoall<T: Plain + Send>(&self, data: Vec<T>) -> Result<Pending<Vec<T>>> {
        let call = Call::new(OpCode::Ialltoall);
        let (me, size, all) = (self.rank(), self.size(), data.len());
        if !all.is_multiple_of(size) {
            let message = format!("{all} elements don't divide among {size} ranks");
            return Err(Error::new(ErrorKind::Shape, call.op.name(), message));
        }
        let signature = typed::<T>(Signature::new(call.op), all);
        let rounds = schedule::alltoall(me, size, all / size).into();
        let mut buffer = data;
        // The own part stays; what comes takes the place of the others.
        buffer.extend_from_within(..);
        let finish = Box::new(move |mut data: Vec<T>| data.split_off(all));
        self.begin(call, Plan { signature, rounds, buffer, fold: None, finish })
    }

    fn check_member(&self, call: Call, root: usize) -> Result<()> {
        match root < self.size() {
            true => Ok(()),
            false => Err(no_such_rank(call.op.name(), root, self.size())),
        }
    }

    fn begin<T: Plain + Send, R: Send + 'static>(&self, call: Call, plan: Plan<T, R>) -> Result<Pending<R>> {
        let (op, world) = (call.op.name(), self.shared());
        world.alive(op)?;
        world.check(op)?;
        may_wait(op)?;
        world.post.open(op)?;
        let state = Arc::new(Mutex::new(State { outcome: None, awaited: Vec::new() }));
        let work = Work {
            team: self.clone(),
            call,
            key: (self.key_at(self.rank()), self.next_later()),
            plan: Some(plan),
            has_sent: false,
            shares: Vec::new(),
            state: state.clone(),
        };
        world.post.undertake(Box::new(work), &*world.transport);
        Ok(Pending { team: self.clone(), op: call.op, state })
    }
}
