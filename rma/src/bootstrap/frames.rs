//! Messages between ranks of one machine over Unix sockets, with descriptors and credentials attached.
//!
//! A frame is a length (u32) and so many bytes; at most one descriptor travels with its first byte.

use super::patience::await_input;
use std::io::ErrorKind::{ConnectionReset, Interrupted, UnexpectedEof, WouldBlock};
use std::io::{self, Read};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// Longer frames make no sense.
const MOST_BYTES: usize = 1 << 30;

/// A pidfd of this process; nothing where the kernel has none.
pub(super) fn my_process() -> Option<OwnedFd> {
    // SAFETY: the call takes two integers; a negative result is no descriptor and is not wrapped.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) };
    // SAFETY: the kernel has just opened this descriptor for us, nobody else owns it.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// User id of the process at the other end.
pub(super) fn peer_user(stream: &UnixStream) -> io::Result<u32> {
    let mut credentials = MaybeUninit::<libc::ucred>::uninit();
    let mut len = mem::size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes into a buffer of that size.
    let status = unsafe {
        let out = credentials.as_mut_ptr().cast();
        libc::getsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, out, &mut len)
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a successful SO_PEERCRED fills the whole struct.
    Ok(unsafe { credentials.assume_init() }.uid)
}

/// Room for one descriptor's control message, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 24]);

/// Sends one frame: length (u32), bytes, and at most one descriptor that travels with the first byte.
pub(super) fn send(stream: &UnixStream, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(bytes);
    let mut sent = 0;
    while sent < frame.len() {
        let rest = &mut frame[sent..];
        let mut part = libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() };
        let mut control = Control([0; 24]);
        // SAFETY: all-zero is a valid msghdr (null pointers, zero lengths).
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        if let Some(descriptor) = descriptor.filter(|_| sent == 0) {
            message.msg_control = (&raw mut control).cast();
            message.msg_controllen = mem::size_of::<Control>();
            // SAFETY: `control` has CMSG_SPACE(4) = 24 aligned bytes, so the first header and its data lie inside it.
            unsafe {
                let header = libc::CMSG_FIRSTHDR(&message);
                (*header).cmsg_level = libc::SOL_SOCKET;
                (*header).cmsg_type = libc::SCM_RIGHTS;
                (*header).cmsg_len = libc::CMSG_LEN(mem::size_of::<RawFd>() as u32) as usize;
                libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(descriptor.as_raw_fd());
            }
        }
        // SAFETY: the message points at `part` and `control`, both alive during the call.
        let count = unsafe { libc::sendmsg(stream.as_raw_fd(), &message, libc::MSG_NOSIGNAL) };
        match count {
            0.. => sent += count as usize,
            _ => interrupted()?,
        }
    }
    Ok(())
}

/// Queues descriptors at the other end, for nobody to take.
pub(super) fn send_all(stream: &UnixStream, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    /// As many the kernel takes at once.
    const MOST: usize = 253;
    const SPACE: usize = mem::size_of::<libc::cmsghdr>() + MOST * mem::size_of::<RawFd>();
    #[repr(C, align(8))]
    struct Control([u8; SPACE.next_multiple_of(8)]);
    for part in descriptors.chunks(MOST) {
        let mut byte = 0u8;
        let mut bytes = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut control = Control([0; SPACE.next_multiple_of(8)]);
        let len = mem::size_of_val(part) as u32;
        // SAFETY: all-zero is a valid msghdr (null pointers, zero lengths).
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &mut bytes;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        // SAFETY: computes with integers only.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(len) } as usize;
        // SAFETY: `control` has room for a header and MOST descriptors, aligned; a borrowed descriptor is its number.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(len) as usize;
            for (at, descriptor) in part.iter().enumerate() {
                libc::CMSG_DATA(header).cast::<RawFd>().add(at).write_unaligned(descriptor.as_raw_fd());
            }
        }
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        // SAFETY: the message points at `bytes` and `control`, both alive during the call.
        while unsafe { libc::sendmsg(stream.as_raw_fd(), &message, flags) } < 0 {
            interrupted()?;
        }
    }
    Ok(())
}

/// Receives one frame of [`send`]; `what` is waited for.
pub(super) fn receive(stream: &mut UnixStream, what: &str) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    await_input(stream, what)?;
    let mut head = [0u8; 4];
    let (count, descriptor) = receive_first(stream, &mut head, 0)?;
    read_all(stream, &mut head[count..], what)?;
    let len = u32::from_le_bytes(head) as usize;
    if len > MOST_BYTES {
        return Err(io::Error::other(format!("a message of {len} bytes between ranks is damaged")));
    }
    let mut bytes = vec![0; len];
    read_all(stream, &mut bytes, what)?;
    Ok((bytes, descriptor))
}

/// The frame of `len` bytes that has arrived whole, with its descriptor. Nothing, if nothing of the kind is there now.
pub(super) fn receive_now(
    stream: &mut UnixStream,
    len: usize,
) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
    let mut frame = vec![0u8; 4 + len];
    match receive_first(stream, &mut frame, libc::MSG_DONTWAIT) {
        Ok((count, descriptor)) => {
            let is_whole = count == frame.len() && frame[..4] == (len as u32).to_le_bytes();
            Ok(is_whole.then(|| (frame.split_off(4), descriptor)))
        }
        Err(error) if matches!(error.kind(), WouldBlock | UnexpectedEof | ConnectionReset) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_all(stream: &mut UnixStream, mut rest: &mut [u8], what: &str) -> io::Result<()> {
    while !rest.is_empty() {
        await_input(stream, what)?;
        match stream.read(rest) {
            Ok(0) => return Err(ended()),
            Ok(count) => rest = &mut rest[count..],
            Err(error) if error.kind() == Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The first bytes of a frame, as many as are there, and the descriptor that travels with them.
fn receive_first(stream: &UnixStream, bytes: &mut [u8], flags: i32) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut control = Control([0; 24]);
    loop {
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        // SAFETY: all-zero is a valid msghdr (null pointers, zero lengths).
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = mem::size_of::<Control>();
        let flags = flags | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: the message points at `part` and `control`, both alive and writable during the call.
        let count = unsafe { libc::recvmsg(stream.as_raw_fd(), &mut message, flags) };
        if count < 0 {
            interrupted()?;
            continue;
        }
        // SAFETY: after a successful recvmsg the control buffer holds `msg_controllen` bytes of whole headers; an
        // SCM_RIGHTS header with room for no more than one carries one descriptor, which the kernel has opened for this process alone.
        let descriptor = unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            let is_rights = !header.is_null()
                && (*header).cmsg_level == libc::SOL_SOCKET
                && (*header).cmsg_type == libc::SCM_RIGHTS
                && (*header).cmsg_len >= libc::CMSG_LEN(mem::size_of::<RawFd>() as u32) as usize;
            is_rights.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
        };
        if message.msg_flags & libc::MSG_CTRUNC != 0 {
            let why = "a descriptor from a rank of this node was lost: this process may have no more open (ulimit -n)";
            return Err(io::Error::other(why));
        }
        return if count == 0 { Err(ended()) } else { Ok((count as usize, descriptor)) };
    }
}

fn ended() -> io::Error {
    io::Error::new(UnexpectedEof, "a rank of this node ended during start-up")
}

/// `Ok` when the last system call was merely interrupted.
fn interrupted() -> io::Result<()> {
    let error = io::Error::last_os_error();
    if error.kind() == Interrupted { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    /// Oracle: what was sent; and the kernel, which drops descriptors that find no room.
    #[test]
    fn a_descriptor_that_found_no_room_is_an_error() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        send(&ours, b"with it", Some(file.as_fd())).unwrap();
        let (bytes, descriptor) = receive(&mut theirs, "it").unwrap();
        assert!(bytes == b"with it" && descriptor.is_some());
        send(&ours, b"lost", Some(file.as_fd())).unwrap();
        // A child, since the limit is the whole process's.
        // SAFETY: the child makes system calls, compares, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: reads a limit of ours; ends the process.
            unsafe {
                libc::setrlimit(libc::RLIMIT_NOFILE, &none);
                let is_told = receive_first(&theirs, &mut [0; 4], 0).is_err();
                libc::_exit(i32::from(!is_told));
            }
        }
        let mut status = 1;
        // SAFETY: waits for the child from above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
    }

    #[test]
    fn only_a_frame_that_is_there_is_received_now() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        assert!(receive_now(&mut theirs, 4).unwrap().is_none());
        send(&ours, b"four", None).unwrap();
        assert_eq!(receive_now(&mut theirs, 4).unwrap().unwrap().0, b"four");
        send(&ours, b"seven", None).unwrap();
        assert!(receive_now(&mut theirs, 4).unwrap().is_none());
        drop(ours);
        assert!(receive_now(&mut theirs, 4).unwrap().is_none());
        assert!(receive_now(&mut theirs, 4).unwrap().is_none());
    }
}
