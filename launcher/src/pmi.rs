//! PMI-1 server: the rules, without any socket.
//!
//! One key-value space for the whole job, requests of all ranks in, replies out. A rank has at most one request open; only
//! `barrier_in` is answered late, when all ranks have asked. MPICH programs speak to this server as well as ours.

use rma::bootstrap::pmi_field;
use std::collections::HashMap;

/// Longest value, as other servers have it.
const VALUE_LEN: usize = 1024;

/// What the launcher has to do after a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send this line to a rank.
    Reply(usize, String),
    /// End the job with this exit code.
    Abort(i32),
}

/// The state of one job.
#[derive(Debug)]
pub(crate) struct Server {
    job: String,
    values: HashMap<String, String>,
    in_barrier: Vec<bool>,
}

impl Server {
    /// A job with so many ranks on each of its hosts.
    pub(crate) fn new(job: String, counts: &[usize]) -> Server {
        let layout = ("PMI_process_mapping".to_owned(), mapping(counts));
        Server { job, values: HashMap::from([layout]), in_barrier: vec![false; counts.iter().sum()] }
    }

    /// Whether some rank waits for others to enter a barrier.
    pub(crate) fn has_waiting(&self) -> bool {
        self.in_barrier.contains(&true)
    }

    /// Ranks that wait in the barrier.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        self.in_barrier.iter().enumerate().filter(|(_, waits)| **waits).map(|(rank, _)| rank)
    }

    /// Serves one line (without its newline) of `rank`.
    pub(crate) fn serve(&mut self, rank: usize, line: &str) -> Vec<Action> {
        let number = |key: &str| pmi_field(line, key).and_then(|text| text.parse::<i32>().ok());
        let reply = match pmi_field(line, "cmd").unwrap_or_default() {
            "init" => "response_to_init pmi_version=1 pmi_subversion=1 rc=0".to_owned(),
            "get_maxes" => format!("maxes kvsname_max=256 keylen_max=64 vallen_max={VALUE_LEN}"),
            "get_appnum" => "appnum appnum=0".to_owned(),
            "get_universe_size" => format!("universe_size size={}", self.in_barrier.len()),
            "get_my_kvsname" => format!("my_kvsname kvsname={}", self.job),
            "put" => self.put(line),
            "get" => self.get(line),
            "barrier_in" => return self.enter_barrier(rank),
            "finalize" => "finalize_ack".to_owned(),
            "abort" => return vec![Action::Abort(number("exitcode").unwrap_or(1))],
            other => format!("{other}_result rc=-1 msg=not_supported_by_gain_run"),
        };
        vec![Action::Reply(rank, format!("cmd={reply}\n"))]
    }

    fn put(&mut self, line: &str) -> String {
        match (pmi_field(line, "key"), pmi_field(line, "value")) {
            (Some(_), Some(value)) if value.len() >= VALUE_LEN => {
                "put_result rc=-1 msg=value_too_long".to_owned()
            }
            (Some(key), Some(value)) => {
                self.values.insert(key.to_owned(), value.to_owned());
                "put_result rc=0 msg=success".to_owned()
            }
            _ => "put_result rc=-1 msg=no_key_or_value".to_owned(),
        }
    }

    fn get(&self, line: &str) -> String {
        let key = pmi_field(line, "key").unwrap_or_default();
        match self.values.get(key) {
            Some(value) => format!("get_result rc=0 msg=success value={value}"),
            None => format!("get_result rc=-1 msg=key_{key}_not_found value=unknown"),
        }
    }

    fn enter_barrier(&mut self, rank: usize) -> Vec<Action> {
        self.in_barrier[rank] = true;
        if self.in_barrier.contains(&false) {
            return Vec::new();
        }
        self.in_barrier.fill(false);
        let released = |rank| Action::Reply(rank, "cmd=barrier_out rc=0\n".to_owned());
        (0..self.in_barrier.len()).map(released).collect()
    }
}

/// MPICH's way to say which ranks share a host: blocks of (first host, hosts, ranks on each).
fn mapping(counts: &[usize]) -> String {
    let mut first = 0;
    let block = |run: &[usize]| {
        let text = format!(",({first},{},{})", run.len(), run[0]);
        first += run.len();
        text
    };
    format!("(vector{})", counts.chunk_by(|a, b| a == b).map(block).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rma::bootstrap::{Bootstrap, Pmi1};
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, Mutex};

    fn only_reply(actions: Vec<Action>) -> String {
        match &actions[..] {
            [Action::Reply(0, text)] => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_keeps_its_equals_signs_and_a_missing_key_is_an_error() {
        let mut server = Server::new("job".into(), &[1]);
        assert!(only_reply(server.serve(0, "cmd=put kvsname=job key=a value=b=c d")).contains("rc=0"));
        assert!(only_reply(server.serve(0, "cmd=get kvsname=job key=a")).ends_with("value=b=c d\n"));
        assert!(only_reply(server.serve(0, "cmd=get kvsname=job key=z")).contains("rc=-1"));
        assert!(only_reply(server.serve(0, "cmd=spawn x=1")).contains("spawn_result rc=-1"));
        assert_eq!(server.serve(0, "cmd=abort exitcode=7 error_msg=a b"), vec![Action::Abort(7)]);
    }

    #[test]
    fn hosts_alike_share_a_block_of_the_mapping() {
        assert_eq!(mapping(&[4]), "(vector,(0,1,4))");
        assert_eq!(mapping(&[2, 2, 1, 3]), "(vector,(0,2,2),(2,1,1),(3,1,3))");
    }

    #[test]
    fn the_barrier_opens_when_the_last_rank_enters() {
        let mut server = Server::new("job".into(), &[2, 1]);
        assert!(server.serve(2, "cmd=barrier_in").is_empty());
        assert!(server.serve(0, "cmd=barrier_in").is_empty());
        assert_eq!(server.waiting().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(server.serve(1, "cmd=barrier_in").len(), 3);
        assert!(!server.has_waiting());
    }

    /// Our client against our server, values of several parts, several exchanges. Oracle: what each rank sent.
    #[test]
    fn client_and_server_exchange_values_of_any_length() {
        const RANKS: usize = 3;
        let server = Arc::new(Mutex::new(Server::new("job".into(), &[RANKS])));
        let pairs: Vec<_> = (0..RANKS).map(|_| UnixStream::pair().unwrap()).collect();
        let writers: Vec<UnixStream> = pairs.iter().map(|(ours, _)| ours.try_clone().unwrap()).collect();
        let writers = Arc::new(Mutex::new(writers));
        std::thread::scope(|scope| {
            for (rank, (ours, theirs)) in pairs.into_iter().enumerate() {
                let (server, writers) = (server.clone(), writers.clone());
                scope.spawn(move || {
                    for line in BufReader::new(ours).lines() {
                        for action in server.lock().unwrap().serve(rank, &line.unwrap()) {
                            let Action::Reply(to, text) = action else { panic!("{action:?}") };
                            writers.lock().unwrap()[to].write_all(text.as_bytes()).unwrap();
                        }
                    }
                });
                scope.spawn(move || {
                    let mut client = Pmi1::greet(rank, RANKS, theirs).unwrap();
                    assert_eq!(client.job(), "job");
                    let sent =
                        |rank: usize, round: usize| vec![(rank * 16 + round) as u8; rank * round * 700];
                    for round in 0..3 {
                        let got = client.allgather(&sent(rank, round)).unwrap();
                        assert_eq!(got, (0..RANKS).map(|r| sent(r, round)).collect::<Vec<_>>());
                        client.barrier().unwrap();
                    }
                });
            }
        });
    }
}
