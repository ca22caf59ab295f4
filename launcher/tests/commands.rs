//! Every command in the README and the book works: each block of `console` is run as it stands, line by line, in a folder that looks like a
//! checkout and like a user's at once.
//!
//! | what can't be had here | what it is played by |
//! | --- | --- |
//! | other hosts (`ssh`), `srun` | this machine: the command line is run here, tasks are started by `gain run` |
//! | `make`, which would build and test all of this | `make -n`: the target is there and its recipe can be expanded; `install` puts symbolic links into a prefix |
//! | suites of `bench/run.py` and `gain-bench`, which take minutes | a look whether there is a suite of that name |
//!
//! A program that isn't installed, or root where it is needed, is skipped by name. The other way round no block of `text` may contain a
//! command, so none escapes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Seconds that a block may take.
const DEADLINE: &str = "300";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A fenced block.
#[derive(Debug)]
struct Block {
    /// File and line where it begins.
    place: String,
    language: String,
    lines: Vec<String>,
}

fn blocks(file: &Path) -> Vec<Block> {
    let text = fs::read_to_string(file).unwrap();
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (number, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                let place = format!("{}:{}", file.file_name().unwrap().to_string_lossy(), number + 1);
                open = Some(Block { place, language: language.trim().to_owned(), lines: Vec::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{open:?} has no end");
    blocks
}

/// All blocks of the README and the book.
fn all_blocks() -> Vec<Block> {
    let mut files = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|kind| kind.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("md") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files.iter().flat_map(|file| blocks(file)).collect()
}

/// The commands of a block of `console`: what follows a prompt.
fn commands(block: &Block) -> Vec<&str> {
    block.lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect()
}

/// A folder in which the commands find what they speak of.
struct Sandbox {
    folder: PathBuf,
}

impl Sandbox {
    fn new(number: usize) -> Sandbox {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("commands-{number}"));
        let _ = fs::remove_dir_all(&folder);
        let sandbox = Sandbox { folder };
        let gain = Path::new(env!("CARGO_BIN_EXE_gain"));
        for folder in ["bin", ".venv/bin", "target/release", "opt/lib/pkgconfig"] {
            fs::create_dir_all(sandbox.folder.join(folder)).unwrap();
        }
        for place in ["bin/gain", ".venv/bin/gain", "target/release/gain"] {
            sandbox.link(gain, place);
        }
        for folder in ["tests", "bench", "examples"] {
            sandbox.link(&root().join(folder), folder);
        }
        sandbox.programs();
        sandbox.libraries(gain.parent().unwrap());
        sandbox
    }

    fn link(&self, to: &Path, place: &str) {
        symlink(to, self.folder.join(place)).unwrap();
    }

    fn script(&self, place: &str, text: &str) {
        let path = self.folder.join(place);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the commands run, and what stands for the rest of a cluster.
    fn programs(&self) {
        let release = Path::new(env!("CARGO_BIN_EXE_gain")).parent().unwrap().to_owned();
        self.script("program", "#!/bin/sh\necho a program\n");
        self.script("script.py", "print('a script')\n");
        self.script("nodes", "node1:1\nnode2 slots=1\n");
        let source = "#include \"armci.h\"\nint main(void) { ARMCI_Init(); ARMCI_Barrier(); ARMCI_Finalize(); return 0; }\n";
        self.script("program.c", source);
        let skip_options = "while case $1 in -p|-o|-N) shift 2;; -n) n=$2; shift 2;; -*) shift;; *) false;; esac; do :; done";
        self.script("bin/ssh", &format!("#!/bin/sh\n{skip_options}\nshift\nexec sh -c \"$*\"\n"));
        self.script("bin/srun", &format!("#!/bin/sh\nn=1\n{skip_options}\nexec gain run -n $n \"$@\"\n"));
        let hydra = "if command -v mpiexec.hydra >/dev/null; then exec mpiexec.hydra -n $n \"$@\"; fi";
        let mpiexec = format!("#!/bin/sh\n{skip_options}\n{hydra}\nexec gain run -n $n \"$@\"\n");
        self.script("bin/mpiexec", &mpiexec);
        let make = format!(
            "#!/bin/sh\nunset MAKEFLAGS MAKELEVEL MFLAGS\n/usr/bin/make -n -C '{}' \"$@\" >make.log\n",
            root().display()
        );
        self.script("bin/make", &make);
        let has_suite =
            "case \" $suites \" in *\" $1 \"*) ;; *) echo \"no suite $1 among $suites\" >&2; exit 1;; esac\n";
        let suites = "import ast, sys; tree = ast.parse(open('bench/run.py').read()); print(*[ast.literal_eval(key) for node in tree.body \
                      if isinstance(node, ast.Assign) and node.targets[0].id == 'SUITES' for key in node.value.keys])";
        let python = format!(
            "#!/bin/sh\n[ \"$1\" = bench/run.py ] || exec python3 \"$@\"\nshift\nsuites=$(python3 -c \"{suites}\")\n{has_suite}"
        );
        self.script(".venv/bin/python", &python);
        // Built beside this test, or by `make`.
        let built = |name: &str| {
            [release.clone(), root().join("target/release")]
                .map(|folder| folder.join(name))
                .into_iter()
                .find(|path| path.exists())
        };
        match built("rma-bench") {
            Some(path) => self.link(&path, "bin/rma-bench"),
            // The same, in the command.
            None => self.script("bin/rma-bench", "#!/bin/sh\nexec gain bench \"$@\"\n"),
        }
        match built("gain-bench") {
            Some(path) => {
                let suites = format!("suites=$('{}' none 2>&1 | sed 's/.*one of: //')\n", path.display());
                self.script("bin/gain-bench", &format!("#!/bin/sh\n{suites}{has_suite}"));
            }
            None => self
                .script("bin/gain-bench", "#!/bin/sh\necho 'skipped: gain-bench, which was not built' >&2\n"),
        }
    }

    /// What `make install` would put into its prefix.
    fn libraries(&self, built: &Path) {
        let release = root().join("target/release");
        self.link(&root().join("capi/include"), "opt/include");
        for name in ["armci", "ga"] {
            let library = format!("lib{name}.so");
            let Some(found) =
                [built, &release].map(|folder| folder.join(&library)).into_iter().find(|path| path.exists())
            else {
                continue;
            };
            self.link(&found, &format!("opt/lib/{library}"));
            self.link(&found, &format!("opt/lib/{library}.0"));
            let template = fs::read_to_string(root().join(format!("capi/{name}/{name}.pc.in"))).unwrap();
            let prefix = self.folder.join("opt");
            let text = template.replace("@PREFIX@", prefix.to_str().unwrap());
            fs::write(self.folder.join(format!("opt/lib/pkgconfig/{name}.pc")), text).unwrap();
        }
    }

    /// Runs the commands as lines of one shell, which ends at the first that fails. Returns what was skipped.
    fn run(&self, block: &Block) -> Vec<String> {
        // A shell's own words, and what a line begins with to say where it runs.
        let needs = |command: &str| {
            let mut words = command.split_whitespace().skip_while(|word| word.contains('='));
            words.next().unwrap_or("true").to_owned()
        };
        let mut script =
            String::from("trap '[ -z \"$RIG\" ] || tests/rig/rig down 2>/dev/null || true' EXIT\nset -e\n");
        for command in commands(block) {
            let word = if command.starts_with("export ") { "true".into() } else { needs(command) };
            // What a command needs to be linked with it needs, too.
            let library =
                ["armci", "ga"].into_iter().find(|name| command.contains(&format!("--libs {name})")));
            let library = library.map_or(String::new(), |name| format!(" && pkg-config --exists {name}"));
            script += &format!(
                "echo '+ {}' >&2\nif command -v {word} >/dev/null{library}; then\n{command}\nelse echo 'skipped: {word}' >&2; fi\n",
                command.replace('\'', "'\\''")
            );
        }
        let here = self.folder.display();
        let path = format!("{here}/bin:{here}:{}", std::env::var("PATH").unwrap());
        let mut shell = Command::new("timeout");
        shell.args(["--kill-after=5", DEADLINE, "bash", "-c", &script]).current_dir(&self.folder);
        shell.env("PATH", path).env("PKG_CONFIG_PATH", self.folder.join("opt/lib/pkgconfig"));
        shell.env("LD_LIBRARY_PATH", self.folder.join("opt/lib")).stdin(Stdio::null());
        let output = shell.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {:?}\n{out}\n{err}", block.place, output.status);
        err.lines().filter_map(|line| line.strip_prefix("skipped: ")).map(str::to_owned).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> bool {
    // SAFETY: takes nothing, returns a number.
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn every_command_of_the_readme_and_the_book_works() {
    let blocks: Vec<Block> = all_blocks().into_iter().filter(|block| block.language == "console").collect();
    let count: usize = blocks.iter().map(|block| commands(block).len()).sum();
    assert!(
        blocks.len() >= 8 && count >= 25,
        "{count} commands in {} blocks: some were missed",
        blocks.len()
    );
    for (number, block) in blocks.iter().enumerate() {
        assert!(!commands(block).is_empty(), "{}: a block of console without a prompt", block.place);
        if block.lines.iter().any(|line| line.contains("tests/rig/rig")) && !is_root() {
            eprintln!("skipped: {} needs root", block.place);
            continue;
        }
        for word in Sandbox::new(number).run(block) {
            eprintln!("skipped: {}: {word} is not installed", block.place);
        }
    }
}

#[test]
fn no_block_of_text_hides_a_command() {
    const WORDS: [&str; 9] = [
        "gain",
        "make",
        "cargo",
        "srun",
        "mpiexec",
        "rma-bench",
        "gain-bench",
        "target/release/gain",
        ".venv/bin/gain",
    ];
    for block in all_blocks().iter().filter(|block| block.language != "console") {
        for line in &block.lines {
            let first = line.trim_start_matches("$ ").split_whitespace().next().unwrap_or("");
            // A line with brackets says how commands look.
            assert!(!WORDS.contains(&first) || line.contains('['), "{}: {line}", block.place);
        }
    }
}
