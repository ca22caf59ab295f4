//! C, C++ and Fortran programs: compiled against a library just built, and run as jobs.
//!
//! The oracle is in each program; a rank that is content prints `done`. Where there is no such compiler, or no MPI, the test says so.
//!
//! Invariant: tests run at the same time, and one may be starting a program while another compiles it, so a program is replaced as a whole; what
//! differs in sources, compiler, options or libraries is in another folder.

use crate::{Job, Outcome};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// What makes a program.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    package: PathBuf,
    files: Vec<PathBuf>,
    libraries: Vec<String>,
    compiler: String,
    options: Vec<String>,
}

/// What every C program is compiled with.
const C: &[&str] = &["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"];

/// What every C++ program is compiled with.
const CXX: &[&str] = &["-std=gnu++11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"];

/// What every Fortran program is compiled with: programs hand arguments of any type to one routine, and have longer lines than cards.
const FORTRAN: &[&str] = &["-std=legacy", "-ffixed-line-length-132", "-O1", "-g", "-w"];

/// The same for LLVM's compiler.
const FLANG: &[&str] = &["-cpp", "-ffixed-line-length=132", "-O1", "-g"];

/// Names of that one.
const FLANGS: [&str; 3] = ["flang", "flang-new", "flang-new-19"];

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
}

/// An MPI: its compiler, what starts its programs, and with which options.
pub type Mpi = (&'static str, &'static str, &'static [&'static str]);

/// Those that are tried.
pub const MPIS: [Mpi; 2] = [
    ("mpicc.mpich", "mpiexec.hydra", &[]),
    (
        "mpicc.openmpi",
        "mpiexec.openmpi",
        &["--allow-run-as-root", "--oversubscribe", "-mca", "btl", "self,vader"],
    ),
];

/// The folder cargo leaves libraries in, which is where a test's executable is.
pub fn built() -> PathBuf {
    let this = std::env::current_exe().expect("a test has an executable");
    this.parent().expect("it is in a folder").to_owned()
}

impl Source {
    /// `tests/NAME.c` of a package, whose folder is its `CARGO_MANIFEST_DIR`, compiled by `cc`.
    pub fn new(package: &str, name: &str, library: &str) -> Source {
        let package = PathBuf::from(package);
        let files = vec![package.join("tests").join(name).with_extension("c")];
        let (libraries, compiler) = (vec![library.into()], "cc".into());
        Source { name: name.into(), package, files, libraries, compiler, options: Vec::new() }
    }

    /// The same in Fortran: `tests/fortran/NAME.F` beside `check.F`, compiled by `gfortran`.
    pub fn fortran(package: &str, name: &str, library: &str) -> Source {
        let file = format!("tests/fortran/{name}.F");
        Source::new(package, name, library).of(&[&file, "tests/fortran/check.F"]).by("gfortran")
    }

    /// Fortran by LLVM's compiler; nothing where there is none, or one before 18, whose logicals have 4 bytes whatever integers have.
    pub fn by_flang(self) -> Option<Source> {
        let is_good = |name: &&str| {
            let Ok(output) = Command::new(name).arg("--version").output() else { return false };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let number = text.split_once("flang-new version ").or(text.split_once("flang version "));
            number
                .and_then(|(_, rest)| rest.split('.').next()?.parse().ok())
                .is_some_and(|version: u32| version >= 18)
        };
        let Some(name) = FLANGS.iter().find(|name| is_good(name)) else {
            eprintln!("skipped: {} by flang, which isn't there", self.name);
            return None;
        };
        Some(self.by(name))
    }

    /// These files of the package instead, of which the first is the program's own.
    pub fn of(mut self, files: &[&str]) -> Source {
        self.files = files.iter().map(|file| self.package.join(file)).collect();
        self
    }

    /// Another compiler.
    pub fn by(mut self, compiler: &str) -> Source {
        self.compiler = compiler.into();
        self
    }

    /// With an option of the compiler's.
    pub fn option(mut self, option: &str) -> Source {
        self.options.push(option.into());
        self
    }

    /// Linked with these libraries instead, in this order.
    pub fn link(mut self, libraries: &[&str]) -> Source {
        self.libraries = libraries.iter().map(|&library| library.to_owned()).collect();
        self
    }

    /// The program; nothing where there is no such compiler. Panics when it isn't right.
    pub fn compiled(&self) -> Option<Program> {
        let kind = self.files[0].parent().and_then(Path::file_name).expect("a file has a folder");
        let words = self.libraries.iter().chain([&self.compiler]).chain(&self.options);
        let label: Vec<_> =
            words.map(|word| word.replace(|c: char| !c.is_ascii_alphanumeric(), "")).collect();
        let folder = built().join("c").join(kind).join(label.join("-"));
        std::fs::create_dir_all(&folder).expect("the folder of built things can be written");
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let fresh = folder.join(format!("{}-{}-{number}", self.name, std::process::id()));
        let mut command = Command::new(&self.compiler);
        let kind = self.files[0].extension().and_then(|kind| kind.to_str());
        command.args(match kind {
            Some("F") if self.compiler.starts_with("flang") => FLANG,
            Some("F") => FORTRAN,
            Some("cc") => CXX,
            _ => C,
        });
        command.arg("-o").arg(&fresh).args(&self.files).args(&self.options);
        command.arg("-I").arg(self.package.join("../include"));
        for library in &self.libraries {
            let soname = folder.join(format!("lib{library}.so.0"));
            // Another test may have been quicker.
            let _ = symlink(built().join(format!("lib{library}.so")), &soname);
            command.arg(soname);
        }
        command.arg(format!("-Wl,-rpath,{}", folder.display())).args(["-lm", "-lpthread", "-ldl"]);
        match command.output() {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {said}", self.name);
            }
            Err(error) => {
                eprintln!("skipped: {} with {}: {error}", self.name, self.compiler);
                return None;
            }
        }
        let path = folder.join(&self.name);
        std::fs::rename(&fresh, &path).expect("a file may get another name");
        Some(Program { name: self.name.clone(), path })
    }
}

impl Program {
    /// One that others made.
    pub fn at(path: &Path) -> Program {
        let name = path.file_name().expect("a program has a name").to_string_lossy().into_owned();
        Program { name, path: path.to_owned() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A job of its name.
    pub fn job(&self) -> Job {
        Job::new(&self.name)
    }

    /// How a job of it ends.
    pub fn outcome(&self, job: Job, ranks: usize) -> Outcome {
        job.program(&self.path, ranks)
    }

    /// Runs it, and panics with all it said unless every rank is content.
    pub fn check(&self, job: Job, ranks: usize) {
        let outcome = self.outcome(job, ranks);
        let done = outcome.stdout.matches("done ").count();
        assert!(outcome.code == 0 && done == ranks, "{} on {ranks} ranks\n{outcome}", self.name);
    }

    /// [`Program::check`] on each of these numbers of ranks.
    pub fn check_on(&self, ranks: impl IntoIterator<Item = usize>) {
        ranks.into_iter().for_each(|ranks| self.check(self.job(), ranks));
    }

    /// [`Program::check`] over each engine that is found, by ranks that pretend to be on two nodes: nothing between these is mapped.
    pub fn check_on_two_nodes(&self, job: impl Fn() -> Job, ranks: usize) {
        for engine in rma::transport::engines() {
            match &engine.found {
                Err(reason) => eprintln!("skipped: {} over {}: {reason}", self.name, engine.name),
                Ok(_) => self.check(job().env("GAIN_TRANSPORT", engine.name).fake_nodes(2), ranks),
            }
        }
    }

    /// The same program started by a command line in which `{}` stands for it.
    pub fn by(&self, kind: &str, line: &str) -> Program {
        let path = self.path.with_extension(kind);
        let line = line.replace("{}", &self.path.display().to_string());
        std::fs::write(&path, format!("#!/bin/sh\nexec {line}\n")).expect("its folder can be written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it is ours");
        Program { name: self.name.clone(), path }
    }

    /// Under valgrind, whose complaints end it; nothing where there is no valgrind. It can't reserve as much memory as the machine has.
    pub fn under_valgrind(&self) -> Option<Program> {
        if let Err(error) = Command::new("valgrind").arg("--version").output() {
            eprintln!("skipped: {} under valgrind: {error}", self.name);
            return None;
        }
        let known = concat!(env!("CARGO_MANIFEST_DIR"), "/valgrind.supp");
        let command = format!(
            "env GAIN_HEAP_BYTES=1G valgrind -q --fair-sched=yes --suppressions={known} --error-exitcode=9 {{}}"
        );
        Some(self.by("valgrind", &command))
    }
}

/// What a library defines, if there is `nm`.
pub fn names(library: &str) -> Option<String> {
    let library = built().join(format!("lib{library}.so"));
    match Command::new("nm").args(["-D", "--defined-only"]).arg(library).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            eprintln!("skipped: nm: {error}");
            None
        }
    }
}
