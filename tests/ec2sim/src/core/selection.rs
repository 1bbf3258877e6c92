//! What the Describe calls have in common that take ids, filters and `MaxResults`.

use super::{error::ApiError, filters::Filters, paging::Page, params::Params, tags::Tags};

/// Which resources a call asks for: some by id, or all page by page; those that filters let through.
pub struct Selection<'c> {
    /// The ids, if any.
    pub asked: Vec<&'c str>,
    pub page: Page,
    filters: Filters,
}

impl<'c> Selection<'c> {
    /// Reads the ids under `ids`, which EC2 does not take together with `MaxResults`: it calls them `shown` then. `known` are
    /// the names of filters.
    pub fn parse(params: &'c Params, known: &[&str], ids: &str, shown: &str) -> Result<Self, ApiError> {
        let filters = Filters::parse(params, known)?;
        let page = Page::parse(params, 5..=1000)?;
        Page::refuse_with_ids(params, ids, shown)?;
        Ok(Self { asked: params.ids(ids)?, page, filters })
    }

    /// Whether the resource of this id is asked for, which has these tags and, for the name of a filter, these `values`.
    pub fn wants(&self, id: &str, tags: &Tags, values: impl Fn(&str) -> Vec<String>) -> bool {
        (self.asked.is_empty() || self.asked.contains(&id)) && self.filters.match_all(tags, values)
    }
}
