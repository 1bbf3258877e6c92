//! `Filter.n` of the Describe calls.

use std::collections::BTreeSet;

use super::{error::ApiError, params::Params, tags::Tags};

/// (EC2 user guide, "Filter resources": up to 50 filters, and 200 values for each; API reference, for the length)
const MAX_FILTERS: usize = 50;
const MAX_VALUES: usize = 200;
const MAX_LENGTH: usize = 255;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(Vec<Filter>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Filter {
    name: String,
    values: Vec<String>,
}

impl Filters {
    /// Reads the filters; a name that is not `known` is refused. `tag-key` among the known allows `tag:<key>` too.
    pub fn parse(params: &Params, known: &[&str]) -> Result<Self, ApiError> {
        let asked = params.list("Filter");
        if asked.len() > MAX_FILTERS {
            return Err(limit_exceeded("filters", MAX_FILTERS));
        }
        asked.into_iter().map(|item| parse_one(item, known)).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|filter| filter.name == name)
    }

    /// The values of a filter, if it is there and none of them stands for more than itself: whoever knows the resources by
    /// such a value need not look at all of them.
    pub fn exact(&self, name: &str) -> Option<BTreeSet<&String>> {
        let filter = self.0.iter().find(|filter| filter.name == name)?;
        filter.values.iter().all(|value| is_literal(value)).then(|| filter.values.iter().collect())
    }

    /// True if every filter has a value that fits one of the values the resource has for its name.
    pub fn match_all(&self, tags: &Tags, values: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|filter| filter.fits(tags, &values))
    }
}

fn limit_exceeded(what: &str, limit: usize) -> ApiError {
    let message = format!("The maximum number of {what} specified on a single call is {limit}");
    ApiError::new("FilterLimitExceeded", message)
}

fn parse_one(item: &Params, known: &[&str]) -> Result<Filter, ApiError> {
    let name = item.text("Name").ok_or_else(|| ApiError::invalid_value("The filter 'null' is invalid"))?;
    let tag = name.strip_prefix("tag:").is_some_and(|key| !key.is_empty()) && known.contains(&"tag-key");
    if !tag && !known.contains(&name) {
        return Err(ApiError::invalid_value(format!("The filter '{name}' is invalid")));
    }
    // An empty value is a value here: `tag:role` with "" asks for an empty tag.
    let values: Vec<String> = value_texts(item);
    if values.len() > MAX_VALUES {
        return Err(limit_exceeded("filter values", MAX_VALUES));
    }
    if values.iter().any(|value| value.chars().count() > MAX_LENGTH) {
        let message = format!("The filter '{name}' has a value of more than {MAX_LENGTH} characters");
        return Err(ApiError::invalid_value(message));
    }
    Ok(Filter { name: name.to_owned(), values })
}

fn value_texts(item: &Params) -> Vec<String> {
    let Some(values) = item.get("Value") else {
        return Vec::new();
    };
    let listed = values.texts("member").len() + values.members().count();
    match (listed, values.value()) {
        (0, Some(single)) => vec![single.to_owned()],
        (0, None) => Vec::new(),
        _ => values.members().map(|(_, value)| value.value().unwrap_or_default().to_owned()).collect(),
    }
}

impl Filter {
    fn fits(&self, tags: &Tags, values: &impl Fn(&str) -> Vec<String>) -> bool {
        if let Some(key) = self.name.strip_prefix("tag:") {
            return tags.get(key).is_some_and(|value| self.accepts(value));
        }
        match self.name.as_str() {
            "tag-key" => tags.keys().any(|key| self.accepts(key)),
            "tag-value" => tags.values().any(|value| self.accepts(value)),
            name => values(name).iter().any(|value| self.accepts(value)),
        }
    }

    fn accepts(&self, value: &str) -> bool {
        self.values.iter().any(|pattern| wildcard(pattern, value))
    }
}

/// `*` stands for any text, `?` for one character, a backslash takes the next character as it is.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    if is_literal(pattern) {
        return pattern == text;
    }
    let (pattern, text) = (tokens(pattern), text.chars().collect::<Vec<_>>());
    let (mut at, mut read) = (0, 0);
    // Where to go on after a mismatch: behind the last `*`, one character further than the time before.
    let mut retry: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(Token::Any) => {
                retry = Some((at + 1, read));
                at += 1;
            }
            Some(token) if token.takes(text[read]) => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((behind, from)) = retry else { return false };
                retry = Some((behind, from + 1));
                (at, read) = (behind, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|token| *token == Token::Any)
}

fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '\\'])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Any,
    One,
    Literal(char),
}

impl Token {
    fn takes(self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Literal(literal) => literal == character,
        }
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut characters = pattern.chars();
    let mut tokens = Vec::new();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Literal(characters.next().unwrap_or('\\')),
            literal => Token::Literal(literal),
        });
    }
    tokens
}
