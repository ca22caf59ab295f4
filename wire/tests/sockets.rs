//! A hub, a rank and clients in threads of one process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;
use wire::VERSION;
use wire::channel::Channel;
use wire::follower::{Follower, Leader};
use wire::frame::{self, Greeting, Kind, Role, SESSION};
use wire::hub::{Event, Hub, Rules};
use wire::place::Place;
use wire::tls::{self, Identity};

fn rules(followers: usize) -> Rules {
    let (token, welcome) = (b"secret".to_vec(), b"hello".to_vec());
    Rules { token, welcome, followers, idle: Duration::ZERO, grace: Duration::from_secs(30), is_owned: false }
}

fn near(name: &str) -> Place {
    Place::Machine(name.to_owned())
}

/// A hub that is reached over TCP as well; where.
fn far(name: &str, rules: Rules) -> (Hub, Place) {
    let hub = Hub::listen(name, rules).expect("a hub");
    let identity = Identity::new().expect("a key");
    let key = identity.key;
    let port = tls::front("127.0.0.1:0", identity, name).expect("a port");
    (hub, Place::Network(format!("127.0.0.1:{port}"), key))
}

/// Sends one command, and waits for what comes back.
fn ask(client: &Channel, said: &[u8]) -> Result<Option<Vec<u8>>, String> {
    client.ask(7, |to| to.bytes.extend(said))?;
    client.answer(7)
}

/// Hears what rank 0 says.
fn hear(mut rank: Follower) -> Vec<(u64, Vec<u8>)> {
    let mut got = Vec::new();
    loop {
        match rank.event().expect("rank 0 is there") {
            Event::Batch(session, bytes) => got.push((session, bytes)),
            Event::End => return got,
            Event::Cancelled(..) | Event::Closed(_) | Event::Interrupted => {}
        }
    }
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
                    hub.reply(session, 7, &bytes);
                }
                got.push((session, bytes));
            }
            Event::End => return got,
            Event::Cancelled(..) | Event::Closed(_) | Event::Interrupted => {}
        }
    }
}

#[test]
fn ranks_get_what_clients_send_in_one_order() {
    let name = name("order");
    let hub = Hub::listen(&name, rules(1)).expect("a hub");
    let first = std::thread::spawn(move || serve(hub));
    let other = Follower::connect(&[near(&name)], b"secret").expect("a rank");
    let second = std::thread::spawn(move || hear(other));
    let clients: Vec<Channel> =
        (0..2).map(|_| Channel::connect(near(&name), b"secret").expect("a client").0).collect();
    for (number, client) in clients.iter().enumerate() {
        for round in 0..50u8 {
            let answer = ask(client, &[number as u8, round, b'?']).expect("the server is there");
            assert_eq!(answer.as_deref(), Some(&[number as u8, round, b'?'][..]));
        }
    }
    drop(clients);
    let (first, second) = (first.join().expect("rank 0"), second.join().expect("rank 1"));
    assert_eq!(first.len(), 100);
    assert_eq!(first, second);
}

/// What is not asked for goes by itself; an answer belongs to its call.
#[test]
fn batches_go_by_themselves() {
    let name = name("linger");
    let mut hub = Hub::listen(&name, rules(0)).expect("a hub");
    let (comes, came) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        loop {
            match hub.event().expect("all are there") {
                Event::Batch(session, bytes) => {
                    // (An answer to nobody first.)
                    hub.reply(session, 6, b"what?");
                    hub.reply(session, 7, &bytes);
                    comes.send(bytes).expect("it is heard");
                }
                Event::End => return,
                Event::Cancelled(..) | Event::Closed(_) | Event::Interrupted => {}
            }
        }
    });
    let (client, welcome) = Channel::connect(near(&name), b"secret").expect("a client");
    assert_eq!(welcome, b"hello");
    client.record(|to| to.bytes.extend(b"one")).expect("recorded");
    assert_eq!(came.recv().expect("it came"), b"one");
    // (That of the first is there already, and another one that is nobody's.)
    assert_eq!(ask(&client, b"two").expect("an answer").as_deref(), Some(&b"one"[..]));
    drop(client);
    server.join().expect("it ended");
}

#[test]
fn strangers_are_refused_and_others_go_on() {
    let name = name("strangers");
    let hub = Hub::listen(&name, rules(0)).expect("a hub");
    let server = std::thread::spawn(move || serve(hub));
    let (client, _) = Channel::connect(near(&name), b"secret").expect("a client");
    let refused = Channel::connect(near(&name), b"guessed").expect_err("a wrong token");
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
    assert_eq!(ask(&client, b"still here?").expect("an answer").as_deref(), Some(&b"still here?"[..]));
    drop(client);
    server.join().expect("it ended");
}

#[test]
fn a_server_that_goes_is_an_error() {
    let name = name("gone");
    let mut hub = Hub::listen(&name, rules(0)).expect("a hub");
    let server = std::thread::spawn(move || hub.event().map(drop));
    let (client, _) = Channel::connect(near(&name), b"secret").expect("a client");
    assert_eq!(ask(&client, b"last?"), Err("the server is gone".to_owned()));
    server.join().expect("it ended").expect("one frame");
    assert!(client.record(|to| to.bytes.push(0)).is_err());
}

/// Frames of a version before and after this one, on both sides.
#[test]
fn other_versions_are_refused_on_both_sides() {
    let name = name("versions");
    let hub = Hub::listen(&name, rules(0)).expect("a hub");
    let server = std::thread::spawn(move || serve(hub));
    let (client, _) = Channel::connect(near(&name), b"secret").expect("a client");
    let address = SocketAddr::from_abstract_name(&name).expect("an address");
    let greeting = Greeting { role: Role::Client, session: [0; SESSION], token: b"secret".to_vec() }.encode();
    for (version, word) in [(VERSION - 1, "older"), (VERSION + 1, "newer")] {
        let mut header = frame::header(Kind::Hello, greeting.len());
        header[6..].copy_from_slice(&version.to_le_bytes());
        let mut stream = UnixStream::connect_addr(&address).expect("it listens");
        stream.write_all(&[&header[..], &greeting].concat()).expect("it reads");
        let (kind, text) = frame::receive(&mut stream, frame::MOST).expect("a refusal");
        assert_eq!(kind, Kind::Refused);
        assert!(String::from_utf8_lossy(&text).contains(word), "{text:?}");
    }
    drop(client);
    server.join().expect("it ended");
    // A server of another version: it refuses, in its own words.
    let listener = UnixListener::bind_addr(&address).expect("an address");
    for (version, word) in [(VERSION - 1, "older"), (VERSION + 1, "newer")] {
        let place = near(&name);
        let client = std::thread::spawn(move || Channel::connect(place, b"secret").map(drop));
        let (mut stream, _) = listener.accept().expect("a client");
        let mut header = frame::header(Kind::Refused, 3);
        header[6..].copy_from_slice(&version.to_le_bytes());
        stream.write_all(&[&header[..], b"no!"].concat()).expect("it reads");
        let error = client.join().expect("it ended").expect_err("another version");
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// What has not begun when it is cancelled is handed on as cancelled; what comes later is done.
#[test]
fn what_has_not_begun_is_cancelled() {
    let name = name("cancel");
    let mut hub = Hub::listen(&name, rules(0)).expect("a hub");
    let (said, hears) = std::sync::mpsc::channel();
    let (begins, begun) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let mut got = Vec::new();
        loop {
            match hub.event().expect("all are there") {
                Event::Batch(session, bytes) => {
                    if bytes == b"slow" {
                        // (Until the client has cancelled.)
                        begins.send(()).expect("it hears");
                        hears.recv().expect("it goes on");
                    }
                    hub.reply(session, 7, &bytes);
                    got.push((true, bytes));
                }
                Event::Cancelled(_, bytes) => got.push((false, bytes)),
                Event::End => return got,
                Event::Closed(_) | Event::Interrupted => {}
            }
        }
    });
    let (client, _) = Channel::connect(near(&name), b"secret").expect("a client");
    for text in [&b"slow"[..], b"two", b"three"] {
        client.record(|to| to.bytes.extend(text)).expect("recorded");
        client.flush().expect("sent");
    }
    begun.recv().expect("it begins");
    client.abandon(7);
    said.send(()).expect("it hears");
    assert_eq!(ask(&client, b"four").expect("an answer").as_deref(), Some(&b"slow"[..]));
    drop(client);
    let got = server.join().expect("it ended");
    let done: Vec<_> = got.iter().map(|(is_done, bytes)| (*is_done, &bytes[..])).collect();
    assert_eq!(done, [(true, &b"slow"[..]), (false, b"two"), (false, b"three"), (true, b"four")]);
}

/// Who has had more of the ranks' time waits for who has had less.
#[test]
fn turns_are_fair() {
    let name = name("turns");
    let mut hub = Hub::listen(&name, rules(0)).expect("a hub");
    let (begins, begun) = std::sync::mpsc::channel();
    let (said, hears) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let mut got = Vec::new();
        loop {
            match hub.event().expect("all are there") {
                Event::Batch(_, bytes) => {
                    if got.is_empty() {
                        begins.send(()).expect("it hears");
                        hears.recv().expect("it goes on");
                    }
                    got.push(bytes);
                }
                Event::End => return got,
                Event::Cancelled(..) | Event::Closed(_) | Event::Interrupted => {}
            }
        }
    });
    let (many, few) = (
        Channel::connect(near(&name), b"secret").expect("a client").0,
        Channel::connect(near(&name), b"secret").expect("a client").0,
    );
    let send = |client: &Channel, text: &[u8]| {
        client.record(|to| to.bytes.extend(text)).expect("recorded");
        client.flush().expect("sent");
    };
    (0..4).for_each(|_| send(&many, b"many"));
    begun.recv().expect("it begins");
    send(&few, b"few");
    said.send(()).expect("it hears");
    drop((many, few));
    let got = server.join().expect("it ended");
    assert_eq!(got.len(), 5);
    assert_eq!(got[1], b"few");
}

#[test]
fn over_the_network_all_is_as_beside_it() {
    let name = name("far");
    let (hub, place) = far(&name, rules(2));
    let first = std::thread::spawn(move || serve(hub));
    let mut other = Follower::connect(std::slice::from_ref(&place), b"secret").expect("a rank");
    let beside = format!("{name}-1");
    let leader = Leader::listen(&beside).expect("a place for the third");
    let third = Follower::connect(&[near(&beside)], b"secret").expect("a rank");
    other.lead(&leader, 1, b"secret").expect("it comes");
    let mate = Follower::connect(&[near(&name)], b"secret").expect("a rank");
    let ranks: Vec<_> =
        [other, third, mate].into_iter().map(|rank| std::thread::spawn(move || hear(rank))).collect();
    let (client, welcome) = Channel::connect(place.clone(), b"secret").expect("a client");
    assert_eq!(welcome, b"hello");
    // (More than fits into all buffers on the way.)
    let long: Vec<u8> = (0..20_000_000u32).map(|i| (i.wrapping_mul(i) >> 3) as u8).chain(*b"?").collect();
    for said in [&long[..], b"short?", &long] {
        assert!(ask(&client, said).expect("an answer").as_deref() == Some(said));
    }
    drop(client);
    let expected = first.join().expect("rank 0");
    assert_eq!(expected.len(), 3);
    for rank in ranks {
        assert!(rank.join().expect("a rank") == expected);
    }
}

#[test]
fn who_has_not_the_key_or_the_token_is_refused() {
    let name = name("keys");
    let (hub, place) = far(&name, rules(0));
    let server = std::thread::spawn(move || serve(hub));
    let (client, _) = Channel::connect(place.clone(), b"secret").expect("a client");
    let Place::Network(address, key) = place.clone() else { unreachable!() };
    let other = Place::Network(address.clone(), [key[0] ^ 1; 32]);
    let error = Channel::connect(other, b"secret").expect_err("another server's key");
    assert!(error.to_string().contains("another server"), "{error}");
    let error = Channel::connect(place, b"guessed").expect_err("a wrong token");
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    assert!(Place::new(&format!("tcp://{address}"), b"").is_err(), "a server that is not known");
    // Without TLS nobody gets to the hub.
    for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 600], &frame::header(Kind::Hello, 23)] {
        let mut stream = TcpStream::connect(&address).expect("it listens");
        stream.write_all(said).expect("it reads");
        stream.shutdown(std::net::Shutdown::Write).expect("said all");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 100, "{answer:?}");
    }
    assert_eq!(ask(&client, b"still here?").expect("an answer").as_deref(), Some(&b"still here?"[..]));
    drop(client);
    server.join().expect("it ended");
}

/// A wire that is cut: what was sent and not taken comes when the client is back, and nothing comes twice.
#[test]
fn a_client_comes_back_to_its_session() {
    let name = name("back");
    let (hub, place) = far(&name, rules(0));
    let server = std::thread::spawn(move || serve(hub));
    let Place::Network(address, key) = place else { unreachable!() };
    let wire = TcpListener::bind("127.0.0.1:0").expect("a port");
    let between = wire.local_addr().expect("a port").to_string();
    let (cut, cuts) = std::sync::mpsc::channel();
    let passes = std::thread::spawn(move || {
        for _ in 0..2 {
            let (near, _) = wire.accept().expect("a client");
            let far = TcpStream::connect(&address).expect("a server");
            for (from, to) in [(&near, &far), (&far, &near)] {
                let (mut from, mut to) =
                    (from.try_clone().expect("one more"), to.try_clone().expect("one more"));
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
            cuts.recv().expect("it is cut");
            for end in [near, far] {
                let _ = end.shutdown(std::net::Shutdown::Both);
            }
        }
    });
    let (client, _) = Channel::connect(Place::Network(between, key), b"secret").expect("a client");
    assert_eq!(ask(&client, b"1?").expect("an answer").as_deref(), Some(&b"1?"[..]));
    cut.send(()).expect("it hears");
    // Until it notices.
    let mut count = 2u32;
    while client.record(|to| to.bytes.extend(count.to_le_bytes())).and_then(|()| client.flush()).is_ok() {
        count += 1;
    }
    client.come_back().expect("the server waits");
    let said = ask(&client, b"end?").expect("an answer").expect("one");
    assert!(said.ends_with(b"end?"));
    client.close();
    let got: Vec<u8> = server.join().expect("it ended").into_iter().flat_map(|(_, bytes)| bytes).collect();
    cut.send(()).expect("it hears");
    passes.join().expect("it ended");
    // (The one that failed was kept, if it got so far as to be sent.)
    let expected =
        |end: u32| [b"1?".to_vec(), (2..end).flat_map(u32::to_le_bytes).collect(), b"end?".to_vec()].concat();
    assert!(got == expected(count) || got == expected(count + 1), "{count} and {} bytes", got.len());
}
