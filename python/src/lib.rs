//! Python module `gain`.
