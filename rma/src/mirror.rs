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
//! In a *wide* team (of more members than [`Shared::words_of`](crate::shared::Shared)) words go as the law of each node ([`crate::law`]), and in full only
//! those of nodes whose words follow none: all leaders see by the laws which these are, and exchange them in the same rounds once more. Where a leader's signature says
//! that its meeting has no words, which is a mismatch, nobody does.
//!
//! # Why nothing is overwritten early
//! Halves alternate, as in rows. Blocks of meeting `n + 2` are written to a mirror by leaders that have completed meeting `n + 1`.
//! For that every member had to enter `n + 1`, after it had read what it wanted of `n`; the same holds for what is put on the
//! way, as it is read where it lies. Round words only grow: a leader can be one meeting ahead of another, and
//! then has signalled both, with the blocks of each in a half of its own. Puts and signals of one process to another take effect in order.
//! Words of wide teams need no halves: the second exchange of `n + 1` begins after the first, hence when everybody has entered `n + 1` and read those of `n`.
//!
//! ```text
//! mirror     0  arrived: number of the last meeting that is complete here
//!           64  verdict: what the leader found out about it
//!          128  elsewhere: the segments that members of other nodes have handles to, one bit each; those of the first slots
//!          384  round words: twice the number of the meeting, and one more in its second exchange
//!          512  step words, for exchanges ([`crate::exchange`])
//!          832  heads of even meetings, 128 bytes per node, the own one first, then the one before it, and so on; those of odd meetings
//!          ...  laws, 128 bytes per node, in the same order; those of odd meetings
//!          ...  words of even meetings, nodes in the same order, 40 bytes per member; those of odd meetings, unless the team is wide
//! ```
//!
//! | field | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | heads, laws, words | leaders, by puts; the own block by memory | the leader; its node | the signal; arrived |
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
use crate::law::Law;
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

    /// Whether its meeting has words.
    fn is_marked(&self) -> bool {
        self.operation.load(Ordering::Relaxed) & HAS_WORDS != 0
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

/// What the mirrors of a team are made for.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    nodes: usize,
    size: usize,
    /// Whether nodes tell one another the law of their members' words.
    is_wide: bool,
}

impl Extent {
    /// Of a team with so many nodes and members; those of more than `words_of` are wide.
    pub(crate) fn new(nodes: usize, size: usize, words_of: usize) -> Extent {
        Extent { nodes, size, is_wide: size > words_of }
    }

    /// Bytes that come to each node in a meeting with words, if those of every node follow a law.
    #[cfg(test)]
    pub(crate) fn lawful_bytes(self) -> usize {
        self.nodes * (size_of::<Head>() + size_of::<Law>())
    }

    /// Bytes of a mirror.
    pub(crate) fn mirror_len(self) -> usize {
        let halves = if self.is_wide { 1 } else { 2 };
        self.laws_at(2) + halves * self.size * size_of::<Words>()
    }

    fn heads_at(self, half: usize) -> usize {
        size_of::<Header>() + half * self.nodes * size_of::<Head>()
    }

    fn laws_at(self, half: usize) -> usize {
        self.heads_at(2) + half * self.nodes * size_of::<Law>()
    }

    fn words_at(self, half: usize) -> usize {
        let half = if self.is_wide { 0 } else { half };
        self.laws_at(2) + half * self.size * size_of::<Words>()
    }
}

/// The rounds of a meeting of so many leaders, each with the distance that its message goes.
pub(crate) fn rounds(nodes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..ROUNDS).map(|round| (round, 1 << round)).take_while(move |(_, far)| *far < nodes)
}

/// A team's way between nodes as one member sees it.
pub(crate) struct Mirror {
    /// Team ranks by the team's nodes.
    spread: Layout,
    extent: Extent,
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
    /// The mirror of a team whose leaders' are at `places`, by node; `base` is where the one of this node is mapped. More than `words_of` members are a wide team.
    ///
    /// # Safety
    /// At each place [`Extent::mirror_len`] bytes of the leader's arena, zero before the first meeting, stay as long as the team.
    pub(crate) unsafe fn new(
        spread: Layout,
        places: impl ExactSizeIterator<Item = Remote> + Clone,
        base: NonNull<u8>,
        words_of: usize,
    ) -> Mirror {
        assert!(spread.nodes() <= 1 << ROUNDS, "more nodes than round words");
        let leaders = Series::new(places.clone().map(|place| place.rank));
        let offsets = Series::new(places.map(|place| place.offset));
        let extent = Extent::new(spread.nodes(), spread.len(), words_of);
        let (pages, drops) = (Default::default(), Mutex::default());
        Mirror { spread, extent, leaders, offsets, base, pages, drops }
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

    /// How many nodes the mirror of node `owner` has before `node`.
    fn nodes_before(&self, owner: usize, node: usize) -> usize {
        let nodes = self.spread.nodes();
        (owner + nodes - node) % nodes
    }

    fn head(&self, half: usize, node: usize) -> &Head {
        let at = self.extent.heads_at(half) + self.nodes_before(self.my_node(), node) * size_of::<Head>();
        // SAFETY: inside the mirror; else as `header`.
        unsafe { self.base.add(at).cast().as_ref() }
    }

    fn law(&self, half: usize, node: usize) -> &Law {
        let at = self.extent.laws_at(half) + self.nodes_before(self.my_node(), node) * size_of::<Law>();
        // SAFETY: as above.
        unsafe { self.base.add(at).cast().as_ref() }
    }

    /// A word of a member.
    pub(crate) fn word(&self, half: usize, rank: usize, index: usize) -> u64 {
        let (node, member) = (self.spread.node(rank), self.spread.index(rank));
        if self.extent.is_wide {
            let law = self.law(half, node);
            if law.holds() {
                return law.word(member, index);
            }
        }
        self.words(half, rank).0[index].load(Ordering::Relaxed)
    }

    /// Where the words of a member are.
    fn words(&self, half: usize, rank: usize) -> &Words {
        let place = self.words_before(self.my_node(), self.spread.node(rank)) + self.spread.index(rank);
        let at = self.extent.words_at(half) + place * size_of::<Words>();
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
        if meeting.has_words && self.extent.is_wide {
            let members = self.spread.members(self.my_node());
            let line = |rank| rows.line(rank, meeting.number).expect("of this node");
            self.law(half, self.my_node()).write(members.map(|rank| &line(rank).words));
        } else if meeting.has_words {
            self.write_words(rows, meeting);
        }
    }

    /// Copies the words of this node's members.
    fn write_words(&self, rows: &Rows, meeting: &Meeting<'_>) {
        for rank in self.spread.members(self.my_node()) {
            let line = rows.line(rank, meeting.number).expect("of this node");
            self.words((meeting.number % 2) as usize, rank).copy_from(&line.words);
        }
    }

    /// Brings all nodes' blocks together, as the head of this file has it.
    fn exchange(&self, rows: &Rows, meeting: &Meeting<'_>) -> Result<()> {
        let stamp = 2 * meeting.number;
        self.circulate(rows, meeting, stamp, |to, count| self.blocks(meeting, to, count))?;
        let half = (meeting.number % 2) as usize;
        if !(meeting.has_words && self.extent.is_wide) {
            return Ok(());
        }
        let have_words = (0..self.spread.nodes()).all(|node| self.head(half, node).leader.is_marked());
        let is_lawless = |node| !self.law(half, node).holds();
        if !have_words || !(0..self.spread.nodes()).any(is_lawless) {
            return Ok(());
        }
        if is_lawless(self.my_node()) {
            self.write_words(rows, meeting);
        }
        self.circulate(rows, meeting, stamp + 1, |to, count| self.lawless(meeting, to, count))
    }

    /// The rounds: in each the pieces `(here, there, bytes)` that `of` names of the last so many nodes up to this one go to a leader.
    fn circulate(
        &self,
        rows: &Rows,
        meeting: &Meeting<'_>,
        stamp: u64,
        of: impl Fn(usize, usize) -> Vec<(usize, usize, usize)>,
    ) -> Result<()> {
        let (nodes, me) = (self.spread.nodes(), self.my_node());
        for (round, far) in rounds(nodes) {
            let (to, count) = ((me + far) % nodes, far.min(nodes - far));
            self.pass_on(meeting, to, &of(to, count), round, stamp)?;
            let Meeting { world, team, call, .. } = *meeting;
            let from = (me + nodes - far) % nodes;
            let wait = Wait { world, team, call, number: stamp };
            self.await_word(rows, wait, &self.header().rounds[round], from)?;
        }
        Ok(())
    }

    /// The blocks of the last `count` nodes up to this one.
    fn blocks(&self, meeting: &Meeting<'_>, to: usize, count: usize) -> Vec<(usize, usize, usize)> {
        let (half, me) = ((meeting.number % 2) as usize, self.my_node());
        let before = self.nodes_before(to, me);
        let per_node = |base: usize, each: usize| (base, base + before * each, count * each);
        let mut pieces = vec![per_node(self.extent.heads_at(half), size_of::<Head>())];
        if meeting.has_words && self.extent.is_wide {
            pieces.push(per_node(self.extent.laws_at(half), size_of::<Law>()));
        } else if meeting.has_words {
            pieces.push(self.in_full(half, to, 0, count));
        }
        pieces
    }

    /// Of the last `count` nodes up to this one the words of those that have no law.
    fn lawless(&self, meeting: &Meeting<'_>, to: usize, count: usize) -> Vec<(usize, usize, usize)> {
        let (half, me, nodes) = ((meeting.number % 2) as usize, self.my_node(), self.spread.nodes());
        let is_lawless = |back: &usize| !self.law(half, (me + nodes - back) % nodes).holds();
        let all: Vec<usize> = (0..count).filter(is_lawless).collect();
        let runs = all.chunk_by(|one, next| one + 1 == *next);
        runs.map(|run| self.in_full(half, to, run[0], run.len())).collect()
    }

    /// The words of `count` nodes, of which the first is `back` before this one.
    fn in_full(&self, half: usize, to: usize, back: usize, count: usize) -> (usize, usize, usize) {
        let (me, nodes) = (self.my_node(), self.spread.nodes());
        let (base, each) = (self.extent.words_at(half), size_of::<Words>());
        let first = (me + nodes - back) % nodes;
        let here = self.words_before(me, first);
        let all = if back + count == nodes {
            self.spread.len()
        } else {
            self.words_before(me, (first + nodes - count) % nodes)
        };
        (base + here * each, base + self.words_before(to, first) * each, (all - here) * each)
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

    /// Puts pieces `(here, there, bytes)` of this mirror to that of a leader, and signals the round there.
    fn pass_on(
        &self,
        meeting: &Meeting<'_>,
        to: usize,
        pieces: &[(usize, usize, usize)],
        round: usize,
        stamp: u64,
    ) -> Result<()> {
        let transport = &meeting.world.transport;
        let place = Remote { rank: self.leaders.get(to), offset: self.offsets.get(to) };
        let word = place.offset + std::mem::offset_of!(Header, rounds) + round * size_of::<AtomicU64>();
        let update = SignalUpdate::Set(stamp);
        let source = |here| self.base.as_ptr().wrapping_add(here).cast_const();
        let Some(((here, there, len), others)) = pieces.split_last() else {
            // SAFETY: an aligned word of the leader's mirror, accessed atomically.
            return unsafe { transport.signal(Remote { offset: word, ..place }, update) };
        };
        for (here, there, len) in others {
            // SAFETY: as below.
            let token = unsafe { transport.put(place.plus(*there), source(*here), *len) }?;
            transport.wait(token)?;
        }
        // SAFETY: the same blocks in both mirrors, readable here until the wait is over, and nobody reads them there before the signal;
        // the word is an aligned word of the leader's mirror, accessed atomically.
        let token = unsafe { transport.put_signal(place.plus(*there), source(*here), *len, word, update) }?;
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
