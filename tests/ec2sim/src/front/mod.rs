//! What clients speak: HTTP requests to calls, replies to HTTP responses.

pub mod admin;
pub mod http;
#[cfg(feature = "sdk")]
pub mod sdk;

mod broken;
mod credentials;
mod protocol;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hyper::{Request, Response};

use self::{credentials::Scope, protocol::Message};
use crate::{
    core::{Answer, Caller, Sim, clock::Clock, digest, error::ApiError},
    faults::Delivery,
};

/// A cloud and its time, as clients reach it.
pub struct Front {
    pub sim: Arc<Sim>,
    pub clock: Clock,
    answered: AtomicU64,
}

impl Front {
    pub fn new(sim: Arc<Sim>, clock: Clock) -> Self {
        Self { sim, clock, answered: AtomicU64::new(0) }
    }

    /// Carries out one request of any protocol. No I/O, no waiting: how the response is to reach the client is for
    /// the caller to see to.
    pub fn deliver(&self, request: &Request<Vec<u8>>) -> (Response<Vec<u8>>, Delivery) {
        let message = Message::read(request);
        let answer = self.carry_out(request, &message).unwrap_or_else(Answer::from);
        (protocol::write(&message, &answer.outcome, &self.request_id()), answer.delivery)
    }

    /// As [`Front::deliver`], for who has no transport that a fault could disturb.
    pub fn answer(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.deliver(request).0
    }

    fn carry_out(&self, request: &Request<Vec<u8>>, message: &Message) -> Result<Answer, ApiError> {
        let scope = credentials::scope(request, message)?;
        if !message.readable {
            return Err(ApiError::new("SerializationException", "The body of the request is not valid JSON"));
        }
        let action = message
            .action
            .as_deref()
            .ok_or_else(|| ApiError::new("MissingAction", "The request must contain the parameter Action"))?;
        let caller = self.caller(&scope, message)?;
        Ok(self.sim.call(self.clock.now(), &caller, scope.service, action, &message.params))
    }

    fn caller(&self, scope: &Scope, message: &Message) -> Result<Caller, ApiError> {
        let identity = self.sim.identify(&scope.access_key);
        if identity.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(ApiError::expired(message.service));
        }
        Ok(Caller { account: identity.account, region: scope.region.clone(), principal: identity.principal })
    }

    fn request_id(&self) -> String {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        let digits = digest(&format!("request {number}"));
        let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().to_owned();
        [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
    }
}
