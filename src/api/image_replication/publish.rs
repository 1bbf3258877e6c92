//! How consumers find the copies.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    api::schema,
    model::{ImageId, ParameterTier, Tags},
};

/// How consumers find an image once it is available and shared: by SSM parameters and tags, which move from image to image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Publish {
    /// SSM parameters of data type `aws:ec2:image` that hold the image ID, with the same names in each region. A parameter
    /// that the operator creates gets `spec.tags`, except those with characters that Systems Manager rejects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub ssm_parameters: Vec<PublishedParameter>,
    /// Whether the source image is also published in its own region, if this account owns it. In a region that the source
    /// leaves, it stays published, while it can be launched, until the new image is everywhere.
    #[serde(default = "crate::api::yes")]
    pub include_source_region: bool,
    /// Tags that only the published image has, in addition to `spec.tags` and with precedence over them; removed from the
    /// image before. For consumers that select by tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
    /// When a new image is published. `AllReady`: when every destination has it. `EachReady`: in each region as soon as it
    /// is available there.
    #[serde(default)]
    pub when: PublishWhen,
    /// Which image is published. `Previous`: parameters and tags go back to the image that was published before, and stay
    /// there until this field is removed, whatever is copied meanwhile. If not set: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
}

/// One SSM parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!['aws', 'ssm', '/aws/', '/ssm/'].exists(p, self.name.lowerAscii().startsWith(p))")
    .field_path(".name").message("parameter names that begin with aws or ssm are reserved by AWS; use another name"))]
pub struct PublishedParameter {
    /// Name of the parameter, such as `/images/web/stable`.
    #[schemars(length(min = 1, max = 512), regex(pattern = schema::PARAMETER))]
    pub name: String,
    /// If true, an existing parameter that this object did not create is taken over. If false, such a parameter is left
    /// alone.
    #[serde(default)]
    pub adopt: bool,
    /// Tier of the parameter, from the next time it is written. `Standard`: free. `Advanced`: billed monthly, with policies
    /// and sharing. `IntelligentTiering`: `Advanced` only if `Standard` does not suffice. If not set, the account's default
    /// applies. An advanced parameter cannot become a standard one: AWS rejects the write, and the parameter must be deleted
    /// manually first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<ParameterTier>,
}

/// When a new image is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PublishWhen {
    /// When every destination has it.
    #[default]
    AllReady,
    /// In each region as soon as it is available there.
    EachReady,
}

/// Which image is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Pin {
    Previous,
}

/// What is published in a region, recorded before it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// ID of the newest image that is published.
    #[serde(rename = "imageID")]
    pub image_id: ImageId,
    /// Keys of `publish.tags` that the image has, or may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub tag_keys: Vec<String>,
    /// Tags that a source image had under these keys before it was published. They are restored when it is no longer
    /// published; a copy instead gets the tags of all copies.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags_of_an_image")]
    pub replaced_tags: Tags,
    /// ID of the image that was published before.
    #[serde(rename = "previousImageID", default, skip_serializing_if = "Option::is_none")]
    pub previous_image_id: Option<ImageId>,
    /// Keys of `publish.tags` that the previous image still has, or may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"), inner(length(max = 128)))]
    pub previous_tag_keys: Vec<String>,
    /// Tags that the previous image, if it is a source image, gets back under these keys.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    #[schemars(schema_with = "schema::tags_of_an_image")]
    pub previous_replaced_tags: Tags,
    /// SSM parameters of this region.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub parameters: Vec<PutParameterStatus>,
}

/// One SSM parameter that was written, or is about to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PutParameterStatus {
    /// Name of the parameter, usually a path.
    #[schemars(length(max = 512))]
    pub name: String,
    /// Image ID that was last written to the parameter, or has been found in it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<ImageId>,
    /// When AWS accepted the write; it validates the value afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_at: Option<Time>,
    /// How often the value was written without being seen in the parameter since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_puts: Option<i32>,
}

impl Publish {
    /// Whether the image before the newest is published.
    pub fn is_pinned(&self) -> bool {
        self.pin == Some(Pin::Previous)
    }

    /// The image that is to be published.
    pub fn target<'p>(&self, published: &'p Published) -> &'p ImageId {
        let previous = published.previous_image_id.as_ref().filter(|_| self.is_pinned());
        previous.unwrap_or(&published.image_id)
    }

    /// Whether anything is published in the source's own region.
    pub fn concerns_source(&self) -> bool {
        self.include_source_region && !(self.ssm_parameters.is_empty() && self.tags.is_empty())
    }
}
