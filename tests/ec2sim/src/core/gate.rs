//! What stands before the actions: throttling, faults, permissions.

use super::{Call, Service, error::ApiError, world::World};
use crate::{
    buckets::Buckets,
    faults::{Delivery, Effect, Faults, Met},
    iam::Iam,
};

/// All that can refuse or bend a call. Off unless somebody sets it.
#[derive(Debug, Default)]
pub struct Gate {
    pub faults: Faults,
    /// Token buckets, if calls are throttled.
    pub buckets: Option<Buckets>,
    /// Policies, if permissions are checked.
    pub iam: Option<Iam>,
}

/// How a call gets through.
#[derive(Debug, Default)]
pub(super) struct Passage {
    /// The answer in place of carrying it out.
    pub refusal: Option<ApiError>,
    pub fault: Option<Met>,
    pub delivery: Delivery,
}

impl From<ApiError> for Passage {
    fn from(error: ApiError) -> Self {
        Self { refusal: Some(error), ..Self::default() }
    }
}

impl Gate {
    pub(super) fn enter(&mut self, service: Service, call: &Call, world: &World) -> Passage {
        if let Some(Err(throttled)) = self.buckets.as_mut().map(|buckets| buckets.admit(service, call)) {
            return throttled.into();
        }
        let mut fault = self.faults.meet(service, call, world);
        let effect = fault.as_ref().map(|met| &met.effect);
        let delivery = effect.map_or(Delivery::Now, Effect::delivery);
        let mut refusal = effect.and_then(|effect| effect.refusal(service, call, world));
        if let (None, Some(iam)) = (&refusal, &mut self.iam) {
            match iam.authorize(service, call, world) {
                Ok(consequence) => fault = fault.or(consequence),
                Err(denied) => refusal = Some(denied),
            }
        }
        Passage { refusal, fault, delivery }
    }

    /// As it was before the first call; rules are gone, throttling and policies stay.
    pub(super) fn reset(&mut self) {
        self.faults = Faults::default();
        self.buckets = self.buckets.is_some().then(Buckets::default);
        if let Some(iam) = &mut self.iam {
            iam.forget();
        }
    }
}
