//! The actions of AWS KMS by which clients find and make the keys that EC2 encrypts with.
//!
//! Which keys exist that nobody made is told by [`crate::ec2::kms`].

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    core::{
        Call, Handler, Outcome,
        error::ApiError,
        params::Params,
        records::{Key, KeyAlias},
        world::{Region, World},
    },
    ec2::kms::{self, MANAGED_ALIAS},
};

/// (KMS API reference, `ListAliases` and `ListKeys`)
const ALIASES_IN_PAGE: usize = 50;
const KEYS_IN_PAGE: usize = 100;
const MAX_ALIAS: usize = 256;
/// When each of those was made that nobody made.
const CREATED: Timestamp = Timestamp::constant(1_577_836_800, 0);

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CreateAlias" => Some(Handler::Write(create_alias)),
        "CreateKey" => Some(Handler::Write(create_key)),
        "DeleteAlias" => Some(Handler::Write(delete_alias)),
        "DescribeKey" => Some(Handler::Read(describe_key)),
        "ListAliases" => Some(Handler::Read(list_aliases)),
        "ListKeys" => Some(Handler::Read(list_keys)),
        _ => None,
    }
}

fn required<'c>(params: &'c Params, name: &str) -> Result<&'c str, ApiError> {
    params.text(name).ok_or_else(|| ApiError::null_member("ValidationException", name))
}

/// The ARN of a key that can be used.
fn usable(call: &Call, region: &Region, name: &str) -> Result<String, ApiError> {
    let key = kms::resolve(name, region, call.account());
    let what = if name.contains("alias/") { "Alias" } else { "Key" };
    let missing = || ApiError::new("NotFoundException", format!("{what} '{}' does not exist", key.arn));
    if key.usable { Ok(key.arn.clone()) } else { Err(missing()) }
}

fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}

fn create_key(call: &Call, world: &mut World) -> Outcome {
    for (name, only) in
        [("KeyUsage", "ENCRYPT_DECRYPT"), ("KeySpec", "SYMMETRIC_DEFAULT"), ("Origin", "AWS_KMS")]
    {
        if call.params.text(name).is_some_and(|asked| asked != only) {
            let message = format!("Only keys with the {name} {only} are simulated.");
            return Err(ApiError::new("UnsupportedOperationException", message));
        }
    }
    let digits = format!("{:016x}{:016x}", world.draw(), world.draw());
    let is_multi_region = call.params.is_set("MultiRegion")?;
    let key = Key {
        id: if is_multi_region { format!("mrk-{digits}") } else { kms::uuid(&digits) },
        owner: call.account().to_owned(),
        created_at: call.now,
        description: call.params.text("Description").unwrap_or_default().to_owned(),
    };
    let id = key.id.clone();
    call.region_mut(world).keys.insert(id.clone(), Arc::new(key));
    let region = call.region(world);
    let arn = usable(call, region, &id)?;
    Ok(json!({ "KeyMetadata": metadata(call, region, &arn) }).into())
}

fn describe_key(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let arn = usable(call, region, required(call.params, "KeyId")?)?;
    Ok(json!({ "KeyMetadata": metadata(call, region, &arn) }).into())
}

fn metadata(call: &Call, region: &Region, arn: &str) -> Value {
    let id = id_of(arn);
    let made = region.keys.get(id);
    let is_managed = kms::is_managed(arn, &region.name, call.account());
    let description = match made {
        Some(key) => key.description.as_str(),
        None if is_managed => "Default key that protects my EBS volumes when no other key is defined",
        None => "",
    };
    json!({
        "AWSAccountId": arn.split(':').nth(4),
        "KeyId": id,
        "Arn": arn,
        "CreationDate": seconds(made.map_or(CREATED, |key| key.created_at)),
        "Enabled": true,
        "Description": description,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": if is_managed { "AWS" } else { "CUSTOMER" },
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": id.starts_with("mrk-"),
    })
}

fn create_alias(call: &Call, world: &mut World) -> Outcome {
    let name = alias_name(call)?;
    let target = required(call.params, "TargetKeyId")?;
    if target.contains("alias/") {
        return Err(ApiError::new("ValidationException", "Aliases must refer to keys. Not aliases"));
    }
    let region = call.region(world);
    let key_id = id_of(&usable(call, region, target)?).to_owned();
    let place = (call.account().to_owned(), name.to_owned());
    if region.key_aliases.contains_key(&place) {
        let arn = alias_arn(call, name);
        let message = format!("An alias with the name {arn} already exists");
        return Err(ApiError::new("AlreadyExistsException", message));
    }
    let alias = KeyAlias { name: name.to_owned(), owner: place.0.clone(), key_id, created_at: call.now };
    call.region_mut(world).key_aliases.insert(place, Arc::new(alias));
    Ok(json!({}).into())
}

/// Names after `alias/aws/` are AWS's own.
fn alias_name<'c>(call: &'c Call) -> Result<&'c str, ApiError> {
    let name = required(call.params, "AliasName")?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || ":/_-".contains(character);
    let is_name = name.strip_prefix("alias/").is_some_and(|rest| !rest.is_empty());
    match name.starts_with("alias/aws/") {
        true => {
            Err(ApiError::new("NotAuthorizedException", "Aliases that begin with alias/aws/ are reserved"))
        }
        false if is_name && name.len() <= MAX_ALIAS && name.chars().all(allowed) => Ok(name),
        false => {
            Err(ApiError::new("InvalidAliasNameException", "Alias must start with the prefix \"alias/\""))
        }
    }
}

fn alias_arn(call: &Call, name: &str) -> String {
    format!("arn:aws:kms:{}:{}:{name}", call.caller.region, call.account())
}

fn delete_alias(call: &Call, world: &mut World) -> Outcome {
    let name = alias_name(call)?;
    let removed = call.region_mut(world).key_aliases.remove(&(call.account().to_owned(), name.to_owned()));
    let missing =
        || ApiError::new("NotFoundException", format!("Alias {} is not found.", alias_arn(call, name)));
    removed.map(|_| json!({}).into()).ok_or_else(missing)
}

/// AWS's own key for EBS, and what was made.
fn list_aliases(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let of_key = call.params.text("KeyId").map(|name| usable(call, region, name)).transpose()?;
    let own = region.key_aliases.values().filter(|alias| alias.owner == call.account());
    let managed = kms::resolve(MANAGED_ALIAS, region, call.account()).arn;
    let own = own.map(|alias| (alias.name.clone(), alias.key_id.clone(), alias.created_at));
    let all = own.chain([(MANAGED_ALIAS.to_owned(), id_of(&managed).to_owned(), CREATED)]);
    let mut shown: Vec<_> =
        all.filter(|(_, id, _)| of_key.as_ref().is_none_or(|arn| id_of(arn) == *id)).collect();
    shown.sort();
    let show = |(name, id, at): (String, String, Timestamp)| {
        json!({
            "AliasName": name,
            "AliasArn": alias_arn(call, &name),
            "TargetKeyId": id,
            "CreationDate": seconds(at),
            "LastUpdatedDate": seconds(at),
        })
    };
    page(call.params, "Aliases", ALIASES_IN_PAGE, shown, |(name, ..)| name.clone(), show)
}

fn list_keys(call: &Call, world: &World) -> Outcome {
    let region = call.region(world);
    let made = region.keys.values().filter(|key| key.owner == call.account());
    let managed = kms::resolve(MANAGED_ALIAS, region, call.account()).arn;
    let mut ids: BTreeSet<String> = made.map(|key| key.id.clone()).collect();
    ids.insert(id_of(&managed).to_owned());
    let show = |id: String| {
        let arn = kms::resolve(&id, region, call.account()).arn;
        json!({"KeyId": id, "KeyArn": arn})
    };
    page(call.params, "Keys", KEYS_IN_PAGE, ids.into_iter().collect(), Clone::clone, show)
}

/// A part of a sorted list, after the marker, which is the key of the last one before.
fn page<T>(
    params: &Params,
    list: &str,
    most: usize,
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    show: impl Fn(T) -> Value,
) -> Outcome {
    let limit = params.int("Limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(most).max(1);
    let after = params.text("Marker").unwrap_or_default();
    let mut rest = items.into_iter().filter(|item| key(item).as_str() > after);
    let shown: Vec<T> = rest.by_ref().take(limit).collect();
    let marker = shown.last().map(&key).filter(|_| rest.next().is_some());
    let mut answer = json!({"Truncated": marker.is_some()});
    if let Some(marker) = marker {
        answer["NextMarker"] = json!(marker);
    }
    answer[list] = shown.into_iter().map(show).collect();
    Ok(answer.into())
}
