//! Arrays as text.
//!
//! What all ranks call synchronises and is printed by the first rank of the array's group; the rest is printed by whoever calls.
//!
//! Invariant: everything goes through C's streams, so that it stays in order with what the program prints.

use crate::bounds::{Bounds, Index, listed};
use crate::fault::{Fault, Result};
use crate::guard::{plain, wide};
use crate::statistics::STATISTICS;
use crate::table::{self, Array};
use crate::types::{self, elements};
use ga_core::{Patch, Sight};
use libc::FILE;
use std::ffi::c_int;
use std::io::{self, Write};

unsafe extern "C" {
    static stdout: *mut FILE;
}

/// One of C's streams; the C caller keeps it open.
pub(crate) struct Stream(*mut FILE);

impl Stream {
    pub(crate) fn standard() -> Stream {
        // SAFETY: the C library's, which is there from the start.
        Stream(unsafe { stdout })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: an open stream, and bytes of that length.
        let len = unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), self.0) };
        if len == 0 && !bytes.is_empty() { Err(io::Error::last_os_error()) } else { Ok(len) }
    }

    fn flush(&mut self) -> io::Result<()> {
        // SAFETY: an open stream.
        unsafe { libc::fflush(self.0) };
        Ok(())
    }
}

/// Has the first rank print between two synchronisations. Collective over the array's group.
pub(crate) fn first(
    array: &Array,
    mut out: Stream,
    print: impl FnOnce(&mut Stream) -> io::Result<()>,
) -> Result<()> {
    array.raw.sync()?;
    if array.raw.team().rank() == 0 {
        print(&mut out).and_then(|()| out.flush()).map_err(Fault::new)?;
    }
    Ok(array.raw.sync()?)
}

/// Prints a patch as a language sees it. Collective over the array's group.
pub(crate) fn print_patch<I: Index>(
    array: &Array,
    patch: Bounds,
    is_table: bool,
    stream: Stream,
) -> Result<()> {
    first(array, stream, |out| {
        let (name, patch) = (array.name.to_string_lossy(), Patch::new(patch.lo(), patch.hi()));
        let sight = if I::IS_FORTRAN { Sight::Fortran } else { Sight::C };
        writeln!(out, "\n global array: {name}{},  handle: {}\n", inclusive::<I>(&patch), array.handle)?;
        let printed: Result<io::Result<()>> =
            elements!(array, |a: T| Ok(a.print_elements(&patch, is_table, sight, inclusive::<I>, out)));
        printed.unwrap_or_else(|fault| Err(io::Error::other(fault.seen(sight))))
    })
}

/// The bounds of a patch as a language says them.
fn inclusive<I: Index>(patch: &Patch) -> String {
    let ndim = patch.lo().len();
    let axes = (0..ndim).map(|place| I::place(place, ndim));
    let bound =
        |d: usize| format!("{}:{}", patch.lo()[d] as i64 + I::BASE, patch.hi()[d] as i64 - 1 + I::BASE);
    let bounds: Vec<String> = axes.map(bound).collect();
    format!("[{}]", bounds.join(","))
}

pub(crate) fn print_distribution<I: Index>(array: &Array, out: &mut Stream) -> io::Result<()> {
    let layout = &array.layout;
    let axes = (0..array.ndim).map(|place| I::place(place, array.ndim));
    let shape: Vec<String> = axes.map(|d| array.shape()[d].to_string()).collect();
    let name = array.name.to_string_lossy();
    writeln!(out, "Array Handle={} Name:'{name}' Data Type:{}", array.handle, types::name(array.kind))?;
    writeln!(out, "Array Dimensions:{}", shape.join("x"))?;
    let is_single = layout.is_one_block();
    for number in 0..if is_single { layout.ranks() } else { layout.blocks() } {
        let patch = if is_single { layout.block(number) } else { layout.block_patch(number) };
        let owner = if is_single { number } else { layout.block_place(number).0.rank };
        match patch.is_empty() {
            true => writeln!(out, "Process={owner}\t owns nothing")?,
            false => writeln!(out, "Process={owner}\t owns array section: {}", inclusive::<I>(&patch))?,
        }
    }
    Ok(())
}

pub(crate) fn summarize<I: Index>(is_verbose: bool, out: &mut Stream) -> io::Result<()> {
    writeln!(out, " Summary of allocated global arrays")?;
    writeln!(out, "-----------------------------------")?;
    let arrays: Vec<&Array> = table::handles().into_iter().filter_map(table::find).collect();
    if arrays.is_empty() {
        writeln!(out, "  No active global arrays")?;
    }
    for array in arrays {
        let state = if array.property.is_read_only() { ", read-only" } else { "" };
        writeln!(out, "  {array}, blocks {}{state}", listed(&array.layout.grid()))?;
        if is_verbose {
            print_distribution::<I>(array, out)?;
        }
    }
    out.flush()
}

plain! {
    GA_Print(g_a: c_int) = |ga| {
        let array = ga.array(g_a)?;
        print_patch::<c_int>(array, Bounds::whole(array), true, Stream::standard())
    };
    GA_Print_file(file: *mut FILE, g_a: c_int) = |ga| {
        let array = ga.array(g_a)?;
        print_patch::<c_int>(array, Bounds::whole(array), true, Stream(file))
    };
    GA_Print_patch(g_a: c_int, ilo: c_int, ihi: c_int, jlo: c_int, jhi: c_int, pretty: c_int) = |ga| {
        let array = ga.array(g_a)?;
        if array.ndim != 2 {
            crate::fault::refuse!("two bounds for an array of {} axes", array.ndim);
        }
        let patch = Bounds::read(array, [ilo, jlo].as_ptr(), [ihi, jhi].as_ptr())?;
        print_patch::<c_int>(array, patch, pretty != 0, Stream::standard())
    };
    GA_Print_distribution(g_a: c_int) = |ga| {
        let array = ga.array(g_a)?;
        first(array, Stream::standard(), |out| print_distribution::<c_int>(array, out))
    };
    GA_Print_stats() = |ga| {
        let mut out = Stream::standard();
        let text = format!("\n         GA Statistics for process {:4}\n{STATISTICS}\n", ga.world.rank());
        let text = format!("{text}global arrays take in this process: {} bytes\n", ga_core::memory::in_use());
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Fault::new)
    };
    GA_Summarize(verbose: c_int) = |_ga| summarize::<c_int>(verbose != 0, &mut Stream::standard()).map_err(Fault::new);
}

wide! {
    NGA_Print_patch / NGA_Print_patch64(g_a: c_int, lo: *const Int, hi: *const Int, pretty: c_int) = |ga| {
        let array = ga.array(g_a)?;
        print_patch::<c_int>(array, Bounds::read(array, lo, hi)?, pretty != 0, Stream::standard())
    };
}
