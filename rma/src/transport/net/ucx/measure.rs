use super::tests::*;
use super::*;

#[derive(Default)]
struct Ear { pings: Vec<usize>, pongs: usize, streamed: usize, done: usize, key: Option<Vec<u8>>, stop: bool }
impl Sink for Ear {
    fn message(&mut self, bytes: &[u8]) {
        match bytes[0] {
            0 => self.pings.push(bytes.len()),
            1 => self.pongs += 1,
            2 => self.streamed += 1,
            3 => self.key = Some(bytes[8..].to_vec()),
            _ => self.stop = true,
        }
    }
    fn done(&mut self, _: u64, o: Result<()>) { o.unwrap(); self.done += 1; }
    fn broken(&mut self, _: usize, why: String) { eprintln!("broken {why}"); self.stop = true; }
}

#[test]
fn measure_other() {
    let Ok(address) = std::env::var("GAIN_TEST_PEER") else { return };
    let mut w = Ucx::open(2).unwrap();
    w.connect(1, &unhex(&address)).unwrap();
    println!("\naddress {}", hex(w.address()));
    let mut mem = vec![0u8; 1 << 20];
    let (_, key) = unsafe { w.register(mem.as_mut_ptr(), mem.len()) }.unwrap();
    unsafe { w.send(1, &[3; 8], key.as_ptr(), key.len(), 0) }.unwrap();
    let mut ear = Ear::default();
    let body = vec![1u8; 1 << 20];
    while !ear.stop {
        w.progress(&mut ear);
        for len in std::mem::take(&mut ear.pings) {
            unsafe { w.send(1, &[1; 8], body.as_ptr(), len - 8, 0) }.unwrap();
        }
    }
}

#[test]
fn measure() {
    if std::env::var_os("MEASURE").is_none() { return }
    let mut w = Ucx::open(2).unwrap();
    println!("{} {:?}", w.describe(), w.limits());
    let mut peer = PeerProcess::start_as("measure::measure_other", w.address());
    w.connect(1, &peer.address).unwrap();
    let mut ear = Ear::default();
    let mut body = vec![1u8; 1 << 20];
    while ear.key.is_none() { w.progress(&mut ear); }
    let key = w.import(1, &ear.key.clone().unwrap()).unwrap();
    let us = |t: Instant| t.elapsed().as_secs_f64() * 1e6;
    let lat = |name: &str, len: usize, n: usize, w: &mut Ucx, ear: &mut Ear, f: &mut dyn FnMut(&mut Ucx, &mut Ear)| {
        let mut v = vec![];
        for _ in 0..n { let t = Instant::now(); f(w, ear); v.push(us(t)); }
        v.sort_by(f64::total_cmp);
        println!("{name:10} {len:8} min {:8.2} q1 {:8.2} median {:8.2} us", v[0], v[n / 4], v[n / 2]);
    };
    fn fin(w: &mut Ucx, ear: &mut Ear, s: Sent) {
        if s == Sent::Started { let d = ear.done; while ear.done == d { w.progress(ear); } }
        assert!(s != Sent::Full);
    }
    for len in [8usize, 4096, 65536] {
        lat("write+flush", len, 5000, &mut w, &mut ear, &mut |w, ear| {
            let s = unsafe { w.write(1, key, 0, body.as_ptr(), len, 0) }.unwrap();
            fin(w, ear, s);
            let s = w.flush(1, 0).unwrap();
            fin(w, ear, s);
        });
        lat("read", len, 5000, &mut w, &mut ear, &mut |w, ear| {
            let s = unsafe { w.read(1, key, 0, body.as_mut_ptr(), len, 0) }.unwrap();
            fin(w, ear, s);
        });
        let len = len.max(16).min(MESSAGE_LEN);
        lat("ping", len, 5000, &mut w, &mut ear, &mut |w, ear| {
            let p = ear.pongs;
            let s = unsafe { w.send(1, &[0; 8], body.as_ptr(), len - 8, 0) }.unwrap();
            fin(w, ear, s);
            while ear.pongs == p { w.progress(ear); }
        });
    }
    let pieces: Vec<usize> = [64usize, 512, 1024, 4096, 7000, 8064, 8192, 8300, 12288, 16384, 24576, 32768, 49152, 65000, 65464].into();
    for len in pieces {
        if len > MESSAGE_LEN { break }
        let n = if len > 8192 { 500 } else { 1000 };
        let mut best = f64::MAX; let mut all = vec![];
        let mut started_total = 0;
        for _ in 0..30 {
            let t = Instant::now();
            let p = ear.pongs;
            ear.done = 0;
            let mut started = 0;
            for _ in 0..n {
                loop {
                    match unsafe { w.send(1, &[2; 64], body.as_ptr(), len - 64, 0) }.unwrap() {
                        Sent::Done => break,
                        Sent::Started => { started += 1; break }
                        Sent::Full => { w.progress(&mut ear); }
                    }
                }
                while started > ear.done + 32 { w.progress(&mut ear); }
            }
            while started > ear.done { w.progress(&mut ear); }
            started_total += started;
            unsafe { w.send(1, &[0; 8], body.as_ptr(), 8, 0) }.unwrap();
            while ear.pongs == p { w.progress(&mut ear); }
            best = best.min(us(t)); all.push(us(t));
        }
        all.sort_by(f64::total_cmp);
        println!("stream {len:8} best {:8.1} MB/s median {:8.1} MB/s {:7.3} M/s started {}", (n * len) as f64 / best, (n * len) as f64 / all[15], n as f64 / best, started_total / 30);
    }
    unsafe { w.send(1, &[9; 8], body.as_ptr(), 8, 0) }.unwrap();
    for _ in 0..1000 { w.progress(&mut ear); }
    let _ = peer.process.wait();
}
