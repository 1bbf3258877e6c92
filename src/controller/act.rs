//! Executes a step: one AWS call per match arm, without any decision.

use super::{Operator, backoff::Write, status_writer::name, upkeep::carry_out};
use crate::{
    ec2::{Deregistered, Ec2, poller::Subject},
    model::{Action, AwsError, CommandId, ImageId, Instance, Region},
    plan::{
        Progress, UpkeepCall,
        build::{BuildCall, BuildPlan, BuildStep},
        replication::{DestinationCall, DestinationPlan, DestinationStep},
    },
    status::Outcome,
};

/// Executes the plan of a build in its region.
pub async fn build(operator: &Operator, subject: &Subject, region: &Region, plan: &BuildPlan) -> Outcome {
    let Some(BuildStep::Call(call)) = &plan.step else {
        return without_call(operator, subject, region, plan.step.is_none(), &plan.progress);
    };
    let write = Write::Build(call.clone());
    if let Some(error) = operator.backoff.resting(subject, &write) {
        return Outcome::Failed(error);
    }
    let (action, region, outcome) = build_call(operator, call).await;
    done(operator, subject, write, action, region, outcome)
}

/// While a call rests, its failure is what a region that only looks around is waiting for: else the trouble would be taken
/// back and told again at each repetition.
fn without_call(
    operator: &Operator,
    subject: &Subject,
    region: &Region,
    idle: bool,
    progress: &Progress,
) -> Outcome {
    let waiting = idle && matches!(progress, Progress::Moving(_));
    let trouble = waiting.then(|| operator.backoff.trouble(subject, region)).flatten();
    trouble.map_or(Outcome::NoCall, Outcome::Failed)
}

/// Every write is logged with what came of it, and makes what was seen before it old; one that failed rests.
fn done(
    operator: &Operator,
    subject: &Subject,
    write: Write,
    action: Action,
    region: &Region,
    outcome: Outcome,
) -> Outcome {
    log(subject, action, region, &outcome);
    match &outcome {
        Outcome::Failed(error) => operator.backoff.failed(subject, region, write, error),
        Outcome::Launched(_)
        | Outcome::ImageCreated(_)
        | Outcome::CommandSent(_)
        | Outcome::SnapshotsKept(_)
        | Outcome::Accepted
        | Outcome::NoCall => operator.backoff.succeeded(subject, region),
    }
    operator.poller.forget(subject, region);
    outcome
}

fn log(subject: &Subject, action: Action, region: &Region, outcome: &Outcome) {
    let object = name(subject);
    match outcome {
        Outcome::Failed(error) => tracing::warn!(object, %action, %region, %error, "an AWS call failed"),
        Outcome::Launched(instance) => {
            tracing::info!(object, %action, %region, id = %instance.id, "launched");
        }
        Outcome::ImageCreated(id) => tracing::info!(object, %action, %region, %id, "image creation started"),
        Outcome::CommandSent(id) => tracing::info!(object, %action, %region, %id, "command sent"),
        Outcome::SnapshotsKept(kept) => {
            tracing::warn!(object, %action, %region, ?kept, "snapshots were kept");
        }
        Outcome::Accepted | Outcome::NoCall => tracing::info!(object, %action, %region, "accepted"),
    }
}

async fn build_call<'a>(operator: &Operator, call: &'a BuildCall) -> (Action, &'a Region, Outcome) {
    let ec2 = &operator.ec2;
    match call {
        BuildCall::RunInstances(request) => {
            (Action::RunInstances, &request.region, launched(ec2.run_instances(request).await))
        }
        BuildCall::SendCommand(request) => {
            (Action::SendCommand, &request.region, sent(ec2.send_command(request).await))
        }
        BuildCall::CancelCommand { region, id, instance_id } => {
            (Action::CancelCommand, region, accepted(ec2.cancel_command(region, id, instance_id).await))
        }
        BuildCall::StopInstances { region, id } => {
            (Action::StopInstances, region, accepted(ec2.stop_instances(region, id).await))
        }
        BuildCall::TerminateInstances { region, id } => {
            (Action::TerminateInstances, region, accepted(ec2.terminate_instances(region, id).await))
        }
        BuildCall::CreateImage(request) => {
            (Action::CreateImage, &request.region, created(ec2.create_image(request).await))
        }
        BuildCall::Upkeep { region, call } => upkeep(ec2.as_ref(), region, call).await,
        BuildCall::DeregisterImage { region, id } => {
            (Action::DeregisterImage, region, deregistered(ec2.deregister_image(region, id).await))
        }
        BuildCall::DeleteSnapshot { region, id } => {
            (Action::DeleteSnapshot, region, accepted(ec2.delete_snapshot(region, id).await))
        }
    }
}

/// Executes the plan of a replication for one region.
pub async fn destination(
    operator: &Operator,
    subject: &Subject,
    region: &Region,
    plan: &DestinationPlan,
) -> Outcome {
    let Some(DestinationStep::Call(call)) = &plan.step else {
        return without_call(operator, subject, region, plan.step.is_none(), &plan.progress);
    };
    let write = Write::Destination(call.clone());
    if let Some(error) = operator.backoff.resting(subject, &write) {
        return Outcome::Failed(error);
    }
    let (action, region, outcome) = destination_call(operator, call).await;
    done(operator, subject, write, action, region, outcome)
}

async fn destination_call<'a>(
    operator: &Operator,
    call: &'a DestinationCall,
) -> (Action, &'a Region, Outcome) {
    let ec2 = &operator.ec2;
    match call {
        DestinationCall::CopyImage(request) => {
            (Action::CopyImage, &request.region, created(ec2.copy_image(request).await))
        }
        DestinationCall::DeregisterImage { region, id } => {
            (Action::DeregisterImage, region, deregistered(ec2.deregister_image(region, id).await))
        }
        DestinationCall::DeleteSnapshot { region, id } => {
            (Action::DeleteSnapshot, region, accepted(ec2.delete_snapshot(region, id).await))
        }
        DestinationCall::CreateTags { region, resources, tags } => {
            (Action::CreateTags, region, accepted(ec2.create_tags(region, resources, tags).await))
        }
        DestinationCall::DeleteTags { region, resources, keys } => {
            (Action::DeleteTags, region, accepted(ec2.delete_tags(region, resources, keys).await))
        }
        DestinationCall::PutParameter(request) => {
            (Action::PutParameter, &request.region, accepted(ec2.put_parameter(request).await))
        }
        DestinationCall::TagParameter { region, name, tags } => {
            (Action::AddTagsToResource, region, accepted(ec2.tag_parameter(region, name, tags).await))
        }
        DestinationCall::DeleteParameter { region, name } => {
            (Action::DeleteParameter, region, accepted(ec2.delete_parameter(region, name).await))
        }
        DestinationCall::Upkeep { region, call } => upkeep(ec2.as_ref(), region, call).await,
    }
}

async fn upkeep<'a>(ec2: &dyn Ec2, region: &'a Region, call: &UpkeepCall) -> (Action, &'a Region, Outcome) {
    let (action, result) = carry_out(ec2, region, call).await;
    (action, region, accepted(result))
}

fn launched(result: Result<Instance, AwsError>) -> Outcome {
    result.map_or_else(Outcome::Failed, |instance| Outcome::Launched(Box::new(instance)))
}

fn created(result: Result<ImageId, AwsError>) -> Outcome {
    result.map_or_else(Outcome::Failed, Outcome::ImageCreated)
}

fn sent(result: Result<CommandId, AwsError>) -> Outcome {
    result.map_or_else(Outcome::Failed, Outcome::CommandSent)
}

fn accepted(result: Result<(), AwsError>) -> Outcome {
    result.map_or_else(Outcome::Failed, |()| Outcome::Accepted)
}

fn deregistered(result: Result<Deregistered, AwsError>) -> Outcome {
    match result {
        Ok(Deregistered { kept }) if kept.is_empty() => Outcome::Accepted,
        Ok(Deregistered { kept }) => Outcome::SnapshotsKept(kept),
        Err(error) => Outcome::Failed(error),
    }
}
