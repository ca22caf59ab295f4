//! Mutexes of a team, and fences of one array, on 1 to 4 ranks.

use crate::common::RANKS;
use ga_core::{ErrorKind, GlobalArray, Mutexes};
use tests::{Job, spmd};

#[test]
fn mutexes_protect_what_is_not_atomic() {
    let body = |world: &rma::World| {
        const ROUNDS: i64 = 60;
        const COUNT: usize = 5;
        let team = world.team();
        let mutexes = Mutexes::create(&team, COUNT).unwrap();
        assert_eq!(mutexes.count(), COUNT);
        let sums = GlobalArray::<i64>::builder(&team, &[COUNT]).create().unwrap();
        sums.zero().unwrap();
        for round in 0..ROUNDS {
            let k = (round as usize + world.rank()) % COUNT;
            mutexes.lock(k).unwrap();
            // A get and a put: updates would be lost without the mutex.
            let mut value = [0];
            sums.get(k..k + 1, &mut value).unwrap();
            sums.put(k..k + 1, &[value[0] + 1]).unwrap();
            sums.fence().unwrap();
            mutexes.unlock(k).unwrap();
        }
        sums.sync().unwrap();
        let total: i64 = sums.get_array::<ndarray::Ix1>(..).unwrap().iter().sum();
        assert_eq!(total, ROUNDS * world.size() as i64);
        if world.rank() == 0 {
            assert!(mutexes.try_lock(3).unwrap());
            mutexes.unlock(3).unwrap();
            for refused in [mutexes.unlock(3), mutexes.lock(COUNT)] {
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::Communication);
            }
        }
        mutexes.destroy().unwrap();
        Mutexes::create(&team, 0).unwrap().destroy().unwrap();
    };
    spmd(RANKS, "mutexes_protect_what_is_not_atomic", body);
    Job::new("mutexes between nodes").fake_nodes(2).run(&[3], body);
}

/// Without a barrier: what one rank has put and fenced, another sees once it is told by a counter of another array.
#[test]
fn a_fence_of_one_array_makes_its_puts_visible() {
    let body = |world: &rma::World| {
        let team = world.team();
        let data = GlobalArray::<i64>::builder(&team, &[64, 64]).create().unwrap();
        let flag = GlobalArray::<i64>::builder(&team, &[world.size()]).create().unwrap();
        data.zero().unwrap();
        flag.zero().unwrap();
        let last = world.size() - 1;
        if world.rank() == 0 {
            data.put([0..64, 0..64], &[9; 64 * 64]).unwrap();
            data.accumulate([0..64, 0..64], &[1; 64 * 64], 2).unwrap();
            data.fence().unwrap();
            flag.read_inc(&[last], 1).unwrap();
        }
        if world.rank() == last {
            while flag.read_inc(&[last], 0).unwrap() == 0 {
                std::hint::spin_loop();
            }
            assert!(data.get_array::<ndarray::Ix2>(..).unwrap().iter().all(|&v| v == 11));
        }
        data.sync().unwrap();
    };
    spmd(RANKS, "a_fence_of_one_array_makes_its_puts_visible", body);
    Job::new("a fence between nodes").fake_nodes(2).run(&[2], body);
}
