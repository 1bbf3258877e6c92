//! What `RunInstances` accepts.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use super::{credits, features, metadata_defaults, network::Place, options};
use crate::{
    core::{
        Call, arn, digest,
        error::ApiError,
        params::Params,
        records::{Device, Features, Image, ImageState, Instance, MetadataOptions, SpotOptions},
        tags::Specifications,
        world::World,
    },
    ec2::{
        block_devices::{self, Purpose},
        images::access,
        instance_types::{self, InstanceType},
    },
    ssm,
};

/// Greatest size of user data before it is encoded (EC2 user guide, instance user data).
const MAX_USER_DATA: usize = 16 * 1024;
/// The type of an instance for which none is asked.
const DEFAULT_TYPE: &str = "m1.small";

/// A request that was found good.
pub struct Launch {
    pub image: Arc<Image>,
    pub instance_type: String,
    /// Cores, and threads of each.
    pub cpu: (i64, i64),
    pub cpu_credits: Option<String>,
    pub spot: Option<SpotOptions>,
    pub place: Place,
    pub devices: Vec<Device>,
    pub key_name: Option<String>,
    pub user_data: Option<String>,
    pub terminate_on_shutdown: bool,
    pub metadata: MetadataOptions,
    pub instance_profile: Option<(String, String)>,
    pub features: Features,
    pub tags: Specifications,
    pub count: usize,
}

pub fn check(call: &Call, world: &World, place: Place) -> Result<Launch, ApiError> {
    let params = call.params;
    let image = launchable(call, world, &image_id(call, world)?)?;
    let instance_type = params.text("InstanceType").unwrap_or(DEFAULT_TYPE).to_owned();
    let kind = check_type(&instance_type, &image)?;
    options::check_placement(params)?;
    let count = count(call, world)?;
    place.check_limits(kind)?;
    place.check_new(call, call.region(world), count)?;
    let tags = Specifications::parse(
        params,
        &["instance", "volume", "network-interface", "spot-instances-request"],
    )?;
    let terminate_on_shutdown = terminates(params.text("InstanceInitiatedShutdownBehavior"))?;
    let features = features::of_launch(params)?;
    let root = image.root_device_name.as_str();
    let devices = block_devices::overlay(call, world, &image.devices, Some(root), Purpose::Launch)?;
    features::check_hibernation(params, kind, devices.iter().find(|device| device.name == root))?;
    Ok(Launch {
        devices,
        key_name: key_name(call, world)?,
        user_data: user_data(params.text("UserData"))?,
        metadata: metadata(call, world, &image)?,
        instance_profile: instance_profile(call, world)?,
        features,
        image,
        instance_type,
        cpu: options::cpu(params, kind)?,
        cpu_credits: credits::of_launch(params, kind)?,
        spot: options::spot(params)?,
        place,
        terminate_on_shutdown,
        tags,
        count,
    })
}

/// Whether a shutdown from within terminates the instance.
pub fn terminates(behavior: Option<&str>) -> Result<bool, ApiError> {
    match behavior {
        None | Some("stop") => Ok(false),
        Some("terminate") => Ok(true),
        Some(other) => Err(ApiError::bad_value(other, "instanceInitiatedShutdownBehavior", "")),
    }
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

pub fn opt_in_required(product_code: &str) -> ApiError {
    let message = format!(
        "In order to use this AWS Marketplace product you need to accept terms and subscribe. To do so please visit \
         https://aws.amazon.com/marketplace/pp?sku={product_code}"
    );
    ApiError::new("OptInRequired", message).with_status(401)
}

/// The type, if it exists and can run the image.
pub fn check_type(name: &str, image: &Image) -> Result<&'static InstanceType, ApiError> {
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
        found.architectures().join(","),
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

pub fn user_data(encoded: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(encoded) = encoded else { return Ok(None) };
    let compact: String = encoded.split_ascii_whitespace().collect();
    let raw = BASE64
        .decode(&compact)
        .map_err(|_| ApiError::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data"))?;
    if raw.len() > MAX_USER_DATA {
        return Err(ApiError::invalid_value(format!("User data is limited to {MAX_USER_DATA} bytes")));
    }
    Ok(Some(compact))
}

/// What the account or the image demands, unless the request says otherwise.
fn metadata(call: &Call, world: &World, image: &Image) -> Result<MetadataOptions, ApiError> {
    let (tokens, hop_limit) = if image.imds_v2 { ("required", 2) } else { ("optional", 1) };
    let old = MetadataOptions {
        http_tokens: tokens.to_owned(),
        http_endpoint: "enabled".to_owned(),
        hop_limit,
        http_protocol_ipv6: "disabled".to_owned(),
        instance_tags: "disabled".to_owned(),
    };
    let defaults = &call.region(world).settings(call.account()).metadata;
    let old = metadata_defaults::over(defaults, old);
    let asked = call.params.get("MetadataOptions").cloned().unwrap_or_default();
    let options = metadata_options(&asked, &old)?;
    metadata_defaults::check_enforced(defaults, &options)?;
    Ok(options)
}

/// Options of a request, over those that stand.
pub fn metadata_options(params: &Params, old: &MetadataOptions) -> Result<MetadataOptions, ApiError> {
    let one_of = |name: &str, allowed: [&str; 2], old: &str| options::one_of(params, name, &allowed, old, "");
    let hop_limit = params.int("HttpPutResponseHopLimit")?.unwrap_or(old.hop_limit);
    if !(1..=64).contains(&hop_limit) {
        let hint = "Expecting a value from 1 to 64.";
        return Err(ApiError::bad_value(&hop_limit.to_string(), "HttpPutResponseHopLimit", hint));
    }
    let switch = ["enabled", "disabled"];
    Ok(MetadataOptions {
        http_tokens: one_of("HttpTokens", ["optional", "required"], &old.http_tokens)?,
        http_endpoint: one_of("HttpEndpoint", switch, &old.http_endpoint)?,
        hop_limit,
        http_protocol_ipv6: one_of("HttpProtocolIpv6", switch, &old.http_protocol_ipv6)?,
        instance_tags: one_of("InstanceMetadataTags", switch, &old.instance_tags)?,
    })
}

fn is_profile(text: &str) -> bool {
    arn::of_service(text, "iam")
        .is_some_and(|rest| rest.starts_with(':') && rest.contains(":instance-profile/"))
}

/// ARN and id. Every well-formed profile exists that nobody deleted.
pub fn instance_profile(call: &Call, world: &World) -> Result<Option<(String, String)>, ApiError> {
    let (arn, name) =
        (call.params.text("IamInstanceProfile.Arn"), call.params.text("IamInstanceProfile.Name"));
    let arn = match (arn, name) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let message = "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'";
            return Err(ApiError::invalid_combination(message));
        }
        (Some(arn), None) if !is_profile(arn) => {
            let message = format!("The ARN '{arn}' is not valid.");
            return Err(ApiError::new("InvalidIamInstanceProfileArn.Malformed", message));
        }
        (Some(arn), None) => arn.to_owned(),
        (None, Some(name)) => arn::of_profile(call.account(), name),
    };
    let name = arn.rsplit('/').next().unwrap_or_default();
    let made = world.instance_profiles.get(&(call.account().to_owned(), name.to_owned()));
    if made.is_some_and(|profile| profile.is_deleted) {
        let message = format!(
            "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        );
        return Err(ApiError::invalid_value(message));
    }
    let id = profile_id(&arn);
    Ok(Some((arn, id)))
}

/// The id of the instance profile with an ARN.
pub fn profile_id(arn: &str) -> String {
    format!("AIPA{}", digest(arn)[..17].to_uppercase())
}
