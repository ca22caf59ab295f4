//! Send and receive.

use crate::guard::call;
use crate::mail::Channel;
use crate::state::Armci;
use common::exports;
use rma::Result;
use std::ffi::{c_int, c_void};

/// The tags of `message.h`.
const ARMCI: Channel = Channel(0);

impl Armci {
    /// # Safety
    /// `bytes` is readable for the length.
    pub(crate) unsafe fn send(&self, tag: c_int, bytes: *const c_void, len: c_int, to: c_int) -> Result<()> {
        let to = self.rank(to)?;
        let bytes = match len {
            // SAFETY: the caller's promise.
            1.. => unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), len as usize) },
            _ => &[],
        };
        self.mail.send(ARMCI, tag, bytes, to)
    }

    /// The sender.
    ///
    /// # Safety
    /// `buffer` is writable for the length, and `len` null or writable.
    pub(crate) unsafe fn receive(
        &self,
        tag: c_int,
        buffer: *mut c_void,
        room: c_int,
        len: *mut c_int,
        from: Option<c_int>,
    ) -> Result<c_int> {
        let from = from.map(|from| self.rank(from)).transpose()?;
        // SAFETY: the caller's promise.
        let (from, bytes) =
            unsafe { self.mail.receive(ARMCI, tag, buffer.cast(), room.max(0) as usize, from) }?;
        if !len.is_null() {
            // SAFETY: the caller's promise.
            unsafe { len.write(bytes as c_int) };
        }
        Ok(from as c_int)
    }
}

exports! {
    call;
    armci_msg_snd(tag: c_int, buffer: *const c_void, len: c_int, to: c_int) = |armci| armci.send(tag, buffer, len, to);
    armci_msg_rcv(tag: c_int, buffer: *mut c_void, room: c_int, len: *mut c_int, from: c_int) =
        |armci| armci.receive(tag, buffer, room, len, Some(from)).map(drop);
    armci_msg_rcvany(tag: c_int, buffer: *mut c_void, room: c_int, len: *mut c_int) -> c_int =
        |armci| armci.receive(tag, buffer, room, len, None);
    armci_msg_probe(tag: c_int, from: c_int) -> c_int =
        |armci| Ok(armci.mail.probe(ARMCI, tag, usize::try_from(from).ok())?.into());
}
