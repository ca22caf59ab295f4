//! Memory files and mappings.
//!
//! A mapping promises nothing by itself: pages exist once [`Mapping::populate`] succeeded on them, which is
//! how running out of memory becomes a value instead of a SIGBUS.

use crate::error::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

/// What `GAIN_HUGEPAGES` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HugePages {
    /// Small pages only.
    Off,
    /// Ask the kernel; it gives them where it is set up to (the default).
    Advise,
    /// Make them after the first touch: slow growth, works where the kernel doesn't give them by itself.
    Collapse,
    /// From the reserved pool.
    Hugetlb,
}

impl HugePages {
    pub(crate) fn from_env() -> Result<HugePages> {
        match std::env::var("GAIN_HUGEPAGES").as_deref() {
            Err(_) | Ok("" | "advise") => Ok(HugePages::Advise),
            Ok("off") => Ok(HugePages::Off),
            Ok("collapse") => Ok(HugePages::Collapse),
            Ok("hugetlb") => Ok(HugePages::Hugetlb),
            Ok(other) => {
                let detail = format!("GAIN_HUGEPAGES={other}: must be off, advise, collapse or hugetlb");
                Err(Error::new("heap create", detail))
            }
        }
    }
}

/// A new file of `len` bytes that has no name and lives as long as somebody holds or maps it. `name` shows in
/// /proc only. Its size can't be changed any more, by whoever gets the descriptor: no mapped page of it goes away.
pub(crate) fn memory_file(
    operation: &'static str,
    name: &std::ffi::CStr,
    len: usize,
    huge: bool,
) -> Result<OwnedFd> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | if huge { libc::MFD_HUGETLB } else { 0 };
    // SAFETY: `name` is a C string; the call returns a new descriptor or -1.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), flags) };
    if fd < 0 {
        return Err(Error::last_os(operation, "cannot make a memory file"));
    }
    // SAFETY: `fd` was just returned to us and belongs to nobody else.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let limit = FileLimit::raise(operation, len)?;
    // SAFETY: the descriptor is open.
    let sized = unsafe { libc::ftruncate(fd.as_raw_fd(), len as libc::off_t) } == 0;
    let error =
        (!sized).then(|| Error::last_os(operation, format!("cannot size the memory file to {len} bytes")));
    drop(limit);
    if let Some(error) = error {
        return Err(error);
    }
    // SAFETY: the descriptor is open.
    if unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, SEALS) } != 0 {
        return Err(Error::last_os(operation, "cannot seal the memory file"));
    }
    Ok(fd)
}

/// What nobody may do to a memory file of ours.
const SEALS: i32 = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// Whether a descriptor is that of a memory file with this name, sealed as ours are: any number may be a file of the user's.
pub(crate) fn is_memory_file(fd: BorrowedFd<'_>, name: &str) -> bool {
    // SAFETY: the descriptor is open; of what has no seals the answer is -1.
    let seals = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GET_SEALS) };
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    // Without /proc the seals have to do.
    let is_named = link.map_or(true, |link| link.to_string_lossy().starts_with(&format!("/memfd:{name}")));
    seals == SEALS && is_named
}

/// The limit on the size of files (`ulimit -f`), which counts for memory files, too: who exceeds it gets a signal that kills. Put back
/// on drop.
struct FileLimit(Option<libc::rlimit>);

impl FileLimit {
    /// Raises the limit to `len`, as far as the user may.
    fn raise(operation: &'static str, len: usize) -> Result<FileLimit> {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes one rlimit.
        if unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } != 0 || limit.rlim_cur >= len as u64 {
            return Ok(FileLimit(None));
        }
        let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        // SAFETY: reads one rlimit.
        if limit.rlim_max < len as u64 || unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raised) } != 0 {
            let text = format!(
                "files may have {} bytes (ulimit -f), a memory file of {len} bytes is needed",
                limit.rlim_max
            );
            return Err(Error::new(operation, text));
        }
        Ok(FileLimit(Some(limit)))
    }
}

impl Drop for FileLimit {
    fn drop(&mut self) {
        if let Some(limit) = &self.0 {
            // SAFETY: reads one rlimit, which lowers the limit to what it was.
            unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, limit) };
        }
    }
}

/// The size of a memory file.
pub(crate) fn sized(operation: &'static str, fd: BorrowedFd<'_>) -> Result<usize> {
    // SAFETY: a zeroed stat is a valid value to be overwritten.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open, `stat` is ours.
    if unsafe { libc::fstat(fd.as_raw_fd(), &mut stat) } != 0 {
        return Err(Error::last_os(operation, "not a memory file"));
    }
    Ok(stat.st_size as usize)
}

/// A range of address space, unmapped on drop: shared memory of a file, or private memory.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
    file: Option<OwnedFd>,
}

impl Mapping {
    /// Maps `len` bytes (a multiple of the page size) at an address that is a multiple of `align`, readable
    /// and writable: the start of `file`, or private zeroed memory. Nothing is committed.
    pub(crate) fn new(
        operation: &'static str,
        file: Option<OwnedFd>,
        len: usize,
        align: usize,
    ) -> Result<Mapping> {
        let base = reserve(operation, len, align)?;
        Mapping::over(operation, file, base, len)
    }

    /// As [`Mapping::new`], at `wanted` (a multiple of the page size) if nothing is there yet.
    pub(crate) fn at(
        operation: &'static str,
        file: Option<OwnedFd>,
        len: usize,
        align: usize,
        wanted: usize,
    ) -> Result<Mapping> {
        let base = match reserve_at(wanted, len) {
            Some(base) => base,
            None => reserve(operation, len, align)?,
        };
        Mapping::over(operation, file, base, len)
    }

    /// Maps over a reservation of our own.
    fn over(
        operation: &'static str,
        file: Option<OwnedFd>,
        base: *mut libc::c_void,
        len: usize,
    ) -> Result<Mapping> {
        let (fd, flags) = match &file {
            Some(fd) => (fd.as_raw_fd(), libc::MAP_SHARED | libc::MAP_NORESERVE),
            None => (-1, NOTHING),
        };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: MAP_FIXED overlays exactly our own reservation, which nobody else knows of.
        let mapped = unsafe { libc::mmap(base, len, access, flags | libc::MAP_FIXED, fd, 0) };
        if mapped == libc::MAP_FAILED {
            let error = Error::last_os(operation, format!("cannot map {len} bytes"));
            // SAFETY: the rest of the reservation is still ours.
            unsafe { libc::munmap(base, len) };
            return Err(error);
        }
        let base =
            NonNull::new(base.cast()).ok_or_else(|| Error::new(operation, "mapped at address zero"))?;
        Ok(Mapping { base, len, file })
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) fn file(&self) -> Option<&OwnedFd> {
        self.file.as_ref()
    }

    /// In a forked child: what is mapped from a file stays as it is, but what this process writes from now on is its own and never
    /// reaches the file. Async-signal-safe. Pages not written so far show what others write to the file.
    pub(crate) fn isolate(&self) {
        let Some(file) = &self.file else { return };
        let (base, access) = (self.base.as_ptr().cast(), libc::PROT_READ | libc::PROT_WRITE);
        let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE | libc::MAP_FIXED;
        // SAFETY: replaces exactly this mapping, by one of the same bytes of the same file. If the kernel can't (it may count private
        // memory), the old one may be read only: a process that writes to it ends, rather than harm the others.
        unsafe {
            if libc::mmap(base, self.len, access, flags, file.as_raw_fd(), 0) == libc::MAP_FAILED {
                libc::mprotect(base, self.len, libc::PROT_READ);
            }
        }
    }

    /// Tells the kernel about a range, in pieces: making a gigabyte of pages takes a second or more, during which no other thread of
    /// the process could map memory or meet a new page, and the process would seem dead to its peers.
    fn advise(&self, offset: usize, len: usize, advice: i32) -> std::io::Result<()> {
        const PIECE: usize = 32 << 20;
        let end = offset + len;
        // Pieces end at multiples of their length, so no huge page lies in two of them.
        let starts = std::iter::successors(Some(offset), |start| Some((start / PIECE + 1) * PIECE));
        starts.take_while(|start| *start < end).try_for_each(|start| {
            self.advise_piece(start, ((start / PIECE + 1) * PIECE).min(end) - start, advice)
        })
    }

    fn advise_piece(&self, offset: usize, len: usize, advice: i32) -> std::io::Result<()> {
        debug_assert!(offset + len <= self.len);
        let start = self.base.as_ptr().wrapping_add(offset);
        loop {
            // SAFETY: the range lies in this mapping; the advices used here (populate, huge pages, and
            // don't-need on memory its owner declared free) do not invalidate live data.
            if unsafe { libc::madvise(start.cast(), len, advice) } == 0 {
                return Ok(());
            }
            let error = std::io::Error::last_os_error();
            if !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN)) {
                return Err(error);
            }
        }
    }

    /// Gives every page of the range memory now, or fails.
    pub(crate) fn populate(&self, offset: usize, len: usize) -> std::io::Result<()> {
        match self.advise(offset, len, libc::MADV_POPULATE_WRITE) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                self.populate_before_5_14(offset, len)
            }
            result => result,
        }
    }

    /// [`Mapping::populate`] for kernels that don't know the advice.
    fn populate_before_5_14(&self, offset: usize, len: usize) -> std::io::Result<()> {
        let Some(file) = &self.file else {
            // Private memory can't fail half-way: the kernel would rather end the process. The caller asked
            // how much is available.
            for page in (offset..offset + len).step_by(4096) {
                // SAFETY: inside the mapping; what is being populated holds nothing yet, and zero is what it
                // reads as.
                unsafe { self.base.as_ptr().add(page).write_volatile(0) };
            }
            return Ok(());
        };
        // SAFETY: the descriptor is open; allocating existing pages again changes nothing.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, offset as libc::off_t, len as libc::off_t) } == 0 {
            return Ok(());
        }
        Err(std::io::Error::last_os_error())
    }

    /// Sets the page size policy of a range. A kernel that can't is no error: the pages are small then.
    pub(crate) fn prefer(&self, offset: usize, len: usize, huge: HugePages) {
        let advice = match huge {
            HugePages::Off => libc::MADV_NOHUGEPAGE,
            HugePages::Advise | HugePages::Collapse => libc::MADV_HUGEPAGE,
            HugePages::Hugetlb => return,
        };
        // All at once: this makes no pages, and the range may be terabytes, which are many pieces.
        let _ = self.advise_piece(offset, len, advice);
    }

    /// Turns populated small pages into huge ones, where the kernel can.
    pub(crate) fn collapse(&self, offset: usize, len: usize) {
        const MADV_COLLAPSE: i32 = 25;
        let _ = self.advise(offset, len, MADV_COLLAPSE);
    }

    /// Returns the pages of the range to the kernel; it reads as zero afterwards.
    pub(crate) fn release(&self, offset: usize, len: usize) -> std::io::Result<()> {
        let Some(file) = &self.file else {
            return self.advise(offset, len, libc::MADV_DONTNEED);
        };
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: the descriptor is open; the range is free memory of this rank's arena (the arena's
        // invariant).
        if unsafe { libc::fallocate(file.as_raw_fd(), mode, offset as libc::off_t, len as libc::off_t) } == 0
        {
            return Ok(());
        }
        Err(std::io::Error::last_os_error())
    }
}

/// Flags of a range that holds nothing.
const NOTHING: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// Takes `len` bytes of address space, beginning at a multiple of `align`.
fn reserve(operation: &'static str, len: usize, align: usize) -> Result<*mut libc::c_void> {
    let reserved = len + align;
    // SAFETY: a fresh reservation anywhere; nothing is overlaid.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), reserved, libc::PROT_NONE, NOTHING, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(Error::last_os(operation, format!("cannot map {len} bytes")));
    }
    let head = (start as usize).next_multiple_of(align) - start as usize;
    let base = start.wrapping_byte_add(head);
    // SAFETY: both trims lie inside the reservation just made and outside [base, base + len).
    unsafe {
        if head > 0 {
            libc::munmap(start, head);
        }
        if reserved - head - len > 0 {
            libc::munmap(base.wrapping_byte_add(len), reserved - head - len);
        }
    }
    Ok(base)
}

/// Takes `len` bytes of address space at `wanted`; nothing if some of it is in use.
fn reserve_at(wanted: usize, len: usize) -> Option<*mut libc::c_void> {
    let wanted = std::ptr::without_provenance_mut(wanted);
    let flags = NOTHING | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: replaces nothing; a kernel that doesn't know the flag takes the address for a hint, and replaces nothing either.
    let start = unsafe { libc::mmap(wanted, len, libc::PROT_NONE, flags, -1, 0) };
    if start == wanted {
        return Some(start);
    }
    if start != libc::MAP_FAILED {
        // SAFETY: the reservation just made.
        unsafe { libc::munmap(start, len) };
    }
    None
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` and is unmapped once; pointers into it are the users'
        // `unsafe` duty.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_populate_give_pages() {
        const LEN: usize = 1 << 20;
        for populate in [Mapping::populate, Mapping::populate_before_5_14] {
            let file = memory_file("test", c"test", 2 * LEN, false).unwrap();
            let blocks = |file: &OwnedFd| {
                // SAFETY: a zeroed stat is valid, the descriptor is open.
                let mut stat: libc::stat = unsafe { std::mem::zeroed() };
                // SAFETY: as above.
                unsafe { libc::fstat(file.as_raw_fd(), &mut stat) };
                stat.st_blocks as usize * 512
            };
            let shared = Mapping::new("test", Some(file), 2 * LEN, 2 << 20).unwrap();
            assert_eq!(shared.base().addr().get() % (2 << 20), 0);
            populate(&shared, LEN, LEN).unwrap();
            assert_eq!(blocks(shared.file().unwrap()), LEN);
            shared.release(LEN, LEN / 2).unwrap();
            assert_eq!(blocks(shared.file().unwrap()), LEN / 2);
            let private = Mapping::new("test", None, 2 * LEN, 4096).unwrap();
            populate(&private, 0, LEN).unwrap();
            // SAFETY: inside the mapping, populated.
            assert_eq!(unsafe { private.base().add(LEN - 1).read() }, 0);
        }
    }

    #[test]
    fn an_isolated_mapping_shows_the_file_and_keeps_what_it_writes() {
        let file = memory_file("test", c"test", 8192, false).unwrap();
        let other = Mapping::new("test", Some(file.try_clone().unwrap()), 8192, 4096).unwrap();
        let child = Mapping::new("test", Some(file), 8192, 4096).unwrap();
        let at = |mapping: &Mapping, offset| mapping.base().as_ptr().wrapping_add(offset);
        // SAFETY: inside the mappings, whose file has as many bytes.
        unsafe {
            at(&other, 0).write(1);
            child.isolate();
            assert_eq!(at(&child, 0).read(), 1);
            at(&child, 0).write(2);
            at(&other, 4096).write(3);
            assert_eq!((at(&other, 0).read(), at(&child, 0).read(), at(&child, 4096).read()), (1, 2, 3));
        }
    }

    #[test]
    fn a_place_is_had_once() {
        const LEN: usize = 1 << 20;
        let free = Mapping::new("test", None, LEN, LEN).unwrap().base().addr().get();
        let first = Mapping::at("test", None, LEN, LEN, free).unwrap();
        let second = Mapping::at("test", None, LEN, LEN, free).unwrap();
        second.populate(0, LEN).unwrap();
        // SAFETY: inside the mapping, populated.
        unsafe { second.base().write(1) };
        // Whether the first is at the address depends on what other threads map meanwhile.
        assert_ne!(first.base(), second.base());
        assert_eq!(second.base().addr().get() % LEN, 0);
        // SAFETY: inside the mapping; a page nobody wrote.
        assert_eq!(unsafe { first.base().read() }, 0);
    }
}
