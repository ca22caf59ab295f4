//! Conformance: one body over shared memory and over every network engine, on one node and on several.
//!
//! | transport | nodes | ranks |
//! | --- | --- | --- |
//! | shm | 1 | those the test names |
//! | ucx, ofi | 2 | 2, 3, 4 of these |
//! | ucx, ofi | 3, 4 | 4, if among these |
//! | ucx, ofi | 5; 3, 7 | 5; 7, if among these |
//! | ucx, ofi | 2 hosts of a rig | 3, if among these |
//!
//! Nodes are pretended ones ([`Job::fake_nodes`]) but for the last line: heaps of their own on one machine, with everything between them
//! over the engine's TCP. What this machine can't do is skipped; a test says how many of its places that were, and why.

use crate::rig::{Network, Rig};
use crate::{Job, is_rank};
use rma::World;
use std::io::Write;
use std::sync::OnceLock;

/// Nodes and ranks of a job over a network; the last node of an uneven split is the fuller one.
const SPREADS: [(usize, usize); 8] = [(2, 2), (2, 3), (2, 4), (3, 4), (4, 4), (5, 5), (3, 7), (7, 7)];

/// Hosts of a rig, and ranks on them.
const HOSTS: (usize, usize) = (2, 3);

/// Which engines can be used here, and why not if they can't.
fn engines() -> &'static [(&'static str, Option<String>)] {
    static FOUND: OnceLock<Vec<(&str, Option<String>)>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let engines = rma::transport::engines().into_iter();
        engines.map(|engine| (engine.name, engine.found.err())).collect()
    })
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
        let spreads: Vec<_> = SPREADS.into_iter().filter(|(_, size)| ranks.contains(size)).collect();
        let on_hosts = ranks.contains(&HOSTS.1);
        for (engine, missing) in engines() {
            if let Some(reason) = missing {
                self.skip(spreads.len() + usize::from(on_hosts), engine, reason);
                continue;
            }
            let job = self.clone().env("GAIN_TRANSPORT", *engine);
            for (nodes, size) in &spreads {
                job.clone().fake_nodes(*nodes).run(&[*size], &body);
            }
            match Rig::with(Network::default()) {
                Ok(_) if on_hosts => job.hosts(HOSTS.0).run(&[HOSTS.1], &body),
                Ok(_) => {}
                Err(reason) => self.skip(usize::from(on_hosts), engine, &reason),
            }
        }
    }

    /// Says what is not tested, past the test harness, which shows what tests print only when they fail.
    fn skip(&self, places: usize, engine: &str, reason: &dyn std::fmt::Display) {
        let line = format!("skipped: {} in {places} places over {engine}: {reason}\n", self.name());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
