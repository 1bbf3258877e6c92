//! `MaxResults` and `NextToken`.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

use super::{error::ApiError, params::Params, xml::Node};

/// Which part of a sorted list a call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    limit: usize,
    after: Option<String>,
    fingerprint: String,
}

impl Page {
    /// `range` are the accepted `MaxResults`; a greater value is cut to the upper end, as EC2 does.
    pub fn parse(params: &Params, range: std::ops::RangeInclusive<i64>) -> Result<Self, ApiError> {
        let limit = match params.int("MaxResults")? {
            Some(asked) if asked < *range.start() => {
                return Err(ApiError::invalid_value(format!(
                    "Value ( {asked} ) for parameter maxResults is invalid. Expecting a value greater than {}.",
                    range.start()
                )));
            }
            Some(asked) => usize::try_from(asked.min(*range.end())).unwrap_or(usize::MAX),
            // Who does not ask for pages gets everything at once.
            None => usize::MAX,
        };
        let fingerprint = fingerprint(params);
        let after = params.text("NextToken").map(|token| read_token(token, &fingerprint)).transpose()?;
        Ok(Self { limit, after, fingerprint })
    }

    /// For actions that answer in pages also when nobody asks for them.
    #[must_use]
    pub fn at_most(self, limit: usize) -> Self {
        Self { limit: self.limit.min(limit), ..self }
    }

    /// Refuses ids together with `MaxResults`, which EC2 does for most Describe calls.
    pub fn refuse_with_ids(params: &Params, ids: &str, shown: &str) -> Result<(), ApiError> {
        if params.text("MaxResults").is_some() && !params.list(ids).is_empty() {
            let message = format!("The parameter {shown} cannot be used with the parameter maxResults");
            return Err(ApiError::invalid_combination(message));
        }
        Ok(())
    }

    /// Takes the page out of `items`, which come sorted by `key`; the token is there if more follow.
    pub fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let mut rest =
            items.into_iter().filter(|item| self.after.as_ref().is_none_or(|after| key(item) > *after));
        let page: Vec<T> = rest.by_ref().take(self.limit).collect();
        let more = rest.next().is_some();
        let token = page.last().filter(|_| more).map(|last| self.token(&key(last)));
        (page, token)
    }

    /// As [`Page::cut`], for answers that hold one set and `nextToken`.
    pub fn reply<T>(
        &self,
        set: &'static str,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
        show: impl Fn(T) -> Node,
    ) -> Node {
        let (page, token) = self.cut(items, key);
        Node::new().set(set, page.into_iter().map(show)).opt("nextToken", token)
    }

    fn token(&self, last: &str) -> String {
        BASE64.encode(format!("{}\n{last}", self.fingerprint))
    }
}

/// A token belongs to the query that made it.
fn fingerprint(params: &Params) -> String {
    let query =
        params.without(&["MaxResults", "NextToken", "DryRun", "Action", "Version"]).to_json().to_string();
    super::digest(&query)
}

fn read_token(token: &str, fingerprint: &str) -> Result<String, ApiError> {
    let refused = || ApiError::new("InvalidNextToken", "The specified NextToken is not valid.");
    let bytes = BASE64.decode(token).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    let (made_for, last) = text.split_once('\n').ok_or_else(refused)?;
    if made_for == fingerprint { Ok(last.to_owned()) } else { Err(refused()) }
}
