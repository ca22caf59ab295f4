//! Random operations of all kinds against a serial model, with fences and collectives at random places: everywhere for a moment,
//! and between hosts of a slow network that loses frames for as long as is asked.

#![allow(missing_docs)]

mod walk;

use rma::World;
use std::time::{Duration, Instant};
use tests::{Job, everywhere, rig};
use walk::Walk;

/// As of a poor cluster: half a millisecond each way, and one frame of a thousand lost.
const SLOW: rig::Network = rig::Network { delay_us: 500, jitter_us: 0, loss_ppm: 1000 };

#[test]
fn operations_of_one_rank_take_effect_in_order() {
    everywhere(&[1, 2, 3, 4], "operations_of_one_rank_take_effect_in_order", |world| {
        for seed in 1..4 {
            let mut walk = Walk::start(world, seed);
            (0..6).for_each(|_| walk.stretch_of(50));
            walk.finish();
        }
    });
}

/// Walks with ever new seeds, the first of which is printed, until the time is over.
fn walk_for(world: &World, duration: Duration) {
    let start = Instant::now();
    let clock = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut first = [clock, 1];
    world.team().broadcast(&mut first, 0).unwrap();
    let mut seeds = first[0]..;
    loop {
        let mut walk = Walk::start(world, seeds.next().unwrap());
        (0..10).for_each(|_| walk.stretch_of(30));
        walk.finish();
        let mut goes_on = [u64::from(start.elapsed() < duration)];
        world.team().broadcast(&mut goes_on, 0).unwrap();
        if goes_on == [0] {
            break;
        }
    }
    if world.rank() == 0 {
        eprintln!("walked with seeds {} to {}", first[0], seeds.start - 1);
    }
}

fn soak(name: &str, engine: &'static str, duration: Duration) {
    let job = Job::new(name).hosts(2).network(SLOW).over(engine);
    job.deadline(2 * duration + Duration::from_secs(60)).run(&[4], |world| walk_for(world, duration));
}

#[test]
fn a_poor_network_for_seconds_over_ucx() {
    soak("a_poor_network_for_seconds_over_ucx", "ucx", Duration::from_secs(3));
}

#[test]
fn a_poor_network_for_seconds_over_ofi() {
    soak("a_poor_network_for_seconds_over_ofi", "ofi", Duration::from_secs(3));
}

#[test]
#[ignore = "takes two and a half minutes"]
fn a_poor_network_for_minutes_over_ucx() {
    soak("a_poor_network_for_minutes_over_ucx", "ucx", Duration::from_secs(150));
}

#[test]
#[ignore = "takes two and a half minutes"]
fn a_poor_network_for_minutes_over_ofi() {
    soak("a_poor_network_for_minutes_over_ofi", "ofi", Duration::from_secs(150));
}
