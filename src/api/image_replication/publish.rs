//! How consumers find the copies.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api::schema,
    model::{ImageId, ParameterTier, Tags},
};

/// Tells consumers of an image once it is available and shared: by SSM parameters and tags, which move from image to
/// image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Publish {
    /// Parameters of data type `aws:ec2:image` that hold the image's id, the same in each region. One that is made gets
    /// `spec.tags`, but for those with characters that Systems Manager refuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub ssm_parameters: Vec<PublishedParameter>,
    /// Publishes the source image in its own region too, where this account owns it. In a region that the source leaves for
    /// another one it stays published, while it can be launched, until the new one is everywhere.
    #[serde(default = "crate::api::yes")]
    pub include_source_region: bool,
    /// Put on the image only when it is published, over `spec.tags`, and taken off the one before: for consumers that select
    /// by tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
    /// When a new image is published. `AllReady`: when every destination has it. `EachReady`: in each region as soon as it is
    /// there.
    #[serde(default)]
    pub when: PublishWhen,
    /// Which image stays published. `Previous`: parameters and tags go back to the image that was published before, and stay
    /// there whatever is copied, until this is taken off. Not given: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!['aws', 'ssm', '/aws/', '/ssm/'].exists(p, self.name.lowerAscii().startsWith(p))")
    .field_path(".name").message("parameter names that begin with aws or ssm are reserved by AWS; use another name"))]
pub struct PublishedParameter {
    /// Such as `/images/web/stable`.
    #[schemars(length(min = 1, max = 512), regex(pattern = schema::PARAMETER))]
    pub name: String,
    /// Takes over a parameter that is there and that this object did not make. Without it such a parameter is left alone.
    #[serde(default)]
    pub adopt: bool,
    /// What the parameter costs and allows, from the next time that it is put. `Standard`: nothing. `Advanced`: by the month,
    /// with policies and sharing. `IntelligentTiering`: `Advanced` where `Standard` does not do. Not given: what the account is
    /// set to. An advanced one never becomes a standard one again: AWS refuses to put it, and it has to be deleted by hand
    /// first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<ParameterTier>,
}

/// When a new image is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublishWhen {
    /// When every destination has it.
    #[default]
    AllReady,
    /// In each region as soon as it is there.
    EachReady,
}

/// Which image stays published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Pin {
    Previous,
}

/// What is published in a region, written down before it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// The newest image.
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    /// The keys of `publish.tags` that it has, or may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub tag_keys: Vec<String>,
    /// What a source image had under these keys before it was published. It gets that back when it no longer is; a copy gets
    /// back what all copies have.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags_of_an_image")]
    pub replaced_tags: Tags,
    /// The one that was published before it.
    #[serde(rename = "previousImageID", default, skip_serializing_if = "Option::is_none")]
    pub previous_image_id: Option<ImageId>,
    /// The keys of `publish.tags` that the one before still has, or may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub previous_tag_keys: Vec<String>,
    /// What the one before, where it is a source image, is to get back under these keys.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags_of_an_image")]
    pub previous_replaced_tags: Tags,
    /// The parameters of this region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub parameters: Vec<PutParameterStatus>,
}

/// One parameter that was put, or is about to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PutParameterStatus {
    /// Its name, a path in most cases.
    #[schemars(length(max = 512))]
    pub name: String,
    /// What was last put into it, or found in it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ImageId>,
    /// When AWS took the call, which it validates afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_at: Option<Time>,
    /// How often the value was put without being seen in the parameter since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_puts: Option<i32>,
}

impl Publish {
    /// Whether the image before the newest is the one to find.
    pub fn is_pinned(&self) -> bool {
        self.pin == Some(Pin::Previous)
    }

    /// The image that consumers are to find.
    pub fn target<'p>(&self, published: &'p Published) -> &'p ImageId {
        let previous = published.previous_image_id.as_ref().filter(|_| self.is_pinned());
        previous.unwrap_or(&published.image_id)
    }

    /// Whether it has to do with the source's own region.
    pub fn concerns_source(&self) -> bool {
        self.include_source_region && !(self.ssm_parameters.is_empty() && self.tags.is_empty())
    }
}
