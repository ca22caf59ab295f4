//! The text in which a syntax tree arrives, and its reader.
//!
//! Python's own `ast` parses (whatever syntax the running interpreter has), and `gain._jit` writes the tree down:
//! `(Kind line field value field value ...)`, `[value ...]`, strings as JSON has them, numbers as Python prints them,
//! `~` for what isn't there. Invariant: what was read nests at most [`DEEPEST`] levels, so no walk overflows a stack.

use crate::{Error, Result};

/// Most levels of a tree.
const DEEPEST: usize = 200;

/// A value of a tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// `None`, and what Python has no number of ours for.
    Nil,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A name, an operator, a constant string.
    Text(String),
    /// Statements, arguments, subscripts.
    List(Vec<Node>),
    /// A node of the tree: kind, line, fields.
    Tree(String, u32, Vec<(String, Node)>),
}

impl Node {
    /// The kind of a node; empty for what is none.
    pub(crate) fn kind(&self) -> &str {
        if let Node::Tree(kind, ..) = self { kind } else { "" }
    }

    /// The line where it begins; 0 for what has none.
    pub(crate) fn line(&self) -> u32 {
        if let Node::Tree(_, line, _) = self { *line } else { 0 }
    }

    /// A field by its name; `Nil` if it isn't there.
    pub(crate) fn get(&self, name: &str) -> &Node {
        let Node::Tree(_, _, fields) = self else { return &Node::Nil };
        fields.iter().find(|field| field.0 == name).map_or(&Node::Nil, |field| &field.1)
    }

    /// A list field.
    pub(crate) fn list(&self, name: &str) -> &[Node] {
        if let Node::List(items) = self.get(name) { items } else { &[] }
    }

    /// A text field.
    pub(crate) fn text(&self, name: &str) -> &str {
        if let Node::Text(text) = self.get(name) { text } else { "" }
    }
}

/// Reads one tree.
pub(crate) fn read(text: &str) -> Result<Node> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let node = reader.value(0)?;
    if reader.peek().is_some() { Err(reader.wrong("more than a tree")) } else { Ok(node) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, what: &str) -> Error {
        Error::new(0, format!("syntax tree, byte {}: {what}", self.at))
    }

    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn word(&mut self) -> String {
        self.peek();
        let start = self.at;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"()[]\"".contains(byte);
        while self.bytes.get(self.at).is_some_and(|byte| !ends(byte)) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned()
    }

    fn value(&mut self, level: usize) -> Result<Node> {
        if level > DEEPEST {
            return Err(self.wrong("nested too deeply"));
        }
        match self.peek() {
            Some(b'(') => self.tree(level),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                while self.peek() != Some(b']') {
                    items.push(self.value(level + 1)?);
                }
                self.at += 1;
                Ok(Node::List(items))
            }
            Some(b'"') => self.string(),
            Some(_) => {
                let word = self.word();
                match word.as_str() {
                    "~" => Ok(Node::Nil),
                    "True" | "False" => Ok(Node::Bool(word == "True")),
                    _ if word.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                        Ok(word.parse().map_or(Node::Nil, Node::Int))
                    }
                    _ => word.parse().map(Node::Float).map_err(|_| self.wrong("not a number")),
                }
            }
            None => Err(self.wrong("ends too early")),
        }
    }

    fn tree(&mut self, level: usize) -> Result<Node> {
        self.at += 1;
        let kind = self.word();
        let line = self.word().parse().map_err(|_| self.wrong("no line"))?;
        let mut fields = Vec::new();
        loop {
            match self.peek() {
                Some(b')') => break,
                None => return Err(self.wrong("ends too early")),
                Some(_) => {
                    let name = self.word();
                    if name.is_empty() {
                        return Err(self.wrong("no name of a field"));
                    }
                    fields.push((name, self.value(level + 1)?));
                }
            }
        }
        self.at += 1;
        Ok(Node::Tree(kind, line, fields))
    }

    fn string(&mut self) -> Result<Node> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = *self.bytes.get(self.at).ok_or_else(|| self.wrong("ends within a string"))?;
            self.at += 1;
            match byte {
                b'"' => break,
                // Escapes stand in strings of documentation only, which nobody reads here.
                b'\\' => {
                    text.push(b'?');
                    self.at += 1;
                }
                _ => text.push(byte),
            }
        }
        Ok(Node::Text(String::from_utf8_lossy(&text).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_writes_and_refuses_the_rest() {
        let tree =
            read(r#"(BinOp 3 left (Name 3 id "x") op "Add" right (Constant 3 value -1.5e3) n [1 ~ True])"#)
                .unwrap();
        assert_eq!((tree.kind(), tree.line(), tree.get("left").text("id")), ("BinOp", 3, "x"));
        assert_eq!(tree.get("right").get("value"), &Node::Float(-1500.0));
        assert_eq!(tree.list("n"), [Node::Int(1), Node::Nil, Node::Bool(true)]);
        for wrong in ["", "(", "(A", "(A 1 b", "[1", "\"x", "(A x)", "1 2", "zz", "(A 1 ())"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
        assert_eq!(read("123456789012345678901234567890").unwrap(), Node::Nil);
    }
}
