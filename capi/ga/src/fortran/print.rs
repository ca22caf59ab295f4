//! Arrays as text: rows and columns as Fortran has them, numbered from 1.
//!
//! Invariant: who prints, and who waits, is as in C.

use super::table::fortran;
use crate::bounds::Bounds;
use crate::exports::print::{Stream, first, print_distribution, print_patch, summarize};
use crate::fault::Fault;

fortran! {
    subroutine ga_print_, nga_print_(g_a: int) = |ga| {
        let array = ga.array(g_a.int())?;
        print_patch::<Fortran<Integer>>(array, Bounds::whole(array), true, Stream::standard())
    };
    subroutine ga_print_patch_(g_a: int, at: patch, pretty: int) = |ga| {
        let array = ga.array(g_a.int())?;
        print_patch::<Fortran<Integer>>(array, Bounds::read(array, at.lo(), at.hi())?, pretty.is_true(), Stream::standard())
    };
    subroutine nga_print_patch_(g_a: int, lo: ints, hi: ints, pretty: int) = |ga| {
        let array = ga.array(g_a.int())?;
        print_patch::<Fortran<Integer>>(array, Bounds::read(array, lo, hi)?, pretty.is_true(), Stream::standard())
    };
    subroutine ga_print_distribution_, nga_print_distribution_(g_a: int) = |ga| {
        let array = ga.array(g_a.int())?;
        first(array, Stream::standard(), |out| print_distribution::<Fortran<Integer>>(array, out))
    };
    subroutine ga_print_stats_, nga_print_stats_() => GA_Print_stats;
    subroutine ga_summarize_, nga_summarize_(verbose: int) = |ga| summarize::<Fortran<Integer>>(verbose.is_true(), &mut Stream::standard()).map_err(Fault::new);
}
