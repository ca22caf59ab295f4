//! Which processors each rank may use.
//!
//! The processors the launcher may use are put in order of package and core (so that two threads of one core are
//! neighbours) and cut into as many equal runs as there are ranks. Fewer processors than ranks: nobody is bound.

use std::io;
use std::mem;

/// The processors of each rank, or nothing when the ranks outnumber them.
pub(crate) fn plan(ranks: usize) -> Option<Vec<Vec<usize>>> {
    let mut processors = allowed().ok()?;
    processors
        .sort_by_key(|&processor| (topology(processor, "physical_package_id"), core(processor), processor));
    divide(&processors, ranks)
}

fn divide(processors: &[usize], ranks: usize) -> Option<Vec<Vec<usize>>> {
    if ranks > processors.len() {
        return None;
    }
    let start = |rank: usize| rank * processors.len() / ranks;
    Some((0..ranks).map(|rank| processors[start(rank)..start(rank + 1)].to_vec()).collect())
}

/// The processors this process may run on, by number.
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    // SAFETY: all-zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most the size of the set into it.
    if unsafe { libc::sched_getaffinity(0, mem::size_of::<libc::cpu_set_t>(), &mut set) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the numbers are below CPU_SETSIZE, the bound of the set's bits.
    let is_allowed = |processor: &usize| unsafe { libc::CPU_ISSET(*processor, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(is_allowed).collect())
}

/// Binds the calling process. Async-signal-safe: called between fork and exec.
pub(crate) fn bind(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: reads a set of the size given.
    match unsafe { libc::sched_setaffinity(0, mem::size_of::<libc::cpu_set_t>(), set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The kernel's form of a list of processors.
pub(crate) fn to_set(processors: &[usize]) -> libc::cpu_set_t {
    // SAFETY: all-zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for &processor in processors {
        // SAFETY: the numbers come from `allowed`, below CPU_SETSIZE.
        unsafe { libc::CPU_SET(processor, &mut set) };
    }
    set
}

fn core(processor: usize) -> usize {
    topology(processor, "core_id")
}

/// A number of the kernel's description of a processor; its own number where the kernel doesn't say.
fn topology(processor: usize, name: &str) -> usize {
    let path = format!("/sys/devices/system/cpu/cpu{processor}/topology/{name}");
    std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(processor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_cover_all_and_differ_by_one_at_most() {
        let processors: Vec<usize> = (0..13).map(|n| n * 2).collect();
        for ranks in 1..=13 {
            let shares = divide(&processors, ranks).unwrap();
            assert_eq!(shares.concat(), processors);
            let lens: Vec<usize> = shares.iter().map(Vec::len).collect();
            assert!(lens.iter().max().unwrap() - lens.iter().min().unwrap() <= 1);
        }
        assert!(divide(&processors, 14).is_none());
    }

    #[test]
    fn the_processors_of_this_process_are_known() {
        assert!(!allowed().unwrap().is_empty());
    }
}
