// Fortran's headers, made of the table: for the test that compares them with those in `../include`, which includes this file beside `table.rs`.

/// What a header begins with: comments, and constants.
const GLOBAL: &str = "!     Global Arrays for Fortran: constants, and the types of functions.
!
!     Made of the table in capi/ga/src/fortran; ga/tests/fortran.rs says when it is out of date. Include it in each program unit, through the
!     preprocessor, after the declarations of types (implicit none) and before the first statement.
#include \"gacommon.h\"

      integer ga_max_dim
      parameter (ga_max_dim = GA_MAX_DIM)

";

/// The same of `mafdecls.fh`.
const MEMORY: &str = "!     MA for Fortran: datatypes, the types of functions, and the arrays that indices point into.
!
!     Made of the table in capi/ga/src/fortran; ga/tests/fortran.rs says when it is out of date. An index has 8 bytes whatever integers have:
!     MA_ACCESS_INDEX_TYPE, or integer with -fdefault-integer-8.
#include \"macommon.h\"
#ifndef MA_ACCESS_INDEX_TYPE
#define MA_ACCESS_INDEX_TYPE integer*8
#endif

      integer MT_BYTE, MT_INT, MT_LOG, MT_REAL, MT_DBL, MT_SCPL, MT_DCPL
      integer MT_F_FIRST, MT_F_LAST
      parameter (MT_BYTE = MT_F_BYTE, MT_INT = MT_F_INT)
      parameter (MT_LOG = MT_F_LOG, MT_REAL = MT_F_REAL)
      parameter (MT_DBL = MT_F_DBL, MT_SCPL = MT_F_SCPL)
      parameter (MT_DCPL = MT_F_DCPL)
      parameter (MT_F_FIRST = MT_BYTE, MT_F_LAST = MT_DCPL)

";

/// What `mafdecls.fh` ends with.
const COMMONS: &str = "
      character*1 byte_mb(2)
      common /mbc_byte/ byte_mb
      integer int_mb(2)
      common /mbc_int/ int_mb
      logical log_mb(2)
      common /mbc_log/ log_mb
      real real_mb(2)
      common /mbc_real/ real_mb
      double precision dbl_mb(2)
      common /mbc_dbl/ dbl_mb
      complex scpl_mb(2)
      common /mbc_scpl/ scpl_mb
      double complex dcpl_mb(2)
      common /mbc_dcpl/ dcpl_mb
";

/// `ga-mpi.fh`, before its names.
const MPI: &str = "!     MPI's communicators of processor groups, as Fortran has them; MPI must be initialized before Global Arrays.
!
!     Made of the table in capi/ga/src/fortran; ga/tests/fortran.rs says when it is out of date.
";

/// Fortran's headers by name.
fn headers(rows: &[Row]) -> [(&'static str, String); 3] {
    let declared = |is_meant: &dyn Fn(&Row, &str) -> bool| {
        let mut lines = String::new();
        let mut names: Vec<(&str, &str)> = Vec::new();
        for row in rows {
            let each = row.names.iter().filter(|name| is_meant(row, name));
            names.extend(each.map(|name| (name.trim_end_matches('_'), row.result.as_str())));
        }
        names.sort_unstable();
        for (name, result) in &names {
            if *result != "subroutine" {
                lines.push_str(&format!("      {} {name}\n", result.replace('_', " ")));
            }
        }
        lines.push('\n');
        names.iter().for_each(|(name, _)| lines.push_str(&format!("      external {name}\n")));
        lines
    };
    let is_mpi = |name: &str| name.starts_with("ga_mpi_comm");
    // These have headers of their own.
    let others = ["ma", "messages", "disk", "files"];
    let global = declared(&|row, name| !others.contains(&row.chapter.as_str()) && !is_mpi(name));
    let memory = declared(&|row, name| row.chapter == "ma" && name.starts_with("ma_"));
    let mpi = declared(&|_, name| is_mpi(name));
    [
        ("global.fh", format!("{GLOBAL}{global}")),
        ("mafdecls.fh", format!("{MEMORY}{memory}{COMMONS}")),
        ("ga-mpi.fh", format!("{MPI}{mpi}")),
    ]
}
