//! SSM parameters: translation of requests and responses.

use async_trait::async_trait;
use aws_sdk_ssm::types::{ParameterTier as SsmTier, ParameterType, ResourceTypeForTagging, Tag};

use super::{AwsEc2, failure::incomplete};
use crate::{
    ec2::parameters::Parameters,
    model::{Action, AwsError, ParameterTier, PutParameter, Region, Tags},
};

/// AWS checks that the value is an image that is there. Source: Systems Manager user guide, "Using native parameter
/// support for Amazon Machine Image IDs".
const IMAGE: &str = "aws:ec2:image";

#[async_trait]
impl Parameters for AwsEc2 {
    async fn parameter_tags(&self, region: &Region, name: &str) -> Result<Option<Tags>, AwsError> {
        let clients = self.clients(region);
        let asked = clients.ssm.list_tags_for_resource().resource_id(name);
        let asked = asked.resource_type(ResourceTypeForTagging::Parameter).send();
        let tags = match self.call(Action::ListTagsForResource, region, asked).await {
            Ok(answer) => answer.tag_list.unwrap_or_default(),
            Err(error) if error.code == "InvalidResourceId" => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(tags.into_iter().map(|tag| (tag.key, tag.value)).collect()))
    }

    async fn put_parameter(&self, request: &PutParameter) -> Result<(), AwsError> {
        let (action, region) = (Action::PutParameter, &request.region);
        let clients = self.clients(region);
        let asked = clients.ssm.put_parameter().name(&request.name).value(&request.value.0);
        let asked = asked.r#type(ParameterType::String).data_type(IMAGE);
        let asked = asked.set_tier(request.tier.map(ssm_tier));
        // AWS takes tags with a new parameter only.
        let asked = match &request.new_with {
            Some(tags) => asked.set_tags(Some(ssm_tags(action, region, tags)?)),
            None => asked.overwrite(true),
        };
        self.call(action, region, asked.send()).await.map(drop)
    }

    async fn tag_parameter(&self, region: &Region, name: &str, tags: &Tags) -> Result<(), AwsError> {
        let (action, clients) = (Action::AddTagsToResource, self.clients(region));
        let asked = clients.ssm.add_tags_to_resource().resource_id(name);
        let asked = asked.resource_type(ResourceTypeForTagging::Parameter);
        let asked = asked.set_tags(Some(ssm_tags(action, region, tags)?)).send();
        self.call(action, region, asked).await.map(drop)
    }

    async fn delete_parameter(&self, region: &Region, name: &str) -> Result<(), AwsError> {
        let clients = self.clients(region);
        let asked = clients.ssm.delete_parameter().name(name).send();
        match self.call(Action::DeleteParameter, region, asked).await {
            Err(error) if error.code != "ParameterNotFound" => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn ssm_tier(tier: ParameterTier) -> SsmTier {
    match tier {
        ParameterTier::Standard => SsmTier::Standard,
        ParameterTier::Advanced => SsmTier::Advanced,
        ParameterTier::IntelligentTiering => SsmTier::IntelligentTiering,
    }
}

fn ssm_tags(action: Action, region: &Region, tags: &Tags) -> Result<Vec<Tag>, AwsError> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(|_| incomplete(action, region, "key of a tag"))
}
