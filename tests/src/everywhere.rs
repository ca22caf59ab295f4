//! Conformance: one body over shared memory and over every network engine, on one node and on several.
//!
//! | transport | nodes | ranks, if the test names them |
//! | --- | --- | --- |
//! | shm | 1 | all |
//! | ucx, ofi | 2 | 2, 3; under `GAIN_TEST_ALL` 4 as well |
//! | ucx, ofi | 3, 4 | 4 |
//! | ucx, ofi | 5; 3, 7 | 5; 7 |
//!
//! Nodes are the hosts of a rig, up to its four, and else pretended ones ([`Job::fake_nodes`]): heaps of their own on one machine, with
//! everything between them over the engine's TCP. Under `GAIN_TEST_ALL` each of the two ways is gone.
//! What this machine can't do is skipped; a test says how many of its places that were, and why.

use crate::rig::{HOSTS, Network, Rig};
use crate::{Job, is_rank};
use rma::World;
use std::io::Write;
use std::sync::OnceLock;

/// Nodes and ranks of a job over a network; the last node of an uneven split is the fuller one.
const SPREADS: [(usize, usize); 7] = [(2, 2), (2, 3), (3, 4), (4, 4), (5, 5), (3, 7), (7, 7)];
/// The others.
const MORE_SPREADS: [(usize, usize); 1] = [(2, 4)];

/// Asks for all places, and both kinds of nodes.
const ALL: &str = "GAIN_TEST_ALL";

/// Which engines can be used here, and why not if they can't.
fn engines() -> &'static [(&'static str, Option<String>)] {
    static FOUND: OnceLock<Vec<(&str, Option<String>)>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let engines = rma::transport::engines().into_iter();
        engines.map(|engine| (engine.name, engine.found.err())).collect()
    })
}

/// Why an engine can't be used here; nothing if it can.
pub(crate) fn missing(name: &str) -> Option<String> {
    engines().iter().find(|(engine, _)| *engine == name)?.1.clone()
}

/// Runs `body` in every place there is, with those numbers of ranks.
pub fn everywhere(ranks: &[usize], name: &str, body: impl Fn(&World)) {
    Job::new(name).everywhere(ranks, body);
}

impl Job {
    /// Runs `body` in every place there is, with those numbers of ranks; panics with everything that was printed if one job fails.
    pub fn everywhere(&self, ranks: &[usize], body: impl Fn(&World)) {
        self.run(ranks, &body);
        if is_rank() {
            return;
        }
        let is_all = std::env::var_os(ALL).is_some();
        let more = MORE_SPREADS.into_iter().filter(|_| is_all);
        let spreads: Vec<_> =
            SPREADS.into_iter().chain(more).filter(|(_, size)| ranks.contains(size)).collect();
        let rig = Rig::with(Network::default());
        let on_hosts = |(nodes, _): &&(usize, usize)| *nodes <= HOSTS;
        for (engine, missing) in engines() {
            if let Some(reason) = missing {
                self.skip(spreads.len(), engine, reason);
                continue;
            }
            let job = self.clone().env("GAIN_TRANSPORT", *engine);
            for (nodes, size) in spreads.iter().filter(|spread| is_all || rig.is_err() || !on_hosts(spread)) {
                job.clone().fake_nodes(*nodes).run(&[*size], &body);
            }
            match &rig {
                Ok(_) => spreads.iter().filter(on_hosts).for_each(|(hosts, size)| {
                    job.clone().hosts(*hosts).run(&[*size], &body);
                }),
                Err(reason) => self.skip(spreads.iter().filter(on_hosts).count(), engine, reason),
            }
        }
    }

    /// Says what is not tested, past the test harness, which shows what tests print only when they fail.
    fn skip(&self, places: usize, engine: &str, reason: &dyn std::fmt::Display) {
        let line = format!("skipped: {} in {places} places over {engine}: {reason}\n", self.name());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
