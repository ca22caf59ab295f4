//! Raw addresses to segments.
//!
//! ARMCI names remote memory by a rank and an address. For ranks of this node that is the address where their memory is mapped
//! *here*, so that programs may load and store; for others it is the owner's own. Both are accepted for every rank, the mapping first
//! where one number could mean either. An address that none of ARMCI's allocations has is asked of the library around this one, whose arrays
//! are memory that others may reach as well.
//!
//! What was found last is kept, and costs no atomic operation: as long as one thread calls, in one place for each rank, used [inside](crate::inside);
//! from the second thread on by each thread for itself, as long as nothing is allocated or freed. What a thread knows it keeps from being given back; memory that
//! was freed goes back when the threads that used it call again or end.
//!
//! Invariant: every list is sorted by address and its ranges are disjoint; what it names is not freed.

use crate::inside::{Inside, is_shared};
use rma::{Error, ErrorKind, Result, Segment};
use std::cell::{RefCell, UnsafeCell};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

/// Part of a segment at one rank.
#[derive(Clone)]
pub(crate) struct Entry {
    start: usize,
    len: usize,
    /// The owner's number in the segment's team.
    rank: usize,
    segment: Segment,
    /// Which allocation; 0 for memory of another library's.
    pub(crate) id: u64,
}

impl Entry {
    /// How far behind its start an address is, if it is in this part.
    #[inline(always)]
    fn offset(&self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.start);
        (offset < self.len).then_some(offset)
    }

    /// Where a byte is mapped; where its owner has it if it isn't mapped here.
    fn pointer(&self, address: usize) -> *mut c_void {
        let base = self.segment.mapped(self.rank).map_or(self.start as *mut u8, |base| base.as_ptr());
        base.wrapping_add(address - self.start).cast()
    }
}

/// A part of a segment of another library's.
pub struct Lent {
    /// The segment.
    pub segment: Segment,
    /// The owner's number in its team.
    pub rank: usize,
    /// Where the part begins, as the address was told.
    pub start: usize,
}

/// Finds memory of a world rank by an address, mapped here or the owner's, of whom it is told where it has its arena.
pub type Lender = fn(owner: usize, arena: Option<usize>, address: usize) -> Option<Lent>;

/// All ranks' memory.
pub(crate) struct Addresses {
    /// Each rank's memory, by the address here and by the owner's.
    lists: RwLock<Vec<[Vec<Entry>; 2]>>,
    /// What the last address of each rank was found in. Used by the thread that is inside.
    views: UnsafeCell<Vec<Option<Entry>>>,
    ranks: usize,
    /// Where each rank has its arena, as it has it itself; nothing as long as that isn't known.
    arenas: OnceLock<Vec<usize>>,
    lender: OnceLock<Lender>,
}

// SAFETY: all but `views` allows shared access, and those are used by the one thread that is inside.
unsafe impl Sync for Addresses {}

/// How often memory was made known or forgotten in this process.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// Ranks whose memory a thread remembers a part of.
const REMEMBERED: usize = 16;

/// What a thread found last, and after how many changes.
type Known = Option<(u64, c_int, Entry)>;

thread_local! {
    static KNOWN: RefCell<[Known; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

/// Where an address leads; who has it is inside.
pub(crate) struct Quick<'a> {
    entry: &'a Entry,
    offset: usize,
    _inside: Inside,
}

impl Quick<'_> {
    /// Segment, rank and offset.
    #[inline(always)]
    pub(crate) fn parts(&self) -> (&Segment, usize, usize) {
        (&self.entry.segment, self.entry.rank, self.offset)
    }
}

/// [`Addresses::at`], with the code once more for the quick way: `at!(addresses, proc, address, |segment, rank, offset| result)`.
macro_rules! at {
    ($addresses:expr, $proc:expr, $address:expr, |$segment:ident, $rank:ident, $offset:ident| $work:expr) => {{
        let (addresses, proc, address) = (&$addresses, $proc, $address);
        match addresses.quick(proc, address) {
            Some(place) => {
                let ($segment, $rank, $offset) = place.parts();
                $work
            }
            None => addresses.at(proc, address, |$segment, $rank, $offset| $work),
        }
    }};
}
pub(crate) use at;

impl Addresses {
    pub(crate) fn new(ranks: usize) -> Addresses {
        Addresses {
            lists: RwLock::new((0..ranks).map(|_| Default::default()).collect()),
            views: UnsafeCell::new((0..ranks).map(|_| None).collect()),
            ranks,
            arenas: OnceLock::new(),
            lender: OnceLock::new(),
        }
    }

    /// Where each rank has its arena.
    pub(crate) fn set_arenas(&self, arenas: Vec<usize>) {
        let _ = self.arenas.set(arenas);
    }

    /// From now on another library is asked for what isn't found.
    pub(crate) fn ask(&self, lender: Lender) {
        let _ = self.lender.set(lender);
    }

    /// Changes a rank's lists.
    fn change(&self, owner: usize, how: impl FnOnce(&mut [Vec<Entry>; 2])) {
        how(&mut self.lists.write().unwrap_or_else(PoisonError::into_inner)[owner]);
        CHANGES.fetch_add(1, Ordering::Release);
        let _inside = Inside::enter();
        // SAFETY: this thread is inside, and makes no other reference.
        unsafe { (&mut *self.views.get())[owner] = None };
    }

    /// Makes `len` bytes of a world rank known: `here` is where they are mapped (0 if they aren't), `own` the owner's address.
    pub(crate) fn insert(
        &self,
        owner: usize,
        here: usize,
        own: usize,
        len: usize,
        part: (&Segment, usize, u64),
    ) {
        let (segment, rank, id) = part;
        self.change(owner, |lists| {
            for (list, start) in lists.iter_mut().zip([here, if own == here { 0 } else { own }]) {
                if start != 0 {
                    let at = list.partition_point(|entry| entry.start < start);
                    list.insert(at, Entry { start, len, rank, segment: segment.clone(), id });
                }
            }
        });
    }

    /// Forgets an allocation's part at a world rank.
    pub(crate) fn remove(&self, owner: usize, id: u64) {
        self.change(owner, |lists| lists.iter_mut().for_each(|list| list.retain(|entry| entry.id != id)));
    }

    /// The place of an address, if one thread calls and the last address of that rank was in the same part.
    #[inline(always)]
    pub(crate) fn quick(&self, proc: c_int, address: *const c_void) -> Option<Quick<'_>> {
        if is_shared() {
            return None;
        }
        let inside = Inside::enter();
        // SAFETY: this thread is inside as long as the place lives, and nobody makes another reference then.
        let views = unsafe { &*self.views.get() };
        let entry = views.get(proc as usize)?.as_ref()?;
        let offset = entry.offset(address as usize)?;
        Some(Quick { entry, offset, _inside: inside })
    }

    /// Does `work` with segment, rank and offset of an address.
    #[inline(never)]
    pub(crate) fn at<R>(
        &self,
        proc: c_int,
        address: *const c_void,
        work: impl FnOnce(&Segment, usize, usize) -> Result<R>,
    ) -> Result<R> {
        if is_shared() {
            return self.by_thread(proc, address, work);
        }
        let entry = self.entry(proc, address as usize)?;
        if entry.id != 0 {
            let _inside = Inside::enter();
            // SAFETY: this thread is inside, and makes no other reference.
            unsafe { (&mut *self.views.get())[proc as usize] = Some(entry.clone()) };
        }
        work(&entry.segment, entry.rank, address as usize - entry.start)
    }

    /// The same for one of several threads.
    #[inline(never)]
    fn by_thread<R>(
        &self,
        proc: c_int,
        address: *const c_void,
        work: impl FnOnce(&Segment, usize, usize) -> Result<R>,
    ) -> Result<R> {
        let address = address as usize;
        KNOWN.with(|known| {
            // A handler of a signal, in the middle of a call of its thread, looks for itself.
            let mut known = known.try_borrow_mut().ok();
            let slot = known.as_mut().map(|known| &mut known[proc as usize % REMEMBERED]);
            let now = CHANGES.load(Ordering::Acquire);
            if let Some(Some((changes, owner, entry))) = &slot
                && (*changes, *owner) == (now, proc)
                && let Some(offset) = entry.offset(address)
            {
                return work(&entry.segment, entry.rank, offset);
            }
            let entry = self.entry(proc, address)?;
            let outcome = work(&entry.segment, entry.rank, address - entry.start);
            if let Some(slot) = slot {
                // What another library lends may be gone next time.
                *slot = (entry.id != 0).then_some((now, proc, entry));
            }
            outcome
        })
    }

    /// What an address is in, of ARMCI's own.
    #[inline(never)]
    fn look_up(&self, proc: c_int, address: usize) -> Option<Entry> {
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        let lists = lists.get(usize::try_from(proc).ok()?)?;
        lists.iter().find_map(|list| search(list, address)).cloned()
    }

    /// What an address is in that isn't ARMCI's own.
    #[cold]
    fn lent(&self, proc: c_int, address: usize) -> Result<Entry> {
        let owner = usize::try_from(proc).ok().filter(|owner| *owner < self.ranks);
        let lent = owner.zip(self.lender.get()).and_then(|(owner, lender)| {
            lender(owner, self.arenas.get().and_then(|arenas| arenas.get(owner)).copied(), address)
        });
        let Some(Lent { segment, rank, start }) = lent else { return Err(self.unknown(proc, address)) };
        Ok(Entry { start, len: segment.len_bytes(rank), rank, segment, id: 0 })
    }

    fn entry(&self, proc: c_int, address: usize) -> Result<Entry> {
        match self.look_up(proc, address) {
            Some(entry) => Ok(entry),
            None => self.lent(proc, address),
        }
    }

    /// The allocation an address is in (0 for another library's), and how far from its beginning.
    pub(crate) fn within(&self, proc: c_int, address: *const c_void) -> Result<(u64, usize)> {
        let entry = self.entry(proc, address as usize)?;
        Ok((entry.id, address as usize - entry.start))
    }

    /// Where an address of the owner's is mapped here; the address itself if it isn't.
    pub(crate) fn attach(&self, proc: c_int, own: *const c_void) -> Result<*mut c_void> {
        let own = own as usize;
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        let lists = usize::try_from(proc).ok().and_then(|proc| lists.get(proc));
        let found = lists.and_then(|[here, theirs]| search(theirs, own).or_else(|| search(here, own)));
        found.map(|entry| entry.pointer(own)).ok_or_else(|| self.unknown(proc, own))
    }

    #[cold]
    fn unknown(&self, proc: c_int, address: usize) -> Error {
        if proc < 0 || proc as usize >= self.ranks {
            let message = format!("there are ranks 0 to {} only, not {proc}", self.ranks - 1);
            return Error::new(ErrorKind::Rank, "address", message);
        }
        let message = format!("address {address:#x} belongs to no memory that ARMCI allocated there");
        Error::at(ErrorKind::Foreign, "address", proc as usize, message)
    }
}

/// The entry that an address is in.
fn search(list: &[Entry], address: usize) -> Option<&Entry> {
    let after = list.partition_point(|entry| entry.start <= address);
    list[..after].last().filter(|entry| address - entry.start < entry.len)
}
