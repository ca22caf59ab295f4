//! Meetings across nodes: how the leaders of a team's nodes tell one another what their members said.
//!
//! The *leader* of a node is its member with the lowest team rank. It keeps a mirror, in its own arena, of what members of other nodes
//! say; the members of its node read it there. Once all members of its node have published meeting `n`, a leader writes a head for its node and
//! copies their words into its own block of the mirror, and passes on what it has: in round `k` it puts the blocks of the
//! last `2^k` nodes up to its own to the leader `2^k` further on, with a signal at round word `k` there, and waits for its
//! own. Each mirror lists the nodes backwards from its own, so what is passed on lies together, and arrives together. After ceil(log2 nodes) rounds it has all blocks and publishes `arrived`, on which its node's members wait.
//!
//! A meeting without words ([`Meeting::has_words`]: barriers, and the pieces of bulk data) moves heads only, so it costs log2 nodes
//! messages of one head per node, however many members they have.
//!
//! # Why nothing is overwritten early
//! Halves alternate, as in rows. Blocks of meeting `n + 2` are written to a mirror by leaders that have completed meeting `n + 1`.
//! For that every member had to enter `n + 1`, after it had read what it wanted of `n`; the same holds for what is put on the
//! way, as it is read where it lies. Round words only grow: a leader can be one meeting ahead of another, and
//! then has signalled both, with the blocks of each in a half of its own. Puts and signals of one process to another take effect in order.
//!
//! ```text
//! mirror     0  arrived: number of the last meeting that is complete here
//!           64  verdict: what the leader found out about it
//!          128  elsewhere: the segments that members of other nodes have handles to, one bit each; those of the first slots
//!          384  round words
//!          512  step words, for exchanges ([`crate::exchange`])
//!          832  heads of even meetings, 128 bytes per node, the own one first, then the one before it, and so on; those of odd meetings
//!          ...  words of even meetings, nodes in the same order, 40 bytes per member; those of odd meetings
//! ```
//!
//! | field | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | heads, words | leaders, by puts; the own block by memory | the leader; its node | the signal; arrived |
//! | round and step words | leaders, by signals | the leader | release, acquire |
//! | elsewhere | the leader | its node, in later meetings | relaxed; the meetings order it |
//! | verdict | the leader | its node | before arrived |
//! | arrived | the leader | its node | release, acquire |
//!
//! # What else a head carries
//! A part of a segment that was dropped goes back to its arena when nobody has a handle any more ([`crate::retired`]). A leader that
//! has dropped its own handle, and finds that all members of its node have, says so in the next head, once. When all nodes
//! have, the leaders clear the bit. Members' bits are cleared by their next call only, after a fence, so no put is on its way
//! to memory that is free.

use crate::call::Call;
use crate::cause::{Cause, Needs};
use crate::error::Result;
use crate::layout::Layout;
use crate::retired::{Bit, Live, NO_SLOT, PAGES, page_of};
use crate::row::{STEPS, Words};
use crate::rows::{Rows, Wait};
use crate::series::Series;
use crate::shared::Shared;
use crate::signature::Signature;
use crate::transport::{Remote, SignalUpdate};
use shm::sync::Sequence;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Rounds there is room for: 2^16 nodes.
pub(crate) const ROUNDS: usize = 16;
/// Words of a head that name slots, and how many each of them names.
const DROPPED: (usize, usize) = (10, 3);
const SLOT_BITS: usize = 21;
/// Marks signatures of meetings with words, in heads.
const HAS_WORDS: u64 = 1 << 63;
/// Marks a verdict that names the rank whose death ended the meeting; otherwise it is one more than the node that differs.
const DEATH: u64 = 1 << 63;

#[repr(C, align(64))]
struct Header {
    arrived: Sequence,
    verdict: AtomicU64,
    elsewhere: Live,
    rounds: [AtomicU64; ROUNDS],
    steps: [AtomicU64; STEPS],
}

/// What a leader says of its node.
#[repr(C, align(64))]
struct Head {
    /// Its own call.
    leader: Caller,
    /// That of a member that doesn't match.
    other: Caller,
    /// Slots of segments this node has no handles to any more, 21 bits each; 0 is none.
    dropped: [AtomicU64; DROPPED.0],
}

#[repr(C)]
struct Caller {
    /// One more than the team rank; 0 is nobody.
    rank: AtomicU64,
    operation: AtomicU64,
    count: AtomicU64,
}

const _: () = assert!(size_of::<Header>() == 832 && size_of::<Head>() == 128);
const _: () = assert!(std::mem::offset_of!(Header, rounds) == 384);

impl Caller {
    fn write(&self, caller: Option<(usize, Signature)>, mark: u64) {
        let (rank, operation, count) = match caller {
            Some((rank, Signature { operation, count })) => (rank as u64 + 1, operation | mark, count),
            None => (0, 0, 0),
        };
        self.rank.store(rank, Ordering::Relaxed);
        self.operation.store(operation, Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
    }

    /// The call, if it isn't this one.
    fn differing(&self, signature: Signature, mark: u64) -> Option<(usize, Signature)> {
        let rank = self.rank.load(Ordering::Relaxed).checked_sub(1)? as usize;
        let operation = self.operation.load(Ordering::Relaxed);
        let count = self.count.load(Ordering::Relaxed);
        let is_same = operation == signature.operation | mark && count == signature.count;
        (!is_same).then_some((rank, Signature { operation: operation & !HAS_WORDS, count }))
    }
}

/// Bytes of a mirror.
pub(crate) fn mirror_len(nodes: usize, size: usize) -> usize {
    words_at(nodes, size, 2)
}

fn heads_at(nodes: usize, half: usize) -> usize {
    size_of::<Header>() + half * nodes * size_of::<Head>()
}

fn words_at(nodes: usize, size: usize, half: usize) -> usize {
    heads_at(nodes, 2) + half * size * size_of::<Words>()
}

/// The rounds of a meeting of so many leaders, each with the distance that its message goes.
pub(crate) fn rounds(nodes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..ROUNDS).map(|round| (round, 1 << round)).take_while(move |(_, far)| *far < nodes)
}

/// A team's way between nodes as one member sees it.
pub(crate) struct Mirror {
    /// Team ranks by the team's nodes.
    spread: Layout,
    /// The leaders' world ranks and where their mirrors are, by node.
    leaders: Series,
    offsets: Series,
    /// That of this node.
    base: NonNull<u8>,
    /// The bits of further slots, as in `elsewhere`.
    pages: [OnceLock<NonNull<AtomicU64>>; PAGES],
    /// At the leader: which segments are nobody's any more.
    drops: Mutex<Drops>,
}

// SAFETY: a mirror and its pages are shared memory, mapped for as long as the team by the promises of `new` and `grow`, and made of atomics.
unsafe impl Send for Mirror {}
// SAFETY: as above.
unsafe impl Sync for Mirror {}

/// What a leader knows of dropped segments.
#[derive(Default)]
struct Drops {
    /// Slots whose last handle this process has dropped, not said in a head yet.
    unsaid: Vec<usize>,
    /// For slots that nodes have given up, how many did.
    nodes: HashMap<usize, usize>,
}

impl Drops {
    /// Another node has given up a slot; returns how many have.
    fn count(&mut self, slot: usize) -> usize {
        let nodes = self.nodes.entry(slot).or_default();
        *nodes += 1;
        *nodes
    }
}

/// A meeting under way.
pub(crate) struct Meeting<'a> {
    pub(crate) world: &'a Shared,
    pub(crate) team: u64,
    pub(crate) call: Call,
    pub(crate) number: u64,
    pub(crate) signature: Signature,
    /// Whether anybody may read words of it.
    pub(crate) has_words: bool,
}

impl Meeting<'_> {
    fn mark(&self) -> u64 {
        if self.has_words { HAS_WORDS } else { 0 }
    }
}

impl Mirror {
    /// The mirror of a team whose leaders' are at `places`, by node; `base` is where the one of this node is mapped.
    ///
    /// # Safety
    /// At each place [`mirror_len`] bytes of the leader's arena, zero before the first meeting, stay as long as the team.
    pub(crate) unsafe fn new(
        spread: Layout,
        places: impl ExactSizeIterator<Item = Remote> + Clone,
        base: NonNull<u8>,
    ) -> Mirror {
        assert!(spread.nodes() <= 1 << ROUNDS, "more nodes than round words");
        let leaders = Series::new(places.clone().map(|place| place.rank));
        let offsets = Series::new(places.map(|place| place.offset));
        Mirror { spread, leaders, offsets, base, pages: Default::default(), drops: Mutex::default() }
    }

    /// Bytes it takes besides itself and the memory that its node shares.
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.spread.heap_bytes() + self.leaders.heap_bytes() + self.offsets.heap_bytes()
    }

    /// Team ranks by the team's nodes.
    pub(crate) fn spread(&self) -> &Layout {
        &self.spread
    }

    /// Whether some node has several members.
    pub(crate) fn has_company(&self) -> bool {
        self.spread.len() > self.spread.nodes()
    }

    /// The team rank of a node's leader.
    fn leader(&self, node: usize) -> usize {
        self.spread.members(node).next().unwrap_or(0)
    }

    fn my_node(&self) -> usize {
        self.spread.node(self.spread.me())
    }

    /// Whether this member is its node's leader.
    pub(crate) fn is_leader(&self) -> bool {
        self.leader(self.my_node()) == self.spread.me()
    }

    fn header(&self) -> &Header {
        // SAFETY: mapped for as long as the team by the promise of `new`, aligned to 64, made of atomics.
        unsafe { self.base.cast().as_ref() }
    }

    fn head(&self, half: usize, node: usize) -> &Head {
        let nodes = self.spread.nodes();
        let at = heads_at(nodes, half) + (self.my_node() + nodes - node) % nodes * size_of::<Head>();
        // SAFETY: inside the mirror; else as `header`.
        unsafe { self.base.add(at).cast().as_ref() }
    }

    /// The words of a member.
    pub(crate) fn words(&self, half: usize, rank: usize) -> &Words {
        let (nodes, size) = (self.spread.nodes(), self.spread.len());
        let place = self.words_before(self.my_node(), self.spread.node(rank)) + self.spread.index(rank);
        let at = words_at(nodes, size, half) + place * size_of::<Words>();
        // SAFETY: inside the mirror, aligned to words; else as `header`.
        unsafe { self.base.add(at).cast().as_ref() }
    }

    /// Of how many members the mirror of node `owner` has the words before those of `node`: of the nodes from its own backwards to the one after `node`.
    fn words_before(&self, owner: usize, node: usize) -> usize {
        let spread = &self.spread;
        let around = if node > owner { spread.len() } else { 0 };
        around + spread.first(owner + 1) - spread.first(node + 1)
    }

    /// This member's part of a meeting that its node's members have all entered; `differs` is one among them that doesn't match.
    /// Returns a member elsewhere that doesn't.
    pub(crate) fn meet(
        &self,
        rows: &Rows,
        meeting: &Meeting<'_>,
        differs: Option<(usize, Signature)>,
    ) -> Result<Option<(usize, Signature)>> {
        let header = self.header();
        if self.is_leader() {
            self.write_block(rows, meeting, differs);
            let outcome = self.exchange(rows, meeting);
            let verdict = match &outcome {
                Ok(()) => self.judge(meeting),
                Err(error) => DEATH | error.rank().unwrap_or(0) as u64,
            };
            header.verdict.store(verdict, Ordering::Relaxed);
            header.arrived.publish(meeting.number);
            outcome?;
        } else {
            let Meeting { world, team, call, number, .. } = *meeting;
            let leader = self.leader(self.my_node());
            let is_leader = |rank| rank == self.leaders.get(self.my_node());
            let (target, needs) = (Some(rows.name(leader)), Needs::These(&is_leader));
            let cause = Cause { call, team, target, sequence: number, needs };
            world.waiting(cause, |context| header.arrived.wait_at_least(number, context))?;
        }
        match header.verdict.load(Ordering::Relaxed) {
            0 => Ok(None),
            death if death & DEATH != 0 => {
                Err(meeting.world.died(meeting.call.op.name(), (death & !DEATH) as usize))
            }
            node => {
                let head = self.head((meeting.number % 2) as usize, node as usize - 1);
                let (signature, mark) = (meeting.signature, meeting.mark());
                Ok(head.leader.differing(signature, mark).or_else(|| head.other.differing(signature, mark)))
            }
        }
    }

    /// Says what this node has to say.
    fn write_block(&self, rows: &Rows, meeting: &Meeting<'_>, differs: Option<(usize, Signature)>) {
        let half = (meeting.number % 2) as usize;
        let head = self.head(half, self.my_node());
        head.leader.write(Some((self.spread.me(), meeting.signature)), meeting.mark());
        head.other.write(differs, meeting.mark());
        let mut drops = self.drops();
        let mut said = drops.unsaid.extract_if(.., |slot| !rows.is_live_here(*slot));
        for word in &head.dropped {
            let slots = [(); DROPPED.1].map(|()| said.next().unwrap_or(NO_SLOT) as u64);
            word.store(slots.iter().rfold(0, |word, slot| word << SLOT_BITS | slot), Ordering::Relaxed);
        }
        if meeting.has_words {
            for rank in self.spread.members(self.my_node()) {
                let line = rows.line(rank, meeting.number).expect("of this node");
                self.words(half, rank).copy_from(&line.words);
            }
        }
    }

    /// Brings all nodes' blocks together, as the head of this file has it.
    fn exchange(&self, rows: &Rows, meeting: &Meeting<'_>) -> Result<()> {
        let (nodes, me) = (self.spread.nodes(), self.my_node());
        for (round, far) in rounds(nodes) {
            // The last `count` nodes up to this one.
            let count = far.min(nodes - far);
            self.pass_on(meeting, (me + far) % nodes, count, round)?;
            let Meeting { world, team, call, number, .. } = *meeting;
            let from = (me + nodes - far) % nodes;
            let wait = Wait { world, team, call, number };
            self.await_word(rows, wait, &self.header().rounds[round], from)?;
        }
        Ok(())
    }

    fn await_word(&self, rows: &Rows, wait: Wait<'_>, word: &AtomicU64, from: usize) -> Result<()> {
        let Wait { world, team, call, number } = wait;
        let is_here = || word.load(Ordering::Acquire) >= number;
        let (target, needs) = (rows.name(self.leader(from)), Needs::Elsewhere(self.leaders.get(from)));
        let cause = Cause { call, team, target: Some(target), sequence: number, needs };
        world.waiting_for_network(cause, is_here)
    }

    /// Where the word of an exchange's step is in the arena of a node's leader.
    pub(crate) fn step_word(&self, node: usize, step: usize) -> usize {
        assert!(step < STEPS, "an exchange with more steps than words");
        self.offsets.get(node) + std::mem::offset_of!(Header, steps) + step * size_of::<AtomicU64>()
    }

    /// Waits, at a leader, until the leader of node `from` has signalled a step.
    pub(crate) fn await_step(&self, rows: &Rows, wait: Wait<'_>, step: usize, from: usize) -> Result<()> {
        self.await_word(rows, wait, &self.header().steps[step], from)
    }

    /// Puts the blocks of the last `count` nodes up to this one to a leader, and signals the round there.
    fn pass_on(&self, meeting: &Meeting<'_>, to: usize, count: usize, round: usize) -> Result<()> {
        let (nodes, size, me) = (self.spread.nodes(), self.spread.len(), self.my_node());
        let half = (meeting.number % 2) as usize;
        let transport = &meeting.world.transport;
        let place = Remote { rank: self.leaders.get(to), offset: self.offsets.get(to) };
        let word = place.offset + std::mem::offset_of!(Header, rounds) + round * size_of::<AtomicU64>();
        // (here, there, bytes)
        let (heads, head) = (heads_at(nodes, half), size_of::<Head>());
        let heads = (heads, heads + (to + nodes - me) % nodes * head, count * head);
        let words = meeting.has_words.then(|| {
            let (base, each) = (words_at(nodes, size, half), size_of::<Words>());
            let len = self.words_before(me, (me + nodes - count) % nodes);
            (base, base + self.words_before(to, me) * each, len * each)
        });
        let source = |here| self.base.as_ptr().wrapping_add(here).cast_const();
        if words.is_some() {
            let (here, there, len) = heads;
            // SAFETY: as below.
            let token = unsafe { transport.put(place.plus(there), source(here), len) }?;
            transport.wait(token)?;
        }
        let (here, there, len) = words.unwrap_or(heads);
        let update = SignalUpdate::Set(meeting.number);
        // SAFETY: the same blocks in both mirrors, readable here until the wait is over, and nobody reads them there before the signal;
        // the word is an aligned word of the leader's mirror, accessed atomically.
        let token = unsafe { transport.put_signal(place.plus(there), source(here), len, word, update) }?;
        transport.wait(token)
    }

    /// Reads the heads: the verdict.
    fn judge(&self, meeting: &Meeting<'_>) -> u64 {
        let mut drops = self.drops();
        let mut verdict = 0;
        for node in (0..self.spread.nodes()).rev() {
            let head = self.head((meeting.number % 2) as usize, node);
            if node == self.my_node() {
                continue;
            }
            let (signature, mark) = (meeting.signature, meeting.mark());
            let differs = |caller: &Caller| caller.differing(signature, mark).is_some();
            if differs(&head.leader) || differs(&head.other) {
                verdict = node as u64 + 1;
            }
            for word in head.dropped.iter().map(|word| word.load(Ordering::Relaxed)) {
                let slot = |index| (word >> (SLOT_BITS * index)) as usize % (1 << SLOT_BITS);
                for slot in (0..DROPPED.1).map(slot) {
                    if slot != NO_SLOT && drops.count(slot) == self.spread.nodes() - 1 {
                        drops.nodes.remove(&slot);
                        self.elsewhere(slot).clear();
                    }
                }
            }
        }
        verdict
    }

    /// The bit that says whether members of other nodes have handles to the segment of a slot.
    fn elsewhere(&self, slot: usize) -> Bit<'_> {
        let words = match page_of(slot) {
            None => self.header().elsewhere.words(),
            Some(page) => *self.pages[page].get().expect("a slot has a page"),
        };
        // SAFETY: in the header or a page, mapped by the promises of `new` and `Rows::grow`.
        unsafe { Bit::new(words, slot) }
    }

    /// Gives the slots of a page bits, which lie at `words`.
    pub(crate) fn grow(&self, page: usize, words: NonNull<u8>) {
        // A page is given once.
        let _ = self.pages[page].set(words.cast());
    }

    /// Says, at the leader, that all members have got a handle to the segment of a slot.
    pub(crate) fn allocated(&self, slot: usize) {
        if self.is_leader() && slot != NO_SLOT {
            self.elsewhere(slot).set();
        }
    }

    /// Says, at the leader, that all members have freed the segment of a slot together.
    pub(crate) fn freed(&self, slot: usize) {
        if self.is_leader() && slot != NO_SLOT {
            self.elsewhere(slot).clear();
        }
    }

    /// Says, at the leader, that this process has dropped its last handle to the segment of a slot.
    pub(crate) fn dropped(&self, slot: usize) {
        if self.is_leader() && slot != NO_SLOT {
            self.drops().unsaid.push(slot);
        }
    }

    /// Whether members of other nodes may have handles to the segment of a slot, or do not know yet that those of this node have none.
    pub(crate) fn is_live_elsewhere(&self, slot: usize) -> bool {
        slot != NO_SLOT && self.elsewhere(slot).is_set() || self.drops().unsaid.contains(&slot)
    }

    fn drops(&self) -> MutexGuard<'_, Drops> {
        self.drops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
