//! `RunInstances`.

use std::sync::Arc;

use imbl::Vector;

use super::{
    boot, network,
    request::{self, Launch},
    show,
};
use crate::{
    core::{
        Call, Outcome,
        error::ApiError,
        ids,
        records::{
            Attachment, Device, Image, Instance, InstanceState, Interface, Phase, StateReason, Volume,
        },
        world::World,
        xml::Node,
    },
    ec2::{
        kms,
        launch_templates::{self, Applied},
        spot,
        tokens::Token,
        volumes,
    },
};

pub fn run(call: &Call, world: &mut World) -> Outcome {
    let Applied { params, template } = launch_templates::apply(call, call.region(world), call.params)?;
    let whole = Call { params: &params, ..*call };
    let place = network::place(&whole, world)?;
    let zonal = params.text("SubnetId").is_some() || params.text("Placement.AvailabilityZone").is_some();
    // Of the call as it was made: its template may be another one the next time.
    let token = Token::of(call, if zonal { &place.zone } else { "" })?;
    if let Some(made) = token.as_ref().map(|token| token.replay(call.region(world))).transpose()?.flatten() {
        return replay(call, world, made);
    }
    let mut launch = request::check(&whole, world, place)?;
    if let Some((id, version)) = template {
        launch.tags.note("instance", "aws:ec2launchtemplate:id", &id);
        launch.tags.note("instance", "aws:ec2launchtemplate:version", &version.to_string());
    }
    let reservation = world.mint_prefixed("r");
    let ids: Vec<String> =
        (0..launch.count).map(|at| start(&whole, world, &launch, &reservation, at)).collect();
    note_launch(call, world, &launch.image);
    if let Some(token) = token {
        token.remember(call, world, ids.clone());
    }
    // The answer shows the instances as they begin, however soon they run.
    Ok(reply(call, world, &ids, Instance::first_phase).into())
}

fn replay(call: &Call, world: &World, made: &[String]) -> Outcome {
    let region = call.region(world);
    let over = |id: &String| region.instances.get(id).is_none_or(|instance| instance.is_terminated(call.now));
    if made.iter().any(over) {
        let message = "The request to launch an instance uses the same client token as a previous request for which the instance has been terminated.";
        return Err(ApiError::new("IdempotentInstanceTerminated", message));
    }
    Ok(reply(call, world, made, |instance| instance.phase(call.now)).into())
}

fn reply(call: &Call, world: &World, ids: &[String], phase: impl Fn(&Instance) -> &Phase) -> Node {
    let region = call.region(world);
    let instances = ids.iter().filter_map(|id| region.instances.get(id));
    let shown: Vec<_> = instances.map(|instance| (&**instance, phase(instance))).collect();
    show::reservation(region, &shown)
}

/// Makes one instance with its volumes, and tells its whole course as it will be if nobody interferes.
fn start(call: &Call, world: &mut World, launch: &Launch, reservation: &str, index: usize) -> String {
    let id = world.mint(ids::INSTANCE);
    let devices =
        launch.devices.iter().filter_map(|device| attach(call, world, launch, device, &id)).collect();
    let mut instance = instance(call, world, launch, &id, index);
    reservation.clone_into(&mut instance.reservation_id);
    instance.devices = devices;
    plan(call, world, launch, &mut instance);
    call.region_mut(world).instances.insert(id.clone(), Arc::new(instance));
    id
}

fn attach(
    call: &Call,
    world: &mut World,
    launch: &Launch,
    device: &Device,
    instance_id: &str,
) -> Option<Attachment> {
    let ebs = device.ebs.as_ref()?;
    let volume = Volume {
        id: world.mint(ids::VOLUME),
        owner: call.account().to_owned(),
        zone: launch.place.zone.clone(),
        size: ebs.size,
        volume_type: ebs.volume_type.clone(),
        iops: ebs.iops,
        throughput: ebs.throughput,
        snapshot_id: ebs.snapshot_id.clone(),
        encrypted: ebs.encrypted,
        kms_key_id: ebs.kms_key_id.clone(),
        created_at: call.now,
        instance_id: instance_id.to_owned(),
        more_instances: Vec::new(),
        multi_attach: false,
        delete_on_termination: ebs.delete_on_termination,
        modification: None,
        disk: volumes::disk(call, world, ebs),
        billing: volumes::billing(call, world, ebs),
        tags: launch.tags.of("volume"),
    };
    let attachment =
        Attachment { device_name: device.name.clone(), volume_id: volume.id.clone(), attached_at: call.now };
    call.region_mut(world).volumes.insert(volume.id.clone(), Arc::new(volume));
    Some(attachment)
}

fn instance(call: &Call, world: &mut World, launch: &Launch, id: &str, index: usize) -> Instance {
    let (params, place) = (call.params, launch.place.clone());
    let flag = |name| params.is_set(name).unwrap_or(false);
    let text = |name, default: &str| params.text(name).unwrap_or(default).to_owned();
    let tags = launch.tags.of("network-interface");
    let mut interface = |place| Interface { tags: tags.clone(), ..network::interface(world, place) };
    let primary = interface(&place);
    let more_interfaces = place.more.iter().map(interface).collect();
    Instance {
        id: id.to_owned(),
        owner: call.account().to_owned(),
        reservation_id: String::new(),
        image: launch.image.clone(),
        instance_type: launch.instance_type.clone(),
        key_name: launch.key_name.clone(),
        vpc_id: place.vpc_id,
        zone: place.zone,
        primary,
        more_interfaces,
        launched_at: call.now,
        phases: Vec::new(),
        console: Vector::new(),
        is_machine: false,
        user_data: launch.user_data.clone(),
        devices: Vec::new(),
        terminate_on_shutdown: launch.terminate_on_shutdown,
        disable_api_termination: flag("DisableApiTermination"),
        disable_api_stop: flag("DisableApiStop"),
        ebs_optimized: flag("EbsOptimized"),
        monitoring: flag("Monitoring.Enabled"),
        auto_recovery: text("MaintenanceOptions.AutoRecovery", "default"),
        tenancy: text("Placement.Tenancy", "default"),
        instance_profile: launch.instance_profile.clone(),
        metadata: launch.metadata.clone(),
        features: launch.features.clone(),
        cpu: launch.cpu,
        cpu_credits: launch.cpu_credits.clone(),
        client_token: text("ClientToken", ""),
        launch_index: index,
        spot_request: launch
            .spot
            .as_ref()
            .map(|options| spot::record(call, world, id, options, launch.tags.of("spot-instances-request"))),
        boots: 1,
        tags: launch.tags.of("instance"),
    }
}

fn plan(call: &Call, world: &mut World, launch: &Launch, instance: &mut Instance) {
    instance.phases.push(Phase {
        from: call.now,
        state: InstanceState::Pending,
        reason: Some(StateReason::new("pending", "pending")),
        transition: String::new(),
    });
    let key_is_wrong = |device: &Device| {
        let key = device.ebs.as_ref().and_then(|ebs| ebs.kms_key_id.as_deref());
        key.is_some_and(|key| kms::is_wrong(key, &call.caller.region, call.account()))
    };
    if launch.devices.iter().any(key_is_wrong) {
        let reason = kms::launch_without_key();
        instance.phases.push(Phase {
            from: call.end_of(world, call.profile.run),
            state: InstanceState::Terminated,
            transition: reason.code.clone(),
            reason: Some(reason),
        });
        return;
    }
    boot::boot(call, world, instance);
}

fn note_launch(call: &Call, world: &mut World, image: &Image) {
    if let Some(image) = call.region_mut(world).images.get_mut(&image.id) {
        Arc::make_mut(image).last_launched_at = Some(call.now);
    }
}
