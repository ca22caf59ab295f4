//! A message, as its handler sees it.

use super::Post;
use crate::call::OpCode;
use crate::error::{Error, ErrorKind, Result};
use crate::plain::{self, Plain};
use crate::transport::Transport;
use crate::transport::letter::{HEADER_LEN, Sort, Stamp};
use std::cell::Cell;

/// Where in a segment the contents of a long message are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Byte offset in this rank's part of the segment that the sender named.
    pub offset: usize,
    /// Bytes from there on.
    pub len_bytes: usize,
}

/// An active message that has come, given to its handler.
pub struct Message<'a> {
    post: &'a Post,
    transport: &'a dyn Transport,
    stamp: Stamp,
    header: &'a [u8],
    contents: &'a [u8],
    is_answered: Cell<bool>,
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message of rank {}, {} bytes", self.source(), self.contents.len())
    }
}

impl<'a> Message<'a> {
    pub(super) fn new(
        post: &'a Post,
        transport: &'a dyn Transport,
        stamp: Stamp,
        header: &'a [u8],
        contents: &'a [u8],
    ) -> Message<'a> {
        Message { post, transport, stamp, header, contents, is_answered: Cell::new(false) }
    }

    /// World rank of the sender.
    pub fn source(&self) -> usize {
        self.stamp.source as usize
    }

    /// The header. Errors: `Type` when its bytes are no value of `T`.
    pub fn header<T: Plain>(&self) -> Result<T> {
        if self.header.len() != size_of::<T>() {
            return Err(unlike::<T>(self.header.len()));
        }
        // SAFETY: as many readable bytes.
        unsafe { plain::read(OpCode::Am.name(), self.header.as_ptr()) }
    }

    /// The contents: of a medium message a copy of them, of others nothing. The bytes are gone when the handler returns, and may begin anywhere in memory.
    pub fn bytes(&self) -> &[u8] {
        self.contents
    }

    /// The contents as elements. Errors: `Type` when their bytes are no values of `T`.
    pub fn contents<T: Plain>(&self) -> Result<Vec<T>> {
        elements(self.contents)
    }

    /// Of a long message, where its contents are: they can be read by [`Segment::get`](crate::Segment::get) of one's own part.
    pub fn place(&self) -> Option<Place> {
        let [offset, len] = self.stamp.place.map(|word| word as usize);
        (self.stamp.has_place != 0).then_some(Place { offset, len_bytes: len })
    }

    /// Whether the sender waits for a reply.
    pub fn is_call(&self) -> bool {
        self.stamp.sort == Sort::Call as u8
    }

    /// Replies to a call. A call whose handler doesn't gets a reply without header and contents.
    ///
    /// Never waits. Errors: `Unsupported` when this is no call, or was replied to; `Range` as [`World::am`](crate::World::am); `Died`.
    pub fn reply<H: Plain, T: Plain>(&self, header: &H, contents: &[T]) -> Result<()> {
        const { assert!(size_of::<H>() <= HEADER_LEN, "a header has 64 bytes at most") };
        let op = OpCode::AmReply.name();
        if !self.is_call() || self.is_answered.get() {
            return Err(Error::at(ErrorKind::Unsupported, op, self.source(), "nobody waits for a reply"));
        }
        self.answer(bytemuck::bytes_of(header), bytemuck::cast_slice(contents))
    }

    fn answer(&self, header: &[u8], contents: &[u8]) -> Result<()> {
        let stamp = Stamp { token: self.stamp.token, ..Stamp::new(Sort::Reply, 0) };
        self.post.send(OpCode::AmReply.name(), self.transport, self.source(), stamp, header, contents)?;
        self.is_answered.set(true);
        Ok(())
    }

    /// The handler has returned.
    pub(super) fn end(&self) {
        if self.is_call() && !self.is_answered.get() {
            // A sender that is gone waits for nothing.
            let _ = self.answer(&[], &[]);
        }
    }
}

/// Bytes as elements.
pub(crate) fn elements<T: Plain>(bytes: &[u8]) -> Result<Vec<T>> {
    if size_of::<T>() == 0 || !bytes.len().is_multiple_of(size_of::<T>()) {
        return Err(unlike::<T>(bytes.len()));
    }
    // SAFETY: each piece is as long as an element.
    bytes
        .chunks(size_of::<T>())
        .map(|bytes| unsafe { plain::read(OpCode::Am.name(), bytes.as_ptr()) })
        .collect()
}

pub(crate) fn unlike<T>(len: usize) -> Error {
    let message = format!("{len} bytes are no value of {}", std::any::type_name::<T>());
    Error::new(ErrorKind::Type, OpCode::Am.name(), message)
}
