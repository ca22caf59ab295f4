//! A hub, a rank and clients in threads of one process.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;
use wire::channel::Channel;
use wire::frame::{self, Kind};
use wire::hub::{Event, Follower, Hub, Rules};

fn rules(followers: usize) -> Rules {
    let (token, welcome) = (b"secret".to_vec(), b"hello".to_vec());
    Rules { token, welcome, followers, idle: Duration::ZERO, is_owned: false }
}

fn name(test: &str) -> String {
    format!("gain-test-{test}-{}", std::process::id())
}

/// Serves until the end: what each session sent, echoed.
fn serve(mut hub: Hub) -> Vec<(u64, Vec<u8>)> {
    let mut got = Vec::new();
    loop {
        match hub.event().expect("all are there") {
            Event::Batch(session, bytes) => {
                if bytes.ends_with(b"?") {
                    hub.reply(session, &bytes);
                }
                got.push((session, bytes));
            }
            Event::End => return got,
            Event::Closed(_) | Event::Interrupted => {}
        }
    }
}

#[test]
fn ranks_get_what_clients_send_in_one_order() {
    let name = name("order");
    let hub = Hub::listen(&name, rules(1)).expect("a hub");
    let first = std::thread::spawn(move || serve(hub));
    let mut other = Follower::connect(&name, b"secret").expect("a rank");
    let second = std::thread::spawn(move || {
        let mut got = Vec::new();
        loop {
            match other.event().expect("rank 0 is there") {
                Event::Batch(session, bytes) => got.push((session, bytes)),
                Event::End => return got,
                Event::Closed(_) | Event::Interrupted => {}
            }
        }
    });
    let clients: Vec<Channel> =
        (0..2).map(|_| Channel::connect(&name, b"secret").expect("a client").0).collect();
    for (number, client) in clients.iter().enumerate() {
        for round in 0..50u8 {
            client.record(|to| to.bytes.extend([number as u8, round, b'?'])).expect("recorded");
            client.flush().expect("sent");
        }
    }
    for (number, client) in clients.iter().enumerate() {
        for round in 0..50u8 {
            let answer = client.answer().expect("the server is there");
            assert_eq!(answer.as_deref(), Some(&[number as u8, round, b'?'][..]));
        }
    }
    drop(clients);
    let (first, second) = (first.join().expect("rank 0"), second.join().expect("rank 1"));
    assert_eq!(first.len(), 100);
    assert_eq!(first, second);
}

/// What is not asked for goes by itself; what somebody has ceased to wait for is passed over.
#[test]
fn batches_go_by_themselves() {
    let name = name("linger");
    let hub = Hub::listen(&name, rules(0)).expect("a hub");
    let server = std::thread::spawn(move || serve(hub));
    let (client, welcome) = Channel::connect(&name, b"secret").expect("a client");
    assert_eq!(welcome, b"hello");
    client.record(|to| to.bytes.extend(b"one?")).expect("recorded");
    assert_eq!(client.answer().expect("an answer").as_deref(), Some(&b"one?"[..]));
    client.abandon();
    client.record(|to| to.bytes.extend(b"two?")).expect("recorded");
    client.flush().expect("sent");
    client.record(|to| to.bytes.extend(b"three?")).expect("recorded");
    assert_eq!(client.answer().expect("an answer").as_deref(), Some(&b"three?"[..]));
    drop(client);
    assert_eq!(server.join().expect("it ended").len(), 3);
}

#[test]
fn strangers_are_refused_and_others_go_on() {
    let name = name("strangers");
    let hub = Hub::listen(&name, rules(0)).expect("a hub");
    let server = std::thread::spawn(move || serve(hub));
    let (client, _) = Channel::connect(&name, b"secret").expect("a client");
    let refused = Channel::connect(&name, b"guessed").expect_err("a wrong token");
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    let address = SocketAddr::from_abstract_name(&name).expect("an address");
    for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[255; 8], &frame::header(Kind::Batch, 3), b"x"] {
        let mut stream = UnixStream::connect_addr(&address).expect("it listens");
        stream.write_all(said).expect("it reads");
        stream.shutdown(std::net::Shutdown::Write).expect("said all");
        let mut answer = Vec::new();
        // (A refusal, or nothing.)
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(&frame::header(Kind::Welcome, 5)));
    }
    client.record(|to| to.bytes.extend(b"still here?")).expect("recorded");
    client.flush().expect("sent");
    assert_eq!(client.answer().expect("an answer").as_deref(), Some(&b"still here?"[..]));
    drop(client);
    server.join().expect("it ended");
}

#[test]
fn a_server_that_goes_is_an_error() {
    let name = name("gone");
    let mut hub = Hub::listen(&name, rules(0)).expect("a hub");
    let server = std::thread::spawn(move || hub.event().map(drop));
    let (client, _) = Channel::connect(&name, b"secret").expect("a client");
    client.record(|to| to.bytes.extend(b"last?")).expect("recorded");
    client.flush().expect("sent");
    server.join().expect("it ended").expect("one frame");
    assert_eq!(client.answer(), Err("the server is gone".to_owned()));
    assert!(client.record(|to| to.bytes.push(0)).is_err());
}
