//! Answers as trees, written as XML with `item` (EC2) or `member` (STS) lists.

use std::{borrow::Cow, fmt::Write};

use jiff::Timestamp;
use serde_json::Value;

/// The children of one element, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node(Vec<(Cow<'static, str>, Content)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Text(String),
    Node(Node),
}

// Numbers and flags are given by value, texts by reference.
#[allow(clippy::needless_pass_by_value)]
impl Node {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn text(mut self, name: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        self.0.push((name.into(), Content::Text(value.to_string())));
        self
    }

    /// Writes nothing for `None`.
    #[must_use]
    pub fn opt(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    #[must_use]
    pub fn time(self, name: &'static str, at: Timestamp) -> Self {
        self.text(name, iso(at))
    }

    #[must_use]
    pub fn child(mut self, name: impl Into<Cow<'static, str>>, child: Self) -> Self {
        self.0.push((name.into(), Content::Node(child)));
        self
    }

    #[must_use]
    pub fn opt_child(self, name: &'static str, child: Option<Self>) -> Self {
        match child {
            Some(child) => self.child(name, child),
            None => self,
        }
    }

    /// `<name><item>…</item>…</name>`, also when empty.
    #[must_use]
    pub fn set(self, name: &'static str, items: impl IntoIterator<Item = Self>) -> Self {
        let list = items.into_iter().fold(Self::new(), |list, item| list.child("item", item));
        self.child(name, list)
    }

    /// As [`Node::set`], but nothing at all when empty, as EC2 writes most tags.
    #[must_use]
    pub fn set_if_any(self, name: &'static str, items: impl IntoIterator<Item = Self>) -> Self {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() { self.set(name, items) } else { self }
    }

    /// A set of plain values: `<name><item>a</item></name>`.
    #[must_use]
    pub fn texts(self, name: &'static str, items: impl IntoIterator<Item = impl ToString>) -> Self {
        let list = items.into_iter().fold(Self::new(), |list, item| list.text("item", item));
        self.child(name, list)
    }

    /// With another name for the children of a name.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &'static str) -> Self {
        for (name, _) in self.0.iter_mut().filter(|(name, _)| name == from) {
            *name = to.into();
        }
        self
    }

    /// Without the children of a name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(child, _)| child != name);
        self
    }

    /// The `<return>true</return>` of EC2's answers without content.
    pub fn done() -> Self {
        Self::new().text("return", true)
    }

    /// The first text child of a name, for tests and the journal.
    pub fn find_text(&self, path: &str) -> Option<&str> {
        let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
        self.0.iter().filter(|(child, _)| child == name).find_map(|(_, content)| match (content, rest) {
            (Content::Text(text), None) => Some(text.as_str()),
            (Content::Node(node), Some(rest)) => node.find_text(rest),
            (Content::Text(_), Some(_)) | (Content::Node(_), None) => None,
        })
    }

    /// All children of a name that have children themselves, for example the `item`s of a set.
    pub fn nodes(&self, path: &str) -> Vec<&Self> {
        path.split('/').fold(vec![self], |level, name| {
            let children = level.into_iter().flat_map(|node| node.0.iter());
            let named = children.filter(|(child, _)| child == name);
            named
                .filter_map(|(_, content)| if let Content::Node(node) = content { Some(node) } else { None })
                .collect()
        })
    }

    /// As JSON: `item`s become arrays.
    pub fn to_json(&self) -> Value {
        let value = |content: &Content| match content {
            Content::Text(text) => Value::String(text.clone()),
            Content::Node(node) => node.to_json(),
        };
        if self.0.iter().any(|(name, _)| name == "item") {
            return self.0.iter().map(|(_, content)| value(content)).collect();
        }
        Value::Object(self.0.iter().map(|(name, content)| (name.to_string(), value(content))).collect())
    }

    pub fn write(&self, out: &mut String) {
        for (name, content) in &self.0 {
            let _ = write!(out, "<{name}>");
            match content {
                Content::Text(text) => escape(text, out),
                Content::Node(node) => node.write(out),
            }
            let _ = write!(out, "</{name}>");
        }
    }
}

/// Characters that XML 1.0 cannot carry are dropped: a console line may hold any byte.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(character),
            _ if character < ' ' || matches!(character, '\u{fffe}' | '\u{ffff}') => {}
            _ => out.push(character),
        }
    }
}

/// A time as EC2 writes it: whole seconds with `.000Z`.
pub fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
