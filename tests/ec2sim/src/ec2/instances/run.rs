//! `RunInstances`.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use super::{network, network::Place, show};
use crate::{
    core::{
        Call, Outcome,
        clock::after,
        digest,
        error::ApiError,
        ids,
        params::Params,
        records::{
            Attachment, Device, Image, ImageState, Instance, InstanceState, MetadataOptions, Phase,
            StateReason, Volume,
        },
        tags::Specifications,
        world::World,
        xml::Node,
    },
    ec2::{
        block_devices::{self, Purpose},
        images::access,
        instance_types::{self, InstanceType},
        kms,
        tokens::Token,
    },
    guest::{Course, Facts},
    ssm,
};

/// Greatest size of user data before it is encoded (EC2 user guide, instance user data).
const MAX_USER_DATA: usize = 16 * 1024;
/// The type of an instance for which none is asked.
const DEFAULT_TYPE: &str = "m1.small";

/// A request that was found good.
struct Launch {
    image: Arc<Image>,
    instance_type: String,
    cores: i64,
    threads: i64,
    place: Place,
    devices: Vec<Device>,
    key_name: Option<String>,
    user_data: Option<String>,
    terminate_on_shutdown: bool,
    metadata: MetadataOptions,
    instance_profile: Option<(String, String)>,
    tags: Specifications,
    count: usize,
}

pub fn run(call: &Call, world: &mut World) -> Outcome {
    let place = network::place(call, world)?;
    let zonal =
        call.params.text("SubnetId").is_some() || call.params.text("Placement.AvailabilityZone").is_some();
    let token = Token::of(call, if zonal { &place.zone } else { "" })?;
    if let Some(made) = token.as_ref().map(|token| token.replay(call.region(world))).transpose()?.flatten() {
        return replay(call, world, made);
    }
    let launch = check(call, world, place)?;
    let reservation = world.mint_prefixed("r");
    let ids: Vec<String> =
        (0..launch.count).map(|at| start(call, world, &launch, &reservation, at)).collect();
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

fn check(call: &Call, world: &World, place: Place) -> Result<Launch, ApiError> {
    let params = call.params;
    let image = launchable(call, world, &image_id(call, world)?)?;
    let instance_type = params.text("InstanceType").unwrap_or(DEFAULT_TYPE).to_owned();
    let kind = check_type(&instance_type, &image)?;
    let count = count(call, world)?;
    let tags = Specifications::parse(
        params,
        &["instance", "volume", "network-interface", "spot-instances-request"],
    )?;
    let terminate_on_shutdown = match params.text("InstanceInitiatedShutdownBehavior") {
        None | Some("stop") => false,
        Some("terminate") => true,
        Some(other) => return Err(ApiError::bad_value(other, "instanceInitiatedShutdownBehavior", "")),
    };
    Ok(Launch {
        devices: block_devices::overlay(call, world, &image.devices, Purpose::Launch)?,
        key_name: key_name(call, world)?,
        user_data: user_data(params)?,
        metadata: metadata(params, &image)?,
        instance_profile: instance_profile(call)?,
        image,
        instance_type,
        cores: i64::from(kind.cores()),
        threads: i64::from(kind.family.threads),
        place,
        terminate_on_shutdown,
        tags,
        count,
    })
}

/// The image's id, also as `resolve:ssm:<parameter>`.
fn image_id(call: &Call, world: &World) -> Result<String, ApiError> {
    let given = call.params.require("ImageId")?;
    let Some(name) = given.strip_prefix("resolve:ssm:") else { return Ok(given.to_owned()) };
    let value = ssm::parameter_value(call.region(world), call.account(), name, call.now);
    value.ok_or_else(|| {
        ApiError::invalid_value(format!("Invalid value '{given}' for ImageId: no such parameter."))
    })
}

fn launchable(call: &Call, world: &World, id: &str) -> Result<Arc<Image>, ApiError> {
    let image = access::visible_image(call, world, id)?;
    if image.state(call.now) != ImageState::Available {
        let message = format!("The image ID '[{id}]' is not available");
        return Err(ApiError::new("InvalidAMIID.Unavailable", message));
    }
    let subscribed = world.accounts.get(call.account()).map(|account| account.subscriptions.clone());
    let subscribed = subscribed.unwrap_or_default();
    let own = image.owner == call.account() && image.source_instance_id.is_some();
    match image.product_codes.iter().find(|code| !own && !subscribed.contains(&code.id)) {
        Some(code) => Err(opt_in_required(&code.id)),
        None => Ok(image.clone()),
    }
}

fn opt_in_required(product_code: &str) -> ApiError {
    let message = format!(
        "In order to use this AWS Marketplace product you need to accept terms and subscribe. To do so please visit \
         https://aws.amazon.com/marketplace/pp?sku={product_code}"
    );
    ApiError::new("OptInRequired", message).with_status(401)
}

/// The type, if it exists and can run the image.
fn check_type(name: &str, image: &Image) -> Result<InstanceType, ApiError> {
    let found = instance_types::find(name);
    let found =
        found.ok_or_else(|| ApiError::invalid_value(format!("Invalid value '{name}' for InstanceType.")))?;
    if found.runs(&image.architecture) {
        return Ok(found);
    }
    Err(ApiError::invalid_value(format!(
        "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI. \
         Specify an instance type and an AMI that have matching architectures, and try again. You can use \
         'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
        found.family.architectures.join(","),
        image.architecture
    )))
}

fn count(call: &Call, world: &World) -> Result<usize, ApiError> {
    let least = call.params.int("MinCount")?.ok_or_else(|| ApiError::missing("MinCount"))?;
    let most = call.params.int("MaxCount")?.ok_or_else(|| ApiError::missing("MaxCount"))?;
    for (name, value) in [("minCount", least), ("maxCount", most)] {
        if value < 1 {
            return Err(ApiError::bad_value(&value.to_string(), name, "Expecting a value greater than 0."));
        }
    }
    if least > most {
        let message = "Maximum instance count must not be smaller than minimum instance count";
        return Err(ApiError::invalid_value(message));
    }
    let own =
        |instance: &&Arc<Instance>| instance.owner == call.account() && !instance.is_terminated(call.now);
    let used = call.region(world).instances.values().filter(own).count();
    let free = i64::try_from(world.quotas.instances.saturating_sub(used)).unwrap_or(i64::MAX);
    if least > free {
        let message = format!(
            "You have requested more instances ({least}) than your current instance limit of {} allows for the specified instance type.",
            world.quotas.instances
        );
        return Err(ApiError::new("InstanceLimitExceeded", message));
    }
    usize::try_from(most.min(free)).map_err(|_| ApiError::bad_value(&most.to_string(), "maxCount", ""))
}

fn key_name(call: &Call, world: &World) -> Result<Option<String>, ApiError> {
    let Some(name) = call.params.text("KeyName") else { return Ok(None) };
    let mut keys = call.region(world).key_pairs.values();
    if keys.any(|key| key.owner == call.account() && key.name == name) {
        return Ok(Some(name.to_owned()));
    }
    Err(ApiError::new("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist")))
}

fn user_data(params: &Params) -> Result<Option<String>, ApiError> {
    let Some(encoded) = params.text("UserData") else { return Ok(None) };
    let compact: String = encoded.split_ascii_whitespace().collect();
    let raw = BASE64
        .decode(&compact)
        .map_err(|_| ApiError::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data"))?;
    if raw.len() > MAX_USER_DATA {
        return Err(ApiError::invalid_value(format!("User data is limited to {MAX_USER_DATA} bytes")));
    }
    Ok(Some(compact))
}

fn metadata(params: &Params, image: &Image) -> Result<MetadataOptions, ApiError> {
    let (tokens, hops) = if image.imds_v2 { ("required", 2) } else { ("optional", 1) };
    let one_of = |name: &str, allowed: [&str; 2], default: &str| {
        let value = params.text(&format!("MetadataOptions.{name}")).unwrap_or(default);
        if allowed.contains(&value) {
            Ok(value.to_owned())
        } else {
            Err(ApiError::bad_value(value, name, ""))
        }
    };
    let hop_limit = params.int("MetadataOptions.HttpPutResponseHopLimit")?.unwrap_or(hops);
    if !(1..=64).contains(&hop_limit) {
        let hint = "Expecting a value from 1 to 64.";
        return Err(ApiError::bad_value(&hop_limit.to_string(), "HttpPutResponseHopLimit", hint));
    }
    Ok(MetadataOptions {
        http_tokens: one_of("HttpTokens", ["optional", "required"], tokens)?,
        http_endpoint: one_of("HttpEndpoint", ["enabled", "disabled"], "enabled")?,
        hop_limit,
        http_protocol_ipv6: one_of("HttpProtocolIpv6", ["enabled", "disabled"], "disabled")?,
        instance_tags: one_of("InstanceMetadataTags", ["enabled", "disabled"], "disabled")?,
    })
}

/// ARN and id. There is no IAM here: every well-formed profile exists.
fn instance_profile(call: &Call) -> Result<Option<(String, String)>, ApiError> {
    let (arn, name) =
        (call.params.text("IamInstanceProfile.Arn"), call.params.text("IamInstanceProfile.Name"));
    let arn = match (arn, name) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let message = "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'";
            return Err(ApiError::invalid_combination(message));
        }
        (Some(arn), None) if !arn.starts_with("arn:aws:iam::") || !arn.contains(":instance-profile/") => {
            let message = format!("The ARN '{arn}' is not valid.");
            return Err(ApiError::new("InvalidIamInstanceProfileArn.Malformed", message));
        }
        (Some(arn), None) => arn.to_owned(),
        (None, Some(name)) => format!("arn:aws:iam::{}:instance-profile/{name}", call.account()),
    };
    let id = format!("AIPA{}", digest(&arn)[..17].to_uppercase());
    Ok(Some((arn, id)))
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
        device_name: device.name.clone(),
        delete_on_termination: ebs.delete_on_termination,
        tags: launch.tags.of("volume"),
    };
    let attachment = Attachment {
        device_name: device.name.clone(),
        volume_id: volume.id.clone(),
        delete_on_termination: ebs.delete_on_termination,
    };
    call.region_mut(world).volumes.insert(volume.id.clone(), Arc::new(volume));
    Some(attachment)
}

fn instance(call: &Call, world: &mut World, launch: &Launch, id: &str, index: usize) -> Instance {
    let (params, place) = (call.params, launch.place.clone());
    let flag = |name| params.is_set(name).unwrap_or(false);
    let text = |name, default: &str| params.text(name).unwrap_or(default).to_owned();
    let interface = network::interface(world, &place);
    Instance {
        id: id.to_owned(),
        owner: call.account().to_owned(),
        reservation_id: String::new(),
        image: launch.image.clone(),
        instance_type: launch.instance_type.clone(),
        key_name: launch.key_name.clone(),
        security_groups: place.security_groups,
        vpc_id: place.vpc_id,
        subnet_id: place.subnet_id,
        zone: place.zone,
        private_ip: interface.private_ip,
        public_ip: interface.public_ip,
        interface_id: interface.id,
        interface_attachment_id: interface.attachment_id,
        interface_tags: launch.tags.of("network-interface"),
        mac_address: interface.mac_address,
        launched_at: call.now,
        phases: Vec::new(),
        console: Vec::new(),
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
        cpu: (launch.cores, launch.threads),
        client_token: text("ClientToken", ""),
        launch_index: index,
        spot: params.text("InstanceMarketOptions.MarketType") == Some("spot"),
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
        key.is_some_and(|key| !kms::resolve(key, &call.caller.region, call.account()).usable)
    };
    if launch.devices.iter().any(key_is_wrong) {
        let reason = StateReason::new("Client.InternalError", "Client.InternalError: Client error on launch");
        instance.phases.push(Phase {
            from: call.end_of(world, call.profile.run),
            state: InstanceState::Terminated,
            transition: reason.code.clone(),
            reason: Some(reason),
        });
        return;
    }
    boot(call, world, instance);
}

/// Adds the phases from `running` on, as the guest system of this boot makes them.
pub fn boot(call: &Call, world: &mut World, instance: &mut Instance) {
    let running = call.end_of(world, call.profile.run);
    instance.phases.push(Phase {
        from: running,
        state: InstanceState::Running,
        reason: None,
        transition: String::new(),
    });
    let facts = Facts {
        instance_id: instance.id.clone(),
        image_id: instance.image.id.clone(),
        instance_type: instance.instance_type.clone(),
        boot: instance.boots,
    };
    let user_data = instance.user_data.as_deref().map(|text| BASE64.decode(text).unwrap_or_default());
    let Course { lines, power_off } = call.guest.boot(&user_data.unwrap_or_default(), &facts);
    let up = after(running, call.jittered(world, call.profile.boot));
    instance.console.extend(lines.into_iter().map(|(at, line)| (after(up, at), line)));
    if let Some(off) = power_off {
        let stop = call.jittered(world, call.profile.stop);
        power_off_phases(instance, after(up, off), stop);
    }
}

fn power_off_phases(instance: &mut Instance, off: jiff::Timestamp, takes: Duration) {
    use InstanceState::{ShuttingDown, Stopped, Stopping, Terminated};
    let (going, gone) =
        if instance.terminate_on_shutdown { (ShuttingDown, Terminated) } else { (Stopping, Stopped) };
    for (from, state) in [(off, going), (after(off, takes), gone)] {
        let code = "Client.InstanceInitiatedShutdown";
        let reason = StateReason::new(code, format!("{code}: Instance initiated shutdown"));
        instance.phases.push(Phase { from, state, reason: Some(reason), transition: String::new() });
    }
}

fn note_launch(call: &Call, world: &mut World, image: &Image) {
    if let Some(image) = call.region_mut(world).images.get_mut(&image.id) {
        Arc::make_mut(image).last_launched_at = Some(call.now);
    }
}
