//! Global Arrays: distributed dense arrays.
