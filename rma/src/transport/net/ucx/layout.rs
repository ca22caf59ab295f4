//! Compares the bindings with the headers that are installed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::bindings::{CONSTANTS, Status, layouts};

/// The oracle is the C compiler: each line it is given asserts one offset, size or constant. `GAIN_TEST_UCX_INCLUDE` names headers
/// other than the installed ones.
#[test]
fn bindings_agree_with_the_headers() {
    const HEADERS: &str = "#include <stddef.h>\n#include <ucp/api/ucp.h>\n";
    let mut source = HEADERS.to_owned();
    let mut claim = |claim: String| writeln!(source, "_Static_assert({claim}, \"{claim}\");").unwrap();
    for layout in layouts() {
        let name = layout.name;
        let (least, most) = layout.sizes;
        claim(format!("sizeof({name}) >= {least} && sizeof({name}) <= {most}"));
        for (field, offset, size) in layout.fields {
            claim(format!("offsetof({name}, {field}) == {offset}"));
            claim(format!("sizeof((({name} *)0)->{field}) == {size}"));
        }
    }
    claim(format!("sizeof(ucs_status_t) == {}", size_of::<Status>()));
    for (value, expression) in CONSTANTS {
        claim(format!("{expression} == {value}"));
    }
    if !compile(HEADERS).is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no C compiler, or no headers of UCX");
    }
    let output = compile(&source).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn compile(source: &str) -> std::io::Result<Output> {
    let mut cc = Command::new("cc");
    if let Some(include) = std::env::var_os("GAIN_TEST_UCX_INCLUDE") {
        cc.arg("-I").arg(include);
    }
    cc.args(["-x", "c", "-fsyntax-only", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = cc.stderr(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(source.as_bytes())?;
    child.wait_with_output()
}
