//! What a volume may be: size, type, performance and encryption.

use std::ops::RangeInclusive;

use super::invalid;
use crate::{
    core::{
        Call,
        error::ApiError,
        params::Params,
        records::{Ebs, Snapshot},
        world::{Region, World},
    },
    ec2::{images::access, kms},
};

/// What a type of volume allows.
struct Limits {
    name: &'static str,
    /// In GiB.
    sizes: RangeInclusive<i64>,
    /// Where they are provisioned.
    iops: Option<RangeInclusive<i64>>,
    iops_per_gib: i64,
}

/// (EC2 API reference, `EbsBlockDevice`; EBS user guide, "Amazon EBS volume types", for the ratios)
const LIMITS: [Limits; 7] = [
    Limits { name: "gp2", sizes: 1..=16_384, iops: None, iops_per_gib: 3 },
    Limits { name: "gp3", sizes: 1..=65_536, iops: Some(GP3_IOPS..=80_000), iops_per_gib: 500 },
    Limits { name: "io1", sizes: 4..=16_384, iops: Some(100..=64_000), iops_per_gib: 50 },
    Limits { name: "io2", sizes: 4..=65_536, iops: Some(100..=256_000), iops_per_gib: 1_000 },
    Limits { name: "sc1", sizes: 125..=16_384, iops: None, iops_per_gib: 0 },
    Limits { name: "st1", sizes: 125..=16_384, iops: None, iops_per_gib: 0 },
    Limits { name: "standard", sizes: 1..=1_024, iops: None, iops_per_gib: 0 },
];

/// What every gp3 volume has, however small.
const GP3_IOPS: i64 = 3_000;
/// MiB/s.
const GP3_THROUGHPUT: RangeInclusive<i64> = 125..=2_000;
/// For each MiB/s.
const GP3_IOPS_PER_THROUGHPUT: i64 = 4;

/// The volume that a request describes; `old` is what the image maps to its device.
pub fn specify(
    call: &Call,
    world: &World,
    asked: &Params,
    size: Option<i64>,
    old: Option<Ebs>,
) -> Result<Ebs, ApiError> {
    let region = call.region(world);
    let snapshot_id = asked.text("SnapshotId").map(str::to_owned);
    let snapshot_id = snapshot_id.or_else(|| old.as_ref()?.snapshot_id.clone());
    let snapshot = match &snapshot_id {
        Some(id) if asked.text("SnapshotId").is_some() => Some(access::visible_snapshot(call, world, id)?),
        Some(id) => region.snapshots.get(id),
        None => None,
    };
    let snapshot = snapshot.map(|snapshot| &**snapshot);
    let old = old.unwrap_or_else(|| Ebs {
        volume_type: "gp2".to_owned(),
        // Volumes that the image does not have persist unless told otherwise only with attached ones; a new
        // device of a launch is deleted with its instance.
        delete_on_termination: true,
        ..Ebs::default()
    });
    let size = size_of(size, &old, snapshot)?;
    let ebs = Ebs {
        snapshot_id,
        size,
        delete_on_termination: asked.flag("DeleteOnTermination")?.unwrap_or(old.delete_on_termination),
        ..performance(asked, &old, size)?
    };
    encryption(call, region, asked, ebs, snapshot)
}

fn size_of(asked: Option<i64>, old: &Ebs, snapshot: Option<&Snapshot>) -> Result<i64, ApiError> {
    let least = snapshot.map(|snapshot| snapshot.size);
    let size = asked.or((old.size > 0).then_some(old.size)).or(least);
    let size = size.ok_or_else(|| ApiError::missing("size or snapshotId"))?;
    match snapshot {
        Some(snapshot) if size < snapshot.size => Err(invalid(format!(
            "Volume of size {size}GB is smaller than snapshot '{}', expect size>= {}GB",
            snapshot.id, snapshot.size
        ))),
        _ => Ok(size),
    }
}

/// Type, IOPS and throughput for a size; what is not asked stays as it is while the type does.
pub fn performance(asked: &Params, old: &Ebs, size: i64) -> Result<Ebs, ApiError> {
    let volume_type = asked.text("VolumeType").unwrap_or(&old.volume_type).to_owned();
    let limits = LIMITS.iter().find(|limits| limits.name == volume_type);
    let limits =
        limits.ok_or_else(|| ApiError::bad_value(&volume_type, "volumeType", "Unknown volume type."))?;
    check_size(limits, size)?;
    let kept = |value: Option<i64>| value.filter(|_| volume_type == old.volume_type);
    let throughput = throughput(limits, asked.int("Throughput")?, kept(old.throughput))?;
    let iops = iops(limits, asked.int("Iops")?, kept(old.iops), size)?;
    check_throughput(throughput, iops)?;
    Ok(Ebs { volume_type, iops, throughput, ..Ebs::default() })
}

fn check_size(limits: &Limits, size: i64) -> Result<(), ApiError> {
    let refuse = |what: &str, end: &str, bound: i64| {
        let name = limits.name;
        let message =
            format!("Volume of {size}GiB is too {what} for volume type {name}; {end} is {bound}GiB");
        Err(ApiError::invalid_value(message))
    };
    match size {
        _ if size < *limits.sizes.start() => refuse("small", "minimum", *limits.sizes.start()),
        _ if size > *limits.sizes.end() => refuse("large", "maximum", *limits.sizes.end()),
        _ => Ok(()),
    }
}

fn throughput(limits: &Limits, asked: Option<i64>, kept: Option<i64>) -> Result<Option<i64>, ApiError> {
    match (limits.name, asked) {
        ("gp3", _) => Ok(Some(asked.or(kept).unwrap_or(*GP3_THROUGHPUT.start()))),
        (_, None) => Ok(None),
        (_, Some(_)) => {
            Err(ApiError::invalid_combination("throughput can only be specified for volumeType gp3."))
        }
    }
}

fn iops(limits: &Limits, asked: Option<i64>, kept: Option<i64>, size: i64) -> Result<Option<i64>, ApiError> {
    let name = limits.name;
    let Some(range) = &limits.iops else {
        if asked.is_some() {
            let message = format!("The parameter iops is not supported for {name} volumes.");
            return Err(ApiError::invalid_combination(message));
        }
        return Ok((name == "gp2").then(|| (size * limits.iops_per_gib).clamp(100, 16_000)));
    };
    let default = (name == "gp3").then_some(GP3_IOPS);
    let missing = || {
        ApiError::new("MissingParameter", format!("The parameter iops must be specified for {name} volumes."))
    };
    let iops = asked.or(kept).or(default).ok_or_else(missing)?;
    check_range("Volume iops", iops, "", range)?;
    if iops > size * limits.iops_per_gib && (name, iops) != ("gp3", GP3_IOPS) {
        let most = limits.iops_per_gib;
        return Err(ApiError::invalid_value(format!(
            "Iops to volume size ratio of {} is too high; maximum is {most}",
            ratio(iops, size)
        )));
    }
    Ok(Some(iops))
}

fn check_throughput(throughput: Option<i64>, iops: Option<i64>) -> Result<(), ApiError> {
    let (Some(throughput), Some(iops)) = (throughput, iops) else { return Ok(()) };
    check_range("Throughput", throughput, "MiB/s", &GP3_THROUGHPUT)?;
    if throughput * GP3_IOPS_PER_THROUGHPUT > iops {
        return Err(ApiError::invalid_value(format!(
            "Throughput (MiBps) to iops ratio of {} is too high; maximum is 0.250000 MiBps per iops",
            ratio(throughput, iops)
        )));
    }
    Ok(())
}

fn check_range(what: &str, value: i64, unit: &str, range: &RangeInclusive<i64>) -> Result<(), ApiError> {
    let refuse =
        |end: String| Err(ApiError::invalid_value(format!("{what} of {value}{unit} is too {end}{unit}")));
    match value {
        _ if value < *range.start() => refuse(format!("low; minimum is {}", range.start())),
        _ if value > *range.end() => refuse(format!("high; maximum is {}", range.end())),
        _ => Ok(()),
    }
}

/// With the six digits of EC2's messages.
fn ratio(number: i64, of: i64) -> String {
    let millionths = i128::from(number) * 1_000_000 / i128::from(of.max(1));
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

fn encryption(
    call: &Call,
    region: &Region,
    asked: &Params,
    ebs: Ebs,
    snapshot: Option<&Snapshot>,
) -> Result<Ebs, ApiError> {
    let flag = asked.flag("Encrypted")?;
    let source = snapshot.filter(|snapshot| snapshot.encrypted);
    if flag == Some(false) && source.is_some() {
        return Err(invalid("The encrypted flag cannot be false for an encrypted snapshot"));
    }
    if flag != Some(true) && source.is_none() && asked.text("KmsKeyId").is_some() {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(ApiError::new("InvalidParameterDependency", message));
    }
    let by_default = region.settings(call.account()).encrypt_by_default;
    if flag != Some(true) && source.is_none() && !by_default {
        return Ok(ebs);
    }
    let key = asked.text("KmsKeyId").map(|name| kms::resolve(name, region, call.account()).arn);
    Ok(Ebs { encrypted: true, kms_key_id: Some(key.unwrap_or_else(|| own_key(call, region, source))), ..ebs })
}

/// The key of a volume for which none is named: its snapshot's if that is the caller's, else the default.
pub fn own_key(call: &Call, region: &Region, snapshot: Option<&Snapshot>) -> String {
    let own = snapshot.filter(|snapshot| snapshot.owner == call.account());
    let key = own.and_then(|snapshot| snapshot.kms_key_id.clone());
    key.unwrap_or_else(|| kms::default_key(region, call.account()).arn)
}
