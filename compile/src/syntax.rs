//! The syntax of kernels: our own small tree, made of Python's.
//!
//! Names of modules are resolved here (`np.sqrt` is `numpy.sqrt`, however the module was imported), so that nothing
//! above asks what a name is bound to. What has no place in this tree is an error with its line.

use crate::tree::Node;
use crate::{Error, Result};
use std::collections::BTreeMap;

/// A function to be compiled.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) params: Vec<String>,
    pub(crate) body: Vec<Stmt>,
}

/// A statement and its line.
#[derive(Debug, Clone)]
pub(crate) struct Stmt {
    pub(crate) line: u32,
    pub(crate) kind: StmtKind,
}

/// What a statement does.
#[derive(Debug, Clone)]
pub(crate) enum StmtKind {
    Assign(Vec<Expr>, Expr),
    Augment(Expr, Op, Expr),
    For(String, Vec<Expr>, Vec<Stmt>),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    Return(Option<Expr>),
    Nothing,
}

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
    MatMul,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Compare {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
}

/// What an expression is.
#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Name(String),
    /// A name of a module or of the builtins: `numpy.sqrt`, `math.exp`, `len`.
    Known(String),
    Bool(bool),
    Int(i64),
    Float(f64),
    None,
    Binary(Op, Box<Expr>, Box<Expr>),
    Negative(Box<Expr>),
    Not(Box<Expr>),
    Compare(Compare, Box<Expr>, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    IfElse(Box<Expr>, Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>, Vec<(String, Expr)>),
    Subscript(Box<Expr>, Vec<Index>),
    Attribute(Box<Expr>, String),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    /// `[element for name in range(...)]`
    Comprehension(Box<Expr>, String, Vec<Expr>),
}

/// One subscript.
#[derive(Debug, Clone)]
pub(crate) enum Index {
    At(Expr),
    Slice(Option<Expr>, Option<Expr>, Option<Expr>),
    NewAxis,
    Ellipsis,
}

/// Builtins that kernels may use, if nothing hides them.
const BUILTINS: [&str; 8] = ["range", "len", "min", "max", "abs", "float", "int", "sum"];

/// What the global names of the function are: a module, or a function of one; numbers have the empty text.
pub type Globals = BTreeMap<String, String>;

/// The function of a `FunctionDef`.
pub(crate) fn function(tree: &Node, globals: &Globals) -> Result<Function> {
    if tree.kind() != "FunctionDef" {
        return Err(Error::new(tree.line(), format!("{} is not a function", words(tree.kind()))));
    }
    let arguments = tree.get("args");
    for (field, what) in [
        ("kwonlyargs", "keyword-only arguments"),
        ("defaults", "default values"),
        ("posonlyargs", "positional-only arguments"),
    ] {
        if !arguments.list(field).is_empty() {
            return Err(Error::new(tree.line(), format!("{what} of the function")));
        }
    }
    if arguments.get("vararg") != &Node::Nil || arguments.get("kwarg") != &Node::Nil {
        return Err(Error::new(tree.line(), "*args or **kwargs of the function"));
    }
    let params: Vec<String> = arguments.list("args").iter().map(|arg| arg.text("arg").to_owned()).collect();
    let mut locals: Vec<&str> = params.iter().map(String::as_str).collect();
    bound(tree.list("body"), &mut locals);
    let mut reader = Reader { globals, locals: locals.into_iter().map(str::to_owned).collect() };
    let body = reader.block(tree.list("body"))?;
    let mut params = params;
    params.extend(globals.iter().filter(|global| global.1.is_empty()).map(|global| global.0.clone()));
    Ok(Function { name: tree.text("name").to_owned(), params, body })
}

/// Names that statements bind.
fn bound<'a>(nodes: &'a [Node], names: &mut Vec<&'a str>) {
    for node in nodes {
        match node {
            Node::List(items) => bound(items, names),
            Node::Tree(kind, _, fields) => {
                if kind == "Name" && node.text("ctx") == "Store" {
                    names.push(node.text("id"));
                }
                for (_, value) in fields {
                    bound(std::slice::from_ref(value), names);
                }
            }
            _ => {}
        }
    }
}

/// A kind of Python's tree in words.
fn words(kind: &str) -> String {
    match kind {
        "While" => "`while`".into(),
        "Try" => "`try`".into(),
        "With" => "`with`".into(),
        "Lambda" => "`lambda`".into(),
        "Break" | "Continue" | "Raise" | "Delete" | "Assert" | "Global" | "Nonlocal" | "Import" => {
            format!("`{}`", kind.to_lowercase())
        }
        "" => "what stands here".into(),
        _ => format!("`{kind}`"),
    }
}

struct Reader<'a> {
    globals: &'a Globals,
    locals: Vec<String>,
}

fn operator(name: &str) -> Option<Op> {
    Some(match name {
        "Add" => Op::Add,
        "Sub" => Op::Sub,
        "Mult" => Op::Mul,
        "Div" => Op::Div,
        "FloorDiv" => Op::FloorDiv,
        "Mod" => Op::Mod,
        "Pow" => Op::Pow,
        "MatMult" => Op::MatMul,
        _ => return None,
    })
}

impl Reader<'_> {
    fn block(&mut self, nodes: &[Node]) -> Result<Vec<Stmt>> {
        nodes.iter().map(|node| self.statement(node)).collect()
    }

    fn statement(&mut self, node: &Node) -> Result<Stmt> {
        let line = node.line();
        let refuse = || Error::new(line, words(node.kind()));
        let kind = match node.kind() {
            "Assign" => {
                let targets = node
                    .list("targets")
                    .iter()
                    .map(|target| self.expression(target))
                    .collect::<Result<_>>()?;
                StmtKind::Assign(targets, self.expression(node.get("value"))?)
            }
            "AnnAssign" if node.get("value") != &Node::Nil => StmtKind::Assign(
                vec![self.expression(node.get("target"))?],
                self.expression(node.get("value"))?,
            ),
            "AugAssign" => {
                let op = operator(node.text("op"))
                    .ok_or_else(|| Error::new(line, format!("operator `{}`", node.text("op"))))?;
                StmtKind::Augment(
                    self.expression(node.get("target"))?,
                    op,
                    self.expression(node.get("value"))?,
                )
            }
            "For" => {
                if !node.list("orelse").is_empty() {
                    return Err(Error::new(line, "`else` of a loop"));
                }
                let name = node.get("target").text("id");
                if name.is_empty() {
                    return Err(Error::new(line, "a loop over more than one name"));
                }
                let range = self.range(node.get("iter"))?;
                StmtKind::For(name.to_owned(), range, self.block(node.list("body"))?)
            }
            "If" => StmtKind::If(
                self.expression(node.get("test"))?,
                self.block(node.list("body"))?,
                self.block(node.list("orelse"))?,
            ),
            "Return" if node.get("value") == &Node::Nil => StmtKind::Return(None),
            "Return" => StmtKind::Return(Some(self.expression(node.get("value"))?)),
            "Pass" => StmtKind::Nothing,
            // A string that documents.
            "Expr" if matches!(node.get("value").get("value"), Node::Text(_)) => StmtKind::Nothing,
            "Expr" => return Err(Error::new(line, "an expression whose value nobody uses")),
            _ => return Err(refuse()),
        };
        Ok(Stmt { line, kind })
    }

    fn range(&mut self, node: &Node) -> Result<Vec<Expr>> {
        let call = self.expression(node)?;
        match call.kind {
            ExprKind::Call(callee, args, named) if named.is_empty() && (1..=3).contains(&args.len()) => {
                match callee.kind {
                    ExprKind::Known(name) if name == "range" => Ok(args),
                    _ => Err(Error::new(node.line(), "a loop over something else than a range")),
                }
            }
            _ => Err(Error::new(node.line(), "a loop over something else than a range")),
        }
    }

    fn many(&mut self, nodes: &[Node]) -> Result<Vec<Expr>> {
        nodes.iter().map(|node| self.expression(node)).collect()
    }

    fn boxed(&mut self, node: &Node) -> Result<Box<Expr>> {
        self.expression(node).map(Box::new)
    }

    fn expression(&mut self, node: &Node) -> Result<Expr> {
        let line = node.line();
        let kind = match node.kind() {
            "Name" => self.name(node.text("id"), line)?,
            "Constant" => match node.get("value") {
                Node::Int(value) => ExprKind::Int(*value),
                Node::Float(value) => ExprKind::Float(*value),
                Node::Bool(value) => ExprKind::Bool(*value),
                Node::Nil if node.text("is") == "none" => ExprKind::None,
                _ => return Err(Error::new(line, "a constant that is no number of 64 bits")),
            },
            "BinOp" => {
                let op = operator(node.text("op"))
                    .ok_or_else(|| Error::new(line, format!("operator `{}`", node.text("op"))))?;
                ExprKind::Binary(op, self.boxed(node.get("left"))?, self.boxed(node.get("right"))?)
            }
            "UnaryOp" => {
                let operand = self.boxed(node.get("operand"))?;
                match (node.text("op"), &operand.kind) {
                    ("USub", ExprKind::Int(value)) => ExprKind::Int(-value),
                    ("USub", ExprKind::Float(value)) => ExprKind::Float(-value),
                    ("USub", _) => ExprKind::Negative(operand),
                    ("Not", _) => ExprKind::Not(operand),
                    ("UAdd", _) => operand.kind,
                    (other, _) => return Err(Error::new(line, format!("operator `{other}`"))),
                }
            }
            "Compare" => self.comparison(node)?,
            "BoolOp" => {
                let values = self.many(node.list("values"))?;
                if node.text("op") == "And" { ExprKind::And(values) } else { ExprKind::Or(values) }
            }
            "IfExp" => ExprKind::IfElse(
                self.boxed(node.get("test"))?,
                self.boxed(node.get("body"))?,
                self.boxed(node.get("orelse"))?,
            ),
            "Call" => {
                let callee = self.boxed(node.get("func"))?;
                let args = self.many(node.list("args"))?;
                let mut named = Vec::new();
                for keyword in node.list("keywords") {
                    if keyword.text("arg").is_empty() {
                        return Err(Error::new(line, "`**` in a call"));
                    }
                    named.push((keyword.text("arg").to_owned(), self.expression(keyword.get("value"))?));
                }
                ExprKind::Call(callee, args, named)
            }
            "Subscript" => {
                let index = node.get("slice");
                let items =
                    if index.kind() == "Tuple" { index.list("elts") } else { std::slice::from_ref(index) };
                let items = items.iter().map(|item| self.index(item)).collect::<Result<_>>()?;
                ExprKind::Subscript(self.boxed(node.get("value"))?, items)
            }
            "Attribute" => {
                let value = self.boxed(node.get("value"))?;
                let name = node.text("attr");
                match &value.kind {
                    ExprKind::Known(module) => match format!("{module}.{name}").as_str() {
                        "math.pi" | "numpy.pi" => ExprKind::Float(std::f64::consts::PI),
                        "math.e" | "numpy.e" => ExprKind::Float(std::f64::consts::E),
                        "math.inf" | "numpy.inf" => ExprKind::Float(f64::INFINITY),
                        known => ExprKind::Known(known.to_owned()),
                    },
                    _ => ExprKind::Attribute(value, name.to_owned()),
                }
            }
            "Tuple" => ExprKind::Tuple(self.many(node.list("elts"))?),
            "List" => ExprKind::List(self.many(node.list("elts"))?),
            "ListComp" => {
                let [clause] = node.list("generators") else {
                    return Err(Error::new(line, "a comprehension over several loops"));
                };
                if !clause.list("ifs").is_empty() {
                    return Err(Error::new(line, "`if` in a comprehension"));
                }
                let range = self.range(clause.get("iter"))?;
                let name = clause.get("target").text("id").to_owned();
                ExprKind::Comprehension(self.boxed(node.get("elt"))?, name, range)
            }
            kind => return Err(Error::new(line, words(kind))),
        };
        Ok(Expr { kind })
    }

    fn name(&self, name: &str, line: u32) -> Result<ExprKind> {
        if self.locals.iter().any(|local| local == name) {
            return Ok(ExprKind::Name(name.to_owned()));
        }
        match self.globals.get(name) {
            Some(known) if known.is_empty() => Ok(ExprKind::Name(name.to_owned())),
            Some(known) => Ok(ExprKind::Known(known.clone())),
            None if BUILTINS.contains(&name) => Ok(ExprKind::Known(name.to_owned())),
            None => Err(Error::new(line, format!("`{name}` is nothing that is known here"))),
        }
    }

    fn comparison(&mut self, node: &Node) -> Result<ExprKind> {
        let mut operands = vec![self.expression(node.get("left"))?];
        operands.extend(self.many(node.list("comparators"))?);
        let mut parts = Vec::new();
        for (op, pair) in node.list("ops").iter().zip(operands.windows(2)) {
            let Node::Text(op) = op else { return Err(Error::new(node.line(), "a comparison")) };
            let op = match op.as_str() {
                "Lt" => Compare::Lt,
                "LtE" => Compare::Le,
                "Gt" => Compare::Gt,
                "GtE" => Compare::Ge,
                "Eq" => Compare::Eq,
                "NotEq" => Compare::Ne,
                _ => return Err(Error::new(node.line(), format!("comparison `{op}`"))),
            };
            let kind = ExprKind::Compare(op, Box::new(pair[0].clone()), Box::new(pair[1].clone()));
            parts.push(Expr { kind });
        }
        Ok(if parts.len() == 1 { parts.remove(0).kind } else { ExprKind::And(parts) })
    }

    fn index(&mut self, node: &Node) -> Result<Index> {
        match node.kind() {
            "Slice" => {
                let mut part = |name: &str| match node.get(name) {
                    Node::Nil => Ok(None),
                    node => self.expression(node).map(Some),
                };
                Ok(Index::Slice(part("lower")?, part("upper")?, part("step")?))
            }
            "Constant" if node.text("is") == "none" => Ok(Index::NewAxis),
            "Constant" if node.text("is") == "ellipsis" => Ok(Index::Ellipsis),
            _ => {
                let value = self.expression(node)?;
                Ok(match &value.kind {
                    ExprKind::Known(name) if name == "numpy.newaxis" => Index::NewAxis,
                    _ => Index::At(value),
                })
            }
        }
    }
}
