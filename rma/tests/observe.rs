//! Statistics, traces and observers tell what was called: as often, as many bytes, over the path and to the rank that the program's own count
//! says, on one node and between nodes, whether the job ends in good order or not.

use rma::observe::{Event, Kind, Observer, Path};
use rma::{Op, Segment, World};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tests::Job;

const PUTS: usize = 50;
const GETS: usize = 30;

/// Each rank puts to its right neighbour and gets from it, and all meet.
fn work(world: &World) {
    let team = world.team();
    let segment = Segment::allocate(&team, 4096).unwrap();
    let right = (world.rank() + 1) % world.size();
    for _ in 0..PUTS {
        segment.put(right, 0, &[1.0f64]).unwrap();
    }
    world.fence(right).unwrap();
    let mut back = [0u8; 100];
    for _ in 0..GETS {
        segment.get(right, 8, &mut back).unwrap();
    }
    segment.fetch_add(right, 512, 1i64).unwrap();
    for _ in 0..3 {
        team.allreduce(&mut [1.0f64, 2.0], Op::Sum).unwrap();
    }
    segment.free().unwrap();
}

/// The calls and bytes of a row of the table, which has the name and the path first.
fn row(text: &str, name: &str, path: &str) -> Option<(usize, usize)> {
    let begin = format!("{name:<24} {path:<14}");
    let line = text.lines().find_map(|line| Some(line.split_once(&begin)?.1))?;
    let mut words = line.split_whitespace().map(|word| word.parse::<usize>().unwrap());
    Some((words.next()?, words.next()?))
}

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let _ = std::fs::remove_file(&path);
    path
}

fn events(path: &PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    std::fs::remove_file(path).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    document["traceEvents"].as_array().unwrap().clone()
}

#[test]
fn the_table_counts_what_all_ranks_did() {
    let job = Job::new("the_table_counts_what_all_ranks_did").env("GAIN_STATS", "peers");
    let outcome = job.outcome(3, work);
    assert_eq!(outcome.code, 0, "{outcome}");
    let text = &outcome.stderr;
    assert!(text.contains("# gain statistics: 3 ranks"), "{outcome}");
    assert_eq!(text.matches("# gain statistics").count(), 1, "told once\n{outcome}");
    let found = |name: &str| row(text, name, "shared memory");
    assert_eq!(found("put"), Some((3 * PUTS, 3 * PUTS * 8)), "{outcome}");
    assert_eq!(found("get"), Some((3 * GETS, 3 * GETS * 100)), "{outcome}");
    assert_eq!(found("fetch_add"), Some((3, 24)), "{outcome}");
    assert_eq!(found("allreduce"), Some((9, 9 * 16)), "{outcome}");
    assert_eq!(found("fence").map(|fence| fence.0), Some(3), "{outcome}");
    for rank in 0..3 {
        let pair = format!("{rank:<24} {:<14}", (rank + 1) % 3);
        let line =
            text.lines().find_map(|line| line.split_once(&pair)).unwrap_or_else(|| panic!("{outcome}")).1;
        let bytes = (PUTS * 8 + GETS * 100 + 8).to_string();
        assert!(line.trim_end().ends_with(&format!(" {bytes}")), "{line}\n{outcome}");
    }
}

#[test]
fn between_nodes_the_paths_are_told_apart() {
    for engine in ["ucx", "ofi"] {
        let job = Job::new(engine).over(engine).fake_nodes(2).env("GAIN_STATS", "1");
        // A put is direct from 512 bytes on, and the two of eight bytes are not.
        let job = job.env("GAIN_RDMA_BYTES", "512");
        if !tests::is_rank() && !job.is_possible() {
            continue;
        }
        if std::env::var("GAIN_TEST_BODY").is_ok_and(|name| name != engine) {
            continue;
        }
        let outcome = job.outcome(2, |world| {
            let segment = Segment::allocate(&world.team(), 1 << 16).unwrap();
            if world.rank() == 0 {
                segment.put(1, 0, &[1u64]).unwrap();
                segment.put(1, 8, &[1u64]).unwrap();
                segment.put(1, 64, &[7u8; 4096]).unwrap();
                segment.put(0, 0, &[1u8]).unwrap();
                world.fence(1).unwrap();
            }
            segment.free().unwrap();
        });
        assert_eq!(outcome.code, 0, "{outcome}");
        let found = |path: &str| row(&outcome.stderr, "put", path);
        assert_eq!(found("shared memory"), Some((1, 1)), "{outcome}");
        assert_eq!(found("messages"), Some((2, 16)), "{outcome}");
        assert_eq!(found("direct"), Some((1, 4096)), "{outcome}");
        assert!(row(&outcome.stderr, "wait in fence", "-").is_some_and(|wait| wait.0 >= 1), "{outcome}");
    }
}

#[test]
fn a_trace_has_the_spans_of_all_ranks_in_one_file() {
    let path = file("one-trace");
    let job = Job::new("a_trace_has_the_spans_of_all_ranks_in_one_file").env("GAIN_TRACE", &path);
    let outcome = job.outcome(3, work);
    assert_eq!(outcome.code, 0, "{outcome}");
    let events = events(&path);
    for rank in 0..3u64 {
        let of =
            |phase: &str| events.iter().filter(|e| e["pid"] == rank && e["ph"] == *phase).collect::<Vec<_>>();
        let mine = of("X");
        assert_eq!(of("M").iter().filter(|event| event["name"] == "process_name").count(), 1);
        let puts: Vec<_> = mine.iter().filter(|event| event["name"] == "put").collect();
        assert_eq!(puts.len(), PUTS);
        for put in &puts {
            let arguments = (&put["args"]["peer"], &put["args"]["bytes"], &put["args"]["path"]);
            assert_eq!(arguments, (&((rank + 1) % 3).into(), &8.into(), &"shared memory".into()), "{put}");
        }
        let times: Vec<f64> = puts.iter().map(|put| put["ts"].as_f64().unwrap()).collect();
        assert!(times.is_sorted() && times[0] > 0.0, "{times:?}");
        // A wait lies within the call that waits, on the same line of the program.
        let span = |event: &Value| {
            let start = event["ts"].as_f64().unwrap();
            (start, start + event["dur"].as_f64().unwrap())
        };
        for wait in mine.iter().filter(|event| event["cat"] == "wait") {
            let (start, end) = span(wait);
            let holds = |call: &&&Value| {
                let (from, to) = span(call);
                call["name"] == wait["args"]["in"] && from <= start && end <= to + 0.002
            };
            let call = mine.iter().find(holds).unwrap_or_else(|| panic!("{wait}"));
            assert_eq!(call["args"]["at"], wait["args"]["at"]);
            let file = if call["name"] == "finalize" { "tests/src/lib.rs:" } else { "tests/observe.rs:" };
            assert!(call["args"]["at"].as_str().unwrap().contains(file), "{call}");
        }
    }
    // All clocks are one: nobody leaves an allreduce before everybody has come.
    let reductions = |rank: u64| {
        let mine = events.iter().filter(move |event| event["pid"] == rank && event["name"] == "allreduce");
        mine.map(|event| (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap())).collect::<Vec<_>>()
    };
    for round in 0..3 {
        let spans: Vec<(f64, f64)> = (0..3).map(|rank| reductions(rank)[round]).collect();
        let last_came = spans.iter().map(|span| span.0).fold(0.0, f64::max);
        assert!(spans.iter().all(|(start, spent)| start + spent + 1.0 >= last_came), "{spans:?}");
    }
}

#[test]
fn each_rank_may_have_a_file_of_its_own() {
    let path = file("trace-%r");
    let job = Job::new("each_rank_may_have_a_file_of_its_own").env("GAIN_TRACE", &path).fake_nodes(2);
    if !job.clone().over("ucx").is_possible() {
        return;
    }
    let outcome = job.env("GAIN_TRACE_EVENTS", "20").outcome(2, work);
    assert_eq!(outcome.code, 0, "{outcome}");
    for rank in 0..2 {
        let events = events(&PathBuf::from(path.to_str().unwrap().replace("%r", &rank.to_string())));
        assert_eq!(events.iter().filter(|event| event["ph"] == "X").count(), 20);
        let name = events[0]["args"]["name"].as_str().unwrap();
        assert!(
            name.starts_with(&format!("rank {rank} on ")) && name.ends_with("more spans left out"),
            "{name}"
        );
        assert!(events.iter().all(|event| event["pid"] == rank));
    }
}

/// Without `finalize`, and where not all were asked, a rank tells what it has.
#[test]
fn a_rank_that_ends_by_itself_tells_its_own() {
    let path = file("own-trace");
    let job = Job::new("a_rank_that_ends_by_itself_tells_its_own");
    let outcome = job.env("GAIN_STATS", "1").env("GAIN_TRACE", &path).outcome(2, |world| {
        work(world);
        std::process::exit(0);
    });
    assert_eq!(outcome.code, 0, "{outcome}");
    for rank in 0..2 {
        let own = format!("# gain statistics: rank {rank} of 2, which ended by itself");
        assert_eq!(outcome.stderr.matches(&own).count(), 1, "{outcome}");
        let events = events(&PathBuf::from(format!("{}.{rank}", path.display())));
        assert_eq!(events.iter().filter(|event| event["name"] == "put").count(), PUTS);
    }
    assert_eq!(row(&outcome.stderr, "put", "shared memory"), Some((PUTS, PUTS * 8)), "{outcome}");
}

#[test]
fn ranks_that_were_not_all_asked_end_in_good_order() {
    let job = Job::new("ranks_that_were_not_all_asked_end_in_good_order").starting(|| {
        if std::env::var("PMI_RANK").is_ok_and(|rank| rank == "1") {
            // SAFETY: nothing else runs in this process that reads the environment.
            unsafe { std::env::set_var("GAIN_STATS", "1") };
        }
        World::init()
    });
    let outcome = job.outcome(3, work);
    assert_eq!(outcome.code, 0, "{outcome}");
    let own = "# gain statistics: rank 1 of 3, which ended by itself";
    assert_eq!(
        (outcome.stderr.matches(own).count(), outcome.stderr.matches("# gain stat").count()),
        (1, 1),
        "{outcome}"
    );
}

#[test]
fn what_a_rank_forks_or_starts_tells_nothing() {
    let path = file("forking-trace");
    let job = Job::new("what_a_rank_forks_or_starts_tells_nothing").env("GAIN_TRACE", &path);
    let outcome = job.env("GAIN_STATS", "1").outcome(2, |world| {
        work(world);
        // SAFETY: the child only ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            std::process::exit(0);
        }
        let mut status = 0;
        // SAFETY: waits for the child just made.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
    });
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(outcome.stderr.matches("# gain statistics").count(), 1, "{outcome}");
    assert!(!events(&path).is_empty());
}

#[test]
fn nonsense_is_refused_at_the_start() {
    let job = Job::new("nonsense_is_refused_at_the_start").env("GAIN_STATS", "yes");
    let outcome = job.outcome(1, |_| {});
    assert!(
        outcome.code != 0 && outcome.stderr.contains("GAIN_STATS=yes: must be 0, 1 or peers"),
        "{outcome}"
    );
}

/// What a tool was told.
#[derive(Default)]
struct Log(Mutex<Vec<(bool, Event)>>);

impl Observer for Log {
    fn begin(&self, event: &Event) {
        self.0.lock().unwrap().push((true, *event));
    }

    fn end(&self, event: &Event, began: Instant, spent: Duration) {
        assert!(began.elapsed() >= spent);
        // A call from here is told to nobody; if it were, this would not end.
        World::init().unwrap().fence_all().unwrap();
        self.0.lock().unwrap().push((false, *event));
    }
}

#[test]
fn observers_are_told_of_each_call_from_begin_to_end() {
    tests::spmd(&[1, 2], "observers_are_told_of_each_call_from_begin_to_end", |world| {
        let team = world.team();
        let segment = Segment::allocate(&team, 4096).unwrap();
        segment.put(0, 0, &[1u64]).unwrap();
        let log = Arc::new(Log::default());
        World::observe(log.clone());
        let peer = world.size() - 1;
        segment.put(peer, 8 * world.rank(), &[1u64, 2]).unwrap();
        assert!(segment.put(peer, 4096, &[1u64]).is_err(), "an error is an end, too");
        segment.accumulate(peer, 64, &[1.0f64], 2.0).unwrap();
        segment.put_signal(peer, 128, &[1u8; 3], 256, rma::SignalUpdate::Add(1)).unwrap();
        world.barrier().unwrap();
        let all = std::mem::take(&mut *log.0.lock().unwrap());
        let names: Vec<(bool, &str)> = all
            .iter()
            .filter(|(_, e)| e.kind != Kind::Wait)
            .map(|(begins, event)| (*begins, event.name))
            .collect();
        let calls = ["put", "put", "accumulate", "put_signal", "barrier"];
        let expected: Vec<(bool, &str)> =
            calls.iter().flat_map(|name| [(true, *name), (false, *name)]).collect();
        assert_eq!(names, expected);
        let ends: Vec<&Event> =
            all.iter().filter(|(b, e)| !b && e.kind != Kind::Wait).map(|(_, e)| e).collect();
        assert_eq!(ends.iter().map(|end| end.bytes).collect::<Vec<_>>(), [16, 8, 8, 3, 0]);
        assert!(ends[..4].iter().all(|end| end.peer == Some(peer) && end.path == Path::Shared));
        assert_eq!((ends[4].kind, ends[4].peer), (Kind::Collective, None));
        assert!(ends[2].location.is_some_and(|at| at.file().ends_with("observe.rs")));
        segment.free().unwrap();
    });
}
