//! Client tokens: a repeated call answers what the first one made.

use crate::core::{
    Call, digest,
    error::ApiError,
    world::{Region, Used, World},
};

/// A call's token, with the scope within which it counts.
pub struct Token {
    key: (String, String, String),
    request: String,
}

impl Token {
    /// `None` without a token. `scope` is the zone for zonal idempotency.
    pub fn of(call: &Call, scope: &str) -> Result<Option<Self>, ApiError> {
        let Some(token) = call.params.text("ClientToken") else { return Ok(None) };
        if token.len() > 64 || !token.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            let message = "Client token must be at most 64 ASCII characters long";
            return Err(ApiError::invalid_value(message));
        }
        let key = (call.account().to_owned(), format!("{}/{scope}", call.action), token.to_owned());
        let request = digest(&call.params.without(&["ClientToken", "DryRun"]).to_json().to_string());
        Ok(Some(Self { key, request }))
    }

    /// What an earlier call with this token made.
    pub fn replay<'a>(&self, region: &'a Region) -> Result<Option<&'a [String]>, ApiError> {
        match region.tokens.get(&self.key) {
            Some(used) if used.request != self.request => Err(ApiError::new(
                "IdempotentParameterMismatch",
                "The request uses the same client token as a previous, but non-identical request.",
            )),
            used => Ok(used.map(|used| used.made.as_slice())),
        }
    }

    pub fn remember(self, call: &Call, world: &mut World, made: Vec<String>) {
        let used = Used { request: self.request, made };
        call.region_mut(world).tokens.insert(self.key, used);
    }
}
