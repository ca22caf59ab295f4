//! Processes forked from a rank.
//!
//! A child made by `fork` has a copy of everything its parent had, but it is not the parent's rank: it is the one rank of a job of its
//! own. A handler of `pthread_atfork`, which runs in the child before `fork` returns there, takes it out of the parent's job:
//!
//! | what the child would share with the job | what becomes of it |
//! | --- | --- |
//! | the node heap and the launcher's board, mapped from files | mapped again, copy-on-write: what the child writes stays its own |
//! | the connection to the process manager | closed: the child can't speak for the rank, nor keep its end from being noticed |
//! | a world of several ranks, or one that was finalized | forgotten: operations are errors until [`World::init`](crate::World::init) makes the child's own |
//! | a world of one rank | kept, since its heap is private memory: what was in it is the child's own copy now |
//! | threads | are not there; what waits for them starts anew ([`PerProcess`], [`on_fork`]) |
//!
//! Invariant: the handler makes async-signal-safe calls only, takes no lock and allocates nothing, since another thread of the parent may
//! have been in the middle of anything. Children that become another program at once (`posix_spawn`, `vfork`) don't run it: for
//! those, see [`bootstrap::claim`](crate::bootstrap::claim).

use rustix::io::{FdFlags, fcntl_setfd};
use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// Forks between this process and the one that started the program, as far as there was a handler.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// What is done in a child, in the order given; null = none.
type Handlers<const N: usize> = [AtomicPtr<()>; N];

const HOOKS: usize = 8;
static HANDLERS: Handlers<HOOKS> = [const { AtomicPtr::new(ptr::null_mut()) }; HOOKS];
/// What comes first: this library's own part of leaving the job.
static LEAVING: Handlers<2> = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

const CONNECTIONS: usize = 4;
/// Descriptors of sockets that a child closes, -1 = none, and which sockets these are.
static CONNECTED: [(AtomicI32, AtomicU64); CONNECTIONS] =
    [const { (AtomicI32::new(-1), AtomicU64::new(0)) }; CONNECTIONS];

/// How many forks lie between this process and the one that was started as the program: 0 in most processes.
#[inline]
pub fn count() -> u32 {
    FORKS.load(Relaxed)
}

/// From now on forked children are taken out of this process's job. Called when a world starts; more calls do nothing.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler is a function of this library, which is never unloaded; it keeps to what may be done in a child.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// Has `handler` called in each forked child, after the child has left this process's job. Starts to [`watch`]. A handler given twice is
/// called once.
///
/// # Panics
/// There are more than eight.
///
/// # Safety
/// The handler makes async-signal-safe calls only and takes no lock: another thread of the parent may have been anywhere, the
/// allocator included.
pub unsafe fn on_fork(handler: fn()) {
    add(&HANDLERS, handler);
}

/// As [`on_fork`], for what takes the child out of the job: it comes before all handlers.
///
/// # Safety
/// As [`on_fork`].
pub(crate) unsafe fn on_leaving(handler: fn()) {
    add(&LEAVING, handler);
}

fn add<const N: usize>(handlers: &Handlers<N>, handler: fn()) {
    watch();
    let handler = handler as *mut ();
    let is_there = handlers.iter().any(|slot| {
        let known = slot.load(SeqCst);
        known == handler
            || known.is_null() && slot.compare_exchange(ptr::null_mut(), handler, SeqCst, SeqCst).is_ok()
    });
    assert!(is_there, "{N} handlers of forks at most");
}

fn call<const N: usize>(handlers: &Handlers<N>) {
    for handler in handlers {
        let handler = handler.load(SeqCst);
        if !handler.is_null() {
            // SAFETY: what is not null was stored by `add` and is a `fn()`.
            (unsafe { std::mem::transmute::<*mut (), fn()>(handler) })();
        }
    }
}

/// A child closes this descriptor, as long as it is the socket that it is now.
pub(crate) fn close_in_child(fd: &impl AsRawFd) {
    let fd = fd.as_raw_fd();
    let Some(socket) = socket(fd) else { return };
    for (slot, number) in &CONNECTED {
        let is_ours =
            slot.compare_exchange(-1, fd, SeqCst, SeqCst).map_or_else(|known| known == fd, |_| true);
        if is_ours {
            return number.store(socket, SeqCst);
        }
    }
}

/// The number of the socket behind a descriptor; nothing if it is none, or not open.
pub(crate) fn socket(fd: RawFd) -> Option<u64> {
    // SAFETY: all-zero is a valid stat, which the kernel overwrites; a descriptor that isn't open makes the call fail.
    let stat = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &mut stat) == 0).then_some(stat)
    }?;
    (stat.st_mode & libc::S_IFMT == libc::S_IFSOCK).then_some(stat.st_ino)
}

/// A program that this process becomes or starts doesn't get the descriptor.
pub(crate) fn close_on_exec(fd: BorrowedFd<'_>) {
    // If it fails the descriptor stays as it was.
    let _ = fcntl_setfd(fd, FdFlags::CLOEXEC);
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, SeqCst);
    call(&LEAVING);
    for (fd, number) in &CONNECTED {
        let fd = fd.swap(-1, SeqCst);
        if fd >= 0 && socket(fd) == Some(number.load(SeqCst)) {
            // SAFETY: the socket was registered by its owner, a session that is never used nor dropped in a child:
            // worlds are kept for ever, and theirs asks first whether the process is still the one that began it.
            unsafe { libc::close(fd) };
        }
    }
    call(&HANDLERS);
}

/// A value made on first use, once in each process: a forked child begins without one, unless it [keeps](PerProcess::keep) it.
///
/// For what doesn't survive a fork (a pool of threads) and what another thread may have held at that moment (a mutex). The old value is
/// neither dropped nor freed: whoever still refers to it may go on.
pub struct PerProcess<T: 'static>(AtomicPtr<Made<T>>);

struct Made<T> {
    value: T,
    /// What [`count`] was when it was made, or last kept.
    forks: AtomicU32,
}

impl<T: Send + Sync> PerProcess<T> {
    /// No value yet.
    pub const fn new() -> PerProcess<T> {
        PerProcess(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value this process has made, if it has.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        let made = self.made()?;
        (made.forks.load(Relaxed) == count()).then_some(&made.value)
    }

    #[inline]
    fn made(&self) -> Option<&'static Made<T>> {
        // SAFETY: not null means a box that was leaked below, before it was published; it is never freed, and only shared from then on.
        unsafe { self.0.load(SeqCst).as_ref() }
    }

    /// The value, made now if there is none. Of several threads that make one at a time the first wins.
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &'static T {
        match self.get() {
            Some(value) => value,
            None => self.publish(make()),
        }
    }

    #[cold]
    fn publish(&self, value: T) -> &'static T {
        watch();
        let made = Box::into_raw(Box::new(Made { value, forks: AtomicU32::new(count()) }));
        let mut known = self.0.load(SeqCst);
        loop {
            if let Some(other) = self.get() {
                // SAFETY: `made` comes from the box above and was given to nobody.
                drop(unsafe { Box::from_raw(made) });
                return other;
            }
            match self.0.compare_exchange(known, made, SeqCst, SeqCst) {
                // SAFETY: leaked above, never freed.
                Ok(_) => return unsafe { &(*made).value },
                Err(other) => known = other,
            }
        }
    }

    /// In a forked child: the parent's value is this process's own now. For handlers of [`on_fork`], which neither lock nor free.
    pub fn keep(&self) {
        if let Some(made) = self.made() {
            made.forks.store(count(), Relaxed);
        }
    }

    /// The value of the process that this one was forked from, if it had one. For handlers of [`on_fork`].
    pub fn inherited(&self) -> Option<&'static T> {
        self.made().map(|made| &made.value)
    }
}

impl<T: Send + Sync> Default for PerProcess<T> {
    fn default() -> PerProcess<T> {
        PerProcess::new()
    }
}

impl<T: Send + Sync + fmt::Debug> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PerProcess").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_in_each_process() {
        static VALUE: PerProcess<String> = PerProcess::new();
        assert_eq!(VALUE.get(), None);
        let first = VALUE.get_or_init(|| "first".into());
        assert!(ptr::eq(first, VALUE.get_or_init(|| unreachable!())));
        // SAFETY: the child makes strings, compares them and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_new = VALUE.get().is_none() && VALUE.inherited().is_some_and(|value| value == "first");
            let made = VALUE.get_or_init(|| "second".into()) == "second" && first == "first";
            // SAFETY: ends the process.
            unsafe { libc::_exit(if is_new && made { 0 } else { 1 }) };
        }
        let mut status = 1;
        // SAFETY: waits for the child from above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!((status, VALUE.get().map(String::as_str)), (0, Some("first")));
    }

    #[test]
    fn only_sockets_are_known_by_number() {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        let copy = one.try_clone().unwrap();
        let number = |stream: &dyn AsRawFd| socket(stream.as_raw_fd());
        assert!(number(&one).is_some());
        assert_eq!(number(&one), number(&copy));
        assert_ne!(number(&one), number(&other));
        assert_eq!(number(&std::fs::File::open("/dev/null").unwrap()), None);
        assert_eq!(socket(-1), None);
    }
}
