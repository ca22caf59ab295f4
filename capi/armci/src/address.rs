//! Raw addresses to segments.
//!
//! ARMCI names remote memory by a rank and an address. For ranks of this node that is the address where their memory is mapped
//! *here*, so that programs may load and store; for others it is the owner's own. Both are accepted for every rank, the mapping first
//! where one number could mean either. An address that none of ARMCI's allocations has is asked of the library around this one, whose arrays
//! are memory that others may reach as well.
//!
//! Invariant: every list is sorted by address and its ranges are disjoint; what it names is not freed.

use rma::{Error, ErrorKind, Result, Segment};
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// How often memory was made known or forgotten.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// A number that is another one after each change: what was found before may be gone then.
#[inline(always)]
pub(crate) fn changes() -> u64 {
    CHANGES.load(Ordering::Acquire)
}

/// Part of a segment at one rank.
#[derive(Clone)]
pub(crate) struct Entry {
    start: usize,
    len: usize,
    /// The owner's number in the segment's team.
    rank: usize,
    segment: Segment,
    /// Which allocation.
    id: u64,
}

/// Each rank's memory, by the address here and by the owner's. Changed inside; apart from the rest of the state because threads look here that aren't.
static LISTS: RwLock<Vec<[Vec<Entry>; 2]>> = RwLock::new(Vec::new());

/// The part that an address is in, if it is one of ARMCI's own.
pub(crate) fn look_up(proc: c_int, address: *const c_void) -> Option<Part> {
    let lists = LISTS.read().unwrap_or_else(PoisonError::into_inner);
    let lists = lists.get(usize::try_from(proc).ok()?)?;
    lists.iter().find_map(|list| search(list, address as usize)).cloned().map(Part)
}

/// The entry that an address is in.
fn search(list: &[Entry], address: usize) -> Option<&Entry> {
    let after = list.partition_point(|entry| entry.start <= address);
    list[..after].last().filter(|entry| address - entry.start < entry.len)
}

fn change(owner: usize, how: impl FnOnce(&mut [Vec<Entry>; 2])) {
    how(&mut LISTS.write().unwrap_or_else(PoisonError::into_inner)[owner]);
    CHANGES.fetch_add(1, Ordering::Release);
}

/// A part that somebody keeps.
pub(crate) struct Part(Entry);

impl Part {
    /// Segment, rank and offset of an address, if it is in this part.
    #[inline(always)]
    pub(crate) fn place(&self, address: usize) -> Option<(&Segment, usize, usize)> {
        let Entry { start, len, rank, segment, .. } = &self.0;
        let offset = address.wrapping_sub(*start);
        (offset < *len).then_some((segment, *rank, offset))
    }
}

/// A rank's memory by address.
#[derive(Default)]
struct View {
    /// What the last address was found in.
    last: Option<Entry>,
    /// What the last address was found in that isn't ARMCI's. Asked for each time, since it may be freed meanwhile.
    lent: Option<Entry>,
}

/// All ranks' memory.
pub(crate) struct Addresses {
    views: Vec<View>,
    /// Where each rank has its arena, as it has it itself; empty as long as that isn't known.
    pub(crate) arenas: Vec<usize>,
    lender: Option<Lender>,
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

/// Where an address leads.
pub(crate) struct Place<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) rank: usize,
    pub(crate) offset: usize,
}

impl Addresses {
    pub(crate) fn new(ranks: usize) -> Addresses {
        *LISTS.write().unwrap_or_else(PoisonError::into_inner) =
            (0..ranks).map(|_| Default::default()).collect();
        Addresses { views: (0..ranks).map(|_| View::default()).collect(), arenas: Vec::new(), lender: None }
    }

    /// Makes `len` bytes of a world rank known: `here` is where they are mapped (0 if they aren't), `own` the owner's address.
    pub(crate) fn insert(
        &mut self,
        owner: usize,
        here: usize,
        own: usize,
        len: usize,
        part: (&Segment, usize, u64),
    ) {
        let (segment, rank, id) = part;
        self.views[owner].last = None;
        change(owner, |lists| {
            for (list, start) in lists.iter_mut().zip([here, if own == here { 0 } else { own }]) {
                if start != 0 {
                    let at = list.partition_point(|entry| entry.start < start);
                    list.insert(at, Entry { start, len, rank, segment: segment.clone(), id });
                }
            }
        });
    }

    /// Forgets an allocation's part at a world rank.
    pub(crate) fn remove(&mut self, owner: usize, id: u64) {
        self.views[owner].last = None;
        change(owner, |lists| lists.iter_mut().for_each(|list| list.retain(|entry| entry.id != id)));
    }

    /// The segment, rank and offset of an address.
    #[inline(always)]
    pub(crate) fn find(&mut self, proc: c_int, address: *const c_void) -> Result<Place<'_>> {
        let (address, ranks) = (address as usize, self.views.len());
        let Some(view) = self.views.get_mut(proc as usize) else { return Err(unknown(proc, address, ranks)) };
        let is_hit = view.last.as_ref().is_some_and(|e| address.wrapping_sub(e.start) < e.len);
        let found = if is_hit || view.search(proc as usize, address) {
            &view.last
        } else {
            view.borrow(proc as usize, self.arenas.get(proc as usize).copied(), self.lender, address);
            &view.lent
        };
        match found {
            Some(Entry { segment, rank, start, .. }) => {
                Ok(Place { segment, rank: *rank, offset: address - start })
            }
            None => Err(unknown(proc, address, ranks)),
        }
    }

    /// The part that an address of another library's is in.
    pub(crate) fn lent(&mut self, proc: c_int, address: *const c_void) -> Result<Part> {
        self.find(proc, address)?;
        let view = &self.views[proc as usize];
        let is_in = |entry: &&Entry| (address as usize).wrapping_sub(entry.start) < entry.len;
        let entry = view.last.as_ref().filter(is_in).or(view.lent.as_ref());
        Ok(Part(entry.expect("it was just found").clone()))
    }

    /// From now on another library is asked for what isn't found.
    pub(crate) fn ask(&mut self, lender: Lender) {
        self.lender = Some(lender);
    }

    /// The allocation an address is in, and how far from its beginning.
    pub(crate) fn within(&mut self, proc: c_int, address: *const c_void) -> Result<(u64, usize)> {
        let offset = self.find(proc, address)?.offset;
        let view = &self.views[proc as usize];
        let is_ours = |entry: &&Entry| (address as usize).wrapping_sub(entry.start) < entry.len;
        Ok((view.last.as_ref().filter(is_ours).map_or(0, |entry| entry.id), offset))
    }

    /// Where an address of the owner's is mapped here; the address itself if it isn't.
    pub(crate) fn attach(&mut self, proc: c_int, own: *const c_void) -> Result<*mut c_void> {
        let ranks = self.views.len();
        let Some(view) = self.views.get_mut(proc as usize) else {
            return Err(unknown(proc, own as usize, ranks));
        };
        let own = own as usize;
        if !view.search_in(1, proc as usize, own) {
            view.search(proc as usize, own);
        }
        match view.last.as_ref().filter(|entry| own.wrapping_sub(entry.start) < entry.len) {
            Some(entry) => {
                let here = entry.segment.mapped(entry.rank);
                let base = here.map_or(entry.start as *mut u8, |base| base.as_ptr());
                Ok(base.wrapping_add(own - entry.start).cast())
            }
            None => Err(unknown(proc, own, ranks)),
        }
    }
}

impl View {
    #[cold]
    fn borrow(&mut self, owner: usize, arena: Option<usize>, lender: Option<Lender>, address: usize) {
        self.lent = lender.and_then(|lender| lender(owner, arena, address)).map(|lent| {
            let len = lent.segment.len_bytes(lent.rank);
            Entry { start: lent.start, len, rank: lent.rank, segment: lent.segment, id: 0 }
        });
    }

    #[inline(never)]
    fn search(&mut self, owner: usize, address: usize) -> bool {
        self.search_in(0, owner, address) || self.search_in(1, owner, address)
    }

    fn search_in(&mut self, which: usize, owner: usize, address: usize) -> bool {
        let lists = LISTS.read().unwrap_or_else(PoisonError::into_inner);
        let found = search(&lists[owner][which], address);
        if let Some(entry) = found {
            self.last = Some(entry.clone());
        }
        found.is_some()
    }
}

#[cold]
fn unknown(proc: c_int, address: usize, ranks: usize) -> Error {
    if proc < 0 || proc as usize >= ranks {
        let message = format!("there are ranks 0 to {} only, not {proc}", ranks - 1);
        return Error::new(ErrorKind::Rank, "address", message);
    }
    let message = format!("address {address:#x} belongs to no memory that ARMCI allocated there");
    Error::at(ErrorKind::Foreign, "address", proc as usize, message)
}
