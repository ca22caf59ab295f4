#!/bin/sh
# Builds the book into docs/book. Debian and PyPI have no mdbook; cargo builds one into target/tools once (2 minutes).
set -eu
cd "$(dirname "$0")/.."
version=0.5.4
tools=$PWD/target/tools
if [ "$("$tools/bin/mdbook" --version 2>/dev/null)" != "mdbook v$version" ]; then
    cargo install mdbook --version "$version" --locked --no-default-features --root "$tools"
fi
"$tools/bin/mdbook" build docs
echo "book: docs/book/index.html"
