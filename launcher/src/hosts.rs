//! On which hosts ranks are started, and how many on each.

use std::io;
use std::path::Path;

/// A computer that ranks are started on through a remote shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// What the remote shell calls it; may hold a user, as in `me@node7`.
    pub name: String,
    /// How many ranks it takes.
    pub places: usize,
}

/// Reads `h1:2,h2:2`; a name without a number stands for one place.
///
/// ```
/// let hosts = launcher::hosts("h1:2,me@h2").unwrap();
/// assert_eq!((hosts[1].name.as_str(), hosts[0].places, hosts[1].places), ("me@h2", 2, 1));
/// ```
pub fn hosts(list: &str) -> Result<Vec<Host>, String> {
    list.split(',').map(|word| host(word.trim())).collect()
}

/// Reads a file with one host per line, as MPICH (`h1:2`) and Open MPI (`h1 slots=2`) have them; `#` starts a comment.
pub fn host_file(path: &Path) -> Result<Vec<Host>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let hosts: Vec<Host> = lines.filter(|line| !line.is_empty()).map(line).collect::<Result<_, _>>()?;
    if hosts.is_empty() { Err(format!("{} names no host", path.display())) } else { Ok(hosts) }
}

fn line(line: &str) -> Result<Host, String> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let mut found = host(name)?;
    for word in rest.split_whitespace() {
        if let Some(places) = word.strip_prefix("slots=") {
            found.places = number(places)?;
        }
    }
    Ok(found)
}

fn host(word: &str) -> Result<Host, String> {
    let (name, places) = match word.split_once(':') {
        Some((name, places)) => (name, number(places)?),
        None => (word, 1),
    };
    // A name that starts with a dash would be an option of the remote shell.
    if name.is_empty() || name.starts_with('-') || name.contains(char::is_whitespace) {
        return Err(format!("`{word}` is not a host"));
    }
    Ok(Host { name: name.to_owned(), places })
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|places| *places > 0).ok_or_else(|| format!("`{text}` is not a number of ranks"))
}

/// How many of the ranks each host gets: they are filled in order, so neighbours share a host.
pub(crate) fn spread(hosts: &[Host], ranks: usize) -> io::Result<Vec<(&Host, usize)>> {
    let places: usize = hosts.iter().map(|host| host.places).sum();
    if ranks > places {
        let message =
            format!("{ranks} ranks, but the hosts have {places} places only (host:N gives a host N)");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut left = ranks;
    let mut shares = Vec::new();
    for host in hosts {
        let count = host.places.min(left);
        left -= count;
        shares.extend((count > 0).then_some((host, count)));
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_filled_in_order() {
        let hosts = hosts("a:2,b:3,c").unwrap();
        let counts = |ranks| -> Vec<usize> {
            spread(&hosts, ranks).unwrap().iter().map(|(_, count)| *count).collect()
        };
        assert_eq!(counts(1), [1]);
        assert_eq!(counts(4), [2, 2]);
        assert_eq!(counts(6), [2, 3, 1]);
        assert!(spread(&hosts, 7).unwrap_err().to_string().contains("6 places"));
    }

    #[test]
    fn both_kinds_of_files_are_read_and_nonsense_is_refused() {
        assert_eq!(line("n7 slots=4 max_slots=8").unwrap(), Host { name: "n7".into(), places: 4 });
        assert_eq!(line("n7:4").unwrap(), Host { name: "n7".into(), places: 4 });
        for wrong in ["", "a,,b", "a:0", "a:x", "-oProxyCommand=x", "a b"] {
            assert!(super::hosts(wrong).is_err(), "{wrong}");
        }
    }
}
