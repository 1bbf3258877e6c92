//! Encryption by default, a setting of an account in a region.

use crate::{
    core::{
        Call, Handler, Outcome,
        world::{Settings, World},
        xml::Node,
    },
    ec2::kms,
};

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "DisableEbsEncryptionByDefault" => Some(Handler::Write(|call, world| set(call, world, false))),
        "EnableEbsEncryptionByDefault" => Some(Handler::Write(|call, world| set(call, world, true))),
        "GetEbsDefaultKmsKeyId" => Some(Handler::Read(get_key)),
        "GetEbsEncryptionByDefault" => Some(Handler::Read(get)),
        "ModifyEbsDefaultKmsKeyId" => Some(Handler::Write(modify_key)),
        "ResetEbsDefaultKmsKeyId" => Some(Handler::Write(reset_key)),
        _ => None,
    }
}

fn settings<'w>(call: &Call, world: &'w mut World) -> &'w mut Settings {
    call.region_mut(world).settings.entry(call.account().to_owned()).or_default()
}

fn set(call: &Call, world: &mut World, on: bool) -> Outcome {
    settings(call, world).encrypt_by_default = on;
    Ok(Node::new().text("ebsEncryptionByDefault", on).into())
}

fn get(call: &Call, world: &World) -> Outcome {
    let settings = call.region(world).settings(call.account());
    let kind = if settings.encrypt_by_default { "sse-kms" } else { "none" };
    Ok(Node::new().text("ebsEncryptionByDefault", settings.encrypt_by_default).text("sseType", kind).into())
}

/// Unless another one was set the alias is answered. Source: EC2 API reference, `GetEbsDefaultKmsKeyId`.
fn get_key(call: &Call, world: &World) -> Outcome {
    let chosen = &call.region(world).settings(call.account()).default_key;
    Ok(Node::new().text("kmsKeyId", chosen.as_deref().unwrap_or(kms::MANAGED_ALIAS)).into())
}

fn modify_key(call: &Call, world: &mut World) -> Outcome {
    let name = call.params.require("KmsKeyId")?;
    let key = kms::resolve(name, call.region(world), call.account()).arn;
    settings(call, world).default_key = Some(key.clone());
    Ok(Node::new().text("kmsKeyId", key).into())
}

fn reset_key(call: &Call, world: &mut World) -> Outcome {
    settings(call, world).default_key = None;
    Ok(Node::new().text("kmsKeyId", kms::MANAGED_ALIAS).into())
}
