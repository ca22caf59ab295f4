//! Elements in files, or what is like one: each rank reads and writes those that it owns, at their place.

use super::Array;
use crate::algo;
use crate::dtype::{Category, DType, category};
use crate::error::Result;
use crate::session;
use crate::stage::{Reads, Room, Spread, Stage};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes that are moved between two looks at how far it is.
const CHUNK: usize = 32 << 20;

/// Something that has bytes at places, which ranks read and write at the same time.
pub trait Medium: Sync {
    /// Reads the bytes at this place, all or none of them known.
    fn read_at(&self, bytes: &mut [u8], place: u64) -> io::Result<()>;
    /// Writes all bytes to this place.
    fn write_at(&self, bytes: &[u8], place: u64) -> io::Result<()>;
}

impl Medium for File {
    fn read_at(&self, bytes: &mut [u8], place: u64) -> io::Result<()> {
        self.read_exact_at(bytes, place)
    }

    fn write_at(&self, bytes: &[u8], place: u64) -> io::Result<()> {
        self.write_all_at(bytes, place)
    }
}

/// Where the elements of an array are in a file, in C order.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// The file, open on every rank.
    pub file: &'a dyn Medium,
    /// The byte of the first element.
    pub offset: u64,
    /// Whether the bytes of numbers are in the order that isn't this machine's.
    pub is_swapped: bool,
}

/// # Files
impl Array {
    /// Writes the elements that this rank owns to a file, of a replicated array the first rank all. `moved` is told of bytes.
    /// Collective; whether the file took them each rank knows for itself.
    ///
    /// # Errors
    /// Those of computing the elements.
    pub fn write_own(
        &self,
        to: &Stored<'_>,
        moved: &mut (dyn FnMut(usize) + Send),
    ) -> Result<io::Result<()>> {
        let mut done = Ok(());
        self.with_own("save", |_, range, bytes, is_mine| {
            if is_mine {
                let start = to.offset + (range.start * self.dtype().size_bytes()) as u64;
                done = bytes.chunks(CHUNK).enumerate().try_for_each(|(k, chunk)| {
                    to.file.write_at(chunk, start + (k * CHUNK) as u64)?;
                    moved(chunk.len());
                    Ok(())
                });
            }
            Ok(())
        })?;
        Ok(done)
    }

    /// Which elements of the flat index this rank owns (of a replicated array all), and these elements' bytes. Collective.
    pub fn own_bytes(&self) -> Result<(Range<usize>, Vec<u8>)> {
        let mut own = (0..0, Vec::new());
        self.with_own("local", |_, range, bytes, _| {
            own = (range, bytes.to_vec());
            Ok(())
        })?;
        Ok(own)
    }

    /// Calls `work` with this rank's elements, as new arrays of the shape are spread, and whether it is for this rank to write them.
    fn with_own(
        &self,
        name: &'static str,
        work: impl FnOnce(&Room<'_>, Range<usize>, &[u8], bool) -> Result<()>,
    ) -> Result<()> {
        let _turn = session::take_turn(name)?;
        self.bound()?;
        Stage::new(name).reads(self.arg(), self.shape(), self.dtype(), Reads::Own).run(|room, _| {
            let bytes = algo::by_size!(self.dtype(), own(room));
            let is_mine = room.blocks(0).is_distributed() || session::rank() == 0;
            work(room, room.range(0), bytes, is_mine)
        })?;
        Ok(())
    }

    /// A new array of a file's elements, of which each rank reads those that it owns. Collective; whether the file had them each
    /// rank knows for itself.
    ///
    /// # Errors
    /// A shape that is too large.
    pub fn read_own(
        shape: &[usize],
        dtype: DType,
        from: &Stored<'_>,
        moved: &mut (dyn FnMut(usize) + Send),
    ) -> Result<(Array, io::Result<()>)> {
        let _turn = session::take_turn("load")?;
        crate::view::checked_size(shape)?;
        let item = dtype.size_bytes();
        let mut done = Ok(());
        let made = Stage::new("load").writes(shape, dtype, Spread::Usual).run(|_, runs| {
            let start = from.offset + (runs[0].range().start * item) as u64;
            let part = if category(dtype) == Category::Complex { item / 2 } else { item };
            done = runs[0].bytes().chunks_mut(CHUNK).enumerate().try_for_each(|(k, chunk)| {
                from.file.read_at(chunk, start + (k * CHUNK) as u64)?;
                if from.is_swapped {
                    chunk.chunks_exact_mut(part).for_each(<[u8]>::reverse);
                }
                if dtype == DType::Bool {
                    chunk.iter_mut().for_each(|x| *x = u8::from(*x != 0));
                }
                moved(chunk.len());
                Ok(())
            });
            Ok(())
        })?;
        let node = made.into_iter().next().expect("one result");
        Ok((Array::from_node(node), done))
    }

    /// A new array of elements that the ranks have: this one those from `start` of the flat index on, up to those of the next rank.
    /// Collective.
    ///
    /// # Errors
    /// A shape that is too large.
    pub fn of_parts(shape: &[usize], dtype: DType, start: usize, bytes: &[u8]) -> Result<Array> {
        let _turn = session::take_turn("join")?;
        crate::view::checked_size(shape)?;
        let item = dtype.size_bytes();
        let all = if session::get().size == 1 { vec![bytes.to_vec()] } else { Vec::new() };
        let is_small = crate::memory::is_small(shape.iter().product());
        let all = if is_small && all.is_empty() { session::gathered(bytes)? } else { all };
        let made = Stage::new("join").writes(shape, dtype, Spread::Usual).run(|room, runs| {
            let run = &mut runs[0];
            if !all.is_empty() {
                run.bytes().copy_from_slice(&all.concat());
                return Ok(());
            }
            let mine = start..start + bytes.len() / item;
            let parts = (0..session::get().size).map(|rank| {
                let theirs = run.range_of(rank);
                let (from, to) = (theirs.start.max(mine.start), theirs.end.min(mine.end));
                if from < to {
                    bytes[(from - start) * item..(to - start) * item].to_vec()
                } else {
                    Vec::new()
                }
            });
            let parts = parts.collect();
            run.bytes().copy_from_slice(&room.exchange(parts)?.concat());
            Ok(())
        })?;
        Ok(Array::from_node(made.into_iter().next().expect("one result")))
    }
}

fn own<'a, T: bytemuck::Pod>(room: &Room<'a>) -> &'a [u8] {
    bytemuck::cast_slice(room.own::<T>(0))
}

/// What every rank says, by rank. Collective.
///
/// # Errors
/// Those of the team.
pub fn everybodys(mine: &[u8]) -> Result<Vec<Vec<u8>>> {
    let _turn = session::take_turn("agreement")?;
    session::gathered(mine)
}
