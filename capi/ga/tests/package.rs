//! What is installed: programs find headers, libraries, the CMake package, pkg-config's files and `ga-config` as with the original.
//!
//! The oracle is a program that is built by each of them and runs. Where there is no C compiler, CMake or pkg-config, the test says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use tests::c::Program;
use tests::{Job, c};

/// The options of `ga-config`, and what each prints if that is known.
const OPTIONS: [(&str, Option<&str>); 29] = [
    ("--f77", None),
    ("--cc", None),
    ("--cppflags", None),
    ("--cflags", Some("")),
    ("--fflags", Some("")),
    ("--fint", Some("-fdefault-integer-8")),
    ("--blas_size", Some("8")),
    ("--scalapack_size", Some("8")),
    ("--use_blas", Some("0")),
    ("--use_lapack", Some("0")),
    ("--use_scalapack", Some("0")),
    ("--use_peigs", Some("0")),
    ("--use_elpa", Some("0")),
    ("--use_elpa_2015", Some("0")),
    ("--use_elpa_2016", Some("0")),
    ("--use_sicm", Some("0")),
    ("--sicm_dev", Some("")),
    ("--ldflags", None),
    ("--libs", None),
    ("--flibs", Some("")),
    ("--network_ldflags", Some("")),
    ("--network_libs", Some("")),
    ("--network_cppflags", Some("")),
    ("--enable-f77", Some("yes")),
    ("--version", Some("5.9.2")),
    ("--cflags --network_libs", Some("\n")),
    ("--blas_size --enable-f77", None),
    ("--libs --ldflags", None),
    ("--use_peigs --use_scalapack", Some("0\n0")),
];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/package").join(name)
}

/// What a command prints, without the last line's end; `None`, and a word about it, if there is no such command.
fn output(command: &mut Command) -> Option<String> {
    match command.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success(),
                "{command:?}\n{text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(text.strip_suffix('\n').unwrap_or(&text).to_owned())
        }
        Err(error) => {
            eprintln!("skipped: {command:?}: {error}");
            None
        }
    }
}

fn runs(program: &Path) {
    Program::at(program).check(Job::new("package"), 2);
}

#[test]
fn programs_find_what_is_installed() {
    let built = c::built();
    let prefix = built.join(format!("package-{}", std::process::id()));
    let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("../install");
    if output(Command::new(install).arg(&built).arg(&prefix)).is_none() {
        return;
    }
    let config = prefix.join("bin/ga-config");
    let say = |options: &str| output(Command::new(&config).args(options.split(' '))).unwrap();
    for (options, wanted) in OPTIONS {
        let text = say(options);
        assert_eq!(
            text.lines().count().max(1),
            if text == "\n" { 1 } else { options.split(' ').count() },
            "{options}: {text}"
        );
        assert!(wanted.is_none_or(|wanted| wanted == text), "{options}: {text}");
    }
    assert!(!Command::new(&config).arg("--no-such-option").status().unwrap().success());

    // The program is the same each time; what differs is who says how to build it.
    let program = prefix.join("by_config");
    let flags = format!("{} {} {}", say("--cppflags"), say("--ldflags"), say("--libs"));
    let by_flags = |program: &Path, flags: &str, more: &[&str]| {
        let mut command = Command::new("cc");
        command.arg("-o").arg(program).arg(source("package.c")).args(flags.split_whitespace()).args(more);
        output(&mut command)
    };
    if by_flags(&program, &flags, &[]).is_none() {
        return;
    }
    runs(&program);
    let program = prefix.join("with_comex");
    by_flags(&program, &flags, &["-lcomex"]);
    runs(&program);
    let program = prefix.join("classes_by_config");
    let mut command = Command::new("c++");
    command.arg("-o").arg(&program).arg(source("package.cc"));
    command.args(flags.replace("-lga ", "-lga++ ").split_whitespace());
    if output(&mut command).is_some() {
        runs(&program);
    }
    // NWChem's questions, of which each answer is one word or a list of options; and the headers that it names.
    let answers =
        ["--enable-f77", "--use_peigs", "--use_scalapack", "--blas_size", "--scalapack_size"].map(say);
    assert_eq!(answers, ["yes", "0", "0", "8", "8"]);
    for name in [
        "dra.fh",
        "eaf.fh",
        "sf.fh",
        "tcgmsg.fh",
        "msgtypesf.h",
        "dra.h",
        "eaf.h",
        "sf.h",
        "elio.h",
        "gp.h",
        "ga++.h",
    ] {
        for folder in ["include", "include/ga"] {
            assert!(prefix.join(folder).join(name).exists(), "{folder}/{name}");
        }
    }
    // The same questions for integers of 4 bytes, and a Fortran program by the answers; the archive as well, without a word of the linker's.
    for (config, flag) in [("ga-config", "-fdefault-integer-8"), ("ga-config-i4", "")] {
        let config = prefix.join("bin").join(config);
        let say = |option: &str| output(Command::new(&config).arg(option)).unwrap();
        assert_eq!(say("--fint"), flag);
        let (includes, folder) = (say("--cppflags"), prefix.join("lib"));
        let library = say("--libs").split(' ').next().unwrap().trim_start_matches("-l").to_owned();
        let shared = format!("{} {}", say("--ldflags"), say("--libs"));
        let archive = format!("{} -lpthread -ldl -lm", folder.join(format!("lib{library}.a")).display());
        for (kind, flags) in [("shared", shared), ("archive", archive)] {
            let program = prefix.join(format!("{library}_{kind}"));
            let mut command = Command::new(say("--f77"));
            command.arg("-o").arg(&program).arg(source("package.F"));
            command.args(
                includes.split_whitespace().chain(flag.split_whitespace()).chain(flags.split_whitespace()),
            );
            command.arg("-Wl,--fatal-warnings");
            if output(&mut command).is_some() {
                runs(&program);
            }
        }
    }
    let mut command = Command::new("pkg-config");
    command.args(["--cflags", "--libs", "ga"]).env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    if let Some(flags) = output(&mut command) {
        let program = prefix.join("by_pkg_config");
        let path = format!("-Wl,-rpath,{}", prefix.join("lib").display());
        by_flags(&program, &flags, &[&path]);
        runs(&program);
    }
    let folder = prefix.join("cmake");
    let mut command = Command::new("cmake");
    command.arg("-S").arg(source("")).arg("-B").arg(&folder);
    command.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
    if output(&mut command).is_some() {
        output(Command::new("cmake").arg("--build").arg(&folder)).unwrap();
        runs(&folder.join("with_cmake"));
        runs(&folder.join("classes_with_cmake"));
    }
    std::fs::remove_dir_all(prefix).unwrap();
}
