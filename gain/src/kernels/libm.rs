//! The C mathematics library, which NumPy also calls: same functions, same last digits.

macro_rules! functions {
    ($module:ident, $real:ty, [$($name:ident = $symbol:literal),* $(,)?],
     [$($complex:ident = $complex_symbol:literal),* $(,)?], $cpow:literal,
     $nextafter:literal, $ldexp:literal) => {
        /// Functions of this real type and its complex type. C's `complex` and a `repr(C)` pair are passed alike
        /// on x86-64 and AArch64.
        pub(crate) mod $module {
            use num_complex::Complex;

            // SAFETY: the C standard's signatures; functions of numbers alone are pure and total, hence safe.
            #[link(name = "m")]
            unsafe extern "C" {
                $(
                    #[link_name = $symbol]
                    pub(crate) safe fn $name(x: $real) -> $real;
                )*
                $(
                    #[link_name = $complex_symbol]
                    pub(crate) safe fn $complex(z: Complex<$real>) -> Complex<$real>;
                )*
                #[link_name = $cpow]
                pub(crate) safe fn cpow(z: Complex<$real>, w: Complex<$real>) -> Complex<$real>;
                #[link_name = $nextafter]
                pub(crate) safe fn nextafter(x: $real, towards: $real) -> $real;
                #[link_name = $ldexp]
                pub(crate) safe fn ldexp(x: $real, exponent: i32) -> $real;
            }
        }
    };
}

functions! {
    f64, f64,
    [cbrt = "cbrt", exp = "exp", exp2 = "exp2", expm1 = "expm1", log = "log", log2 = "log2", log10 = "log10", log1p = "log1p", sin = "sin", cos = "cos", tan = "tan", asin = "asin", acos = "acos", atan = "atan", sinh = "sinh", cosh = "cosh", tanh = "tanh", asinh = "asinh", acosh = "acosh", atanh = "atanh"],
    [cexp = "cexp", clog = "clog", csqrt = "csqrt", csin = "csin", ccos = "ccos", ctan = "ctan", casin = "casin", cacos = "cacos", catan = "catan", csinh = "csinh", ccosh = "ccosh", ctanh = "ctanh", casinh = "casinh", cacosh = "cacosh", catanh = "catanh"],
    "cpow", "nextafter", "ldexp"
}

functions! {
    f32, f32,
    [cbrt = "cbrtf", exp = "expf", exp2 = "exp2f", expm1 = "expm1f", log = "logf", log2 = "log2f", log10 = "log10f", log1p = "log1pf", sin = "sinf", cos = "cosf", tan = "tanf", asin = "asinf", acos = "acosf", atan = "atanf", sinh = "sinhf", cosh = "coshf", tanh = "tanhf", asinh = "asinhf", acosh = "acoshf", atanh = "atanhf"],
    [cexp = "cexpf", clog = "clogf", csqrt = "csqrtf", csin = "csinf", ccos = "ccosf", ctan = "ctanf", casin = "casinf", cacos = "cacosf", catan = "catanf", csinh = "csinhf", ccosh = "ccoshf", ctanh = "ctanhf", casinh = "casinhf", cacosh = "cacoshf", catanh = "catanhf"],
    "cpowf", "nextafterf", "ldexpf"
}
