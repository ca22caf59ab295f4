//! The post: letters to the programs of other ranks, what is to be done with those that come, and who does it.
//!
//! | file | what |
//! | --- | --- |
//! | `ring` | letters inside a node |
//! | [`crate::transport::letter`] | what letters look like; those that come from other nodes |
//! | `desk` | replies that are waited for |
//! | `message` | a message as its handler sees it |
//!
//! A letter goes at once if there is room: in the target's ring, or, between nodes, among the [`UNREAD`] letters that a rank may have. Else it waits in the
//! outbox, behind which all later letters to that rank wait as well; so letters of one process to one rank arrive in the order in which they were sent.
//! Who sends from the program waits until the outbox has none for that rank, and reads its own letters meanwhile, so two that write to each other never
//! wait for each other; who sends from a handler never waits.
//!
//! Invariant: one thread of a process reads at a time, in [`Post::turn`] only, and handlers run there, holding none of this file's other locks. Within a handler no
//! other one runs.

mod desk;
mod message;
mod ring;

pub use message::{Message, Place};

pub(crate) use desk::Answer;
pub(crate) use message::{elements, unlike};

use crate::bell::{bell, door};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::transport::Transport;
use crate::transport::letter::{HEADER_LEN, Inbox, MOST_BYTES, STAMP_LEN, Sort, Stamp, UNREAD};
use desk::Desk;
use ring::{LETTER_LEN, RING_LEN, Ring};
use shm::Heap;
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

/// Letters that one turn reads, at most: who waits looks up now and then.
const MOST_PER_TURN: usize = 64;

/// What a program does with a message.
pub(crate) type Handling = dyn Fn(&Message<'_>) + Send + Sync;

thread_local! {
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a handler.
pub(crate) fn is_in_handler() -> bool {
    IN_HANDLER.get()
}

/// An error in a handler, which may not wait.
pub(crate) fn may_wait(op: &'static str) -> Result<()> {
    if !is_in_handler() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Handler, op, "called by a handler of an active message, which may not wait"))
}

/// Work that goes on by letters: it is shown what came, and may send.
pub(crate) trait Errand: Send {
    /// Goes on as far as possible; whether it is over.
    fn advance(&mut self, post: &Post, transport: &dyn Transport) -> bool;
}

/// Which errand: the team as its member here is known by, and the number among the team's.
pub(crate) type ErrandKey = (u64, u64);

/// What came for an errand: from which world rank, in which step, what the sender calls, and the bytes.
pub(crate) struct Share {
    pub(crate) source: usize,
    pub(crate) step: u64,
    pub(crate) signature: [u64; 2],
    pub(crate) contents: Vec<u8>,
}

/// One process's post.
pub(crate) struct Post {
    heap: Arc<Heap>,
    layout: Arc<Layout>,
    inbox: Arc<Inbox>,
    is_open: AtomicBool,
    handlers: RwLock<Vec<Arc<Handling>>>,
    outbox: Mutex<Outbox>,
    /// Letters in the outbox.
    queued: AtomicUsize,
    desk: Mutex<Desk>,
    reader: Mutex<Reader>,
    shares: Mutex<HashMap<ErrandKey, Vec<Share>>>,
    errands: Mutex<Vec<Box<dyn Errand>>>,
}

/// Letters that are still to go, and how many have gone to ranks of other nodes.
#[derive(Default)]
struct Outbox {
    queues: HashMap<usize, VecDeque<Vec<u8>>>,
    sent: HashMap<usize, u64>,
}

/// Where this process is in reading.
#[derive(Default)]
struct Reader {
    next: u64,
    letter: Vec<u8>,
    /// What has come of contents in several letters, by sender.
    parts: HashMap<u32, Part>,
    /// Letters of other nodes' ranks that were read, and how many of them those were told of.
    read: HashMap<usize, (u64, u64)>,
}

/// The first letters of several.
struct Part {
    first: Stamp,
    /// The header and what has come of the contents.
    bytes: Vec<u8>,
    rest: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Post {
    pub(crate) fn new(heap: Arc<Heap>, layout: Arc<Layout>, inbox: Arc<Inbox>) -> Post {
        Post {
            heap,
            layout,
            inbox,
            is_open: AtomicBool::new(false),
            handlers: RwLock::default(),
            outbox: Mutex::default(),
            queued: AtomicUsize::new(0),
            desk: Mutex::default(),
            reader: Mutex::default(),
            shares: Mutex::default(),
            errands: Mutex::default(),
        }
    }

    /// Whether turns have anything to do, ever.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Makes this process one that gets letters. What others of the node have written to it until then waits at theirs.
    pub(crate) fn open(&self, op: &'static str) -> Result<()> {
        let reader = lock(&self.reader);
        if !self.is_open() {
            let block = self.heap.allocate_zeroed(RING_LEN, 64).map_err(|error| {
                Error::new(ErrorKind::Memory, op, format!("no room for letters: {error}"))
            })?;
            door(&self.heap, self.heap.rank()).ring.store(block.offset as u64 + 1, Ordering::Release);
            self.is_open.store(true, Ordering::Release);
        }
        drop(reader);
        Ok(())
    }

    /// The ring of a rank of this node, once it has one.
    fn ring(&self, index: usize) -> Option<Ring<'_>> {
        let door = door(&self.heap, index);
        let offset = door.ring.load(Ordering::Acquire).checked_sub(1)?;
        let base = NonNull::new(self.heap.address(index, offset as usize))?;
        // SAFETY: a zeroed block that the rank has allocated for this and never frees.
        Some(unsafe { Ring::new(base, &door.next_letter) })
    }

    /// Adds a handler; returns its number.
    pub(crate) fn add_handler(&self, handling: Arc<Handling>) -> usize {
        let mut handlers = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        handlers.push(handling);
        self.inbox.set_handlers(handlers.len());
        handlers.len() - 1
    }

    /// Takes the last handler back.
    pub(crate) fn remove_handler(&self) {
        let mut handlers = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        handlers.pop();
        self.inbox.set_handlers(handlers.len());
    }

    pub(crate) fn handlers(&self) -> usize {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Sends a letter to a world rank; returns whether it has gone. If not, turns will send it. The contents may be used again on return.
    pub(crate) fn send(
        &self,
        op: &'static str,
        transport: &dyn Transport,
        to: usize,
        stamp: Stamp,
        header: &[u8],
        contents: &[u8],
    ) -> Result<bool> {
        assert!(header.len() <= HEADER_LEN, "headers are checked when programs are compiled");
        if contents.len() > MOST_BYTES {
            let message =
                format!("{} bytes of a message, {MOST_BYTES} at most: put them first", contents.len());
            return Err(Error::at(ErrorKind::Range, op, to, message));
        }
        let local = self.layout.local(to);
        let room = local.map_or_else(|| transport.letter_len(), |_| LETTER_LEN) - STAMP_LEN;
        let first = contents.len().min(room - header.len());
        let stamp = Stamp {
            source: self.layout.me() as u32,
            header_len: header.len() as u8,
            len: first as u32,
            rest: (contents.len() - first) as u64,
            ..stamp
        };
        let is_queued = self.queued.load(Ordering::Acquire) > 0;
        if let Some(index) = local.filter(|_| !is_queued && first == contents.len())
            && let Some(ring) = self.ring(index)
            && ring.push(&[bytemuck::bytes_of(&stamp), header, contents])
        {
            bell(&self.heap, index).add(1);
            return Ok(true);
        }
        let mut outbox = lock(&self.outbox);
        let queue = outbox.queues.entry(to).or_default();
        queue.push_back([bytemuck::bytes_of(&stamp), header, &contents[..first]].concat());
        let mut count = 1;
        let mut rest = contents.len() - first;
        for piece in contents[first..].chunks(room) {
            rest -= piece.len();
            let stamp = Stamp { header_len: 0, len: piece.len() as u32, rest: rest as u64, ..stamp };
            queue.push_back([bytemuck::bytes_of(&stamp), piece].concat());
            count += 1;
        }
        self.queued.fetch_add(count, Ordering::AcqRel);
        self.flush(transport, &mut outbox, to)?;
        Ok(!outbox.queues.contains_key(&to))
    }

    /// Whether letters to a rank wait.
    pub(crate) fn has_queued(&self, to: usize) -> bool {
        self.queued.load(Ordering::Acquire) > 0 && lock(&self.outbox).queues.contains_key(&to)
    }

    /// Sends what can go to a rank. To whom nothing can be sent any more nothing waits.
    fn flush(&self, transport: &dyn Transport, outbox: &mut Outbox, to: usize) -> Result<bool> {
        let Outbox { queues, sent } = outbox;
        let Some(queue) = queues.get_mut(&to) else { return Ok(false) };
        let (local, before) = (self.layout.local(to), queue.len());
        let mut outcome = Ok(());
        while let Some(letter) = queue.front() {
            let has_gone = match local {
                Some(index) => self.ring(index).is_some_and(|ring| ring.push(&[letter])),
                None => {
                    let sent = sent.entry(to).or_default();
                    // More than were sent nobody can have read.
                    let unread = *sent - self.inbox.read_by(to).min(*sent);
                    let may_go = unread < UNREAD;
                    if may_go {
                        outcome = transport.send_letter(to, letter);
                        *sent += 1;
                    }
                    may_go
                }
            };
            if outcome.is_err() {
                self.queued.fetch_sub(queue.len(), Ordering::AcqRel);
                queue.clear();
                break;
            }
            if !has_gone {
                break;
            }
            queue.pop_front();
            self.queued.fetch_sub(1, Ordering::AcqRel);
        }
        let has_moved = queue.len() < before;
        if let (true, Some(index)) = (has_moved, local) {
            bell(&self.heap, index).add(1);
        }
        if queue.is_empty() {
            queues.remove(&to);
        }
        outcome.map(|()| has_moved)
    }

    fn flush_all(&self, transport: &dyn Transport) -> bool {
        if self.queued.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut outbox = lock(&self.outbox);
        let to: Vec<usize> = outbox.queues.keys().copied().collect();
        // Whoever can't be reached is told of by the waits for it.
        to.into_iter().filter(|to| self.flush(transport, &mut outbox, *to).unwrap_or(true)).count() > 0
    }

    /// Sends what waits, reads what has come, and goes on with errands. Returns whether anything happened. Within a handler it only sends.
    pub(crate) fn turn(&self, transport: &dyn Transport) -> bool {
        if !self.is_open() {
            return false;
        }
        let mut any = self.flush_all(transport);
        if is_in_handler() {
            return any;
        }
        let mut reader = match self.reader.try_lock() {
            Ok(reader) => reader,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread reads.
            Err(TryLockError::WouldBlock) => return any,
        };
        for _ in 0..MOST_PER_TURN {
            if !self.read_one(&mut reader, transport) {
                break;
            }
            any = true;
        }
        self.advance_errands(transport) || any
    }

    /// Reads the next letter, if there is one.
    fn read_one(&self, reader: &mut Reader, transport: &dyn Transport) -> bool {
        let mut letter = std::mem::take(&mut reader.letter);
        let len = |stamp: &[u8]| {
            let stamp: Stamp = bytemuck::pod_read_unaligned(stamp);
            STAMP_LEN + usize::from(stamp.header_len) + stamp.len as usize
        };
        let own = self.ring(self.heap.rank()).is_some_and(|ring| ring.pop(reader.next, &mut letter, len));
        if own {
            reader.next += 1;
        } else {
            let Some(other) = self.inbox.take() else {
                reader.letter = letter;
                return false;
            };
            letter = other;
        }
        if let Some((stamp, header, contents)) = Stamp::open(&letter) {
            let source = stamp.source;
            let whole = reader.assemble(stamp, header, contents);
            if !own {
                reader.note_read(source as usize, transport);
            }
            if let Some((stamp, bytes)) = whole {
                let (header, contents) = match &bytes {
                    None => (header, contents),
                    Some(bytes) => bytes.split_at(stamp.header_len.into()),
                };
                self.deliver(transport, stamp, header, contents);
            }
        }
        letter.clear();
        reader.letter = letter;
        true
    }

    fn deliver(&self, transport: &dyn Transport, stamp: Stamp, header: &[u8], contents: &[u8]) {
        let source = stamp.source as usize;
        match Sort::of(stamp.sort) {
            Some(Sort::Message | Sort::Call) => {
                let handling = {
                    let handlers = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
                    handlers.get(stamp.handler as usize).cloned()
                };
                let message = Message::new(self, transport, stamp, header, contents);
                if let Some(handling) = handling {
                    let _inside = Inside::enter();
                    handling(&message);
                }
                message.end();
            }
            Some(Sort::Reply) => {
                let answer = Answer { header: header.to_vec(), contents: contents.to_vec() };
                if lock(&self.desk).put(stamp.token, source, answer) {
                    self.ring_own_bell();
                }
            }
            Some(Sort::Share) => {
                let [team, step] = stamp.place;
                let signature = bytemuck::try_pod_read_unaligned(header).unwrap_or_default();
                let share = Share { source, step, signature, contents: contents.to_vec() };
                lock(&self.shares).entry((team, stamp.token)).or_default().push(share);
            }
            None => {}
        }
    }

    /// Wakes threads of this process that wait for letters, as one has read what another one waits for.
    pub(crate) fn ring_own_bell(&self) {
        bell(&self.heap, self.heap.rank()).add(1);
    }

    /// A new call to a rank, waited for by its token.
    pub(crate) fn expect_reply(&self, from: usize) -> u64 {
        lock(&self.desk).open(from)
    }

    /// The reply to a call, if it has come: then the call is over.
    pub(crate) fn take_reply(&self, token: u64) -> Option<Answer> {
        lock(&self.desk).take(token)
    }

    /// Nobody waits for a reply any longer.
    pub(crate) fn forget_reply(&self, token: u64) {
        lock(&self.desk).forget(token);
    }

    /// What has come for an errand.
    pub(crate) fn take_shares(&self, key: ErrandKey) -> Vec<Share> {
        lock(&self.shares).remove(&key).unwrap_or_default()
    }

    /// Goes on with `errand` in turns from now on. Its first steps are done here.
    pub(crate) fn undertake(&self, mut errand: Box<dyn Errand>, transport: &dyn Transport) {
        if !errand.advance(self, transport) {
            lock(&self.errands).push(errand);
        }
    }

    fn advance_errands(&self, transport: &dyn Transport) -> bool {
        let mut errands = lock(&self.errands);
        let before = errands.len();
        errands.retain_mut(|errand| !errand.advance(self, transport));
        let any = errands.len() < before;
        drop(errands);
        if any {
            self.ring_own_bell();
        }
        any
    }
}

impl Reader {
    /// What is delivered now that this letter has come: nothing if more is to come; without bytes if the letter is all.
    fn assemble(&mut self, stamp: Stamp, header: &[u8], contents: &[u8]) -> Option<(Stamp, Option<Vec<u8>>)> {
        let Some(part) = self.parts.get_mut(&stamp.source) else {
            if stamp.rest > 0 {
                let bytes = [header, contents].concat();
                self.parts.insert(stamp.source, Part { first: stamp, bytes, rest: stamp.rest });
                return None;
            }
            return Some((stamp, None));
        };
        let is_next =
            !contents.is_empty() && part.rest.checked_sub(contents.len() as u64) == Some(stamp.rest);
        part.bytes.extend_from_slice(contents);
        part.rest = stamp.rest;
        if is_next && stamp.rest > 0 {
            return None;
        }
        // What doesn't fit is no letter that this library sends.
        self.parts.remove(&stamp.source).filter(|_| is_next).map(|part| (part.first, Some(part.bytes)))
    }

    /// A letter of a rank of another node was read. Tells it now and then.
    fn note_read(&mut self, source: usize, transport: &dyn Transport) {
        let (count, told) = self.read.entry(source).or_default();
        *count += 1;
        if *count - *told >= UNREAD / 4 {
            *told = *count;
            transport.tell_read(source, *count);
        }
    }
}

/// A handler runs on this thread as long as it lives.
struct Inside;

impl Inside {
    fn enter() -> Inside {
        IN_HANDLER.set(true);
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        IN_HANDLER.set(false);
    }
}
