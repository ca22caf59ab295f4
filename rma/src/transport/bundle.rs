//! Bundles: many small puts and accumulates to one rank, one after another in one message.
//!
//! ```text
//! entry    0    offset in the target's arena, 8 bytes
//!          8    bytes of data, 4 bytes
//!         12    0 for a put, else the number of the element type plus one; three unused bytes
//!         16    alpha, 16 bytes             accumulate only
//!         ..    data, padded to a multiple of 16
//! ```

use bytemuck::{Pod, Zeroable};
use shm::DType;

/// What entries and their parts are multiples of: any element's alignment.
const UNIT: usize = 16;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Head {
    offset: u64,
    len: u32,
    variant: u8,
    unused: [u8; 3],
}

/// Entries on their way into a message.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    bytes: Vec<u8>,
    /// What of the target's arena they touch.
    start: u64,
    end: u64,
}

/// One of them.
pub(crate) struct Entry<'a> {
    pub(crate) offset: u64,
    /// Nothing for a put.
    pub(crate) scale: Option<(DType, [u8; 16])>,
    pub(crate) data: &'a [u8],
}

/// Bytes that an entry takes.
pub(crate) fn entry_len(len: usize, is_scaled: bool) -> usize {
    UNIT + if is_scaled { UNIT } else { 0 } + len.next_multiple_of(UNIT)
}

impl Bundle {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where what the entries touch begins and ends.
    pub(crate) fn span(&self) -> (u64, u64) {
        (self.start, self.end)
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn push(&mut self, entry: &Entry<'_>) {
        let Entry { offset, scale, data } = *entry;
        let end = offset + data.len() as u64;
        let (first, last) = if self.bytes.is_empty() { (offset, end) } else { (self.start, self.end) };
        (self.start, self.end) = (first.min(offset), last.max(end));
        let variant = scale.map_or(0, |(dtype, _)| dtype as u8 + 1);
        let head = Head { offset, len: data.len() as u32, variant, unused: [0; 3] };
        self.bytes.extend_from_slice(bytemuck::bytes_of(&head));
        scale.iter().for_each(|(_, alpha)| self.bytes.extend_from_slice(alpha));
        self.bytes.extend_from_slice(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(UNIT), 0);
    }
}

/// The entries of a message; a `None` ends it where it makes no sense. Whoever wrote it: nothing outside `bytes` is read.
pub(crate) fn entries(bytes: &[u8]) -> impl Iterator<Item = Option<Entry<'_>>> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
        let entry = split(bytes);
        rest = entry.as_ref().map(|(_, rest)| *rest);
        Some(entry.map(|(entry, _)| entry))
    })
}

fn split(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(UNIT)?;
    let head: Head = bytemuck::pod_read_unaligned(head);
    let (scale, rest) = match head.variant.checked_sub(1) {
        None => (None, rest),
        Some(number) => {
            let (alpha, rest) = rest.split_at_checked(UNIT)?;
            let dtype = DType::ALL.get(usize::from(number))?;
            (Some((*dtype, alpha.try_into().ok()?)), rest)
        }
    };
    let len = head.len as usize;
    let (data, rest) = rest.split_at_checked(len.next_multiple_of(UNIT))?;
    Some((Entry { offset: head.offset, scale, data: &data[..len] }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_as_they_went_in() {
        let mut bundle = Bundle::default();
        let alpha = std::array::from_fn(|i| i as u8);
        let all =
            [(800u64, None, 3usize), (16, Some((DType::F64, alpha)), 24), (40, None, 0), (1 << 40, None, 32)];
        let data = [7u8; 32];
        let mut len = 0;
        for (offset, scale, count) in all {
            bundle.push(&Entry { offset, scale, data: &data[..count] });
            len += entry_len(count, scale.is_some());
            assert_eq!(bundle.bytes().len(), len);
        }
        assert_eq!(bundle.span(), (16, (1 << 40) + 32));
        let found: Vec<_> =
            entries(bundle.bytes()).flatten().map(|e| (e.offset, e.scale, e.data.len())).collect();
        assert_eq!(found, all);
        assert!(entries(&bundle.bytes()[..len - 1]).any(|entry| entry.is_none()), "cut short");
        let mut wrong = bundle.bytes().to_vec();
        wrong[12] = 200;
        assert!(entries(&wrong).next().unwrap().is_none(), "no such type");
        wrong[8..12].fill(0xff);
        assert!(entries(&wrong).next().unwrap().is_none(), "no such length");
    }
}
