//! Gatherings that strangers come to. Oracle: who was told to come.

use super::*;
use crate::bootstrap::node::tests::Threads;
use crate::bootstrap::secret_name;

fn place(name: u64, rank: usize) -> Place {
    Place::new(Secret { name, cookie: 77 }, None, rank)
}

/// A name of this process and call.
fn fresh() -> u64 {
    let name = secret_name("").unwrap();
    u64::from_str_radix(&name[..16], 16).unwrap()
}

/// The ranks that `gather` finds when rank 1 comes, after what `strangers` do at the name of the socket.
fn gather(strangers: impl FnOnce(&[u8])) -> Vec<usize> {
    let name = fresh();
    let (here, there) = (place(name, 0), place(name, 1));
    let hub = here.open().unwrap();
    let mut spoke = there.open().unwrap();
    assert!(matches!((&hub, &spoke), (Part::Hub(_), Part::Spoke(None))));
    strangers(&here.name);
    there.come(&mut spoke).unwrap();
    let (_links, members, _) = here.gather(hub, 2).unwrap();
    let (_, told, _) = there.gather(spoke, 2).unwrap();
    let ranks = |members: &[Member]| members.iter().map(|member| member.rank).collect::<Vec<_>>();
    assert_eq!(ranks(&members), ranks(&told));
    ranks(&told)
}

#[test]
fn who_says_nothing_or_something_else_is_left_out_and_not_waited_for() {
    let start = Instant::now();
    let mut open = Vec::new();
    let ranks = gather(|name| {
        for word in [&[][..], b"x", b"a word of sixteen", &[0; 20], &[16, 0, 0, 0, 9, 9]] {
            let mut stream = connect(name, CONNECTING).unwrap();
            stream.write_all(word).unwrap();
            open.push(stream);
        }
        drop(connect(name, CONNECTING).unwrap());
        // Of another job, and of another version.
        let mut word = place(0, 1).word(1);
        word[0] ^= 1;
        let mut later = place(0, 1).word(1);
        later[8] ^= 1;
        for word in [word, later] {
            let stream = connect(name, CONNECTING).unwrap();
            send(&stream, &word, None).unwrap();
            open.push(stream);
        }
    });
    assert_eq!(ranks, [0, 1]);
    assert!(start.elapsed() < CONNECTING, "nobody was waited for");
}

/// More of them than the queue has places, all open until the end.
#[test]
fn other_users_take_no_place_in_the_queue() {
    // SAFETY: no arguments, cannot fail.
    if unsafe { libc::getuid() } != 0 {
        return eprintln!("skipped: becoming another user needs root");
    }
    let mut child = 0;
    let ranks = gather(|name| {
        let (mut ready, in_child) = UnixStream::pair().unwrap();
        // SAFETY: the child makes system calls only, on memory of its own, and is killed.
        child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            let is_other = unsafe { libc::setresuid(65534, 65534, 65534) } == 0;
            let streams: Vec<_> = (0..500).map_while(|_| connect(name, CONNECTING).ok()).collect();
            let _ = (&in_child).write_all(&[u8::from(is_other && streams.len() == 500)]);
            // SAFETY: waits to be killed.
            unsafe { libc::pause() };
        }
        let mut is_done = [0];
        std::io::Read::read_exact(&mut ready, &mut is_done).unwrap();
        assert_eq!(is_done, [1]);
    });
    // SAFETY: the child from above.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
    assert_eq!(ranks, [0, 1]);
}

#[test]
fn a_hub_that_is_not_there_is_an_error_in_time() {
    let error = connect(format!("gain-test-nobody-{}", fresh()).as_bytes(), Duration::from_millis(30));
    assert!(error.unwrap_err().to_string().contains("this node's first rank for 0.03 s"));
}

#[test]
fn two_that_say_they_are_the_same_rank_are_an_error() {
    let name = fresh();
    let (here, there) = (place(name, 1), place(name, 1));
    let hub = here.open().unwrap();
    let mut spoke = there.open().unwrap();
    there.come(&mut spoke).unwrap();
    assert!(here.gather(hub, 2).is_err());
}

#[test]
fn names_fit_and_differ_where_jobs_nodes_and_users_do() {
    let secret = |name| Secret { name, cookie: 5 };
    let names = [
        socket_name(secret(1), None, 0),
        socket_name(secret(1), Some(0), 0),
        socket_name(secret(1), Some(1), 0),
        socket_name(secret(1), None, 1),
        socket_name(secret(u64::MAX), Some(usize::MAX), u32::MAX),
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(name.len() <= 107 && !names[..index].contains(name), "{}", String::from_utf8_lossy(name));
        assert!(
            !String::from_utf8_lossy(name).contains("0000000000000005"),
            "the cookie is not for all to see"
        );
    }
}

/// With a process manager whose names of jobs anybody can guess.
#[test]
fn ranks_agree_on_a_secret() {
    let all = std::sync::Mutex::new(Vec::new());
    for round in 0..2 {
        Threads::start(4, "guessable", |mut bootstrap| {
            bootstrap.is_secret = false;
            let secret = Secret::agree(&mut bootstrap).unwrap();
            all.lock().unwrap().push((round, secret));
        });
    }
    let all = all.into_inner().unwrap();
    assert!(all.iter().all(|(round, secret)| *secret == all[if *round == 0 { 0 } else { 4 }].1));
    assert!(all[0].1.name != all[4].1.name && all[0].1.cookie != all[4].1.cookie);
}
