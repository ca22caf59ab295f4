//! PMI-2 client, for servers that speak nothing older.
//!
//! After a line each way that agrees on the version, a message is its length in six characters and so many bytes of
//! `key=value;` pairs, the first of them `cmd`; a semicolon in a value is doubled. Replies come in order, since one
//! request is open at a time. Key-value pairs are visible after a fence, which has to be a barrier as well. Slurm's is;
//! that of MPICH 4.0's `mpiexec` lets early ranks through (seen in tests), but that one speaks PMI-1, which is tried first.

use super::patience::Patient;
use super::{Bootstrap, pmi1, text};
use crate::fork;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;

/// Characters of one value. The limit is 1024 in all servers.
const PART_LEN: usize = 1000;

/// A session with a PMI-2 server.
#[derive(Debug)]
pub struct Pmi2 {
    rank: usize,
    size: usize,
    job: String,
    exchange: usize,
    stream: BufReader<Patient<File>>,
}

impl Pmi2 {
    /// Opens a session as `rank` of `size` of the process manager's job `id` (`PMI_JOBID`, may be empty) on a connected stream.
    pub fn greet(rank: usize, size: usize, id: &str, stream: impl Into<OwnedFd>) -> io::Result<Pmi2> {
        let stream = BufReader::new(Patient::new(File::from(stream.into()), pmi1::SERVER));
        fork::close_in_child(&stream.get_ref().inner);
        let mut session = Pmi2 { rank, size, job: String::new(), exchange: 0, stream };
        (&session.stream.get_ref().inner).write_all(b"cmd=init pmi_version=2 pmi_subversion=0\n")?;
        let mut line = String::new();
        session.stream.read_line(&mut line)?;
        let field = |key| pmi1::field(&line, key);
        if (field("cmd"), field("pmi_version"), field("rc"))
            != (Some("response_to_init"), Some("2"), Some("0"))
        {
            return Err(io::Error::other(format!("the launcher answered `{}` to PMI-2", line.trim_end())));
        }
        // Slurm refuses a greeting without the job.
        session
            .ask("fullinit", &[("pmijobid", id), ("pmirank", &rank.to_string()), ("threaded", "FALSE")])?;
        let job = session.ask("job-getid", &[])?.required("jobid")?.to_owned();
        session.job = job;
        Ok(session)
    }

    fn ask(&mut self, command: &str, fields: &[(&str, &str)]) -> io::Result<Reply> {
        let mut request = format!("cmd={command};");
        for (key, value) in fields {
            request += &format!("{key}={};", value.replace(';', ";;"));
        }
        (&self.stream.get_ref().inner).write_all(format!("{:6}{request}", request.len()).as_bytes())?;
        let mut head = [0; 6];
        let explain =
            |error: io::Error| io::Error::new(error.kind(), format!("PMI-2 request `{request}`: {error}"));
        self.stream.read_exact(&mut head).map_err(explain)?;
        let len = std::str::from_utf8(&head).ok().and_then(|text| text.trim().parse::<usize>().ok());
        let mut body = vec![0; len.ok_or_else(|| io::Error::other("a PMI-2 reply has no length"))?];
        self.stream.read_exact(&mut body).map_err(explain)?;
        let reply = Reply::parse(&String::from_utf8_lossy(&body));
        if reply.field("cmd") != Some(&format!("{command}-response")) || reply.field("rc") != Some("0") {
            let body = String::from_utf8_lossy(&body);
            return Err(io::Error::other(format!("PMI-2 request `{request}` was answered `{body}`")));
        }
        Ok(reply)
    }

    fn key(&self, rank: usize, part: usize) -> String {
        format!("gain-{}-{rank}-{part}", self.exchange)
    }
}

impl Bootstrap for Pmi2 {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn job(&self) -> &str {
        &self.job
    }

    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.exchange += 1;
        let text = mine.map_or(String::new(), text::encode);
        for (part, characters) in text.as_bytes().chunks(PART_LEN).enumerate() {
            let characters = std::str::from_utf8(characters).expect("the text is ASCII");
            let key = self.key(self.rank, part);
            self.ask("kvs-put", &[("key", &key), ("value", characters)])?;
        }
        self.barrier()
    }

    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>> {
        text::fetch(PART_LEN, |part| {
            let (job, key) = (self.job.clone(), self.key(rank, part));
            let reply = self.ask("kvs-get", &[("jobid", &job), ("srcid", "-1"), ("key", &key)])?;
            match reply.field("found") {
                Some("TRUE") => Ok(reply.required("value")?.to_owned()),
                _ => Err(io::Error::other(format!("rank {rank} has published nothing"))),
            }
        })
    }

    fn barrier(&mut self) -> io::Result<()> {
        self.ask("kvs-fence", &[]).map(drop)
    }

    fn leave(&mut self) -> io::Result<()> {
        if pmi1::is_shared_with_mpi() {
            return Ok(());
        }
        self.ask("finalize", &[]).map(drop)
    }

    fn abort(&mut self, code: i32, message: &str) {
        // No reply comes, and the caller ends whether or not the server hears it.
        let message = message.replace(';', ";;");
        let request = format!("cmd=abort;isworld=TRUE;exitcode={code};msg={message};");
        let _ = (&self.stream.get_ref().inner).write_all(format!("{:6}{request}", request.len()).as_bytes());
    }
}

/// A message as pairs.
struct Reply(Vec<(String, String)>);

impl Reply {
    fn parse(body: &str) -> Reply {
        // Doubled semicolons are put aside as a character that no value has.
        let body = body.replace(";;", "\u{1}");
        let pair = |text: &str| {
            text.split_once('=').map(|(key, value)| (key.to_owned(), value.replace('\u{1}', ";")))
        };
        Reply(body.split(';').filter_map(pair).collect())
    }

    fn field(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| &value[..])
    }

    fn required(&self, key: &str) -> io::Result<&str> {
        self.field(key).ok_or_else(|| io::Error::other(format!("a PMI-2 reply has no {key}: {:?}", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn replies_are_pairs_in_any_order_and_doubled_semicolons_single_ones() {
        let reply = Reply::parse("rc=0;value=a;;b=c;cmd=kvs-get-response;found=TRUE;");
        assert_eq!(reply.field("value"), Some("a;b=c"));
        assert_eq!((reply.field("cmd"), reply.field("nothing")), (Some("kvs-get-response"), None));
        assert!(reply.required("nothing").is_err());
    }

    /// A server of one rank, as its messages stand in MPICH's and Slurm's sources.
    fn serve(stream: UnixStream) {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert_eq!(line, "cmd=init pmi_version=2 pmi_subversion=0\n");
        let mut values = std::collections::HashMap::new();
        let hello = b"cmd=response_to_init pmi_version=2 pmi_subversion=0 rc=0\n";
        stream.get_mut().write_all(hello).unwrap();
        loop {
            let mut head = [0; 6];
            if stream.read_exact(&mut head).is_err() {
                return;
            }
            let mut body = vec![0; std::str::from_utf8(&head).unwrap().trim().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let request = Reply::parse(std::str::from_utf8(&body).unwrap());
            let command = request.field("cmd").unwrap();
            let extra = match command {
                "job-getid" => "jobid=j;;1;".to_owned(),
                "kvs-put" => {
                    let value = request.field("value").unwrap().to_owned();
                    assert!(value.len() <= 1024);
                    values.insert(request.field("key").unwrap().to_owned(), value);
                    String::new()
                }
                "kvs-get" => {
                    assert_eq!(request.field("jobid"), Some("j;1"));
                    let value = values.get(request.field("key").unwrap());
                    value.map_or("found=FALSE;".to_owned(), |value| format!("found=TRUE;value={value};"))
                }
                _ => String::new(),
            };
            let reply = format!("cmd={command}-response;{extra}rc=0;");
            stream.get_mut().write_all(format!("{:6}{reply}", reply.len()).as_bytes()).unwrap();
        }
    }

    #[test]
    fn values_of_any_length_come_back() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let server = std::thread::spawn(move || serve(ours));
        let mut client = Pmi2::greet(0, 1, "7.0", theirs).unwrap();
        assert_eq!(client.job(), "j;1");
        for len in [0, 1, 5000] {
            let bytes: Vec<u8> = (0..len).map(|index| index as u8).collect();
            assert_eq!(client.allgather(&bytes).unwrap(), [bytes]);
        }
        client.publish(None).unwrap();
        assert!(client.fetch(0).is_err());
        drop(client);
        server.join().unwrap();
    }
}
