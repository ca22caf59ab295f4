//! What messages look like on the wire.
//!
//! ```text
//! 0    Head, 72 bytes
//! 72   alpha, 16 bytes                     accumulate only
//! ..   box: run, then count and stride of each level, 8 bytes each     when levels > 0
//! ..   padding to a multiple of 16; then the body
//! ```
//!
//! All numbers are in the machine's order: ranks of one job run on one kind of machine.

use super::shape::{LEVELS, Shape, Span};
use bytemuck::{Pod, Zeroable};

/// What a message asks for or answers. The first group is numbered and takes effect in the order of issue; the second isn't and
/// takes effect at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    /// Nothing; asks for an acknowledgement of everything before it.
    Nothing = 1,
    /// Body to memory.
    Put,
    /// Memory += alpha * body.
    Accumulate,
    /// Memory to the source, by [`Kind::Data`].
    Get,
    /// Atomic operation `variant` on `len` bytes with `at` and `value`; answered by [`Kind::Answer`], if not [`UNHEARD`].
    Amo,
    /// Word becomes `value` (variant 0) or grows by it (1); rings the bell.
    Signal,
    /// Takes a mutex, waiting (variant 1) or not; answered.
    Lock,
    /// Releases a mutex; answered.
    Unlock,
    /// The body is a [letter](crate::transport::letter) for the program.
    Letter,
    /// The body is a [bundle](crate::transport::bundle) of puts and accumulates.
    Bundle,
    /// A stretch of what a get asked for.
    Data,
    /// The outcome `value` of the request `token`.
    Answer,
    /// The key of the region of `len` bytes at `offset` is the body; none if it is empty.
    Key,
    /// Says `ack`.
    Ack,
    /// Wants the key of the region around `offset`; answered by [`Kind::Key`].
    WantKey,
    /// The program has read `value` letters of the receiver's, all in all.
    Read,
}

impl Kind {
    const ALL: [Kind; 16] = [
        Kind::Nothing,
        Kind::Put,
        Kind::Accumulate,
        Kind::Get,
        Kind::Amo,
        Kind::Signal,
        Kind::Lock,
        Kind::Unlock,
        Kind::Letter,
        Kind::Bundle,
        Kind::Data,
        Kind::Answer,
        Kind::Key,
        Kind::Ack,
        Kind::WantKey,
        Kind::Read,
    ];

    fn from(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether it moves data to or from the target's memory.
    pub(super) fn is_moving(self) -> bool {
        matches!(self, Kind::Put | Kind::Accumulate | Kind::Get)
    }

    /// Whether it may change memory that an earlier get of the same source has still to read.
    pub(super) fn is_writing(self) -> bool {
        matches!(self, Kind::Put | Kind::Accumulate | Kind::Amo | Kind::Signal | Kind::Letter | Kind::Bundle)
    }
}

/// Flag: acknowledge at once.
pub(super) const WANT_ACK: u8 = 1;
/// Flags of a put: then the word at `token` becomes `value`, or grows by it, as with [`Kind::Signal`].
pub(super) const SET_WORD: u8 = 2;
pub(super) const ADD_WORD: u8 = 4;
/// Flag of a put, accumulate or get: of runs of `value` bytes each, which the body lists; see [`super::runs`].
pub(super) const LIST: u8 = 8;

/// Flag of an atomic operation: nobody waits for the answer.
pub(super) const UNHEARD: u8 = 16;

/// The fixed part.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, Debug)]
pub(super) struct Head {
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// Number of the [`shm::DType`] plus one, or a kind's own variant.
    pub(super) variant: u8,
    pub(super) levels: u8,
    /// World rank of the sender.
    pub(super) source: u32,
    /// Counts the numbered messages of a source to a target from 1; 0 if not numbered.
    pub(super) number: u64,
    /// The sender has taken all messages of the receiver up to this number.
    pub(super) ack: u64,
    /// Byte offset in the target's arena where the box's first run begins.
    pub(super) offset: u64,
    /// The source's number for what it waits for; answers give it back. Of a put: where the word is that it changes.
    pub(super) token: u64,
    /// Bytes of the stream in this message, or asked for.
    pub(super) len: u64,
    /// Where in the stream they begin.
    pub(super) at: u64,
    pub(super) value: u64,
    /// The job's cookie and the version of this protocol, in one: what has another number here is no message for this process.
    pub(super) job: u64,
}

/// Bytes of the fixed part.
pub(super) const HEAD_LEN: usize = size_of::<Head>();

/// Longest head with its extras.
pub(super) const MOST_HEAD: usize = HEAD_LEN + 16 + (2 * LEVELS + 2) * 8;

const _: () = assert!(HEAD_LEN == 72 && MOST_HEAD <= 256);

/// The same with what pads it.
pub(super) const PADDED_HEAD: usize = HEAD_LEN.next_multiple_of(16);

impl Head {
    pub(super) fn new(kind: Kind, source: usize) -> Head {
        Head { kind: kind as u8, source: source as u32, ..Head::zeroed() }
    }
}

/// A head with its extras, ready to be sent.
#[derive(Clone, Copy)]
pub(super) struct Packed {
    words: [u64; MOST_HEAD / 8],
    len: usize,
}

impl Packed {
    pub(super) fn new(mut head: Head, alpha: Option<[u8; 16]>, shape: Option<&Shape>) -> Packed {
        let mut packed = Packed { words: [0; MOST_HEAD / 8], len: HEAD_LEN };
        if let Some(alpha) = alpha {
            packed.push(&alpha);
        }
        if let Some(shape) = shape.filter(|shape| shape.levels > 0) {
            head.levels = shape.levels as u8;
            packed.push(&shape.counts[0].to_ne_bytes());
            for level in 0..shape.levels {
                packed.push(&shape.counts[level + 1].to_ne_bytes());
                packed.push(&shape.strides[level].to_ne_bytes());
            }
        }
        packed.len = packed.len.next_multiple_of(16);
        packed.words[..HEAD_LEN / 8].copy_from_slice(bytemuck::cast_ref::<Head, [u64; HEAD_LEN / 8]>(&head));
        packed
    }

    /// No message.
    pub(super) fn empty() -> Packed {
        Packed { words: [0; MOST_HEAD / 8], len: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        bytemuck::cast_slice_mut::<u64, u8>(&mut self.words)[self.len..][..bytes.len()]
            .copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// What a message without body touches at its target. Signals come after everything.
    pub(super) fn span(&self) -> Span {
        let head: &Head = bytemuck::from_bytes(&self.bytes()[..HEAD_LEN]);
        match Kind::from(head.kind) {
            Some(Kind::Signal) => Span::ALL,
            Some(Kind::Amo) => Span { start: head.offset, end: head.offset + 8 },
            _ => Span::EMPTY,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice::<u64, u8>(&self.words)[..self.len]
    }

    pub(super) fn head_mut(&mut self) -> &mut Head {
        bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(&mut self.words[..HEAD_LEN / 8]))
    }
}

/// A message taken apart.
pub(super) struct Message<'a> {
    pub(super) head: Head,
    pub(super) kind: Kind,
    pub(super) alpha: [u8; 16],
    pub(super) shape: Shape,
    pub(super) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// `None` for bytes that are no message. They come as in [`Sink::message`](super::wire::Sink::message): the body behind the
    /// head, or apart.
    pub(super) fn parse(bytes: &'a [u8], body: &'a [u8]) -> Option<Message<'a>> {
        let head: Head = bytemuck::pod_read_unaligned(bytes.get(..HEAD_LEN)?);
        let kind = Kind::from(head.kind)?;
        let mut at = HEAD_LEN;
        let mut alpha = [0; 16];
        if kind == Kind::Accumulate {
            alpha.copy_from_slice(bytes.get(at..at + 16)?);
            at += 16;
        }
        let mut shape = Shape::run(0);
        if head.levels > 0 {
            shape.levels = usize::from(head.levels);
            let numbers =
                bytes.get(at..at + (2 * shape.levels + 1) * 8).filter(|_| shape.levels <= LEVELS)?;
            let number = |index: usize| bytemuck::pod_read_unaligned::<u64>(&numbers[index * 8..][..8]);
            shape.counts[0] = number(0) as usize;
            for level in 0..shape.levels {
                shape.counts[level + 1] = number(2 * level + 1) as usize;
                shape.strides[level] = number(2 * level + 2) as isize;
            }
            at += numbers.len();
        }
        let behind = bytes.get(at.next_multiple_of(16)..)?;
        Some(Message { head, kind, alpha, shape, body: if body.is_empty() { behind } else { body } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_out_as_it_went_in() {
        let shape = Shape::new(&[24, 3, 5], &[-32, 1000]);
        let head =
            Head { offset: 77, token: 5, len: 48, at: 24, variant: 4, ..Head::new(Kind::Accumulate, 3) };
        let alpha = std::array::from_fn(|i| i as u8);
        let mut bytes = Packed::new(head, Some(alpha), Some(&shape)).bytes().to_vec();
        assert!(bytes.len().is_multiple_of(16));
        bytes.extend([9; 48]);
        let (start, body) = bytes.split_at(bytes.len() - 48);
        for message in [Message::parse(&bytes, &[]), Message::parse(start, body)] {
            let message = message.unwrap();
            assert_eq!((message.kind, message.alpha, message.body), (Kind::Accumulate, alpha, &[9; 48][..]));
            assert_eq!((message.head.offset, message.head.at, message.head.source), (77, 24, 3));
            assert_eq!((message.shape.counts, message.shape.strides), (shape.counts, shape.strides));
        }
        assert!(Message::parse(&bytes[..HEAD_LEN + 3], &[]).is_none());
        bytes[0] = 77;
        assert!(Message::parse(&bytes, &[]).is_none());
    }

    #[test]
    fn kinds_are_numbered_as_listed() {
        for (index, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(Kind::from(index as u8 + 1), Some(*kind));
            assert_eq!(*kind as usize, index + 1);
        }
        assert_eq!(Kind::from(0), None);
    }
}
