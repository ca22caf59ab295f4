// The rows of the table of Fortran's names, as text: for build scripts and for tests, which include this file.

/// A row: in which chapter it is, what a routine gives, its names as the linker has them, and the kinds of its arguments.
#[allow(dead_code)] // not everybody reads everything
struct Row {
    chapter: String,
    result: String,
    names: Vec<String>,
    kinds: Vec<String>,
}

/// What a row may begin with.
const RESULTS: [&str; 7] =
    ["subroutine", "logical", "integer", "real", "double_precision", "complex", "double_complex"];

/// All rows of the chapters in a folder.
fn table(folder: &std::path::Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let chapter = file.file_stem().unwrap().to_string_lossy().into_owned();
        for line in text.lines() {
            let Some((result, rest)) = line.trim_start().split_once(' ') else { continue };
            let Some((names, rest)) = rest.split_once('(') else { continue };
            let Some((arguments, _)) = rest.split_once(')') else { continue };
            let names: Vec<String> = names.split(", ").map(str::to_owned).collect();
            let is_name = |name: &String| {
                name.ends_with('_') && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            if line.starts_with("    ") && RESULTS.contains(&result) && names.iter().all(is_name) {
                let kind = |argument: &str| argument.split_once(": ").map(|(_, kind)| kind.trim().to_owned());
                let kinds = arguments.split(',').filter_map(kind).collect();
                rows.push(Row { chapter: chapter.clone(), result: result.to_owned(), names, kinds });
            }
        }
    }
    rows
}
