//! Machine images.

pub mod access;

mod allowed;
mod ancestry;
mod attribute;
mod block_public_access;
mod copy;
mod create;
mod deregister;
mod describe;
mod fast_launch;
mod lifecycle;
mod modify;
mod name;
mod references;
mod register;
mod show;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::allowed::allows;

use crate::core::{
    Call, Handler,
    error::ApiError,
    records::{Image, ImageState, StateReason},
    world::World,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CancelImageLaunchPermission" => Some(Handler::Write(modify::cancel)),
        "CopyImage" => Some(Handler::Write(copy::copy)),
        "CreateImage" => Some(Handler::Write(create::create)),
        "DeregisterImage" => Some(Handler::Write(deregister::deregister)),
        "DescribeImageAttribute" => Some(Handler::Read(attribute::describe)),
        "DescribeImageReferences" => Some(Handler::Read(references::describe)),
        "DescribeImages" => Some(Handler::Read(describe::describe)),
        "DisableImage" => Some(Handler::Write(lifecycle::disable)),
        "DisableImageBlockPublicAccess" => Some(Handler::Write(block_public_access::disable)),
        "DisableImageDeprecation" => Some(Handler::Write(lifecycle::disable_deprecation)),
        "DisableImageDeregistrationProtection" => Some(Handler::Write(lifecycle::disable_protection)),
        "EnableImage" => Some(Handler::Write(lifecycle::enable)),
        "EnableImageBlockPublicAccess" => Some(Handler::Write(block_public_access::enable)),
        "EnableImageDeprecation" => Some(Handler::Write(lifecycle::enable_deprecation)),
        "EnableImageDeregistrationProtection" => Some(Handler::Write(lifecycle::enable_protection)),
        "GetImageAncestry" => Some(Handler::Read(ancestry::get)),
        "GetImageBlockPublicAccessState" => Some(Handler::Read(block_public_access::get)),
        "ModifyImageAttribute" => Some(Handler::Write(modify::modify)),
        "RegisterImage" => Some(Handler::Write(register::register)),
        "ResetImageAttribute" => Some(Handler::Write(modify::reset)),
        other => {
            allowed::handler(other).or_else(|| fast_launch::handler(other)).or_else(|| store::handler(other))
        }
    }
}

/// Refuses an image that is pending or failed.
fn check_settled(call: &Call, image: &Image) -> Result<(), ApiError> {
    let state = image.state(call.now);
    match state {
        ImageState::Available | ImageState::Disabled => Ok(()),
        ImageState::Pending | ImageState::Failed => Err(unavailable(image, state)),
    }
}

fn unavailable(image: &Image, state: ImageState) -> ApiError {
    let message = format!(
        "The AMI ID '{}' is currently {} and may not be used for this operation",
        image.id,
        state.name()
    );
    ApiError::new("InvalidAMIID.Unavailable", message)
}

/// Fails the images that were being made of an instance when it was terminated.
pub fn fail_pending_of_instance(call: &Call, world: &mut World, instance_id: &str) {
    let region = call.region_mut(world);
    let of_instance = |image: &&Arc<Image>| image.source_instance_id.as_deref() == Some(instance_id);
    let pending: Vec<Arc<Image>> = region
        .images
        .values()
        .filter(of_instance)
        .filter(|image| image.state(call.now) == ImageState::Pending)
        .cloned()
        .collect();
    for image in pending {
        let code = "Client.InstanceTerminated";
        let message =
            "Client.InstanceTerminated: The instance was terminated while the image was being created.";
        let reason = StateReason::new(code, message);
        for id in image.snapshot_ids() {
            if let Some(snapshot) = region.snapshots.get_mut(id).filter(|it| it.completes_at > call.now) {
                let snapshot = Arc::make_mut(snapshot);
                snapshot.completes_at = call.now;
                snapshot.failure = Some(reason.clone());
            }
        }
        let failed = Image { settles_at: call.now, failure: Some(reason), ..Image::clone(&image) };
        region.images.insert(failed.id.clone(), Arc::new(failed));
    }
}
