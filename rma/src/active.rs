//! Active messages: a rank has another one's program run a function.
//!
//! Layers: letters and who reads them are [`crate::post`]'s; here are the calls of the program, and how they wait.

use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::{self, Event, Kind, Path};
use crate::plain::{self, Plain};
use crate::post::{Answer, Message, elements, may_wait, unlike};
use crate::segment::Segment;
use crate::shared::{Shared, no_such_rank};
use crate::signature::Signature;
use crate::transport::letter::{HEADER_LEN, Sort, Stamp};
use crate::world::World;
use shm::sync::wait_until;
use std::sync::Arc;

/// What a message is for: a function that all ranks have [registered](World::register).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handler(u32);

/// A reply that is on its way.
#[derive(Debug)]
#[must_use = "whether the handler has run is known from `wait`"]
pub struct Reply {
    shared: Arc<Shared>,
    token: u64,
    from: usize,
    answer: Option<Answered>,
}

/// A reply that has come.
#[derive(Debug)]
pub struct Answered(Answer);

impl Answered {
    /// Its header. Errors: `Type` when its bytes are no value of `T`, as when the handler didn't reply.
    pub fn header<T: Plain>(&self) -> Result<T> {
        if self.0.header.len() != size_of::<T>() {
            return Err(unlike::<T>(self.0.header.len()));
        }
        // SAFETY: as many readable bytes.
        unsafe { plain::read(OpCode::AmReply.name(), self.0.header.as_ptr()) }
    }

    /// Its contents. Errors: `Type` when their bytes are no values of `T`.
    pub fn contents<T: Plain>(&self) -> Result<Vec<T>> {
        elements(&self.0.contents)
    }

    /// The bytes of its contents.
    pub fn bytes(&self) -> &[u8] {
        &self.0.contents
    }
}

impl Reply {
    /// Whether it has come. Runs handlers. Not collective; stands for `upcxx::future::is_ready`.
    pub fn test(&mut self) -> Result<bool> {
        self.shared.alive(OpCode::AmWait.name())?;
        self.shared.turn();
        Ok(self.has_come())
    }

    fn has_come(&mut self) -> bool {
        if self.answer.is_none() {
            self.answer = self.shared.post.take_reply(self.token).map(Answered);
        }
        self.answer.is_some()
    }

    /// Waits for it, and runs handlers meanwhile. Not in a handler.
    ///
    /// Not collective; stands for `upcxx::future::wait`. Errors: `Died`, `Handler`, `Finalized`.
    #[track_caller]
    pub fn wait(mut self) -> Result<Answered> {
        let call = Call::new(OpCode::AmWait);
        may_wait(call.op.name())?;
        self.shared.alive(call.op.name())?;
        let shared = self.shared.clone();
        let from = self.from;
        let it = |dead| dead == from;
        let needs = shared.needs(from, &it);
        let cause = Cause { call, team: 0, target: Some(from), sequence: self.token, needs };
        let cell = std::cell::RefCell::new(&mut self);
        shared.await_bell(cause, || cell.borrow_mut().has_come())?;
        self.answer.take().ok_or_else(|| shared.died(call.op.name(), from))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.shared.post.forget_reply(self.token);
    }
}

impl World {
    /// Makes a function one that messages can ask for. It runs on the target, in whatever thread waits or [makes progress](World::progress) there, one at a time.
    ///
    /// Collective over the world; all ranks register the same functions in the same order, which is checked by the places in the program that call this. A handler may do whatever
    /// doesn't wait for other ranks' programs: put, get, accumulate, atomic operations, send messages and reply. What waits (a reply, a collective, a
    /// mutex, a signal) is an error of kind `Handler` there. Stands for `gex_EP_RegisterHandlers`. Errors: `Mismatch`, `Memory`, `Handler`, `Died`, `Finalized`.
    ///
    /// ```
    /// # use rma::World;
    /// # let world = World::init()?;
    /// let double = world.register(|message| {
    ///     let numbers: Vec<u64> = message.contents().expect("the sender sends u64");
    ///     let doubled: Vec<u64> = numbers.iter().map(|number| 2 * number).collect();
    ///     message.reply(&(), &doubled).expect("a call");
    /// })?;
    /// let right = (world.rank() + 1) % world.size();
    /// let reply = world.am_call(right, double, &(), &[3u64, 4])?;
    /// assert_eq!(reply.wait()?.contents::<u64>()?, [6, 8]);
    /// # Ok::<(), rma::Error>(())
    /// ```
    #[track_caller]
    pub fn register(&self, handler: impl Fn(&Message<'_>) + Send + Sync + 'static) -> Result<Handler> {
        let call = Call::new(OpCode::Register);
        may_wait(call.op.name())?;
        let (team, post) = (self.team(), &self.shared.post);
        let opened = post.open(call.op.name());
        let mut session = team.session(call)?;
        // Before anybody can leave the meeting and send to it.
        let number = post.add_handler(Arc::new(handler));
        let signature = Signature::new(call.op).count(place_number(call, number));
        let met = session.meet(signature, &[opened.is_err().into()]);
        let poor = (0..session.size()).find(|rank| met.is_ok() && session.word(*rank, 0) != 0);
        if met.is_err() || poor.is_some() {
            post.remove_handler();
        }
        met?;
        opened?;
        match poor {
            None => Ok(Handler(number as u32)),
            Some(rank) => {
                Err(Error::at(ErrorKind::Memory, call.op.name(), rank, "no room for letters there"))
            }
        }
    }

    /// Sends a message to world rank `rank`: `handler` runs there with the header (a value of at most 64 bytes) and the contents, which are copied. A *short*
    /// message has none.
    ///
    /// Not collective. On return the contents may be used again; when the handler has run, only [`World::am_call`] tells. Messages of this rank to that one run in the
    /// order in which they were sent, and after everything that this rank did to that one's memory before. Waits while the target has many unread ones, and runs this rank's handlers
    /// meanwhile; within a handler it never waits. Stands for `gex_AM_RequestShort`, `gex_AM_RequestMedium`, `upcxx::rpc_ff`.
    /// Errors: `Rank`, `Range` (more than 256 MiB), `Foreign` (no such handler), `Died`, `Finalized`.
    #[track_caller]
    pub fn am<H: Plain, T: Plain>(
        &self,
        rank: usize,
        handler: Handler,
        header: &H,
        contents: &[T],
    ) -> Result<()> {
        let stamp = Stamp::new(Sort::Message, 0);
        self.post_to(Call::new(OpCode::Am), rank, handler, stamp, header, bytemuck::cast_slice(contents))
    }

    /// [`World::am`] with a reply: what the handler says by [`Message::reply`], or nothing, once it has run.
    ///
    /// Stands for a `gex_AM_Request` and its `gex_AM_Reply`, `upcxx::rpc`. Errors as [`World::am`].
    #[track_caller]
    pub fn am_call<H: Plain, T: Plain>(
        &self,
        rank: usize,
        handler: Handler,
        header: &H,
        contents: &[T],
    ) -> Result<Reply> {
        let stamp = Stamp::new(Sort::Call, 0);
        self.call_to(Call::new(OpCode::AmCall), rank, handler, stamp, header, bytemuck::cast_slice(contents))
    }

    /// A *long* message: puts `contents` into member `rank`'s part of the segment at `offset`, then has `handler` run there with [the place](Message::place). It may be of any
    /// length.
    ///
    /// Stands for `gex_AM_RequestLong`. Errors: as [`Segment::put`] and [`World::am`].
    #[track_caller]
    pub fn am_long<H: Plain, T: Plain>(
        &self,
        (segment, rank, offset): (&Segment, usize, usize),
        handler: Handler,
        header: &H,
        contents: &[T],
    ) -> Result<()> {
        let call = Call::new(OpCode::Am);
        let (to, stamp) = self.put_long((segment, rank, offset), Sort::Message, contents)?;
        self.post_to(call, to, handler, stamp, header, &[])
    }

    /// [`World::am_long`] with a reply, as [`World::am_call`].
    #[track_caller]
    pub fn am_call_long<H: Plain, T: Plain>(
        &self,
        (segment, rank, offset): (&Segment, usize, usize),
        handler: Handler,
        header: &H,
        contents: &[T],
    ) -> Result<Reply> {
        let call = Call::new(OpCode::AmCall);
        let (to, stamp) = self.put_long((segment, rank, offset), Sort::Call, contents)?;
        self.call_to(call, to, handler, stamp, header, &[])
    }

    /// Makes progress: sends what waits, runs handlers of messages that have come, goes on with non-blocking collectives. Returns whether anything happened.
    ///
    /// Not collective; never waits. The same happens in every call that waits for other ranks' programs: collectives, replies, signals, requests of non-blocking collectives, mutexes of this node,
    /// and messages to a rank that reads none. It doesn't in puts, gets, accumulates, atomic operations and fences. Stands for `gasnet_AMPoll`, `upcxx::progress`.
    pub fn progress(&self) -> Result<bool> {
        self.shared.alive("progress")?;
        Ok(self.shared.turn())
    }

    fn put_long<T: Plain>(
        &self,
        (segment, rank, offset): (&Segment, usize, usize),
        sort: Sort,
        contents: &[T],
    ) -> Result<(usize, Stamp)> {
        segment.put(rank, offset, contents)?;
        let place = [offset as u64, size_of_val(contents) as u64];
        Ok((segment.team().world_rank(rank), Stamp { place, has_place: 1, ..Stamp::new(sort, 0) }))
    }

    fn call_to<H: Plain>(
        &self,
        call: Call,
        rank: usize,
        handler: Handler,
        stamp: Stamp,
        header: &H,
        contents: &[u8],
    ) -> Result<Reply> {
        let shared = self.shared.clone();
        let token = shared.post.expect_reply(rank);
        // Forgets the token if nothing was sent.
        let reply = Reply { shared, token, from: rank, answer: None };
        self.post_to(call, rank, handler, Stamp { token, ..stamp }, header, contents)?;
        Ok(reply)
    }

    fn post_to<H: Plain>(
        &self,
        call: Call,
        rank: usize,
        handler: Handler,
        stamp: Stamp,
        header: &H,
        contents: &[u8],
    ) -> Result<()> {
        const { assert!(size_of::<H>() <= HEADER_LEN, "a header has 64 bytes at most") };
        let (op, shared) = (call.op.name(), &*self.shared);
        shared.alive(op)?;
        shared.check(op)?;
        if rank >= self.size() {
            return Err(no_such_rank(op, rank, self.size()));
        }
        if handler.0 as usize >= shared.post.handlers() {
            return Err(Error::at(ErrorKind::Foreign, op, rank, "no such handler"));
        }
        let _span = observe::span(|| {
            let path = if shared.layout.local(rank).is_some() { Path::Shared } else { Path::Messages };
            let bytes = size_of::<H>() + contents.len();
            Event { peer: Some(rank), bytes, path, ..Event::new(call.op, Kind::Operation).at(call.location) }
        });
        let stamp = Stamp { handler: handler.0, ..stamp };
        let header = bytemuck::bytes_of(header);
        if shared.post.send(op, &*shared.transport, rank, stamp, header, contents)? || may_wait(op).is_err() {
            return Ok(());
        }
        let it = |dead| dead == rank;
        let needs = shared.needs(rank, &it);
        let cause = Cause { call, team: 0, target: Some(rank), sequence: 0, needs };
        shared.waiting(cause, |context| wait_until(context, || !shared.post.has_queued(rank)))
    }
}

impl Shared {
    /// Whose end makes a wait for `rank` hopeless; `it` says that.
    fn needs<'a>(&self, rank: usize, it: &'a dyn Fn(usize) -> bool) -> Needs<'a> {
        match self.layout.local(rank) {
            Some(_) => Needs::These(it),
            None => Needs::Elsewhere(rank),
        }
    }
}

/// Tells registrations apart: which one it is, from which place of the program.
fn place_number(call: Call, number: usize) -> usize {
    let place = format!("{} {number}", call.location);
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    place.bytes().fold(0xcbf2_9ce4_8422_2325, step) as usize
}
