//! Messages between ranks of one machine over Unix sockets, with descriptors and credentials attached.
//!
//! A frame is a length (u32) and so many bytes; at most one descriptor travels with its first byte.

use std::io::{self, Read};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

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

/// Receives one frame of [`send`].
pub(super) fn receive(stream: &mut UnixStream) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut head = [0u8; 4];
    let mut control = Control([0; 24]);
    let (count, descriptor) = loop {
        let mut part = libc::iovec { iov_base: head.as_mut_ptr().cast(), iov_len: head.len() };
        // SAFETY: all-zero is a valid msghdr (null pointers, zero lengths).
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = mem::size_of::<Control>();
        // SAFETY: the message points at `part` and `control`, both alive and writable during the call.
        let count = unsafe { libc::recvmsg(stream.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC) };
        if count < 0 {
            interrupted()?;
            continue;
        }
        // SAFETY: after a successful recvmsg the control buffer holds `msg_controllen` bytes of whole headers; an
        // SCM_RIGHTS header of ours carries one descriptor, which the kernel has opened for this process alone.
        let descriptor = unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            let is_rights = !header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS;
            is_rights.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
        };
        break (count as usize, descriptor);
    };
    if count == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "a rank of this node ended during start-up",
        ));
    }
    stream.read_exact(&mut head[count..])?;
    let mut bytes = vec![0; u32::from_le_bytes(head) as usize];
    stream.read_exact(&mut bytes)?;
    Ok((bytes, descriptor))
}

/// `Ok` when the last system call was merely interrupted.
fn interrupted() -> io::Result<()> {
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}
