//! Starts the ranks of a program on one machine and diagnoses them.
