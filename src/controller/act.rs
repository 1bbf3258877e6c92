//! Carries out a step: one call an arm, and no choice.

use super::Operator;
use crate::{
    ec2::{Deregistered, poller::Subject},
    model::{AwsError, ImageId, Instance, Region},
    plan::{
        build::{BuildCall, BuildStep},
        replication::{DestinationCall, DestinationStep},
    },
    status::Outcome,
};

/// Does what a build's plan says.
pub async fn build(operator: &Operator, subject: &Subject, step: Option<&BuildStep>) -> Outcome {
    let Some(BuildStep::Call(call)) = step else { return Outcome::NoCall };
    let (region, outcome) = build_call(operator, call).await;
    operator.poller.forget(subject, region);
    outcome
}

async fn build_call<'a>(operator: &Operator, call: &'a BuildCall) -> (&'a Region, Outcome) {
    let ec2 = &operator.ec2;
    match call {
        BuildCall::RunInstances(request) => (&request.region, launched(ec2.run_instances(request).await)),
        BuildCall::StopInstances { region, id } => (region, accepted(ec2.stop_instances(region, id).await)),
        BuildCall::TerminateInstances { region, id } => {
            (region, accepted(ec2.terminate_instances(region, id).await))
        }
        BuildCall::CreateImage(request) => (&request.region, created(ec2.create_image(request).await)),
        BuildCall::RequireImdsV2 { region, id } => (region, accepted(ec2.require_imdsv2(region, id).await)),
        BuildCall::DeregisterImage { region, id } => {
            (region, deregistered(region, ec2.deregister_image(region, id).await))
        }
        BuildCall::DeleteSnapshot { region, id } => (region, accepted(ec2.delete_snapshot(region, id).await)),
    }
}

/// Does what a replication's plan says for one region.
pub async fn destination(operator: &Operator, subject: &Subject, step: Option<&DestinationStep>) -> Outcome {
    let Some(DestinationStep::Call(call)) = step else { return Outcome::NoCall };
    let (region, outcome) = destination_call(operator, call).await;
    operator.poller.forget(subject, region);
    outcome
}

async fn destination_call<'a>(operator: &Operator, call: &'a DestinationCall) -> (&'a Region, Outcome) {
    let ec2 = &operator.ec2;
    match call {
        DestinationCall::CopyImage(request) => (&request.region, created(ec2.copy_image(request).await)),
        DestinationCall::DeregisterImage { region, id } => {
            (region, deregistered(region, ec2.deregister_image(region, id).await))
        }
        DestinationCall::DeleteSnapshot { region, id } => {
            (region, accepted(ec2.delete_snapshot(region, id).await))
        }
        DestinationCall::CreateTags { region, resources, tags, repair: _ } => {
            (region, accepted(ec2.create_tags(region, resources, tags).await))
        }
        DestinationCall::DeleteTags { region, resources, keys } => {
            (region, accepted(ec2.delete_tags(region, resources, keys).await))
        }
    }
}

fn launched(result: Result<Instance, AwsError>) -> Outcome {
    result.map_or_else(Outcome::Failed, |instance| Outcome::Launched(Box::new(instance)))
}

fn created(result: Result<ImageId, AwsError>) -> Outcome {
    result.map_or_else(Outcome::Failed, Outcome::ImageCreated)
}

fn accepted(result: Result<(), AwsError>) -> Outcome {
    result.map_or_else(Outcome::Failed, |()| Outcome::Accepted)
}

fn deregistered(region: &Region, result: Result<Deregistered, AwsError>) -> Outcome {
    match result {
        Ok(Deregistered { kept }) if kept.is_empty() => Outcome::Accepted,
        Ok(Deregistered { kept }) => Outcome::SnapshotsKept(region.clone(), kept),
        Err(error) => Outcome::Failed(error),
    }
}
