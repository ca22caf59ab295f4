//! Founding: how some ranks make a team among themselves while the others do whatever they like.
//!
//! The members, in the order of their ranks, are a binomial tree: member `p` has the members `p .. p + lowbit(p)` below it. Each has a
//! *desk* in its row of the world's team, where it shows one notice at a time:
//!
//! ```text
//! up      what is known of the members below me, me included: where row and mirror are, and in which order I list the members.
//!         Shown once the notices of all children have been read.
//! down    the same of all members. Shown by the first member once it has read its children's, by others once they have read their parent's.
//! ```
//!
//! A notice has a key made of the list and of how often this process has tried to make it, which is as often as the other members
//! have; so no notice is mistaken for an older one. Who shows a notice tells those who wait for it at their `news` word; who has read one going down
//! tells so at the parent's `read` word, a bit for each child. A member returns when all its children have, and may then change
//! desk and table: what it showed going up was read by a parent that has answered.
//!
//! Memory of such a team goes back without a synchronisation: a member that has dropped its last handle counts itself at word `gone` of the
//! first member's row, after a fence. When all have, nobody uses the team's memory any more but to read that word; so the others free theirs and count
//! themselves at `left`, and the first member frees its own last. All this is looked after when the process founds its next team.
//!
//! | word | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | news, read | parent and children, by signals; the owner sets `read` to 0 before its notice going down | the owner | release, acquire |
//! | notice: key | the owner, last | parent and children | release, acquire |
//! | notice: table, entry; the table | the owner, before the key | parent and children, after it | plain |
//! | gone, left | members, by signals | members | release, acquire |

use crate::call::{Call, OpCode};
use crate::cause::{Cause, Needs};
use crate::departure::{Departure, Desk, Exit, Leaving, Notice, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::Extent;
use crate::onesided::Compare;
use crate::post::may_wait;
use crate::row::{DESK, ROW_LEN};
use crate::shared::{Shared, alive, no_such_rank};
use crate::spot::Spot;
use crate::team::{Home, Joint, Origin, Team, list_number};
use crate::transport::{Remote, SignalUpdate};
use crate::world::World;
use shm::atomics::Atomic;
use std::io;
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// In an entry's row or a notice's table: there was no memory for it.
const NO_MEMORY: u64 = u64::MAX;
/// Marks keys of notices going down.
const DOWN: u64 = 1;

/// What a member tells of itself: where its row is, where its mirror is, a number for its order of the members.
type Entry = [u64; 3];

/// One founding of one member.
struct Founding<'a> {
    world: &'a Shared,
    /// The world's team, whose rows have the desks.
    around: &'a Team,
    call: Call,
    key: u64,
    /// World ranks in increasing order, and the place of this one.
    sorted: &'a [usize],
    me: usize,
    /// This member's table in its arena, if it has children and there was memory.
    table: Option<usize>,
}

impl World {
    /// The team of the listed world ranks, in that order, made by them alone: other ranks take no part, and may be in anything meanwhile.
    ///
    /// Collective over the listed ranks, all with the same list. A process founds one team at a time; founding teams of common members needs one order on
    /// all of them. Stands for `MPI_Comm_create_group`, `GA_Pgroup_create`, `ARMCI_Group_create`.
    /// Errors: `Rank` (this rank isn't listed; one outside the world, or twice), `Mismatch` on every member when their orders differ (members that list other ranks
    /// wait for those), `Memory` on every member if one has none left, `Died`, `Finalized`.
    #[track_caller]
    pub fn team_of(&self, ranks: &[usize]) -> Result<Team> {
        let call = Call::new(OpCode::TeamOf);
        let op = call.op.name();
        alive(op)?;
        may_wait(op)?;
        let world = &*self.shared;
        world.check(op)?;
        let mut sorted = ranks.to_vec();
        sorted.sort_unstable();
        if let Some(rank) = sorted.iter().find(|rank| **rank >= world.size) {
            return Err(no_such_rank(op, *rank, world.size));
        }
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::at(ErrorKind::Rank, op, pair[0], "the rank is listed twice"));
        }
        let Ok(me) = sorted.binary_search(&world.rank) else {
            return Err(Error::at(
                ErrorKind::Rank,
                op,
                world.rank,
                "only ranks that are listed make the team",
            ));
        };
        self.sweep()?;
        let list = list_number(&sorted);
        let mut tries = lock(&world.foundings.tried);
        let tried = tries.entry(list).or_default();
        *tried += 1;
        // Not 0, which is no notice.
        let key = (list_number(&[list, *tried]) as u64 | 2) & !DOWN;
        let table = match is_parent(me, sorted.len()) {
            true => world.heap.allocate(size_of::<Entry>() * sorted.len(), 64).ok().map(|block| block.offset),
            false => None,
        };
        let founding = Founding { world, around: &self.team, call, key, sorted: &sorted, me, table };
        let made = founding.run(&self.shared, ranks);
        if let Some(table) = table {
            world.heap.free(table);
        }
        drop(tries);
        made
    }

    /// The team of those ranks that call this, in an order of theirs: `allgather` brings everybody's bytes to all of them in that order, as an allgather over an MPI communicator does.
    ///
    /// Collective over those ranks alone. Stands for making a team from an `MPI_Comm`. Errors: `Bootstrap` when `allgather` fails or brings something else; else as [`World::team_of`].
    #[track_caller]
    pub fn team_by(&self, allgather: impl FnOnce(&[u8]) -> io::Result<Vec<Vec<u8>>>) -> Result<Team> {
        let op = OpCode::TeamOf.name();
        alive(op)?;
        let failed = |why: String| Error::new(ErrorKind::Bootstrap, op, format!("the allgather: {why}"));
        let all =
            allgather(&(self.rank() as u64).to_le_bytes()).map_err(|error| failed(error.to_string()))?;
        let rank = |bytes: Vec<u8>| {
            let word: [u8; 8] = bytes.try_into().map_err(|_| failed("not everybody's eight bytes".into()))?;
            Ok(u64::from_le_bytes(word) as usize)
        };
        self.team_of(&all.into_iter().map(rank).collect::<Result<Vec<usize>>>()?)
    }

    /// Frees the memory of founded teams that nobody has a handle to any more.
    fn sweep(&self) -> Result<()> {
        let world = &*self.shared;
        let mut leaving = lock(&world.foundings.leaving);
        if leaving.iter().any(|leaving| !leaving.is_told) {
            world.transport.fence_all()?;
        }
        let mut failed = Ok(());
        leaving.retain_mut(|leaving| match leaving.step(world) {
            Ok(is_over) => !is_over,
            Err(error) => {
                failed = Err(error);
                true
            }
        });
        failed
    }
}

impl Leaving {
    /// Goes on, after a fence; whether it is over.
    fn step(&mut self, world: &Shared) -> Result<bool> {
        let Exit { desk, is_first, size } = self.exit;
        let desk = world.reach(desk);
        if !self.is_told {
            world.signal(desk.plus(offset_of!(Desk, gone)), 1)?;
            self.is_told = true;
        }
        let all = |at: usize, wanted: usize| Ok(world.read_word(desk.plus(at))? == wanted as u64);
        if !all(offset_of!(Desk, gone), size)? || is_first && !all(offset_of!(Desk, left), size - 1)? {
            return Ok(false);
        }
        std::mem::take(&mut self.blocks).into_iter().for_each(|block| world.heap.free(block));
        if !is_first {
            world.signal(desk.plus(offset_of!(Desk, left)), 1)?;
        }
        Ok(true)
    }
}

/// The members directly below one, nearest first.
fn children(place: usize, size: usize) -> impl Iterator<Item = usize> {
    let most = if place == 0 { usize::BITS } else { place.trailing_zeros() };
    (0..most).map_while(move |bit| place.checked_add(1 << bit)).take_while(move |child| *child < size)
}

fn is_parent(place: usize, size: usize) -> bool {
    children(place, size).next().is_some()
}

fn parent(place: usize) -> Option<usize> {
    (place > 0).then(|| place & (place - 1))
}

/// One more than the last member below one.
fn end(place: usize, size: usize) -> usize {
    if place == 0 { size } else { size.min(place + (place & place.wrapping_neg())) }
}

impl Founding<'_> {
    fn run(&self, shared: &Arc<Shared>, ranks: &[usize]) -> Result<Team> {
        let Founding { world, sorted, me, .. } = *self;
        let op = self.call.op.name();
        let size = ranks.len();
        let my_rank = ranks.iter().position(|rank| *rank == sorted[me]).expect("listed");
        let spread = world.layout.among(ranks, my_rank);
        let is_leader = spread.nodes() > 1 && spread.index(my_rank) == 0;
        let allocate = |len| world.heap.allocate_zeroed(len, 64).ok().map(|block| block.offset);
        let row = allocate(ROW_LEN);
        let extent = Extent::new(spread.nodes(), size, world.words_of);
        let mirror = if is_leader { allocate(extent.mirror_len()) } else { None };
        let lacks_table = is_parent(me, size) && self.table.is_none();
        let is_short = row.is_none() || is_leader && mirror.is_none() || lacks_table;
        let word = |block: Option<usize>| block.map_or(0, |offset| offset as u64);
        let mine = [if is_short { NO_MEMORY } else { word(row) }, word(mirror), list_number(ranks) as u64];
        let give_back = || row.into_iter().chain(mirror).for_each(|block| world.heap.free(block));
        let entries = self.gather(mine).inspect_err(|_| give_back())?;
        let other = |entry: &Entry| entry[2] != entries[0][2];
        let failure = if let Some(place) = entries.iter().position(|entry| entry[0] == NO_MEMORY) {
            let message = format!("no {ROW_LEN} bytes for the control memory of a team");
            Some(Error::at(ErrorKind::Memory, op, sorted[place], message))
        } else {
            entries.iter().position(other).map(|place| {
                let message = format!(
                    "world ranks {} and {} list the members in different orders",
                    sorted[0], sorted[place]
                );
                Error::at(ErrorKind::Mismatch, op, sorted[place], message)
            })
        };
        if let Some(failure) = failure {
            give_back();
            return Err(failure);
        }
        let joint = |(name, rank): (usize, &usize)| {
            let entry = entries[sorted.binary_search(rank).expect("listed")];
            Joint { row: Remote { rank: *rank, offset: entry[0] as usize }, mirror: entry[1] as usize, name }
        };
        let joints: Vec<Joint> = ranks.iter().enumerate().map(joint).collect();
        let desk = Remote { rank: sorted[0], offset: entries[0][0] as usize }.plus(DESK);
        let exit = Exit { desk, is_first: me == 0, size };
        let departure = Departure::new(shared.foundings.clone(), exit);
        let home = Home::Founded(Arc::new(departure));
        let origin = Origin { home, blocks: [row, mirror], is_part: false };
        let id = self.id();
        // SAFETY: each member has given zeroed blocks, and frees them when all have left.
        Ok(unsafe { Team::join(shared, id, my_rank, &joints, Some(origin)) })
    }

    /// The team's number, the same on all members.
    fn id(&self) -> u64 {
        (self.key >> 8).max(1) & !(3 << 62)
    }

    /// What all members tell of themselves, by place.
    fn gather(&self, mine: Entry) -> Result<Vec<Entry>> {
        let Founding { world, sorted, me, .. } = *self;
        let size = sorted.len();
        let mut entries = vec![[NO_MEMORY, 0, mine[2]]; size];
        entries[me] = mine;
        for child in children(me, size) {
            self.read_from(child, self.key, &mut entries[child..end(child, size)])?;
        }
        if let Some(parent) = parent(me) {
            self.show(self.key, mine, &entries[me..end(me, size)], me);
            self.tell(parent, offset_of!(Desk, news), 1)?;
            self.read_from(parent, self.key | DOWN, &mut entries)?;
            self.tell(parent, offset_of!(Desk, read), 1 << (me - parent).trailing_zeros())?;
        }
        self.word(offset_of!(Desk, read)).store(0, Ordering::Relaxed);
        if is_parent(me, size) {
            self.show(self.key | DOWN, mine, &entries, 0);
        }
        for child in children(me, size) {
            self.tell(child, offset_of!(Desk, news), 1)?;
        }
        for child in children(me, size) {
            let bit = 1 << (child - me).trailing_zeros();
            let read = self.word(offset_of!(Desk, read));
            let has_read = || read.load(Ordering::Acquire) & bit;
            let is_missing = |dead| dead == sorted[child] && has_read() == 0;
            world.await_signal(self.cause(child, &is_missing), &has_read, Compare::Equal(bit))?;
        }
        Ok(entries)
    }

    /// A place on a member's desk.
    fn desk(&self, place: usize, offset: usize) -> Spot {
        self.around.desk(self.sorted[place]).plus(offset)
    }

    /// A word of the own desk.
    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: an aligned word of the own desk, which is mapped for the life of the process and made of atomics.
        unsafe { &*self.desk(self.me, offset).mapped.cast::<AtomicU64>() }
    }

    fn cause<'c>(&self, place: usize, is_missing: &'c dyn Fn(usize) -> bool) -> Cause<'c> {
        let rank = self.sorted[place];
        let needs = match self.world.layout.local(rank) {
            Some(_) => Needs::These(is_missing),
            None => Needs::Elsewhere(rank),
        };
        // Ranks that make different teams are told apart.
        Cause { call: self.call, team: self.id(), target: Some(rank), sequence: 0, needs }
    }

    /// Shows a notice: the own entry, and those of a table from place `first` on.
    fn show(&self, key: u64, mine: Entry, entries: &[Entry], first: usize) {
        let world = self.world;
        let table = match self.table {
            _ if !is_parent(self.me, self.sorted.len()) => 0,
            None => NO_MEMORY,
            Some(offset) => {
                let table = world.reach(Remote { rank: world.rank, offset }).mapped.cast::<Entry>();
                // SAFETY: the own table, which is mapped and has room for all members; nobody reads it before the key is stored.
                unsafe { table.add(first).copy_from_nonoverlapping(entries.as_ptr(), entries.len()) };
                offset as u64 + 1
            }
        };
        self.word(NOTICE + offset_of!(Notice, table)).store(table, Ordering::Relaxed);
        for (index, word) in mine.into_iter().enumerate() {
            self.word(NOTICE + offset_of!(Notice, entry) + 8 * index).store(word, Ordering::Relaxed);
        }
        self.word(NOTICE).store(key, Ordering::Release);
    }

    /// Waits for a member's notice, and reads entries from it: all, or those of the members below it. They stay as they are if the member had no memory.
    fn read_from(&self, place: usize, key: u64, entries: &mut [Entry]) -> Result<()> {
        let world = self.world;
        let at = |offset| self.desk(place, NOTICE + offset);
        let news = self.word(offset_of!(Desk, news));
        let load = || news.load(Ordering::Acquire);
        loop {
            let seen = load();
            if world.read_word(at(0))? == key {
                break;
            }
            let is_missing =
                |dead| dead == self.sorted[place] && world.read_word(at(0)).is_ok_and(|shown| shown != key);
            world.await_signal(self.cause(place, &is_missing), &load, Compare::NotEqual(seen))?;
        }
        let first = if key & DOWN == 0 { place } else { 0 };
        match world.read_word(at(offset_of!(Notice, table)))? {
            NO_MEMORY => {
                entries.iter_mut().for_each(|entry| entry[0] = NO_MEMORY);
                Ok(())
            }
            0 => {
                let mut entry = [0; 3];
                world.read(at(offset_of!(Notice, entry)), &mut entry)?;
                entries[0] = entry;
                Ok(())
            }
            table => {
                let offset = table as usize - 1 + first * size_of::<Entry>();
                let place = world.reach(Remote { rank: self.sorted[place], offset });
                world.read(place, entries.as_flattened_mut())
            }
        }
    }

    fn tell(&self, place: usize, word: usize, add: u64) -> Result<()> {
        self.world.signal(self.desk(place, word), add)
    }
}

/// Where the notice is in a desk.
const NOTICE: usize = offset_of!(Desk, notice);

impl Shared {
    /// Adds to a word of a rank's control memory, and rings its bell.
    fn signal(&self, spot: Spot, add: u64) -> Result<()> {
        if spot.mapped.is_null() {
            // SAFETY: an aligned word of control memory, which everybody accesses atomically.
            return unsafe { self.transport.signal(spot.place, SignalUpdate::Add(add)) };
        }
        // SAFETY: as above, mapped.
        unsafe { u64::fetch_add(spot.mapped.cast(), add) };
        self.bell(spot.place.rank).add(1);
        Ok(())
    }

    fn read_word(&self, spot: Spot) -> Result<u64> {
        if !spot.mapped.is_null() {
            // SAFETY: an aligned word of control memory, mapped, which everybody accesses atomically.
            return Ok(unsafe { u64::load_acquire(spot.mapped.cast()) });
        }
        let mut word = [0];
        self.read(spot, &mut word)?;
        Ok(word[0])
    }

    /// Reads control memory that its owner doesn't change meanwhile (or a word that it changes in one piece).
    fn read(&self, spot: Spot, words: &mut [u64]) -> Result<()> {
        let (dst, len) = (words.as_mut_ptr().cast::<u8>(), size_of_val(words));
        if !spot.mapped.is_null() {
            // SAFETY: mapped control memory of that length by the notice or desk it is named by; the words are ours.
            unsafe { shm::copy::copy(dst, spot.mapped, len) };
            return Ok(());
        }
        // SAFETY: as above; the words live until the wait is over.
        let token = unsafe { self.transport.get(spot.place, dst, len) }?;
        self.transport.wait(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_a_tree() {
        for size in 1..40 {
            let mut seen = vec![0; size];
            for place in 0..size {
                for child in children(place, size) {
                    assert_eq!(parent(child), Some(place));
                    seen[child] += 1;
                }
                // The members below it are those of its children, one after the other.
                let mut next = place + 1;
                for child in children(place, size) {
                    assert_eq!(child, next);
                    next = end(child, size);
                }
                assert_eq!(next, end(place, size), "{place} of {size}");
            }
            assert!(seen[1..].iter().all(|times| *times == 1) && seen[0] == 0);
        }
    }
}
