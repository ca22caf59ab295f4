//! The list of benchmarks.

use crate::bench::{Bench, Benchmark, Family, Outcome, WORD};
use crate::suites::{
    atomics, bandwidth, collective, compute, latency, messages, overlap, random_access, several, shapes,
};
use crate::table::Table;

const FAMILIES: [(Family, &str); 4] = [
    (Family::Pair, "Rank 0 and the last rank, or --peer"),
    (Family::Several, "Several ranks at once"),
    (Family::Collective, "Collectives of all ranks"),
    (Family::Process, "Processes"),
];

type Run = fn(&Bench) -> Outcome<Table>;

const fn pair(name: &'static str, also: &'static [&'static str], line: &'static str, run: Run) -> Benchmark {
    let (family, sizes) = (Family::Pair, (1, 4 << 20));
    Benchmark {
        name,
        also,
        family,
        line,
        least_ranks: 2,
        sizes,
        bytes_per_size: 1,
        works_before_start: false,
        run,
    }
}

/// Of one integer, whatever the size.
const fn word(name: &'static str, also: &'static [&'static str], line: &'static str, run: Run) -> Benchmark {
    Benchmark { sizes: (8, 8), bytes_per_size: WORD, ..pair(name, also, line, run) }
}

const fn several(
    name: &'static str,
    also: &'static [&'static str],
    line: &'static str,
    run: Run,
) -> Benchmark {
    Benchmark { family: Family::Several, ..pair(name, also, line, run) }
}

const fn collective(
    name: &'static str,
    also: &'static [&'static str],
    line: &'static str,
    run: Run,
) -> Benchmark {
    let sizes = (8, 1 << 20);
    Benchmark { family: Family::Collective, least_ranks: 1, sizes, ..pair(name, also, line, run) }
}

/// All benchmarks, those of a family together.
static BENCHMARKS: &[Benchmark] = &[
    pair("put-latency", &["osu_put_latency"], "a put that is complete at the target", latency::put),
    pair("get-latency", &["osu_get_latency"], "a get", latency::get),
    pair(
        "acc-latency",
        &["acc", "osu_acc_latency"],
        "an accumulate of f64, complete at the target",
        latency::accumulate,
    ),
    pair(
        "fop-latency",
        &["fetch-add", "osu_fop_latency"],
        "an atomic addition that gives the old value",
        atomics::fetch_add,
    ),
    word("swap-latency", &["swap"], "an atomic exchange", atomics::swap),
    pair(
        "cas-latency",
        &["compare-swap", "osu_cas_latency"],
        "an atomic compare and swap",
        atomics::compare_swap,
    ),
    word("lock-latency", &["lock"], "taking and giving back a mutex of the target", atomics::lock),
    pair(
        "put-signal",
        &["ping-pong", "osu_latency"],
        "a put with a signal there and one back: half of both",
        latency::put_signal,
    ),
    Benchmark {
        sizes: (1, 64 << 10),
        ..pair("am-latency", &[], "an active message and its reply", messages::latency)
    },
    Benchmark {
        sizes: (1, 64 << 10),
        ..pair("am-rate", &[], "active messages, a window at a time", messages::rate)
    },
    Benchmark {
        sizes: (1, 4 << 10),
        ..pair("batch-bw", &[], "puts of a batch, a window at a time", messages::batch)
    },
    pair("put-bw", &["osu_put_bw"], "puts, a window at a time", bandwidth::put),
    pair("get-bw", &["osu_get_bw"], "gets, a window at a time", bandwidth::get),
    pair("acc-bw", &[], "accumulates of f64, a window at a time", bandwidth::accumulate),
    pair(
        "put-bibw",
        &["bidirectional-bw", "osu_put_bibw"],
        "puts both ways at once",
        bandwidth::put_both_ways,
    ),
    pair("get-bibw", &[], "gets both ways at once", bandwidth::get_both_ways),
    Benchmark {
        sizes: (4 << 10, 4 << 20),
        ..pair(
            "overlap",
            &["osu_oshm_put_overlap"],
            "how much of a put and a get hides behind computation",
            overlap::run,
        )
    },
    Benchmark {
        sizes: (8, 8 << 10),
        bytes_per_size: 2 * shapes::ROWS,
        ..pair(
            "strided",
            &[],
            "512 rows of a size: one strided transfer, a put per row, the same bytes in one put",
            shapes::strided,
        )
    },
    Benchmark {
        sizes: (8, 8 << 10),
        bytes_per_size: 2 * shapes::ROWS,
        ..pair("vector", &[], "512 scattered runs of a size", shapes::vector)
    },
    several(
        "multi-latency",
        &["multi-lat", "osu_multi_lat"],
        "puts of several pairs of ranks at once",
        several::latency,
    ),
    several(
        "put-mr",
        &["message-rate", "mbw-mr", "osu_mbw_mr", "osu_oshm_put_mr"],
        "bandwidth and message rate of puts of several pairs",
        several::put_rate,
    ),
    several(
        "get-mr",
        &["osu_oshm_get_mr_nb"],
        "bandwidth and message rate of gets of several pairs",
        several::get_rate,
    ),
    several("fan-in", &["osu_bw_fan_in"], "all ranks put to rank 0", several::fan_in),
    several("fan-out", &["osu_bw_fan_out"], "rank 0 puts to all ranks", several::fan_out),
    several("counter", &["nxtval"], "all ranks add to one counter at rank 0", several::counter),
    Benchmark {
        least_ranks: 1,
        sizes: (16 << 20, 16 << 20),
        ..several(
            "gups",
            &["random-access"],
            "HPC Challenge's RandomAccess, a table of MAX bytes at each rank",
            random_access::run,
        )
    },
    collective("barrier", &["osu_barrier"], "Team::barrier", collective::barrier),
    collective(
        "sync",
        &[],
        "Team::sync: everybody's transfers are complete, then a barrier",
        collective::sync,
    ),
    collective("bcast", &["broadcast", "osu_bcast"], "Team::broadcast", collective::broadcast),
    collective("reduce", &["osu_reduce"], "Team::reduce, sums of f64", collective::reduce),
    collective("allreduce", &["osu_allreduce"], "Team::allreduce, sums of f64", collective::allreduce),
    collective("scan", &[], "Team::scan, sums of f64", collective::scan),
    collective("gather", &["osu_gather"], "Team::gather, bytes of each rank", collective::gather),
    collective("allgather", &["osu_allgather"], "Team::allgather, bytes of each rank", collective::allgather),
    collective("scatter", &["osu_scatter"], "Team::scatter, bytes for each rank", collective::scatter),
    collective(
        "alltoall",
        &["osu_alltoall"],
        "Team::alltoall, bytes from each rank to each",
        collective::alltoall,
    ),
    collective(
        "alltoallv",
        &["osu_alltoallv"],
        "Team::alltoallv, the same bytes in vectors",
        collective::alltoallv,
    ),
    Benchmark {
        family: Family::Process,
        ..collective("init", &["osu_init"], "the start: how long joining the job took", compute::init)
    },
    Benchmark {
        family: Family::Process,
        works_before_start: true,
        ..collective("compute", &[], "what a rank that computes loses while nobody talks to it", compute::run)
    },
];

/// The benchmark called so.
pub(crate) fn find(name: &str) -> Result<&'static Benchmark, String> {
    let is_called = |benchmark: &&Benchmark| benchmark.name == name || benchmark.also.contains(&name);
    BENCHMARKS.iter().find(is_called).ok_or_else(|| "`gain bench` alone lists what there is".into())
}

/// A line for each benchmark.
pub fn list() -> String {
    let mut text = String::from("Benchmarks, by our name (and the one that OSU's have):\n");
    for (family, title) in FAMILIES {
        text += &format!("\n{title}:\n");
        for benchmark in BENCHMARKS.iter().filter(|benchmark| benchmark.family == family) {
            let osu = benchmark.also.iter().find(|name| name.starts_with("osu_"));
            let osu = osu.map_or(String::new(), |name| format!(" ({name})"));
            text += &format!("  {:<14} {}{osu}\n", benchmark.name, benchmark.line);
        }
    }
    text + "\nAs in: gain bench put-latency -n 2; all options: gain bench --help\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_have_a_name_in_common() {
        let names = BENCHMARKS.iter().flat_map(|benchmark| benchmark.also.iter().chain([&benchmark.name]));
        let mut seen = BTreeSet::new();
        assert!(names.into_iter().all(|name| seen.insert(name)), "{seen:?}");
    }

    #[test]
    fn the_list_has_each_of_them_once_and_fits_a_terminal() {
        let text = list();
        for benchmark in BENCHMARKS {
            let begin = format!("\n  {} ", benchmark.name);
            assert_eq!(text.matches(&begin).count(), 1, "{}", benchmark.name);
            assert!(find(benchmark.name).is_ok_and(|found| std::ptr::eq(found, benchmark)));
        }
        assert!(text.lines().all(|line| line.len() <= 110), "{text}");
    }
}
