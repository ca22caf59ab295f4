//! Conformance: one body over shared memory and over every network engine, on one node and on several.
//!
//! | transport | nodes | ranks |
//! | --- | --- | --- |
//! | shm | 1 | those the test names |
//! | ucx, ofi | 2 | 2, 3, 4 of these |
//! | ucx, ofi | 3, 4 | 4, if among these |
//! | ucx, ofi | 5; 3, 7 | 5; 7, if among these |
//! | ucx, ofi | 2 hosts of a rig | 3; under `GAIN_TEST_ALL` 2, 3, 4, if among these |
//! | ucx, ofi | 4 hosts of a rig | 4, if among these |
//!
//! Nodes are pretended ones ([`Job::fake_nodes`]) but for the last lines: heaps of their own on one machine, with everything between them
//! over the engine's TCP. Where there are hosts they stand for pretended nodes of the same number, but under `GAIN_TEST_ALL`.
//! What this machine can't do is skipped; a test says how many of its places that were, and why.

use crate::rig::{Network, Rig};
use crate::{Job, is_rank};
use rma::World;
use std::io::Write;
use std::sync::OnceLock;

/// Nodes and ranks of a job over a network; the last node of an uneven split is the fuller one.
const SPREADS: [(usize, usize); 8] = [(2, 2), (2, 3), (2, 4), (3, 4), (4, 4), (5, 5), (3, 7), (7, 7)];

/// Hosts of a rig and ranks on them: those of every run, and the others.
const HOSTS: [(usize, usize); 2] = [(2, 3), (4, 4)];
const MORE_HOSTS: [(usize, usize); 2] = [(2, 2), (2, 4)];

/// Asks for all places.
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
        let wanted = |(_, size): &(usize, usize)| ranks.contains(size);
        let is_all = std::env::var_os(ALL).is_some();
        let rig = Rig::with(Network::default());
        let more_hosts = MORE_HOSTS.into_iter().filter(|_| is_all);
        let hosts: Vec<_> = HOSTS.into_iter().chain(more_hosts).filter(wanted).collect();
        let has_hosts = |spread: &(usize, usize)| rig.is_ok() && !is_all && hosts.contains(spread);
        let spreads: Vec<_> =
            SPREADS.into_iter().filter(wanted).filter(|spread| !has_hosts(spread)).collect();
        for (engine, missing) in engines() {
            if let Some(reason) = missing {
                self.skip(spreads.len() + hosts.len(), engine, reason);
                continue;
            }
            let job = self.clone().env("GAIN_TRANSPORT", *engine);
            for (nodes, size) in &spreads {
                job.clone().fake_nodes(*nodes).run(&[*size], &body);
            }
            match &rig {
                Ok(_) => {
                    hosts.iter().for_each(|(hosts, size)| job.clone().hosts(*hosts).run(&[*size], &body))
                }
                Err(reason) => self.skip(hosts.len(), engine, reason),
            }
        }
    }

    /// Says what is not tested, past the test harness, which shows what tests print only when they fail.
    fn skip(&self, places: usize, engine: &str, reason: &dyn std::fmt::Display) {
        let line = format!("skipped: {} in {places} places over {engine}: {reason}\n", self.name());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
