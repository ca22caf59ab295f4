//! A distributed NumPy.
