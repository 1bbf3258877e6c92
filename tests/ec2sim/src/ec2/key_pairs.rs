//! Key pairs.

mod encoding;
mod encryption;
mod material;
mod ppk;

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};

pub use self::encryption::encrypt;
use self::material::{Format, Material};
use crate::core::{
    Call, Handler, Outcome,
    error::ApiError,
    filters::Filters,
    ids,
    records::KeyPair,
    tags::{self, Specifications},
    world::{Region, World},
    xml::Node,
};

/// `CreateKeyPair`, "Constraints: Up to 255 ASCII characters".
const MAX_NAME: usize = 255;

pub fn handler(action: &str) -> Option<Handler> {
    match action {
        "CreateKeyPair" => Some(Handler::Write(create_key_pair)),
        "ImportKeyPair" => Some(Handler::Write(import_key_pair)),
        "DescribeKeyPairs" => Some(Handler::Read(describe_key_pairs)),
        "DeleteKeyPair" => Some(Handler::Write(delete_key_pair)),
        _ => None,
    }
}

fn create_key_pair(call: &Call, world: &mut World) -> Outcome {
    let name = new_name(call, world)?;
    let format = match call.params.text("KeyFormat").unwrap_or("pem") {
        "pem" => Format::Pem,
        "ppk" => Format::Ppk,
        other => return Err(ApiError::bad_value(other, "keyFormat", "")),
    };
    let material = match call.params.text("KeyType").unwrap_or("rsa") {
        "rsa" => Material::rsa(world.draw(), name, format),
        "ed25519" => Material::ed25519(world.draw(), name, format),
        other => return Err(ApiError::bad_value(other, "keyType", "")),
    };
    let secret = material.secret.clone();
    let pair = store(call, world, name, material)?;
    Ok(created_node(&pair).opt("keyMaterial", secret).into())
}

fn import_key_pair(call: &Call, world: &mut World) -> Outcome {
    let name = new_name(call, world)?;
    let encoded = call.params.require("PublicKeyMaterial")?;
    let refused = || ApiError::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    let material = Material::imported(&text).ok_or_else(refused)?;
    let pair = store(call, world, name, material)?;
    Ok(created_node(&pair).into())
}

fn new_name<'c>(call: &'c Call, world: &World) -> Result<&'c str, ApiError> {
    let name = call.params.require("KeyName")?;
    if name.len() > MAX_NAME || !name.is_ascii() {
        return Err(ApiError::bad_value(name, "keyName", "It must not exceed 255 ASCII characters."));
    }
    if by_name(call, call.region(world), name).is_some() {
        return Err(ApiError::new("InvalidKeyPair.Duplicate", format!("The keypair already exists: {name}")));
    }
    Ok(name)
}

fn store(call: &Call, world: &mut World, name: &str, material: Material) -> Result<Arc<KeyPair>, ApiError> {
    let pair = Arc::new(KeyPair {
        id: world.mint(ids::KEY_PAIR),
        owner: call.account().to_owned(),
        name: name.to_owned(),
        kind: material.kind.to_owned(),
        fingerprint: material.fingerprint,
        public_key: Some(material.public),
        created_at: call.now,
        tags: Specifications::parse(call.params, &["key-pair"])?.of("key-pair"),
    });
    call.region_mut(world).key_pairs.insert(pair.id.clone(), pair.clone());
    Ok(pair)
}

fn created_node(pair: &KeyPair) -> Node {
    Node::new()
        .text("keyPairId", &pair.id)
        .text("keyName", &pair.name)
        .text("keyFingerprint", &pair.fingerprint)
        .set("tagSet", tags::nodes(&pair.tags))
}

fn by_name<'w>(call: &Call, region: &'w Region, name: &str) -> Option<&'w Arc<KeyPair>> {
    region.key_pairs.values().find(|pair| pair.owner == call.account() && pair.name == name)
}

fn by_id<'w>(call: &Call, region: &'w Region, id: &str) -> Result<&'w Arc<KeyPair>, ApiError> {
    let found = region.key_pairs.get(id).filter(|pair| pair.owner == call.account());
    found.ok_or_else(|| ids::KEY_PAIR.not_found(id))
}

/// A name that does not exist is no error, an unknown id is.
fn delete_key_pair(call: &Call, world: &mut World) -> Outcome {
    let region = call.region(world);
    let found = match (call.params.text("KeyPairId"), call.params.text("KeyName")) {
        (Some(id), _) => Some(by_id(call, region, id)?),
        (None, Some(name)) => by_name(call, region, name),
        (None, None) => return Err(ApiError::missing("KeyName or KeyPairId")),
    };
    let id = found.map(|pair| pair.id.clone());
    if let Some(id) = &id {
        call.region_mut(world).key_pairs.remove(id);
    }
    Ok(Node::done().opt("keyPairId", id).into())
}

const FILTERS: [&str; 4] = ["fingerprint", "key-name", "key-pair-id", "tag-key"];

fn describe_key_pairs(call: &Call, world: &World) -> Outcome {
    let filters = Filters::parse(call.params, &FILTERS)?;
    let with_public_key = call.params.is_set("IncludePublicKey")?;
    let region = call.region(world);
    let mut asked = Vec::new();
    for id in call.params.ids("KeyPairId")? {
        asked.push(&by_id(call, region, id)?.id);
    }
    for name in call.params.texts("KeyName") {
        asked.push(&by_name(call, region, name).ok_or_else(|| ids::KEY_PAIR.not_found(name))?.id);
    }
    let shown = region.key_pairs.values().filter(|pair| {
        pair.owner == call.account()
            && (asked.is_empty() || asked.contains(&&pair.id))
            && filters.match_all(&pair.tags, |name| filter_values(pair, name))
    });
    Ok(Node::new().set("keySet", shown.map(|pair| node(pair, with_public_key))).into())
}

fn filter_values(pair: &KeyPair, name: &str) -> Vec<String> {
    let value = match name {
        "fingerprint" => &pair.fingerprint,
        "key-name" => &pair.name,
        "key-pair-id" => &pair.id,
        _ => return Vec::new(),
    };
    vec![value.clone()]
}

fn node(pair: &KeyPair, with_public_key: bool) -> Node {
    Node::new()
        .text("keyPairId", &pair.id)
        .text("keyName", &pair.name)
        .text("keyType", &pair.kind)
        .text("keyFingerprint", &pair.fingerprint)
        .time("createTime", pair.created_at)
        .opt("publicKey", pair.public_key.as_ref().filter(|_| with_public_key))
        .set("tagSet", tags::nodes(&pair.tags))
}
